"""Where an object lies in a lake. Every key is spelled here and nowhere else.

    manifests/000/000/001.json                        batch 1 exists because this does
    TABLE/000000001/3f9a….parquet                     what batch 1 changed in a table
    checkpoints/TABLE/000000009/77b0….parquet         several change files in one, up to batch 9

A file's name is the start of its SHA-256: two writers of the same batch never write two contents
under one key, and writing the same content again is no second object. The three levels of the
manifests keep every folder under a thousand names, so that the newest of a million batches is
three short listings away.
"""

from __future__ import annotations

MANIFESTS = "manifests"
CHECKPOINTS = "checkpoints"


def manifest(batch: int) -> str:
    """The key of batch `batch`'s manifest."""
    digits = f"{batch:09d}"
    return f"{MANIFESTS}/{digits[:3]}/{digits[3:6]}/{digits[6:]}.json"


def batch_of(manifest_key: str) -> int:
    """The batch whose manifest lies at `manifest_key`."""
    return int("".join(manifest_key.removesuffix(".json").split("/")[-3:]))


def data(table: str, batch: int, sha256: str) -> str:
    """The key of a file with what batch `batch` changed in `table`."""
    return f"{table}/{batch:09d}/{sha256[:16]}.parquet"


def checkpoint(table: str, batch: int, sha256: str) -> str:
    """The key of a file that sums up what several batches up to `batch` changed in `table`."""
    return f"{CHECKPOINTS}/{table}/{batch:09d}/{sha256[:16]}.parquet"
