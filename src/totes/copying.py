"""COPY as a file, in both directions.

DuckDB reads and writes files, PostgreSQL speaks COPY; a pipe between them is both at once, so that
rows stream from one to the other and memory does not grow with the table.
"""

from __future__ import annotations

import contextvars
import fcntl
import os
import select
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from time import perf_counter
from types import NoneType

import psycopg
from psycopg import sql
from psycopg.errors import error_from_result
from psycopg.pq import ExecStatus

from totes.profiling import passed

CHUNK = 1 << 20  # bytes handed to the pipe at once


class _Pump(threading.Thread):
    """Runs one side of a pipe beside the thread that drives the other, and keeps its error.

    `abandoned` is set, before the pipe is closed, if the other side has failed.
    """

    def __init__(self, work: Callable[[int, threading.Event], None], end: int) -> None:
        super().__init__(daemon=True)
        self._work, self._end = work, end
        self._context = contextvars.copy_context()
        self.abandoned = threading.Event()
        self.error: BaseException | None = None

    def run(self) -> None:
        try:
            self._context.run(self._work, self._end, self.abandoned)
        except BaseException as error:  # handed to the thread that joins
            self.error = error
        finally:
            os.close(self._end)  # so that the other side wakes up


@contextmanager
def _piped(work: Callable[[int, threading.Event], None], *, into_engine: bool) -> Iterator[str]:
    """Yield the path of a pipe whose other end `work` serves; errors of both sides come out.

    If both fail, the pump's error wins, unless it only tells that the other side let go.
    """
    reading, writing = os.pipe()
    # so that each side works while the other does; only on Linux, and no more than one may have
    with suppress(AttributeError, OSError):
        fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, CHUNK)
    theirs, ours = (reading, writing) if into_engine else (writing, reading)
    pump = _Pump(work, ours)
    pump.start()
    failure: BaseException | None = None
    try:
        yield f"/dev/fd/{theirs}"
    except BaseException as error:
        failure = error
        pump.abandoned.set()
    finally:
        os.close(theirs)
        pump.join()
    if isinstance(failure, (GeneratorExit, KeyboardInterrupt)):
        raise failure
    if failure and isinstance(pump.error, (BrokenPipeError, ConnectionAbortedError, NoneType)):
        raise failure
    if pump.error is not None:
        raise pump.error from failure


@contextmanager
def copied_out(
    connection: psycopg.Connection, query: sql.Composable, *, longest: int | None = None
) -> Iterator[str]:
    """Yield a path at which the rows of `query` can be read once, as CSV.

    NULL is an empty field, an empty text is `""`. A block that ends without having read all rows
    ends with an error: its own, or else BrokenPipeError. So does one in which a row has more than
    `longest` bytes, with OverflowError.
    """
    statement = sql.SQL("copy ({}) to stdout (format csv)").format(query)

    def feed(pipe: int, _: threading.Event) -> None:
        for block in _printed(connection, statement, longest):
            _write_all(pipe, block)

    with _piped(feed, into_engine=True) as path:
        yield path


def _printed(
    connection: psycopg.Connection, statement: sql.Composed, longest: int | None
) -> Iterator[bytearray]:
    """What COPY prints, in blocks of some CHUNK of whole rows.

    libpq is asked for the rows itself: by psycopg's iterator each costs twice as much of Python's
    lock, which is what limits several readers.
    """
    libpq, block = connection.pgconn, bytearray()
    ready = select.poll()
    ready.register(libpq.socket, select.POLLIN)
    with connection.cursor() as cursor, cursor.copy(statement):
        while (taken := libpq.get_copy_data(1))[0] >= 0:
            size, row = taken
            if not size:
                ready.poll()
                libpq.consume_input()
                continue
            if longest is not None and size > longest:
                raise OverflowError(f"a row has {size:,} bytes, more than {longest:,}")
            block += row
            if len(block) >= CHUNK:
                yield block
                block = bytearray()
        for result in list(iter(libpq.get_result, None)):  # all of them, or it is not over
            if result.status != ExecStatus.COMMAND_OK:
                raise error_from_result(result)
    yield block


def _write_all(pipe: int, data: bytearray) -> None:
    began = perf_counter()
    view = memoryview(data)
    while view:
        view = view[os.write(pipe, view) :]
    passed("COPY out waits for the engine", len(data), perf_counter() - began)


@contextmanager
def copied_in(
    connection: psycopg.Connection, table: sql.Composable, columns: list[str]
) -> Iterator[str]:
    """Yield a path; the CSV written to it goes into `columns` of `table` by COPY.

    When the block has ended without an error, all rows are in the table (uncommitted). When it
    ends with one, the transaction has failed and must be rolled back.
    """
    names = sql.SQL(", ").join(map(sql.Identifier, columns))
    statement = sql.SQL("copy {} ({}) from stdin (format csv)").format(table, names)

    def drain(pipe: int, abandoned: threading.Event) -> None:
        with connection.cursor() as cursor, cursor.copy(statement) as copy:
            while chunk := os.read(pipe, CHUNK):
                began = perf_counter()
                copy.write(chunk)
                passed("COPY in takes the rows", len(chunk), perf_counter() - began)
            if abandoned.is_set():  # the end of the pipe is not the end of the rows
                raise ConnectionAbortedError

    with _piped(drain, into_engine=False) as path:
        yield path
