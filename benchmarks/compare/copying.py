"""The floor: the same rows by nothing but PostgreSQL's own COPY, driven by its own `psql`."""

from __future__ import annotations

from pathlib import Path

from psycopg import sql

from benchmarks.compare.databases import Databases
from benchmarks.compare.processes import Ran, login, run
from totes.contract import DataModel, StarContract, shipped_model
from totes.demo.postgres import binaries

MODEL = DataModel.load(shipped_model())
EMPTY = "copied"


def psql(dsn: str, *commands: str) -> Ran:
    """Run commands over one connection, in one process, as one transaction."""
    options = [word for command in commands for word in ("-c", command)]
    program = [str(binaries() / "psql"), "-X", "-q", "-v", "ON_ERROR_STOP=1"]
    return run([*program, "--single-transaction", *options], login(dsn))


def copy_out(dsn: str, folder: Path | None = None) -> Ran:
    """COPY every source table out as csv, into a folder or into nothing."""
    targets = {t: folder / f"{t}.csv" if folder else Path("/dev/null") for t in MODEL.sources}
    return psql(dsn, *(f"\\copy {table} to '{path}' csv" for table, path in targets.items()))


def copy_in(dsn: str, folder: Path, *afterwards: str) -> Ran:
    """COPY into the tables of a warehouse what `export` took out, and whatever is to be after."""
    copies = [f"\\copy {star.name} from '{folder / star.name}.csv' csv" for star in _stars()]
    return psql(dsn, *copies, *afterwards)


def export(dsn: str, folder: Path) -> None:
    """Keep the rows of a warehouse as csv, a file for each table."""
    folder.mkdir(exist_ok=True)
    psql(dsn, *(f"\\copy {star.name} to '{folder / star.name}.csv' csv" for star in _stars()))


def prepare(databases: Databases, warehouse: str) -> tuple[str, list[str]]:
    """Make an empty database with the tables of a warehouse, their primary keys and NOT NULLs.

    Its DSN, and what the warehouse has beyond that as SQL, to be run once the rows are in: that is
    the fastest way to have it, foreign keys and checks looked at in one pass.
    """
    dsn = databases.fresh(EMPTY, template=warehouse)
    with databases.talk(EMPTY) as connection:
        tables = sql.SQL(", ").join(sql.Identifier(star.name) for star in _stars())
        connection.execute(sql.SQL("truncate {}").format(tables))
        more = connection.execute(
            "select conrelid::regclass::text, quote_ident(conname), pg_get_constraintdef(oid)"
            " from pg_constraint where contype in ('f', 'c')"
            " and connamespace = 'public'::regnamespace"
        ).fetchall()
        for table, name, _ in more:
            connection.execute(f"alter table {table} drop constraint {name}".encode())
    return dsn, [f"alter table {table} add {definition}" for table, _, definition in more]


def _stars() -> list[StarContract]:
    return list(MODEL.load_order)
