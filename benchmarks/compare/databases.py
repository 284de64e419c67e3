"""The databases that are measured: a company of any size, founded once, and fresh copies of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from multiprocessing import get_context

import psycopg
from psycopg import sql

from totes.demo.company import found
from totes.demo.habits import COLUMNS
from totes.demo.postgres import PostgresServer
from totes.demo.trading import Company

FOUNDED = datetime(2025, 11, 1)  # naive UTC, and fixed: the same rows each time

# One of what there are most of: the table, and how an update makes another value of it.
CHANGES = {
    "sales_order": "units_sold = units_sold + 1",
    "purchase_order": "item_quantity = item_quantity + 1",
    "transaction": "transaction_type = transaction_type",  # a touched row, as there are everywhere
    "payment": "paid = not paid",
}


@dataclass(frozen=True)
class Databases:
    """The databases of one server."""

    server: PostgresServer

    def founded(self, scale: float) -> str:
        """The name of the database of the company at a scale; made if it is not there yet."""
        name = f"founded_{scale:g}"
        if not self.exists(name):
            # in a process of its own, as it takes memory: see processes.Ran
            dsn = self.fresh("founding")
            founding = get_context("spawn").Process(target=found_in, args=(dsn, scale))
            founding.start()
            founding.join()
            if founding.exitcode:
                raise RuntimeError(f"the company of scale {scale:g} cannot be founded")
            with self.talk("founding") as connection:
                # else whoever reads first pays for the hint bits of all
                connection.execute("vacuum (analyze)")
            with self.talk() as connection:
                connection.execute(
                    sql.SQL("alter database founding rename to {}").format(sql.Identifier(name))
                )
        return name

    def exists(self, name: str) -> bool:
        """Whether there is such a database, be it of an earlier run."""
        with self.talk() as connection:
            query = "select 1 from pg_database where datname = %s"
            return connection.execute(query, [name]).fetchone() is not None

    def fresh(self, name: str, template: str | None = None) -> str:
        """Make a database anew, empty or a copy of another; its DSN."""
        self.server.drop_database(name)
        self.server.create_database(name, template=template)
        return self.server.dsn(name)

    def talk(self, name: str = "postgres") -> psycopg.Connection:
        """A connection on which every statement commits by itself."""
        return psycopg.connect(self.server.dsn(name), autocommit=True)

    def settle(self) -> None:
        """Write out what is dirty, so that nobody pays for what another has written."""
        with self.talk() as connection:
            connection.execute("checkpoint")


def found_in(dsn: str, scale: float) -> None:
    """Found the company in an empty database."""
    with psycopg.connect(dsn) as connection:
        found(connection, scale=scale, until=FOUNDED)


def now() -> datetime:
    """This moment, naive UTC, as the source writes it."""
    return datetime.now(UTC).replace(tzinfo=None)


def change_ten(dsn: str, seed: int) -> None:
    """Change ten rows: six orders and a payment updated; an order, its books and payment new."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        company = Company(connection, seed=seed)
        for _ in range(5):
            company.correct_one(now())
        company.trade(now(), orders=1)


def change_share(dsn: str, share: float = 0.01) -> int:
    """Change a share of the rows of the large tables, half updated and half new; how many."""
    every = round(2 / share)
    with psycopg.connect(dsn) as connection:
        return sum(
            connection.execute(statement.format(every=sql.Literal(every))).rowcount
            for table, change in CHANGES.items()
            for statement in (_updated(table, change), _copied(table))
        )


def _updated(table: str, change: str) -> sql.SQL:
    return sql.SQL(
        f"update {table} set {change}, last_updated = now() at time zone 'UTC'"
        f" where {table}_id % {{every}} = 1"
    )


def _copied(table: str) -> sql.SQL:
    """New rows like some of those that there are, under new ids."""
    new = {
        f"{table}_id": f"(select max({table}_id) from {table}) + row_number() over ()",
        "created_at": "now() at time zone 'UTC'",
        "last_updated": "now() at time zone 'UTC'",
    }
    columns = COLUMNS[table]
    return sql.SQL(
        f"insert into {table} ({', '.join(columns)})"
        f" select {', '.join(new.get(column, column) for column in columns)}"
        f" from {table} where {table}_id % {{every}} = 2"
    )
