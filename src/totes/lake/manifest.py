"""The manifest: what a batch is. A batch exists when its manifest does; there is no other state."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, ValidationError

from totes.changes import Snapshot
from totes.errors import DamageError

Kind = Literal["ingestion", "processed"]


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class File(_Record):
    """A Parquet file of a lake: its key, size, content, and the batches `first` to `last` in it."""

    key: str
    rows: int
    bytes: int
    sha256: str
    first: int
    last: int


class Problem(_Record):
    """Why a table was left out of a batch; what it holds is still what it held before."""

    message: str
    hint: str | None = None


class Table(_Record):
    """One table after a batch.

    `changes` is what this batch changed; `state` is that and all before it, from which the current
    rows are read. `rows` is how many are current. `cursor` (ingestion) is the snapshot up to which
    the table has been captured, `oid` the table's identity there, `key` the columns that tell its
    rows apart, `extra` the columns that its contract does not have, with their types, and `notes`
    what else differs from the contract. `catalogue` is the fingerprint of what the source's
    catalogue adds to its values, and `always` says why it is read in full each time. `last_id`
    (facts) is the last record id given out.
    """

    contract: str
    rows: int = 0
    inserted: int = 0
    updated: int = 0
    deleted: int = 0
    changes: tuple[File, ...] = ()
    state: tuple[File, ...] = ()
    cursor: Snapshot | None = None
    oid: int = 0
    key: tuple[str, ...] = ()
    extra: dict[str, str] = Field(default_factory=dict)
    notes: tuple[str, ...] = ()
    catalogue: dict[str, int] = Field(default_factory=dict)
    always: tuple[str, ...] = ()
    last_id: int = 0
    problem: Problem | None = None

    def carried(self) -> Table:
        """The table after a batch that did not touch it."""
        return self.model_copy(
            update={"inserted": 0, "updated": 0, "deleted": 0, "changes": (), "problem": None}
        )


class Manifest(_Record):
    """One batch of one lake.

    `previous` is the SHA-256 of the manifest before, as stored: the chain. `source` (processed
    lake) is the SHA-256 of the ingestion manifest that this batch was made from, `archived_at` when
    that was written, and `stopped` the source tables that were left out of it. `whole` says that no
    table was: the lake is then true of the whole source at the snapshot.
    """

    format: Literal[1]
    lake: Kind
    batch: int
    previous: str | None
    source: str | None = None
    snapshot: Snapshot
    written_at: datetime
    archived_at: datetime | None = None
    whole: bool = True
    stopped: dict[str, Problem] = Field(default_factory=dict)
    tables: dict[str, Table]
    _digest: str = PrivateAttr("")

    @property
    def problems(self) -> dict[str, Problem]:
        """The tables that were left out of this batch, each with the reason why."""
        return {name: table.problem for name, table in self.tables.items() if table.problem}

    @property
    def digest(self) -> str:
        """The SHA-256 of the stored manifest, in hex: its name in the chain."""
        return self._digest

    def to_bytes(self) -> bytes:
        """The manifest as it is stored."""
        return self.model_dump_json(indent=1, exclude_defaults=True).encode() + b"\n"

    @classmethod
    def from_bytes(cls, content: bytes, where: str) -> Manifest:
        """Read a stored manifest. Raises DamageError on what is none."""
        try:
            manifest = cls.model_validate_json(content)
        except ValidationError as error:
            raise DamageError(
                f"{where} is no manifest: {error.errors()[0]['msg']}",
                hint="was it written by a newer Totes? totes verify lists all damage",
            ) from error
        manifest._digest = hashlib.sha256(content).hexdigest()
        return manifest
