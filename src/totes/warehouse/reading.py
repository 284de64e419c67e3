"""Reading the warehouse: its tables as they are at one instant, to be laid against the lake.

Lake rows and warehouse rows are brought into one form here. Numbers are compared as text, without
the zeros that a type pads them with: a digit too many must not be rounded away.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

import psycopg
from psycopg import IsolationLevel, sql

from totes import duck
from totes.contract import DataModel, StarContract
from totes.copying import copied_out
from totes.datatype import DataType
from totes.errors import ConfigurationError, TotesError
from totes.postgres import PRINTING, one_line, speaking_to
from totes.warehouse import schema
from totes.warehouse.load import PATIENCE, REBUILD_HINT
from totes.warehouse.relations import SCHEMA
from totes.warehouse.schema import SETTING

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_T = TypeVar("_T")
PADDED = "character"  # PostgreSQL fills it up with spaces that mean nothing

TYPES = """
    select attname, format_type(atttypid, atttypmod) from pg_attribute
    where attrelid = (select c.oid from pg_class as c where relname = %s
        and relnamespace = %s::regnamespace) and attnum > 0 and not attisdropped
"""


@contextmanager
def held_still(connection: psycopg.Connection, model: DataModel) -> Iterator[None]:
    """Let everything in the block read one and the same instant of the warehouse.

    The tables are locked first as a SELECT locks them: the TRUNCATE of a rebuild takes no heed of
    snapshots, and would let us find them empty. Loads go on. Raises ConfigurationError if the
    warehouse is not what the data model makes.
    """
    if not schema.is_sound(connection, model):
        raise ConfigurationError(
            "the warehouse lacks a table or view, or was made of another version of the data model",
            hint=REBUILD_HINT,
        )
    connection.isolation_level = IsolationLevel.REPEATABLE_READ
    connection.read_only = True
    tables = [schema.relation(star) for star in model.load_order]
    tables.append(sql.Identifier("totes", "ledger"))
    with connection.transaction():
        connection.execute(PRINTING)
        wait = sql.SQL("set local lock_timeout = {}").format(sql.Literal(PATIENCE))
        connection.execute(wait)
        lock = sql.SQL("lock table {} in access share mode").format(sql.SQL(", ").join(tables))
        connection.execute(lock)
        yield


def read_table(
    connection: psycopg.Connection,
    engine: DuckDBPyConnection,
    star: StarContract,
    use: Callable[[str], _T],
) -> _T:
    """Call `use` with SQL for all rows of a table, in the form of comparable(); read once.

    Raises TotesError where the table has other columns, or values that these cannot have.
    """
    import duckdb  # only for its errors; whoever opened the engine has loaded it

    columns = schema.columns_of(star)
    query = sql.SQL("select {} from {}").format(
        sql.SQL(", ").join(map(sql.Identifier, columns)), schema.relation(star)
    )
    read = ", ".join(f"{_read(star, name)} as {duck.name(name)}" for name in columns)
    try:
        with connection.transaction(), speaking_to(SETTING):  # a savepoint: others can be read
            _check_types(connection, star)
            with copied_out(connection, query) as path:
                return use(f"select {read} from {duck.csv(path, columns)}")
    except (duckdb.ConversionException, duckdb.InvalidInputException) as error:
        raise TotesError(
            f"{star.name}: a value in the warehouse cannot be read: {one_line(error)}",
            hint=REBUILD_HINT,
        ) from error


def comparable(star: StarContract, rows: str) -> str:
    """SQL for rows of the processed lake in the form in which the warehouse's are read."""
    columns = schema.columns_of(star)
    selected = ", ".join(f"{_form(star, name)} as {duck.name(name)}" for name in columns)
    return f"select {selected} from ({rows})"


def _check_types(connection: psycopg.Connection, star: StarContract) -> None:
    """Raise if somebody has altered a column: its values might read as equal, and are not."""
    rows = connection.execute(TYPES, [star.name, SCHEMA]).fetchall()
    found: dict[str, str] = dict(rows)
    for name, column in star.columns.items():
        if name in found and DataType.found(found[name]).ingested != column.type.ingested:
            raise TotesError(
                f"{star.name}: column {name} is {found[name]} in the warehouse, and should be "
                f"{column.type}",
                hint=REBUILD_HINT,
            )


def _read(star: StarContract, name: str) -> str:
    """SQL that makes a comparable value of what PostgreSQL printed."""
    kind = star.types[name]
    if kind.startswith("DECIMAL"):
        return _digits(duck.name(name))
    return _unpadded(star, name, duck.parsed(duck.name(name), kind))


def _form(star: StarContract, name: str) -> str:
    """SQL that makes a comparable value of the lake's."""
    if star.types[name].startswith("DECIMAL"):
        return _digits(f"cast({duck.name(name)} as varchar)")
    return _unpadded(star, name, duck.name(name))


def _digits(number: str) -> str:
    bare = f"rtrim(rtrim({number}, '0'), '.')"
    return f"case when contains({number}, '.') then {bare} else {number} end"


def _unpadded(star: StarContract, name: str, value: str) -> str:
    column = star.columns.get(name)
    return f"rtrim({value}, ' ')" if column and column.type.name == PADDED else value
