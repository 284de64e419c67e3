"""TerrificTotes at work: orders come in, payments are made, things are put right."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import cycle, islice
from random import Random
from typing import Any, LiteralString

import psycopg
from psycopg import sql
from psycopg.rows import tuple_row

from totes.demo import habits
from totes.demo.habits import Ids, Order, Row, copy_rows
from totes.demo.names import LOCATIONS
from totes.errors import DemoError

# What is put right in orders, in turn: the table, the column, and how a new value is drawn.
CORRECTIONS: tuple[tuple[str, str, Callable[[Random, datetime], object]], ...] = (
    ("sales_order", "units_sold", lambda rng, now: habits.units(rng)),
    ("sales_order", "agreed_delivery_date", lambda rng, now: habits.agreed_dates(rng, now)[0]),
    ("purchase_order", "item_quantity", lambda rng, now: habits.quantity(rng)),
    ("sales_order", "unit_price", lambda rng, now: habits.unit_price(rng)),
)

# Ids are taken from the greatest ones, so those must stay, or they would be given twice.
NOT_NEWEST: LiteralString = """
    created_at < %s
    and sales_order_id < (select max(sales_order_id) from sales_order)
    and sales_order_id is distinct from (
        select sales_order_id from transaction order by transaction_id desc limit 1
    )
    and sales_order_id is distinct from (
        select sales_order_id from payment join transaction using (transaction_id)
        order by payment_id desc limit 1
    )
