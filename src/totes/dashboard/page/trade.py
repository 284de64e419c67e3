"""What sales and purchases have in common: value and units by month, and by whatever there is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import streamlit as st

from totes.dashboard import charts, figures, filters, frame, panels
from totes.dashboard.connection import Row
from totes.dashboard.filters import Slice
from totes.dashboard.summaries import Summary

SHOWN = 10  # bars a chart
MEASURES = ("Value", "Units", "Orders")

BY_MONTH = """
    with span as (
        select unnest(range($first::date, $last::date + 1, interval 1 month))::date as month
    )
    select
        span.month,
        coalesce(sum({measure}), 0) as total,
        coalesce(sum(orders), 0)::bigint as orders,
        coalesce(sum(units), 0)::bigint as units,
        sum({value}) as value
    from span
    left join (select * from cell where kind = $kind and {condition}) as cell using (month)
    group by span.month
    order by span.month
"""
TOTAL = """
    select
        coalesce(sum(orders), 0)::bigint as orders,
        coalesce(sum(units), 0)::bigint as units,
        coalesce(sum({value}), 0) as value,
        coalesce(sum(orders - orders_gbp), 0)::bigint as unpriced
    from cell where kind = $kind and {condition}
"""
BY_NAME = """
    select
        {name} as name,
        {identity} as id,
        sum({measure}) as total,
        sum(orders)::bigint as orders,
        sum(units)::bigint as units,
        sum({value}) as value
    from cell where kind = $kind and {condition}
    group by all
    having sum({measure}) is not null
    order by total desc, name, id
