"""The audit of a lake: walk the chain of manifests and hash every file that one of them names."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from totes.errors import DamageError
from totes.lake.lake import Lake
from totes.lake.manifest import Manifest


@dataclass
class Audit:
    """What an audit went through, and the damage that it found, one sentence each.

    `chain` has, per batch, the SHA-256 of its manifest and of the manifest that it was made from.
    """

    batches: int = 0
    files: int = 0
    bytes: int = 0
    damage: list[str] = field(default_factory=list)
    chain: dict[int, tuple[str, str | None]] = field(default_factory=dict)


def audit(lake: Lake, progress: Callable[[int, int], None]) -> Audit:
    """Check every manifest and every file of a lake; `progress` is told batches done and in all."""
    found = Audit()
    try:
        head = lake.head()
    except DamageError as error:
        found.damage.append(str(error))
        return found
    seen: set[str] = set()
    previous: Manifest | None = None
    for batch in range(1, head.batch + 1 if head else 1):
        try:
            manifest = lake.manifest(batch)
        except DamageError as error:
            found.damage.append(str(error))
            previous = None
            continue
        if batch > 1 and previous and manifest.previous != previous.digest:
            found.damage.append(f"{lake.kind} batch {batch} does not follow batch {batch - 1}")
        _check_files(lake, manifest, seen, found)
        previous = manifest
        found.chain[batch] = (manifest.digest, manifest.source)
        found.batches += 1
        progress(batch, head.batch if head else batch)
    return found


def _check_files(lake: Lake, manifest: Manifest, seen: set[str], found: Audit) -> None:
    files = [f for table in manifest.tables.values() for f in (*table.changes, *table.state)]
    for file in files:
        if file.key in seen:
            continue
        seen.add(file.key)
        found.files += 1
        found.bytes += file.bytes
        try:
            lake.store.fetch(file.key, file.sha256)
        except DamageError as error:
            found.damage.append(str(error))
