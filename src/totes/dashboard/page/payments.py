"""Payments: what is due and overdue, from whom and to whom, and how punctual payments were."""

from __future__ import annotations

from datetime import date
from typing import Any

import streamlit as st

from totes.dashboard import charts, figures, filters, frame, panels
from totes.dashboard.connection import Row
from totes.dashboard.filters import Slice
from totes.dashboard.summaries import Summary

SHOWN = 10  # counterparties in the chart
DIRECTIONS = {"Owed to us": "in", "Owed by us": "out"}
AGES = ("not yet due", "1 to 30", "31 to 60", "61 to 90", "over 90")
FURTHEST = 8  # weeks; what is further away is counted there
DUE, OVERDUE = "not yet due", "overdue"
COLOURS = {OVERDUE: "#d9662b", DUE: "#8aa4bd"}  # they do in both themes

TOTALS = """
    select
        coalesce(sum({value}) filter (where not paid), 0) as due,
        coalesce(sum({value}) filter (where age > 0), 0) as overdue,
        coalesce(sum({value}) filter (where paid), 0) as made,
        coalesce(sum(orders) filter (where not paid), 0)::bigint as payments_due,
        coalesce(sum(orders) filter (where age > 0), 0)::bigint as payments_overdue,
        coalesce(sum(orders - orders_gbp), 0)::bigint as unpriced
    from cell where kind = $kind and {condition}
"""
BY_COUNTERPARTY = """
    select
        id,
        name,
        coalesce(sum({value}) filter (where age > 0), 0) as overdue,
        coalesce(sum({value}) filter (where age = 0), 0) as due
    from cell where kind = $kind and {condition}
    group by id, name
    having sum({value}) filter (where not paid) is not null
    order by overdue + due desc, name, id
"""
BY_AGE = """
    select age, sum(orders)::bigint as payments, coalesce(sum({value}), 0) as value
    from cell where kind = $kind and not paid and {condition}
    group by age order by age
"""
BY_WEEK = """
    select weeks, sum(orders)::bigint as payments, coalesce(sum({value}), 0) as value
    from cell where kind = $kind and paid and {condition}
    group by weeks order by weeks
"""
BY_MONTH = """
    select month, sum(orders)::bigint as payments, coalesce(sum({value}), 0) as value
    from cell where kind = $kind and not paid and {condition}
    group by month order by month
"""


def payments() -> None:
    now = frame.head("Payments", "What is due and overdue, and how punctual payments were.")
    found = frame.summary("payments", now, "payments") if now else None
    if found is None:
        return
    with st.container(horizontal=True, key="filters"):
        direction = filters.choice("Direction", "direction", list(DIRECTIONS), width=140)
        part = filters.chosen(found, "Counterparty's country")
    filters.say_what_was_left_out()
    _draw(found, part, direction)


def _draw(found: Summary, part: Slice, direction: str) -> None:
    values = {**part.values, "kind": DIRECTIONS[direction]}

    def ask(query: str) -> list[Row]:
        return found.ask(query.format(value=part.value, condition=part.condition), values)

    span = f"payments agreed for {figures.month(part.first)} to {figures.month(part.last)}"
    unit = f"{direction}, {part.unit}, {span}"
    _totals(ask(TOTALS)[0], part)
    left, right = st.columns(2)
    with left:
        _by_counterparty(ask(BY_COUNTERPARTY), part, unit)
    with right:
        _by_age(ask(BY_AGE), part, unit)
    _by_week(
        ask(BY_WEEK),
        part,
        f"{'Paid to us' if direction == 'Owed to us' else 'Paid by us'}, {part.unit}, {span}",
    )
    _by_month(ask(BY_MONTH), part, unit)


def _totals(row: Row, part: Slice) -> None:
    share = f"{row['overdue'] / row['due']:.0%}" if row["due"] else "—"
    with st.container(horizontal=True, key="totals"):
        for label, value in (
            (f"Due ({part.unit})", figures.money(row["due"], part.unit)),
            (f"Of that overdue ({part.unit})", figures.money(row["overdue"], part.unit)),
            ("Share overdue", share),
            ("Payments overdue", f"{row['payments_overdue']:,}"),
            (f"Paid ({part.unit})", figures.money(row["made"], part.unit)),
        ):
            st.metric(label, value, width=160)
    if part.currency is None and row["unpriced"]:
        payments = figures.counted(row["unpriced"], "payment")
        st.caption(f"{payments} of days without an exchange rate are counted, and have no value.")


