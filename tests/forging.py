"""A lake that lies: files rewritten together with every hash that leads to them."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import duckdb

from tests.world import World


def forge(world: World, path: Path, rows: str) -> None:
    """Let `path`, a lake's file, hold `rows` (SQL over `file`), and make all hashes agree: those of
    both chains and of the warehouse's ledger."""
    was = hashlib.sha256(path.read_bytes()).hexdigest()
    forged = path.with_suffix(".forged")
    with duckdb.connect() as engine:
        engine.execute(f"create view file as select * from '{path}'")
        engine.execute(f"copy ({rows}) to '{forged}' (format parquet)")
    digest = hashlib.sha256(forged.read_bytes()).hexdigest()
    forged.replace(path)
    ingested = rechain(world.folder / "ingestion", was, digest, {})
    processed = rechain(world.folder / "processed", was, digest, ingested)
    if world.ask("select 1 from pg_tables where tablename = 'ledger'"):
        for batch, manifest in processed.items():
            world.change(
                f"update totes.ledger set manifest = '{manifest}' where batch = {batch}",
                warehouse=True,
            )


def rechain(lake: Path, was: str, digest: str, sources: dict[int, str]) -> dict[int, str]:
    """Rewrite a lake's manifests, so that each has the right hashes; batch → SHA-256."""
    made: dict[int, str] = {}
    for path in sorted(lake.glob("manifests/*/*/*.json")):
        document: dict[str, Any] = json.loads(path.read_text().replace(was, digest))
        batch = document["batch"]
        if batch > 1:
            document["previous"] = made[batch - 1]
        if batch in sources:
            document["source"] = sources[batch]
        path.write_text(json.dumps(document))
        made[batch] = hashlib.sha256(path.read_bytes()).hexdigest()
    return made


def change_file(world: World, table: str, batch: int = 1) -> Path:
    """The file with what a batch changed in a table, of whichever lake has that table."""
    (path,) = world.folder.glob(f"*/{table}/{batch:09d}/*.parquet")
    return path
