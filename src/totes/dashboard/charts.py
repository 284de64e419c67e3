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
    few = len({row[label] for row in rows}) <= FEW
    chart: alt.Chart = (
        alt.Chart(alt.InlineData(values=list(rows)), height=HEIGHT, padding=PADDING)
        .mark_bar(cornerRadiusEnd=ROUNDED)
        .encode(
            x=alt.X(
                f"{label}:N",
                sort=None,
                title=along,
                scale=alt.Scale(paddingInner=0.2, paddingOuter=1 if few else 0.1),
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


def layered(
    rows: Sequence[Row],
    *,
    label: str,
    value: str,
    tip: str,
    part: str,
    colours: dict[str, str],
    along: str,
) -> alt.Chart:
    """Upright columns in the order of the rows, each made of parts in their colours."""
    upright = columns(rows, label=label, value=value, tip=tip, along=along)
    return _parted(upright, label, tip, part, colours)


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
    axis = _axis(labelExpr=SHORT, tickCount=4, domain=False)
    lying = _lying(rows, label, more=LEGEND_AND_AXIS).mark_bar(cornerRadius=ROUNDED)
    lying = lying.properties(padding=PADDING).encode(x=alt.X(f"{value}:Q", title=None, axis=axis))
    return _parted(lying, label, tip, part, colours)


def _parted(
    chart: alt.Chart, label: str, tip: str, part: str, colours: dict[str, str]
) -> alt.Chart:
    """The chart with its bars in parts, in the order of their colours, with a legend."""
    order = list(colours)
    parted: alt.Chart = chart.transform_calculate(order=f"indexof({order}, datum.{part})").encode(
        color=alt.Color(
            f"{part}:N",
            scale=alt.Scale(domain=order, range=list(colours.values())),
            legend=alt.Legend(title=None, orient="bottom", offset=0, labelColor=_ink()),
        ),
        order=alt.Order("order:Q"),
        tooltip=[alt.Tooltip(f"{name}:N", title=" ") for name in (label, part, tip)],
    )
    return parted


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