"""


@dataclass(frozen=True)
class Trade:
    """A page about orders: its summary, what an order is called, and what to show it by.

    `by` tells how a title names the country, and each kind of thing that `ids` has the column of.
    """

    page: str
    noun: str
    countries: str
    by: dict[str, str]
    ids: dict[str, str]


def draw(trade: Trade, found: Summary) -> None:
    """Draw filters, totals and charts of a page."""
    with st.container(horizontal=True, key="filters"):
        measure = filters.choice("Show", "show", MEASURES, width=120)
        part = filters.chosen(found, trade.countries)
    filters.say_what_was_left_out()
    _totals(trade, found, part)
    _by_month(trade, found, part, measure)
    for left, right in _pairs(list(trade.by)):
        for column, kind in zip(st.columns(2), (left, right), strict=True):
            with column:
                if kind:
                    _by_name(trade, found, part, measure, kind)


def _pairs(kinds: Sequence[str]) -> list[tuple[str, str | None]]:
    return [
        (kinds[i], kinds[i + 1] if i + 1 < len(kinds) else None) for i in range(0, len(kinds), 2)
    ]


def _any_kind(trade: Trade) -> str:
    """A kind of cell that has every order once."""
    return next(iter(trade.ids))


def _totals(trade: Trade, found: Summary, part: Slice) -> None:
    query = TOTAL.format(value=part.value, condition=part.condition)
    (row,) = found.ask(query, {**part.values, "kind": _any_kind(trade)})
    orders = row["orders"]
    average = figures.money(row["value"] / orders, part.unit) if orders else "—"
    with st.container(horizontal=True, key="totals"):
        for label, value in (
            (f"Value ({part.unit})", figures.money(row["value"], part.unit)),
            ("Units", figures.short(row["units"])),
            ("Orders", f"{orders:,}"),
            ("Average order", average),
        ):
            st.metric(label, value, width=160)
    if part.currency is None and row["unpriced"]:
        st.caption(
            f"{figures.counted(row['unpriced'], 'order')} of days without an exchange rate count "
            "as orders and units, not in the value."
        )


def _by_month(trade: Trade, found: Summary, part: Slice, measure: str) -> None:
    column = part.value if measure == "Value" else measure.lower()
    query = BY_MONTH.format(measure=column, value=part.value, condition=part.condition)
    rows = found.ask(query, {**part.values, "kind": _any_kind(trade)})
    title, unit = f"{trade.noun} by month", _unit(measure, part)
    if not any(row["total"] for row in rows):
        panels.chart(title, unit, None, [], "")
        return
    drawn = [_drawn(row, figures.month(row["month"]), measure, part) for row in rows]
    best = max(rows, key=lambda row: row["total"])
    says = (
        f"The highest: {figures.month(best['month'])} with {_figure(best['total'], measure, part)}."
    )
    if _is_running(part.last, found.edition.today):
        says += f" {figures.month(part.last)} is not over yet."
    numbers = [_numbers({"month": f"{row['month']:%Y-%m}"}, row, part) for row in rows]
    columns = charts.columns(drawn, label="label", value="total", tip="tip")
    panels.chart(title, unit, columns, numbers, says)


def _by_name(trade: Trade, found: Summary, part: Slice, measure: str, kind: str) -> None:
    column = part.value if measure == "Value" else measure.lower()
    query = BY_NAME.format(
        name="country" if kind == "country" else "name",
        identity="country" if kind == "country" else "id",
        measure=column,
        value=part.value,
        condition=part.condition,
    )
    of = _any_kind(trade) if kind == "country" else kind
    rows = found.ask(query, {**part.values, "kind": of})
    title, unit = f"{trade.noun} by {trade.by[kind]}", _unit(measure, part)
    if not rows:
        panels.chart(title, unit, None, [], "")
        return
    _tell_apart(rows)
    drawn = [_drawn(row, row["name"], measure, part) for row in rows[:SHOWN]]
    whole = sum(row["total"] for row in rows)
    rest = sum(row["total"] for row in rows[SHOWN:])
    if len(rows) > SHOWN:
        says = (
            f"The first {SHOWN} of {len(rows):,}; the others come to "
            f"{_figure(rest, measure, part)}, {rest / whole:.0%} of all."
        )
    else:
        says = f"{rows[0]['name']} has {rows[0]['total'] / whole:.0%} of all." if whole else ""
    numbers = [_numbers({kind: row["name"]}, row, part) for row in rows]
    bars = charts.bars(drawn, label="label", value="total", tip="tip")
    panels.chart(title, unit, bars, numbers, says)


def _tell_apart(rows: Sequence[Row]) -> None:
    """Add the id to names that several have."""
    names = [row["name"] for row in rows]
    for row in rows:
        if names.count(row["name"]) > 1:
            row["name"] = f"{row['name']} ({row['id']})"


def _drawn(row: Row, label: str, measure: str, part: Slice) -> Row:
    tip = _figure(row["total"], measure, part)
    return {"label": label, "total": float(row["total"]), "tip": tip}


def _numbers(first: Row, row: Row, part: Slice) -> Row:
    """A line of CSV: with all measures, whichever is drawn."""
    more = {"orders": row["orders"], "units": row["units"]}
    return {**first, **more, "value": row["value"] or 0, "currency": part.unit}


def _figure(number: float, measure: str, part: Slice) -> str:
    return figures.money(number, part.unit) if measure == "Value" else figures.short(number)


def _unit(measure: str, part: Slice) -> str:
    span = f"{figures.month(part.first)} to {figures.month(part.last)}"
    if measure != "Value":
        of = f"{part.currency} orders" if part.currency else "orders in all currencies"
        return f"{measure}, {of}, {span}"
    worth = "" if part.currency else " (all currencies, at the rate of the order's day)"
    return f"Value in {part.unit}{worth}, {span}"


def _is_running(month: date, today: date) -> bool:
    return (month.year, month.month) == (today.year, today.month)


def show(trade: Trade, title: str, question: str) -> None:
    """Draw a whole page."""
    now = frame.head(title, question)
    found = frame.summary(trade.page, now, trade.noun.lower(), trade.ids) if now else None
    if found:
        draw(trade, found)
