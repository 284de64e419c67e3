"""The founding of TerrificTotes: its eleven tables and two years of orders, in one transaction."""

from __future__ import annotations

import unicodedata
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from datetime import datetime
from importlib import resources
from operator import itemgetter
from random import Random
from typing import NamedTuple

import psycopg

from totes.demo import habits, names
from totes.demo.habits import Ids, Order, Row, copy_rows
from totes.demo.workdays import Calendar

SALES_ORDERS = 11_187
PURCHASE_ORDERS = 4_649
DESIGNS = 473
CHUNK = 20_000  # orders held in memory as rows at once


def found(
    connection: psycopg.Connection, *, scale: float = 1, seed: int = 2024, until: datetime
) -> None:
    """Create the eleven tables and fill them with two years of trading that end at `until`.

    `until` is naive UTC. At scale 1 there are 11,187 sales and 4,649 purchase orders, a
    transaction and a payment for each, and 473 designs; orders multiply by `scale`, designs by its
    fourth root, and nothing else grows. The same `scale`, `seed` and `until` give the same rows.
    All happens in one transaction (a savepoint, if the caller has begun one). Raises
    psycopg.errors.DuplicateTable if the database has such tables already, and ValueError if
    `until` has a time zone.
    """
    rng = Random(seed)  # noqa: S311  # a game, not a secret
    calendar = Calendar(habits.to_millisecond(until))
    designs = _designs(rng, calendar, max(1, round(DESIGNS * scale**0.25)))
    plans = _plan(rng, calendar, round(SALES_ORDERS * scale), round(PURCHASE_ORDERS * scale))
    books = _Books(rng, calendar, designs)
    tables, mark, keys = _schema().partition(b"-- Foreign keys")
    with connection.transaction():
        connection.execute(tables)
        for table, rows in _people_and_places(calendar.start):
            copy_rows(connection, table, rows, more=("created_at", "last_updated"))
        copy_rows(connection, "design", (design.row for design in designs))
        for number, plan in enumerate(plans, 1):
            books.enter(plan)
            if number % CHUNK == 0:
                books.copy_into(connection)
        books.copy_into(connection)
        connection.execute(mark + keys)


class _Design(NamedTuple):
    position: int
    row: Row


