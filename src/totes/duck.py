"""DuckDB, as the stages use it: one bounded engine a run, and safely quoted SQL."""

from __future__ import annotations

import atexit
import errno
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING

from totes.errors import ConfigurationError, TotesError, TransientError
from totes.profiling import measured

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

MEMORY = 192_000_000  # bytes; beyond it DuckDB spills to the work folder
FOR_LONG_ROWS = 256_000_000  # what it has in a process that has met rows too long for MEMORY
THREADS = min(3, os.cpu_count() or 1)  # each holds row groups of its own in that memory
PREFIX = "totes-work-"  # of the names of work folders
# A row group is as many rows or as many bytes, whichever is reached first: it is held in memory.
PARQUET = "format parquet, compression zstd, row_group_size 122880, row_group_size_bytes '16MB'"
FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}  # disk, quota, largest file
ROOM = "is its disk full? TMPDIR names another place; then run again"

# One CSV row may be this long: PostgreSQL's largest text, doubled quotes included, is 1 GB, but the
# engine reserves the whole of it, and fills it before it reads a row. So where rows are no longer
# than usual, a small buffer lets it read while the other side still writes.
LONGEST_ROW = 64 << 20
USUAL_ROW = 1 << 20
CSV = (
    "header = false, auto_detect = false, new_line = '\\n', delim = ',', quote = '\"', "
    "escape = '\"', nullstr = '', allow_quoted_nulls = false, strict_mode = true, "
    "parallel = false, max_line_size = {longest}, buffer_size = {longest}"
)


_long_rows_met = Event()  # by this process


@dataclass
class Workspace:
    """A folder and an engine of one run's own."""

    folder: Path
    open_engine: Callable[[], DuckDBPyConnection]
    memory: int = MEMORY

    @property
    def is_for_long_rows(self) -> bool:
        """Whether the engine has all the memory that it gets without a person's word."""
        return self.memory >= FOR_LONG_ROWS

    @cached_property
    def engine(self) -> DuckDBPyConnection:
        """The engine, opened when it is first asked for: a run that finds nothing new needs none,
        and is over sooner."""
        return self.open_engine()


@contextmanager
def workspace(memory: int = MEMORY) -> Iterator[Workspace]:
    """Yield a workspace that is gone, with everything in it, when the block ends.

    Its engine holds up to `memory` bytes of rows. Raises TransientError if it would have more at
    the next try, as these were not enough.
    """
    if _long_rows_met.is_set():
        memory = max(memory, FOR_LONG_ROWS)
    try:
        folder = Path(tempfile.mkdtemp(prefix=PREFIX))
    except OSError as error:
        raise TransientError(f"no folder to work in: {error}", hint=ROOM) from error
    sweep = partial(shutil.rmtree, folder, ignore_errors=True)
    atexit.register(sweep)  # should Ctrl-C come just while we sweep
    try:
        with ExitStack() as opened:
            yield Workspace(folder, lambda: opened.enter_context(engine(folder, memory)), memory)
    except OSError as error:
        if error.errno not in FULL:
            raise
        raise TransientError(f"cannot write to {folder}: {error.strerror}", hint=ROOM) from error
    finally:
        sweep()
        atexit.unregister(sweep)


@contextmanager
def engine(work: Path, memory: int = MEMORY) -> Iterator[DuckDBPyConnection]:
    """Yield an in-memory DuckDB that spills to `work`, thinks in UTC and never goes online."""
    config: dict[str, str | bool | int | float | list[str]] = {
        "memory_limit": f"{memory}B",
        "threads": THREADS,
        "temp_directory": str(work / "spill"),
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
    }
    with measured("start the engine"):
        import duckdb  # a quarter of a second that `totes --help` need not pay

        connection = duckdb.connect(":memory:", config=config)
    try:
        connection.execute("set preserve_insertion_order = false")  # or row groups have no bytes
        yield _settled(connection)
    except RuntimeError as error:
        if str(error) == "Query interrupted":  # what DuckDB makes of Ctrl-C
            raise KeyboardInterrupt from error
        raise
    except (duckdb.OutOfMemoryException, duckdb.IOException) as error:
        raise _out_of_room(error, work, memory) from error
    finally:
        connection.close()


def beside(connection: DuckDBPyConnection) -> DuckDBPyConnection:
    """Another connection to the same engine, for another thread: memory is shared, temporary tables
    are not."""
    return _settled(connection.cursor())


