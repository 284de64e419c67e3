"""A lake: find its newest batch, read its files, and commit the next one."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from totes.changes import Changes, Layer, Snapshot
from totes.duck import Workspace
from totes.errors import DamageError, TakenError
from totes.lake import keys
from totes.lake.checkpoint import due, fold
from totes.lake.manifest import File, Kind, Manifest, Table
from totes.lake.store import Store, sha256
from totes.profiling import measured


class Lake:
    """The batches under one URL.

    `work` is a folder of this run's own for what has to be brought here from a bucket. A lake that
    does not exist yet is an empty one; the first commit makes it.
    """

    def __init__(self, url: str, kind: Kind, work: Path) -> None:
        self.kind = kind
        self.store = Store(url, work / "fetched", setting=f"TOTES_{kind.upper()}")

    @measured("find the newest batch")
    def head(self) -> Manifest | None:
        """The newest batch, by three listings of under a thousand names each; None if none is."""
        key = self._newest(keys.MANIFESTS, levels=3)
        return self.manifest(keys.batch_of(key)) if key else None

    def _newest(self, folder: str, levels: int) -> str | None:
        """The last manifest's key in `folder`; a run that died may have left empty folders."""
        wanted = r"\d{3}" if levels > 1 else r"\d{3}\.json"
        names = [name for name in self.store.names(folder) if re.fullmatch(wanted, name)]
        for name in reversed(names):
            key = f"{folder}/{name}"
            if found := key if levels == 1 else self._newest(key, levels - 1):
                return found
        return None

    def manifest(self, batch: int) -> Manifest:
        """The manifest of a batch. Raises DamageError if there is none, or it is another lake's."""
        key = keys.manifest(batch)
        where = f"{self.store.url}/{key}"
        content = self.store.get(key)
        if content is None:
            raise DamageError(f"{where} is missing", hint="totes verify lists all damage")
        manifest = Manifest.from_bytes(content, where)
        if (manifest.lake, manifest.batch) != (self.kind, batch):
            raise DamageError(
                f"{where} is batch {manifest.batch} of the {manifest.lake} lake",
                hint=f"does {self.store.url} hold the {self.kind} lake?",
            )
        return manifest

    def latest(self, head: Manifest, limit: int) -> list[Manifest]:
        """The last `limit` batches up to `head`, newest first; reads just these. Raises DamageError
        where one does not follow the one before."""
        found = [head]
        with self.store.readers() as readers:
            older = range(head.batch - 1, max(0, head.batch - limit), -1)
            for manifest in readers.ahead(self.manifest, older):
                self._check_link(found[-1], manifest.digest)
                found.append(manifest)
        return found

    def _check_link(self, manifest: Manifest, digest: str | None) -> None:
        """Raise DamageError unless `digest` is that of the manifest before."""
        if manifest.previous != digest:
            raise DamageError(
                f"batch {manifest.batch} of the {self.kind} lake does not follow batch "
                f"{manifest.batch - 1}: one of the two manifests was changed",
                hint="totes verify lists all damage",
            )

    def check_chain(self, after: int, digest: str | None, until: int) -> None:
        """Raise DamageError unless each batch after `after`, whose manifest's SHA-256 is `digest`,
        up to `until` follows the one before. To be called before any of them is relied on: a
        manifest that was forged is found out by the next one."""
        with self.store.readers() as readers:
            for manifest in readers.ahead(self.manifest, range(after + 1, until + 1)):
                self._check_link(manifest, digest)
                digest = manifest.digest

    def layers(self, files: Sequence[File]) -> list[Layer]:
        """The files as change files on local disk, each checked against its hash."""
        return [Layer(self.store.fetch(file.key, file.sha256), file.last) for file in files]

    def draft(self, head: Manifest | None, snapshot: Snapshot, work: Workspace) -> Draft:
        """Begin the batch after `head`. Nobody sees it before its commit()."""
        tables = {name: table.carried() for name, table in head.tables.items()} if head else {}
        return Draft(self, head, snapshot, work, tables)


@dataclass
class Draft:
    """A batch in the making. Its files are in the lake before its manifest is."""

    lake: Lake
    head: Manifest | None
    snapshot: Snapshot
    work: Workspace
    tables: dict[str, Table]

    @property
    def batch(self) -> int:
        """The number that this batch will have."""
        return self.head.batch + 1 if self.head else 1

    def record(
        self,
        name: str,
        changes: Changes | None,
        *,
        key: Sequence[str],
        columns: Mapping[str, str],
        anew: bool = False,
        **facts: Any,
    ) -> Table:
        """Put a table's changes into the batch, and with them `facts`, other fields of its Table.

        `columns` are all the columns of the change file, name → type, its change column the last.
        With `anew` the changes hold every current row: they are the state by themselves.
        """
        table = self.tables.get(name) or Table(contract="")
        table = self.tables[name] = table.model_copy(update=facts)
        if changes is None:
            return table
        file = self._store(keys.data, name, changes.path, changes.rows, self.batch)
        state = (file,) if anew else (*table.state, file)
        since = due(state)
        if since is not None:
            state = (*state[:since], self._fold(name, state[since:], key, columns, whole=not since))
        table = self.tables[name] = table.model_copy(
            update={
                "key": tuple(key),
                "inserted": changes.inserted,
                "updated": changes.updated,
                "deleted": changes.deleted,
                "changes": (file,),
                "state": state,
            }
        )
        return table

    def _fold(
        self,
        name: str,
        files: Sequence[File],
        key: Sequence[str],
        columns: Mapping[str, str],
        *,
        whole: bool,
    ) -> File:
        path = self.work.folder / f"{name}-checkpoint.parquet"
        layers = self.lake.layers(files)
        with measured("fold a checkpoint"):
            rows = fold(self.work.engine, layers, key, columns, whole=whole, path=path)
        return self._store(keys.checkpoint, name, path, rows, files[0].first)

    def _store(
        self, spell: Callable[[str, int, str], str], name: str, path: Path, rows: int, first: int
    ) -> File:
        size = path.stat().st_size
        with measured("hash files"):
            digest = sha256(path)
        key = spell(name, self.batch, digest)
        with measured("store files", size):
            self.lake.store.put(key, path)
        return File(key=key, rows=rows, bytes=size, sha256=digest, first=first, last=self.batch)

    @measured("store the manifest")
    def commit(self, source: Manifest | None = None) -> Manifest:
        """Make the batch exist. Raises TakenError if another run has committed its number first.

        `source` is the ingestion batch that a processed one was made from.
        """
        manifest = Manifest(
            format=1,
            lake=self.lake.kind,
            batch=self.batch,
            previous=self.head.digest if self.head else None,
            source=source.digest if source else None,
            snapshot=self.snapshot,
            written_at=datetime.now(UTC),
            archived_at=source.written_at if source else None,
            whole=source.whole if source else not any(t.problem for t in self.tables.values()),
            stopped=source.problems if source else {},
            tables=dict(sorted(self.tables.items())),
        )
        content, key = manifest.to_bytes(), keys.manifest(self.batch)
        if not self.lake.store.put(key, content) and self.lake.store.get(key) != content:
            raise TakenError(
                f"another run has committed batch {self.batch} of the {self.lake.kind} lake"
            )
        return Manifest.from_bytes(content, key)
