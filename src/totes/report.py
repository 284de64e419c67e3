"""What a run tells: per stage, which tables changed, by how much, and what went wrong."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count

from totes.errors import TotesError
from totes.profiling import Parts

# Told (stage, what is being done, done so far, in all); called often, must be quick.
Progress = Callable[[str, str, int, int], None]


def silent(stage: str, what: str, done: int, total: int) -> None:
    """The Progress that shows none."""


def counted(number: int, thing: str) -> str:
    """A number of things: `1 row`, `1,234 rows`; for things that take an `s`."""
    return f"{number:,} {thing}{'' if number == 1 else 's'}"


def steps(progress: Progress, stage: str, total: int) -> Callable[[str], None]:
    """A function to be told of each of `total` steps as it is done, which tells `progress`."""
    done = count(1)
    return lambda what: progress(stage, what, next(done), total)


@dataclass
class TableReport:
    """What one stage did to one table. `note` is worth telling, `problem` stopped this table."""

    inserted: int = 0
    updated: int = 0
    deleted: int = 0
    bytes: int = 0
    note: str | None = None
    problem: TotesError | None = None

    @property
    def rows(self) -> int:
        return self.inserted + self.updated + self.deleted

    def add(self, other: TableReport) -> None:
        """Add what another batch did."""
        self.inserted += other.inserted
        self.updated += other.updated
        self.deleted += other.deleted
        self.bytes += other.bytes


@dataclass
class Report:
    """What one stage did: the batches it wrote or applied, and the tables they changed.

    `taken_at` (ingest) is the source time of the snapshot that it looked at, also where nothing had
    changed; `at` the batch that the stage has now reached, 0 for none; `pending` how many batches
    there was no time for. `quarantined` (process) is how many rows are in quarantine by now,
    `true_at` (load) the source time that the warehouse is known to be true of. `parts` says
    where the seconds went. Times are naive UTC.
    """

    stage: str
    at: int = 0
    batches: list[int] = field(default_factory=list)
    tables: dict[str, TableReport] = field(default_factory=dict)
    seconds: float = 0.0
    taken_at: datetime | None = None
    pending: int = 0
    quarantined: int | None = None
    true_at: datetime | None = None
    note: str | None = None
    parts: Parts = field(default_factory=dict)

    @contextmanager
    def timed(self) -> Iterator[None]:
        """Measure the seconds that the block takes."""
        began = time.perf_counter()
        yield
        self.seconds = time.perf_counter() - began

    @property
    def problems(self) -> dict[str, TotesError]:
        return {name: t.problem for name, t in self.tables.items() if t.problem}

    def add(self, name: str, table: TableReport) -> None:
        """Count in what was done to a table."""
        self.tables.setdefault(name, TableReport()).add(table)

    def to_dict(self, *, profile: bool = False) -> dict[str, object]:
        """The report as JSON has it, with its parts if it is to be a profile."""
        tables = {
            name: {
                "inserted": table.inserted,
                "updated": table.updated,
                "deleted": table.deleted,
                "bytes": table.bytes,
                **({"note": table.note} if table.note else {}),
                **({"problem": str(table.problem)} if table.problem else {}),
            }
            for name, table in self.tables.items()
        }
        return {
            "stage": self.stage,
            "at": self.at,
            "batches": self.batches,
            "tables": tables,
            "seconds": round(self.seconds, 3),
            **({"taken_at": self.taken_at.isoformat()} if self.taken_at else {}),
            **({"note": self.note} if self.note else {}),
            **({"parts": {n: part.to_dict() for n, part in self.parts.items()}} if profile else {}),
        }
