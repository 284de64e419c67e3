"""How charts look: few colours, figures where one looks, nothing to decipher."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import altair as alt
import streamlit as st

from totes.dashboard.connection import Row
from totes.dashboard.figures import SHORT

HEIGHT = 240  # pixels
STEP = 26  # pixels a bar
WIDEST_LABEL = 150  # pixels
FEW = 4  # columns; to the left and right of these there is room
ROUNDED = 2
PADDING = {"left": 0, "right": 4, "top": 4, "bottom": 6}
ROOM = 1.25
LEGEND_AND_AXIS = 60  # pixels
INK = {"light": "#1b2733", "dark": "#e8eef4"}


def columns(
    rows: Sequence[Row], *, label: str, value: str, tip: str, along: str | None = None
) -> alt.Chart:
    """Upright columns in the order of the rows; `along` names what follows on one another."""
    chart: alt.Chart = (
        alt.Chart(alt.InlineData(values=list(rows)), height=HEIGHT, padding=PADDING)
        .mark_bar(cornerRadiusEnd=ROUNDED)
        .encode(
            x=alt.X(
                f"{label}:N",
                sort=None,
                title=along,
                scale=alt.Scale(paddingInner=0.2, paddingOuter=0.1 if len(rows) > FEW else 1),
                axis=_axis(labelAngle=0, labelOverlap="parity", labelPadding=8),
            ),
            y=alt.Y(
                f"{value}:Q",
                title=None,
                axis=_axis(labelExpr=SHORT, tickCount=5, domain=False),
            ),
            tooltip=[alt.Tooltip(f"{label}:N", title=" "), alt.Tooltip(f"{tip}:N", title=" ")],
        )
    )
    return chart


def bars(rows: Sequence[Row], *, label: str, value: str, tip: str) -> alt.LayerChart:
    """Lying bars in the order of the rows, each with its figure at its end."""
    lying = _lying(rows, label)
    longest = max(row[value] for row in rows)
    room = alt.Scale(domain=[0, longest * ROOM], nice=False)  # for the figure of the longest
    length = alt.X(f"{value}:Q", title=None, axis=None, scale=room)
    tips = [alt.Tooltip(f"{label}:N", title=" "), alt.Tooltip(f"{tip}:N", title=" ")]
    bar = lying.mark_bar(cornerRadiusEnd=ROUNDED).encode(x=length, tooltip=tips)
    figure = lying.mark_text(align="left", dx=5, color=_ink()).encode(x=length, text=f"{tip}:N")
    both: alt.LayerChart = (bar + figure).properties(padding=PADDING)
    return both


def stacked(
    rows: Sequence[Row], *, label: str, value: str, tip: str, part: str, colours: dict[str, str]
) -> alt.Chart:
    """Lying bars in the order of the rows, each made of parts in their colours."""
    order = list(colours)
    chart: alt.Chart = (
        _lying(rows, label, more=LEGEND_AND_AXIS)
        .transform_calculate(order=f"indexof({order}, datum.{part})")
        .mark_bar(cornerRadius=ROUNDED)
        .properties(padding=PADDING)
        .encode(
            x=alt.X(
                f"{value}:Q",
                title=None,
                axis=_axis(labelExpr=SHORT, tickCount=4, domain=False),
            ),
            color=alt.Color(
                f"{part}:N",
                scale=alt.Scale(domain=order, range=list(colours.values())),
                legend=alt.Legend(title=None, orient="bottom", offset=0),
            ),
            order=alt.Order("order:Q"),
            tooltip=[
                alt.Tooltip(f"{label}:N", title=" "),
                alt.Tooltip(f"{part}:N", title=" "),
                alt.Tooltip(f"{tip}:N", title=" "),
            ],
        )
    )
    return chart


def _axis(**more: Any) -> alt.Axis:
    return alt.Axis(ticks=False, labelColor=_ink(), titleColor=_ink(), **more)


def _ink() -> str:
    """The colour of letters: Streamlit's theme does not reach those within a chart."""
    return INK[str(st.context.theme.type or "light")]


def _lying(rows: Sequence[Row], label: str, *, more: int = 0) -> alt.Chart:
    names = list(dict.fromkeys(row[label] for row in rows))
    height = STEP * len(names) + STEP // 2 + more
    return alt.Chart(alt.InlineData(values=list(rows)), height=height).encode(
        y=alt.Y(
            f"{label}:N",
            sort=names,
            title=None,
            axis=_axis(labelLimit=WIDEST_LABEL, domain=False, labelPadding=6),
        )
    )