def _settled(connection: DuckDBPyConnection) -> DuckDBPyConnection:
    connection.execute("set timezone = 'UTC'")
    connection.execute("set enable_progress_bar = false")  # after 2 s, even into a pipe
    return connection


def is_short_of_memory(error: Exception) -> bool:
    """Whether an error of the engine is for want of memory, and not of room on the disk."""
    return bool(re.search(r"failed to (allocate|pin)|could not allocate", str(error)))


def _out_of_room(error: Exception, work: Path, memory: int) -> TotesError:
    if is_short_of_memory(error):
        if memory < FOR_LONG_ROWS:
            _long_rows_met.set()
            return TransientError(
                f"a table has rows too long for an engine of {memory / 1e6:,.0f} MB",
                hint=f"the next try has {FOR_LONG_ROWS / 1e6:,.0f} MB",
            )
        return ConfigurationError(
            f"a table has rows so long that the engine needs more than {memory / 1e6:,.0f} MB",
            hint=f"TOTES_MEMORY={2 * memory // 1_000_000}MB gives it more",
        )
    reason = str(error).splitlines()[0]
    return TransientError(f"the engine cannot work in {work}: {reason}", hint=ROOM)


def name(identifier: str) -> str:
    """`identifier`, quoted as an SQL identifier."""
    return '"' + identifier.replace('"', '""') + '"'


def names(identifiers: Iterable[str], *, of: str = "") -> str:
    """The identifiers, quoted and joined by commas; `of` qualifies each with a relation."""
    prefix = f"{name(of)}." if of else ""
    return ", ".join(prefix + name(identifier) for identifier in identifiers)


def text(value: object) -> str:
    """`value`, quoted as an SQL string."""
    return "'" + str(value).replace("'", "''") + "'"


def parquet(paths: Iterable[Path], *, file: str | None = None) -> str:
    """The rows of Parquet files, as something to select from; nothing is read into their paths.

    If the column `file` is asked for, it has the path that a row comes from.
    """
    listed = ", ".join(text(path) for path in paths)
    named = f", filename = {text(file)}" if file else ""
    return f"read_parquet([{listed}], union_by_name = true, hive_partitioning = false{named})"


def csv(path: str, columns: Iterable[str], longest: int = LONGEST_ROW) -> str:
    """The rows that PostgreSQL's COPY prints as CSV, as something to select from; all text.

    None may have more than `longest` bytes.
    """
    types = ", ".join(f"{text(column)}: 'VARCHAR'" for column in columns)
    return f"read_csv({text(path)}, columns = {{{types}}}, {CSV.format(longest=longest)})"


def parsed(printed: str, kind: str) -> str:
    """SQL that turns what PostgreSQL printed, with dates in ISO order, into a value of `kind`."""
    if kind == "VARCHAR":
        return printed
    if kind in {"DATE", "TIMESTAMP", "TIMESTAMP WITH TIME ZONE"}:
        # DuckDB writes `(BC)` between day and time, PostgreSQL ` BC` at the end
        swapped = f"regexp_replace({printed}, '^(\\S+)(.*) BC$', '\\1 (BC)\\2')"
        printed = f"case when ends_with({printed}, ' BC') then {swapped} else {printed} end"
    return f"cast({printed} as {kind})"


def no_rows(columns: Mapping[str, str]) -> str:
    """SQL for no rows of columns with these types."""
    typed = (f"cast(null as {kind}) as {name(column)}" for column, kind in columns.items())
    return f"select {', '.join(typed)} where false"


def matched(ours: Iterable[str], theirs: Iterable[str], new: str, old: str) -> str:
    """A condition that holds if two relations' keys, column by column, are equal."""
    pairs = zip(ours, theirs, strict=True)
    return " and ".join(f"{new}.{name(a)} = {old}.{name(b)}" for a, b in pairs)


def write_parquet(connection: DuckDBPyConnection, query: str, path: Path) -> int:
    """Write the rows of `query` to a new Parquet file and return how many there were."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = connection.execute(f"copy ({query}) to {text(path)} ({PARQUET})").fetchall()
    return int(rows[0][0])


def count(connection: DuckDBPyConnection, query: str) -> int:
    """How many rows `query` has."""
    return int(connection.execute(f"select count(*) from ({query})").fetchall()[0][0])
