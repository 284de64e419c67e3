"""What an analyst may ask the warehouse, asked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click
import psycopg

from totes import terminal

SALES = """
    select
        to_char(date_trunc('month', created_date), 'YYYY-MM'),
        count(*),
        sum(units_sold),
        sum(units_sold * unit_price) filter (where currency_code = 'GBP'),
        sum(units_sold * unit_price) filter (where currency_code = 'USD'),
        sum(units_sold * unit_price) filter (where currency_code = 'EUR')
    from current_sales_order
    join dim_currency using (currency_id)
    group by 1
    order by 1 desc
    limit 6
"""

OWED = """
    select
        case payment_type_name
            when 'SALES_RECEIPT' then 'customers owe us'
            when 'SALES_REFUND' then 'we owe customers refunds'
            when 'PURCHASE_PAYMENT' then 'we owe suppliers'
            else 'suppliers owe us refunds'
        end,
        currency_code,
        count(*),
        sum(payment_amount),
        coalesce(sum(payment_amount) filter (where payment_date < current_date), 0)
    from current_payment
    join dim_currency using (currency_id)
    join dim_payment_type using (payment_type_id)
    where not paid
    group by 1, 2
    order by 1, 2
"""

LIFE = """
    select
        change,
        to_char(valid_from, 'YYYY-MM-DD HH24:MI:SS'),
        coalesce(to_char(valid_to, 'YYYY-MM-DD HH24:MI:SS'), '…'),
        units_sold,
        unit_price,
        case when is_current then 'yes' else '' end
    from sales_order_history
    where sales_order_id = %s
    order by valid_from
"""


def show(connection: psycopg.Connection, *, corrected: int, deleted: int) -> None:
    """Print four answers from the warehouse; the ids name the orders whose lives are told."""
    _answer(
        connection,
        "Sales by month and currency, the last six months",
        ("month", "orders", "bags", "GBP", "USD", "EUR"),
        SALES,
    )
    _answer(
        connection,
        "What is owed",
        ("", "currency", "payments", "amount", "overdue"),
        OWED,
    )
    life = ("version", "valid from", "valid to", "bags", "price", "current")
    _answer(connection, f"The life of order {corrected}, corrected today", life, LIFE, corrected)
    _answer(connection, f"The life of order {deleted}, deleted today", life, LIFE, deleted)


def _answer(
    connection: psycopg.Connection, title: str, header: Sequence[str], query: str, *values: Any
) -> None:
    click.echo(f"\n{click.style(title, bold=True, fg='cyan')}")
    rows = connection.execute(query, values or None).fetchall()
    terminal.table(header, [[_cell(value) for value in row] for row in rows])


def _cell(value: object) -> str:
    if value is None:
        return "·"
    return value if isinstance(value, str) else f"{value:,}"