def _by_counterparty(rows: list[Row], part: Slice, unit: str) -> None:
    title = "Due and overdue by counterparty"
    if not rows:
        panels.chart(title, unit, None, [], "")
        return
    drawn = [
        {
            "label": row["name"],
            "part": name,
            "total": float(row[column]),
            "tip": figures.money(row[column], part.unit),
        }
        for row in rows[:SHOWN]
        for name, column in ((OVERDUE, "overdue"), (DUE, "due"))
    ]
    worst = max(rows, key=lambda row: row["overdue"])
    says = f"{worst['name']}: {figures.money(worst['overdue'], part.unit)} overdue."
    if len(rows) > SHOWN:
        says = f"The first {SHOWN} of {len(rows)}. {says}"
    numbers = [
        {
            "counterparty": row["name"],
            "overdue": row["overdue"],
            "not yet due": row["due"],
            "currency": part.unit,
        }
        for row in rows
    ]
    bars = charts.stacked(
        drawn, label="label", value="total", tip="tip", part="part", colours=COLOURS
    )
    panels.chart(title, unit, bars, numbers, says)


def _by_age(rows: list[Row], part: Slice, unit: str) -> None:
    found = {row["age"]: row for row in rows}
    lines = [_line("days late", name, found.get(age), part) for age, name in enumerate(AGES)]
    late = sum(row["payments"] for row in rows if row["age"])
    says = f"{figures.counted(late, 'payment')} late, by today."
    _columns("Due by how late it is", unit, lines, part, says if rows else "", "days late")


def _by_week(rows: list[Row], part: Slice, unit: str) -> None:
    found = {row["weeks"]: row for row in rows}
    lines = [
        _line("weeks after the agreed date", _weeks(weeks), found.get(weeks), part)
        for weeks in range(-FURTHEST, FURTHEST + 1)
    ]
    payments = sum(row["payments"] for row in rows)
    timely = sum(row["payments"] for row in rows if row["weeks"] <= 0)
    says = (
        f"{timely / payments:.0%} of {payments:,} payments were entered as paid by the agreed date."
        if rows
        else ""
    )
    along = "weeks after the agreed date (0 or less: in time)"
    _columns("Paid against the agreed date", unit, lines, part, says, along)


def _weeks(number: int) -> str:
    sign = "-" if number < 0 else ""
    if abs(number) == FURTHEST:
        return f"{'≤' if number < 0 else '≥'} {sign}{FURTHEST}"
    return f"{sign}{abs(number)}"


def _by_month(rows: list[Row], part: Slice, unit: str) -> None:
    found = {row["month"]: row for row in rows}
    months = _months(rows[0]["month"], rows[-1]["month"]) if rows else []
    lines = [_line("month", figures.month(month), found.get(month), part) for month in months]
    most = max(rows, key=lambda row: row["value"], default=None)
    says = (
        f"The most: {figures.money(most['value'], part.unit)} of {figures.month(most['month'])}."
        if most
        else ""
    )
    _columns("Due by the month agreed", unit, lines, part, says)


def _months(first: date, last: date) -> list[date]:
    """Each month from the first to the last."""
    count = (last.year - first.year) * 12 + last.month - first.month + 1
    numbers = range(first.year * 12 + first.month - 1, first.year * 12 + first.month - 1 + count)
    return [date(number // 12, number % 12 + 1, 1) for number in numbers]


def _line(what: str, label: str, row: Row | None, part: Slice) -> Row:
    value: Any = row["value"] if row else 0
    return {
        what: label,
        "payments": row["payments"] if row else 0,
        "value": value,
        "currency": part.unit,
    }


def _columns(
    title: str, unit: str, lines: list[Row], part: Slice, says: str, along: str | None = None
) -> None:
    if not says:
        panels.chart(title, unit, None, [], "")
        return
    drawn = [
        {
            "label": next(iter(line.values())),
            "total": float(line["value"]),
            "tip": f"{figures.money(line['value'], part.unit)} in "
            + figures.counted(line["payments"], "payment"),
        }
        for line in lines
    ]
    chart = charts.columns(drawn, label="label", value="total", tip="tip", along=along)
    panels.chart(title, unit, chart, lines, says)
