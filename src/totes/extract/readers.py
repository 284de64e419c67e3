"""Several tables at once: each over a session of its own, all at the very same snapshot.

The session that took the snapshot reads as well, and can do all of it alone: where the server lets
no other in, or a table is locked against newcomers, nothing is lost but time. The snapshot is
exported as pg_dump's parallel jobs do it: PostgreSQL, "Snapshot Synchronization Functions".
"""

from __future__ import annotations

import contextvars
import os
import threading
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Generic, TypeVar

import psycopg

from totes import duck
from totes.errors import TotesError
from totes.extract.source import Source
from totes.profiling import aside

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

# Three take all that four processors have, if the server is on the same machine; the fourth wins
# nothing there, and a server elsewhere need not feel it.
READERS = min(3, os.cpu_count() or 1)

_Job = TypeVar("_Job")
Join = Callable[[str], AbstractContextManager[Source]]


@dataclass(frozen=True)
class Reader:
    """Where a table is read from and into: a session on the source, an engine.

    Unless it is `alone`, it has neither the engine's memory nor the time to wait for a lock to
    itself. At the `last` try the engine has all the memory that it will get.
    """

    source: Source
    engine: DuckDBPyConnection
    last: bool = True
    alone: bool = True


def share(
    jobs: Sequence[_Job],
    do: Callable[[_Job, Reader], bool],
    reader: Reader,
    join: Join | None,
) -> None:
    """Do each job, `reader` and up to READERS - 1 others at once; `join` opens a session for each,
    given the name under which the snapshot was exported. Without it, there are no others.

    A job that gives False, as it is too much beside others, is done anew once they have gone. If
    one fails, no other is begun, and its error is raised when those under way have ended; if this
    thread is interrupted, they are.
    """
    team = _Team(do, deque(jobs))
    count = min(READERS, len(jobs)) - 1
    if join and count > 0 and (exported := reader.source.export()):
        reader_beside = replace(reader, alone=False)
        others = [_Other(team, partial(join, exported), reader_beside) for _ in range(count)]
        _work_together(team, others, reader_beside)
    for job in (*team.waiting, *team.left):
        do(job, reader)


def _work_together(team: _Team[_Job], others: list[_Other[_Job]], reader: Reader) -> None:
    try:
        for other in others:
            other.start()
        team.work(reader)
        for other in others:
            other.join()
    except BaseException:
        team.waiting.clear()
        at_work = [other for other in others if other.is_alive()]
        for other in at_work:
            other.interrupt()
        for other in at_work:
            other.join()
        raise
    for other in others:
        if other.error:
            raise other.error


@dataclass
class _Team(Generic[_Job]):
    do: Callable[[_Job, Reader], bool]
    waiting: deque[_Job]
    left: list[_Job] = field(default_factory=list)

    def work(self, reader: Reader) -> None:
        """Do jobs for as long as there are any."""
        while self.waiting:
            try:
                job = self.waiting.popleft()
            except IndexError:  # another was faster
                return
            try:
                if not self.do(job, reader):
                    self.left.append(job)
            except BaseException:
                self.waiting.clear()
                raise


class _Other(threading.Thread, Generic[_Job]):
    """One that reads beside, if it can join; keeps its error for the thread that waits for it."""

    def __init__(
        self,
        team: _Team[_Job],
        join: Callable[[], AbstractContextManager[Source]],
        reader: Reader,
    ) -> None:
        super().__init__(daemon=True)
        self._team, self._join = team, join
        self._reader = replace(reader, engine=duck.beside(reader.engine))
        self._context = contextvars.copy_context()
        self._connection: psycopg.Connection | None = None
        self.error: BaseException | None = None

    def run(self) -> None:
        self._context.run(self._run)

    def _run(self) -> None:
        try:
            with aside(), ExitStack() as opened:
                try:
                    source = opened.enter_context(self._join())
                except (TotesError, psycopg.Error):
                    return  # not let in: the others do it
                self._connection = source.connection
                self._team.work(replace(self._reader, source=source))
        except BaseException as error:  # raised by the thread that waits
            self.error = error

    def interrupt(self) -> None:
        """End soon whatever is under way, here and on the server."""
        self._reader.engine.interrupt()
        if self._connection and not self._connection.closed:
            with suppress(psycopg.Error):
                self._connection.cancel_safe(timeout=5)