"""


@dataclass(frozen=True)
class Day:
    """What a spell of trading did. Each order came with a transaction and a payment."""

    sales_orders: int
    purchase_orders: int
    payments_made: int
    corrections: int


class Company:
    """A founded TerrificTotes that goes on trading over a connection.

    Each method commits what it did (or, if the caller has begun a transaction, leaves that to the
    caller). Moments are naive UTC, cut to the millisecond. What happens depends on the seed, the
    calls and the database alone. One company trades at a time: new ids follow the greatest.
    Methods raise DemoError if the database has no row that would serve.
    """

    def __init__(self, connection: psycopg.Connection, *, seed: int = 2024) -> None:
        self._connection = connection
        self._rng = Random(seed)  # noqa: S311  # a game, not a secret

    def trade(self, now: datetime, orders: int = 22) -> Day:
        """Trade for a spell that ends at `now`, in four transactions.

        Of the new orders 71 % are sales. Payments are made (`paid` turns true) for 61 % as many,
        and one order is corrected for every 11 begun; there are fewer of both where the database
        has no more. New rows are up to two seconds older than `now`, changed ones are last updated
        at `now`, and were before.
        """
        now = habits.to_millisecond(now)
        sales = round(orders * habits.SALES_SHARE)
        with self._connection.transaction():
            self._sell(now, sales)
        with self._connection.transaction():
            self._buy(now, orders - sales)
        with self._connection.transaction():
            payments_made = self._pay(now, round(orders * habits.PAID_SHARE))
        with self._connection.transaction():
            corrections = sum(self._correct(now, number) for number in range(-(-orders // 11)))
        return Day(sales, orders - sales, payments_made, corrections)

    def delete_one(self, now: datetime) -> int:
        """Delete a sales order placed before `now`, its transaction and its payment; give its id.

        Never one that holds a greatest id, so that no id is given twice.
        """
        now = habits.to_millisecond(now)
        with self._connection.transaction():
            ((order_id,),) = self._some("sales_order", ("sales_order_id",), 1, NOT_NEWEST, now)
            self._run(
                "delete from payment where transaction_id in"
                " (select transaction_id from transaction where sales_order_id = %s)",
                order_id,
            )
            self._run("delete from transaction where sales_order_id = %s", order_id)
            self._run("delete from sales_order where sales_order_id = %s", order_id)
        return int(order_id)

    def correct_one(self, now: datetime) -> int:
        """Correct the units and the price of a sales order last touched before `now`; give its id.

        Its payment stays as it is.
        """
        now, rng = habits.to_millisecond(now), self._rng
        columns = ("sales_order_id", "units_sold", "unit_price")
        with self._connection.transaction():
            ((order_id, units, price),) = self._some(
                "sales_order", columns, 1, "last_updated < %s", now
            )
            self._run(
                "update sales_order set units_sold = %s, unit_price = %s, last_updated = %s"
                " where sales_order_id = %s",
                _other(units, lambda: habits.units(rng)),
                _other(price, lambda: habits.unit_price(rng)),
                now,
                order_id,
            )
        return int(order_id)

    def move_department(self, now: datetime) -> str:
        """Move a department to another location; give its name."""
        now = habits.to_millisecond(now)
        columns = ("department_id", "department_name", "location")
        with self._connection.transaction():
            ((department_id, name, location),) = self._some("department", columns, 1)
            self._run(
                "update department set location = %s, last_updated = %s where department_id = %s",
                _other(location, lambda: self._rng.choice(LOCATIONS)),
                now,
                department_id,
            )
        return str(name)

    def _sell(self, now: datetime, count: int) -> None:
        """Custom is habit: each new order follows an earlier one, with a number of its own."""
        pattern = ("staff_id", "counterparty_id", "currency_id", "agreed_delivery_location_id")
        earlier = self._repeated("sales_order", pattern, count)
        designs = self._repeated("design", ("design_id",), count)
        rng, ids = self._rng, self._ids("sales_order")
        rows: list[Row] = []
        orders: list[Order] = []
        for (staff, customer, currency, place), (design,) in zip(earlier, designs, strict=True):
            placed, order_id = self._just_before(now), ids.next()
            number, price = habits.units(rng), habits.unit_price(rng)
            delivery, payment = habits.agreed_dates(rng, placed)
            terms = (number, price, currency, delivery, payment, place)
            rows.append((order_id, placed, placed, design, staff, customer, *terms))
            order = Order(True, order_id, placed, customer, number * price, currency, payment)
            orders.append(order)
        self._book("sales_order", rows, orders)

    def _buy(self, now: datetime, count: int) -> None:
        pattern = ("staff_id", "counterparty_id", "item_code", "item_unit_price", "currency_id")
        columns = (*pattern, "agreed_delivery_location_id")
        rng, ids = self._rng, self._ids("purchase_order")
        rows: list[Row] = []
        orders: list[Order] = []
        for staff, supplier, code, price, currency, place in self._repeated(
            "purchase_order", columns, count
        ):
            placed, order_id = self._just_before(now), ids.next()
            number = habits.quantity(rng)
            delivery, payment = habits.agreed_dates(rng, placed)
            terms = (number, price, currency, delivery, payment, place)
            rows.append((order_id, placed, placed, staff, supplier, code, *terms))
            order = Order(False, order_id, placed, supplier, number * price, currency, payment)
            orders.append(order)
        self._book("purchase_order", rows, orders)

    def _book(self, table: str, rows: list[Row], orders: list[Order]) -> None:
        """Write orders, and a transaction and a payment for each."""
        copy_rows(self._connection, table, rows)
        transaction_ids, payment_ids = self._ids("transaction"), self._ids("payment")
        transactions, payments = [], []
        for order in orders:
            transaction_id = transaction_ids.next()
            transactions.append(order.transaction(transaction_id))
            payments.append(order.payment(payment_ids.next(), transaction_id))
        copy_rows(self._connection, "transaction", transactions)
        copy_rows(self._connection, "payment", payments)

    def _pay(self, now: datetime, count: int) -> int:
        unpaid = self._rows(
            "payment", ("payment_id",), count, "not paid and last_updated < %s", now
        )
        self._run(
            "update payment set paid = true, last_updated = %s where payment_id = any(%s)",
            now,
            [payment_id for (payment_id,) in unpaid],
        )
        return len(unpaid)

    def _correct(self, now: datetime, number: int) -> int:
        """Correct an order, in the way that comes `number`th; give how many were corrected."""
        table, column, draw = CORRECTIONS[number % len(CORRECTIONS)]
        key = f"{table}_id"
        found = self._rows(table, (key, column), 1, "last_updated < %s", now)
        update = sql.SQL("update {} set {} = %s, last_updated = %s where {} = %s").format(
            *map(sql.Identifier, (table, column, key))
        )
        for order_id, value in found:
            self._run(update, _other(value, lambda: draw(self._rng, now)), now, order_id)
        return len(found)

    def _just_before(self, now: datetime) -> datetime:
        return now - timedelta(milliseconds=self._rng.randint(1, 2_000))

    def _ids(self, table: str) -> Ids:
        return Ids(self._rng, self._bounds(table)[1])

    def _bounds(self, table: str) -> tuple[int, int]:
        """The least and the greatest id of a table; 1 and 0 if it is empty."""
        query = sql.SQL("select coalesce(min({0}), 1), coalesce(max({0}), 0) from {1}").format(
            sql.Identifier(f"{table}_id"), sql.Identifier(table)
        )
        ((least, greatest),) = self._run(query)
        return least, greatest

    def _repeated(
        self, table: str, columns: tuple[str, ...], count: int
    ) -> Iterator[tuple[Any, ...]]:
        """Give exactly `count` rows, some of them again where the table has too few."""
        return islice(cycle(self._some(table, columns, count)), count) if count else iter(())

    def _some(
        self,
        table: str,
        columns: tuple[str, ...],
        count: int,
        where: LiteralString = "true",
        *parameters: object,
    ) -> list[tuple[Any, ...]]:
        """`_rows`, or DemoError if there are none."""
        rows = self._rows(table, columns, count, where, *parameters)
        if not rows:
            raise DemoError(
                f"table {table} has no row to go on with", hint="found the company in it first"
            )
        return rows

    def _rows(
        self,
        table: str,
        columns: tuple[str, ...],
        count: int,
        where: LiteralString = "true",
        *parameters: object,
    ) -> list[tuple[Any, ...]]:
        """Up to `count` rows in the order of their ids from a random id on, then from the first.

        However large the table, that costs little: it follows the primary key.
        """
        query = sql.SQL(
            "select {} from {} where {key} between %s and %s and ({}) order by {key} limit %s"
        ).format(
            sql.SQL(", ").join(map(sql.Identifier, columns)),
            sql.Identifier(table),
            sql.SQL(where),
            key=sql.Identifier(f"{table}_id"),
        )
        least, greatest = self._bounds(table)
        start = self._rng.randint(least, max(least, greatest))
        rows = self._run(query, start, greatest, *parameters, count)
        return rows + self._run(query, least, start - 1, *parameters, count - len(rows))

    def _run(
        self, statement: LiteralString | sql.Composed, *parameters: object
    ) -> list[tuple[Any, ...]]:
        with self._connection.cursor(row_factory=tuple_row) as cursor:
            cursor.execute(statement, parameters)
            return cursor.fetchall() if cursor.description else []


def _other(old: object, draw: Callable[[], object]) -> object:
    """Draw until it is something else than before."""
    new = draw()
    while new == old:
        new = draw()
    return new
