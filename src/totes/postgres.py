"""PostgreSQL as both ends of the pipeline know it: connections, errors, and COPY as a file.

DuckDB reads and writes files, PostgreSQL speaks COPY; a pipe between them is both at once, so that
rows stream from one to the other and memory does not grow with the table.
"""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import psycopg
from psycopg import errors, sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from totes.errors import ConfigurationError, TotesError, TransientError

CHUNK = 1 << 20  # bytes handed to the pipe at once
REFUSED = re.compile(
    r"authentication failed|no password supplied|does not exist|no pg_hba\.conf|not permitted"
    r"|could not translate host|Name or service not known|SSL|certificate"
)


def connect(dsn: str, *, setting: str) -> psycopg.Connection:
    """Open a connection, over TLS if the server is not on this machine and the DSN says nothing.

    `setting` is the name of the setting that holds `dsn`, for messages; the DSN's password is never
    in one. Raises ConfigurationError for what a person must mend, TransientError for the rest.
    """
    try:
        parts = conninfo_to_dict(dsn)
    except psycopg.ProgrammingError as error:
        # libpq's own message quotes the DSN, password and all
        raise ConfigurationError(
            f"{setting} is not a connection string",
            hint=f"{setting}=postgresql://USER:PASSWORD@HOST:PORT/DATABASE",
        ) from error
    defaults: dict[str, str | int | None] = {"connect_timeout": 10, "application_name": "totes"}
    if "sslmode" not in parts and "PGSSLMODE" not in os.environ and not _is_local(parts):
        defaults["sslmode"] = "require"
    try:
        return psycopg.connect(make_conninfo("", **{**defaults, **parts}))
    except psycopg.OperationalError as error:
        raise _unreachable(error, parts, setting) from error


def _is_local(parts: Mapping[str, object]) -> bool:
    hosts = str(parts.get("hostaddr") or parts.get("host") or os.environ.get("PGHOST") or "")
    return all(
        not host or host.startswith(("/", "@", "127.")) or host in {"localhost", "::1"}
        for host in hosts.split(",")
    )


def _unreachable(
    error: psycopg.OperationalError, parts: Mapping[str, object], setting: str
) -> TotesError:
    where = ":".join(str(parts[part]) for part in ("host", "port") if part in parts)
    reason = one_line(error).rpartition("failed: ")[2]
    message = f"cannot connect to {setting} ({where or 'the default server'}): {reason}"
    if REFUSED.search(reason):
        return ConfigurationError(
            message, hint=f"check host, database, user and password of {setting}"
        )
    return TransientError(message, hint="is the server up, and reachable from here? then run again")


def one_line(error: BaseException) -> str:
    """The first line of an error's message, which for PostgreSQL is the one that tells."""
    lines = str(error).strip().splitlines()
    return lines[0].strip() if lines else type(error).__name__


@contextmanager
def speaking_to(setting: str) -> Iterator[None]:
    """Turn what PostgreSQL raises inside the block into the error tree of Totes."""
    try:
        yield
    except errors.InsufficientPrivilege as error:
        raise ConfigurationError(
            f"{setting}: {one_line(error)}",
            hint=f"grant its user what it lacks, or name another user in {setting}",
        ) from error
    except (psycopg.OperationalError, psycopg.InterfaceError) as error:
        raise TransientError(
            f"{setting}: {one_line(error)}", hint="nothing half done was kept; run again"
        ) from error
    except psycopg.Error as error:
        raise TotesError(f"{setting}: {one_line(error)}", hint="--debug shows where") from error


class _Pump(threading.Thread):
    """Runs one side of a pipe beside the thread that drives the other, and keeps its error."""

    def __init__(self, work: Callable[[int], None], end: int) -> None:
        super().__init__(daemon=True)
        self._work, self._end = work, end
        self.error: BaseException | None = None

    def run(self) -> None:
        try:
            self._work(self._end)
        except BaseException as error:  # handed to the thread that joins
            self.error = error
        finally:
            os.close(self._end)  # so that the other side wakes up


@contextmanager
def _piped(work: Callable[[int], None], *, into_engine: bool) -> Iterator[str]:
    """Yield the path of a pipe whose other end `work` serves; errors of both sides come out.

    The pump's error wins, unless it is only that the engine let go of the pipe.
    """
    reading, writing = os.pipe()
    theirs, ours = (reading, writing) if into_engine else (writing, reading)
    pump = _Pump(work, ours)
    pump.start()
    failure: BaseException | None = None
    try:
        yield f"/dev/fd/{theirs}"
    except BaseException as error:
        failure = error
    finally:
        os.close(theirs)
        pump.join()
    if pump.error is not None and not isinstance(pump.error, BrokenPipeError):
        raise pump.error from failure
    if failure is not None:
        raise failure


@contextmanager
def copied_out(connection: psycopg.Connection, query: sql.Composable) -> Iterator[str]:
    """Yield a path at which the rows of `query` can be read once, as CSV.

    NULL is an empty field, an empty text is `""`. When the block has ended without an error, all
    rows have been read.
    """
    statement = sql.SQL("copy ({}) to stdout (format csv)").format(query)

    def feed(pipe: int) -> None:
        buffer = bytearray()
        with connection.cursor() as cursor, cursor.copy(statement) as copy:
            for row in copy:
                buffer += row
                if len(buffer) >= CHUNK:
                    _write_all(pipe, buffer)
                    buffer = bytearray()
            _write_all(pipe, buffer)

    with _piped(feed, into_engine=True) as path:
        yield path


def _write_all(pipe: int, data: bytearray) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(pipe, view) :]


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

    def drain(pipe: int) -> None:
        with connection.cursor() as cursor, cursor.copy(statement) as copy:
            while chunk := os.read(pipe, CHUNK):
                copy.write(chunk)

    with _piped(drain, into_engine=False) as path:
        yield path