def _designs(rng: Random, calendar: Calendar, count: int) -> list[_Design]:
    """Draw designs in the order of their creation: half of them are there from the first day."""
    ids, designs = Ids(rng), []
    later = sorted(calendar.positions(rng, count // 2))
    for position in [0] * (count - len(later)) + later:
        created = calendar.moment(position) if position else calendar.start
        name = f"{rng.choice(names.DESIGN_FIRSTS)} {rng.choice(names.DESIGN_LASTS)}"
        stem = "-".join(_ascii(name).replace("&", " ").split())
        mark = "".join(rng.choices("abcdefghjkmnpqrstuvwxyz", k=4))
        file_name = f"{stem}-{created:%Y%m%d}-{mark}.svg"
        folder = f"/designs/{rng.choice(names.DESIGN_THEMES)}"
        row = (ids.next(), created, created, name, folder, file_name)
        designs.append(_Design(position, row))
    return designs


class _Plan(NamedTuple):
    """When an order was placed, when last touched, and when paid (None: not yet)."""

    is_sale: bool
    placed: int
    touched: int
    paid: int | None


def _plan(rng: Random, calendar: Calendar, sales: int, purchases: int) -> list[_Plan]:
    """Plan every order, in the order of the ids, which is that of the drafts and not of time.

    Exactly 61 % are paid: nearly all of the old ones, few of the new ones.
    """
    placed = list(calendar.positions(rng, sales + purchases))
    readiness = [rng.random() - position / calendar.length for position in placed]
    payers = sorted(range(len(placed)), key=readiness.__getitem__, reverse=True)
    paid = set(payers[: round(habits.PAID_SHARE * len(placed))])

    def later(position: int, days: float) -> int:
        room = calendar.length - 1 - position
        wait = int(rng.expovariate(1 / (days * Calendar.DAY)))
        return position + 1 + (wait if wait < room else int(rng.random() * room))

    drafts = []
    for number, position in enumerate(placed):
        touched = later(position, 4) if rng.random() < 0.015 else position
        plan = _Plan(
            number < sales, position, touched, later(position, 15) if number in paid else None
        )
        lateness = rng.random() * (2 * Calendar.DAY if rng.random() < 0.04 else 90_000)
        drafts.append((position - lateness, plan))
    return [plan for _drafted, plan in sorted(drafts, key=itemgetter(0))]


class _Books:
    """Turns planned orders into rows of the four tables that an order is written to."""

    def __init__(self, rng: Random, calendar: Calendar, designs: list[_Design]) -> None:
        self._rng, self._calendar, self._designs = rng, calendar, designs
        self._sales, self._purchases = Ids(rng), Ids(rng)
        self._transactions, self._payments = Ids(rng), Ids(rng)
        self._rows: dict[str, list[Row]] = {
            "sales_order": [],
            "purchase_order": [],
            "transaction": [],
            "payment": [],
        }

    def copy_into(self, connection: psycopg.Connection) -> None:
        """Append the rows to their tables and forget them."""
        for table, rows in self._rows.items():
            copy_rows(connection, table, rows)
            rows.clear()

    def enter(self, plan: _Plan) -> None:
        """Write an order, its transaction and its payment."""
        created = self._calendar.moment(plan.placed)
        touched = self._calendar.moment(plan.touched)
        paid = None if plan.paid is None else self._calendar.moment(plan.paid)
        order = self._sell(plan, created, touched) if plan.is_sale else self._buy(created, touched)
        transaction_id = self._transactions.next()
        self._rows["transaction"].append(order.transaction(transaction_id))
        payment = order.payment(self._payments.next(), transaction_id, paid)
        self._rows["payment"].append(payment)

    def _sell(self, plan: _Plan, created: datetime, touched: datetime) -> Order:
        rng, order_id = self._rng, self._sales.next()
        # Any design that there was by then, the newest ones most.
        known = bisect_right(self._designs, plan.placed, key=lambda design: design.position)
        design_id = self._designs[known - 1 - int(known * rng.random() ** 2)].row[0]
        customer = _pick(rng, names.CUSTOMERS, skew=1.4)
        place = customer if rng.random() < 0.4 else _pick(rng, names.DEPOTS)
        number, price = habits.units(rng), habits.unit_price(rng)
        currency = 1 + int(3 * rng.random() ** 1.6)
        delivery, payment = habits.agreed_dates(rng, created)
        terms = (number, price, currency, delivery, payment, place)
        seller = _pick(rng, names.SELLERS)
        self._rows["sales_order"].append(
            (order_id, created, touched, design_id, seller, customer, *terms)
        )
        refund = rng.random() < 0.02
        return Order(True, order_id, created, customer, number * price, currency, payment, refund)

    def _buy(self, created: datetime, touched: datetime) -> Order:
        rng, order_id = self._rng, self._purchases.next()
        code, low, high = names.ITEMS[int(len(names.ITEMS) * rng.random())]
        supplier, place = _pick(rng, names.SUPPLIERS), _pick(rng, names.OWN_ADDRESSES)
        number = habits.quantity(rng)
        price = habits.hundredths(low + int((high - low + 1) * rng.random()))
        currency = 1 + int(3 * rng.random() ** 1.6)
        delivery, payment = habits.agreed_dates(rng, created)
        terms = (number, price, currency, delivery, payment, place)
        buyer = _pick(rng, names.BUYERS)
        self._rows["purchase_order"].append(
            (order_id, created, touched, buyer, supplier, code, *terms)
        )
        refund = rng.random() < 0.01
        return Order(False, order_id, created, supplier, number * price, currency, payment, refund)


def _pick(rng: Random, ids: range, skew: float = 1) -> int:
    """Draw an id; a greater skew makes the first ones likelier."""
    return ids[int(len(ids) * rng.random() ** skew)]


def _people_and_places(start: datetime) -> Iterator[tuple[str, list[Row]]]:
    """Give the small tables, in an order that foreign keys allow; all begin at `start`."""
    tables: dict[str, Iterable[Row]] = {
        "department": names.DEPARTMENTS,
        "staff": ((*person, _email(*person[:2])) for person in names.STAFF),
        "address": names.ADDRESSES,
        # the first addresses are where the counterparties are at home
        "counterparty": ((*party, home) for home, party in enumerate(names.COUNTERPARTIES, 1)),
        "currency": ((code,) for code in names.CURRENCIES),
        "payment_type": ((name,) for name in names.PAYMENT_TYPES),
    }
    for table, rows in tables.items():
        yield table, [(number, *row, start, start) for number, row in enumerate(rows, 1)]


def _email(first: str, last: str) -> str:
    return f"{_ascii(first)}.{_ascii(last)}@terrifictotes.example".replace(" ", "")


def _ascii(text: str) -> str:
    """Lower case, without accents and without punctuation but - and &."""
    plain = unicodedata.normalize("NFKD", text.lower()).encode("ascii", "ignore").decode()
    return "".join(letter for letter in plain if letter.isalnum() or letter in " -&")


def _schema() -> bytes:
    return resources.files("totes.demo").joinpath("schema.sql").read_bytes()
