"""The audit of a lake: walk the chain of manifests and hash every file that one of them names.

What is read, from a bucket by several threads, is told of in the order of the batches. A manifest
names all files that its tables are read from, nearly all of which the one before named as well: a
file is read when it is first named, so that memory holds the names of one batch, not of all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from totes.errors import DamageError
from totes.lake.lake import Lake
from totes.lake.manifest import File, Manifest


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


@dataclass
class _Batch:
    """A batch on its way: its manifest, if it has one, the files that it is the first to name, and
    the damage found so far."""

    number: int
    manifest: Manifest | None = None
    files: list[File] = field(default_factory=list)
    damage: list[str] = field(default_factory=list)


def audit(lake: Lake, progress: Callable[[int, int], None]) -> Audit:
    """Check every manifest and every file of a lake; `progress` is told batches done and in all."""
    found = Audit()
    try:
        head = lake.head()
    except DamageError as error:
        found.damage.append(str(error))
        return found
    newest = head.batch if head else 0

    def read(number: int) -> _Batch:
        try:
            return _Batch(number, lake.manifest(number))
        except DamageError as error:
            return _Batch(number, damage=[str(error)])

    def check(batch: _Batch) -> _Batch:
        for file in batch.files:
            try:
                lake.store.check(file.key, file.sha256)
            except DamageError as error:
                batch.damage.append(str(error))
        return batch

    with lake.store.readers() as readers:
        batches = readers.ahead(read, range(1, newest + 1))
        for batch in readers.ahead(check, _chained(lake, batches)):
            found.damage += batch.damage
            if batch.manifest:
                found.batches += 1
                found.files += len(batch.files)
                found.bytes += sum(file.bytes for file in batch.files)
                found.chain[batch.number] = (batch.manifest.digest, batch.manifest.source)
                progress(batch.number, newest)
    return found


def _chained(lake: Lake, batches: Iterable[_Batch]) -> Iterator[_Batch]:
    """The batches, in order, each against the one before: does it follow, and what files are new.

    A file counts as new as well where another content is claimed for it than before.
    """
    previous: Manifest | None = None
    named: dict[str, str] = {}
    for batch in batches:
        manifest = batch.manifest
        if manifest:
            if batch.number > 1 and previous and manifest.previous != previous.digest:
                batch.damage.append(
                    f"{lake.kind} batch {batch.number} does not follow batch {batch.number - 1}"
                )
            files = {
                file.key: file
                for table in manifest.tables.values()
                for file in (*table.changes, *table.state)
            }
            batch.files = [file for key, file in files.items() if named.get(key) != file.sha256]
            named = {key: file.sha256 for key, file in files.items()}
        previous = manifest
        yield batch
