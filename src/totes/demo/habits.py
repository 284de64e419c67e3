"""What the founding and the trading of TerrificTotes share: what an order looks like."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import Decimal
from random import Random
from typing import NamedTuple

import psycopg
from psycopg import sql

SALES_SHARE = 11_187 / 15_836
PAID_SHARE = 0.61

Row = tuple[object, ...]

COLUMNS = {
    "design": (
        "design_id",
        "created_at",
        "last_updated",
        "design_name",
        "file_location",
        "file_name",
    ),
    "sales_order": (
        "sales_order_id",
        "created_at",
        "last_updated",
        "design_id",
        "staff_id",
        "counterparty_id",
        "units_sold",
        "unit_price",
        "currency_id",
        "agreed_delivery_date",
        "agreed_payment_date",
        "agreed_delivery_location_id",
    ),
    "purchase_order": (
        "purchase_order_id",
        "created_at",
        "last_updated",
        "staff_id",
        "counterparty_id",
        "item_code",
        "item_quantity",
        "item_unit_price",
        "currency_id",
        "agreed_delivery_date",
        "agreed_payment_date",
        "agreed_delivery_location_id",
    ),
    "transaction": (
        "transaction_id",
        "transaction_type",
        "sales_order_id",
        "purchase_order_id",
        "created_at",
        "last_updated",
    ),
    "payment": (
        "payment_id",
        "created_at",
        "last_updated",
        "transaction_id",
        "counterparty_id",
        "payment_amount",
        "currency_id",
        "payment_type_id",
        "paid",
        "payment_date",
        "company_ac_number",
        "counterparty_ac_number",
    ),
    "department": ("department_id", "department_name", "location", "manager"),
    "staff": ("staff_id", "first_name", "last_name", "department_id", "email_address"),
    "address": (
        "address_id",
        "address_line_1",
        "address_line_2",
        "district",
        "city",
        "postal_code",
        "country",
        "phone",
    ),
    "counterparty": (
        "counterparty_id",
        "counterparty_legal_name",
        "commercial_contact",
        "delivery_contact",
        "legal_address_id",
    ),
    "currency": ("currency_id", "currency_code"),
    "payment_type": ("payment_type_id", "payment_type_name"),
}


class Ids:
    """Ids that go on after `last`, with an occasional gap, as after a rolled back transaction."""

    def __init__(self, rng: Random, last: int = 0) -> None:
        self._rng = rng
        self.last = last

    def next(self) -> int:
        """Give the next id."""
        self.last += 1 if self._rng.random() < 0.96 else self._rng.randint(2, 5)
        return self.last


class Order(NamedTuple):
    """What an order's transaction and payment repeat of it; the amount is in its currency."""

    is_sale: bool
    order_id: int
    created: datetime
    counterparty_id: int
    amount: Decimal
    currency_id: int
    payment_date: str
    is_refund: bool = False

    def transaction(self, transaction_id: int) -> Row:
        """Give its row of `transaction`."""
        kind = ("SALE", self.order_id, None) if self.is_sale else ("PURCHASE", None, self.order_id)
        return (transaction_id, *kind, self.created, self.created)

    def payment(self, payment_id: int, transaction_id: int, paid: datetime | None = None) -> Row:
        """Give its row of `payment`, paid at a moment or not yet."""
        return (
            payment_id,
            self.created,
            paid or self.created,
            transaction_id,
            self.counterparty_id,
            self.amount,
            self.currency_id,
            (1 if self.is_sale else 3) + self.is_refund,  # as in names.PAYMENT_TYPES
            paid is not None,
            self.payment_date,
            # bank accounts of eight digits, always the same: ours in the currency, and theirs
            30_718_264 + self.currency_id * 11_090_507,
            10_000_000 + self.counterparty_id * 3_571_117 % 90_000_000,
        )


def units(rng: Random) -> int:
    """Bags in a sales order: 1,001 to 99,973, small orders more often than large ones."""
    return 1_001 + int(98_973 * rng.random() ** 2)


def unit_price(rng: Random) -> Decimal:
    """Price of a bag: 2.00 to 4.00."""
    return hundredths(200 + int(201 * rng.random()))


def quantity(rng: Random) -> int:
    """Items in a purchase order: 20 to 999, so that with any item's price the sum is in range."""
    return 20 + int(980 * rng.random() ** 2)


def hundredths(amount: int) -> Decimal:
    """Turn pence or cents into an amount with two decimals."""
    return Decimal(amount).scaleb(-2)


def agreed_dates(rng: Random, placed: datetime) -> tuple[str, str]:
    """Dates of delivery and of payment for an order placed at a moment, as YYYY-MM-DD."""
    day = placed.date()
    delivery = day + timedelta(days=3 + int(40 * rng.random()))
    payment = day + timedelta(days=7 + int(60 * rng.random()))
    return delivery.isoformat(), payment.isoformat()


def to_millisecond(moment: datetime) -> datetime:
    """Cut a moment of naive UTC to the millisecond. Raises ValueError if it has a time zone."""
    if moment.tzinfo is not None:
        raise ValueError(f"a naive time in UTC is wanted, not {moment.isoformat()}")
    return moment.replace(microsecond=moment.microsecond // 1_000 * 1_000)


def copy_rows(
    connection: psycopg.Connection,
    table: str,
    rows: Iterable[Row],
    more: tuple[str, ...] = (),
) -> None:
    """Append rows, with the values of `COLUMNS` and then of the columns `more`, by COPY."""
    columns = sql.SQL(", ").join(map(sql.Identifier, COLUMNS[table] + more))
    statement = sql.SQL("copy {} ({}) from stdin").format(sql.Identifier(table), columns)
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        for row in rows:
            copy.write_row(row)
