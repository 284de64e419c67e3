"""A panel: a title, a unit, a chart or a table, and its numbers as CSV."""

from __future__ import annotations

import csv
import html
import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

import altair as alt
import streamlit as st

from totes.dashboard import figures
from totes.dashboard.connection import Row

LONG = 40  # letters: a longer text goes over several lines
NOTHING = "Nothing to show here: no rows match what is chosen above."


@dataclass(frozen=True)
class Link:
    """A cell that leads somewhere."""

    text: str
    to: str

    def __str__(self) -> str:
        return self.text


def chart(
    title: str, unit: str, drawn: alt.Chart | alt.LayerChart | None, rows: Sequence[Row], says: str
) -> None:
    """Draw a chart; `rows` are its numbers, whole; `says` is what it says, also to the blind."""
    with st.container(border=True, key=_key(title), height="stretch"):
        _head(title, unit)
        if drawn is None:
            st.caption(NOTHING)
            return
        st.altair_chart(drawn, alt=f"{title}, {unit}. {says}")
        _foot(title, rows, says)


def table(
    title: str,
    unit: str,
    rows: Sequence[Row],
    *,
    changed: Sequence[set[str]] = (),
    as_csv: Sequence[Row] | None = None,
) -> None:
    """Draw a table; in row i the cells of the columns in `changed[i]` stand out.

    `as_csv` are its numbers, where they are better read in another form.
    """
    with st.container(border=True, key=_key(title), height="stretch"):
        _head(title, unit)
        if not rows:
            st.caption(NOTHING)
            return
        st.html(_table(title, rows, changed))
        _foot(title, rows if as_csv is None else as_csv, "")


def _head(title: str, unit: str) -> None:
    st.header(title, anchor=False)
    st.caption(figures.plain(unit))


def _foot(title: str, rows: Sequence[Row], says: str) -> None:
    with st.container(horizontal=True, wrap=False, vertical_alignment="center"):
        if says:
            st.caption(figures.plain(says))
        st.download_button(
            "CSV",
            written_out(rows),
            file_name=f"{_key(title)}.csv",
            mime="text/csv",
            key=f"csv-{_key(title)}",
            help=f"Download: {title}",
            on_click="ignore",
            type="tertiary",
            icon=":material/download:",
        )


def written_out(rows: Sequence[Row]) -> str:
    """The rows with their columns' names, as spreadsheets and programs read them."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]) if rows else [], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def _key(title: str) -> str:
    words = "".join(letter if letter.isalnum() else " " for letter in title.lower()).split()
    return "-".join(words)


def _table(title: str, rows: Sequence[Row], changed: Sequence[set[str]]) -> str:
    head = "".join(_heading(name, value) for name, value in rows[0].items())
    kind = "totes-table sides" if "" in rows[0] else "totes-table"
    body = []
    for number, row in enumerate(rows):
        marked = changed[number] if number < len(changed) else set()
        cells = "".join(
            _cell(value, name in marked)
            if name
            else f'<th scope="row">{html.escape(str(value))}</th>'
            for name, value in row.items()
        )
        body.append(f"<tr>{cells}</tr>")
    name = html.escape(title, quote=True)
    return (
        f'<div class="{kind}" role="region" tabindex="0" aria-label="{name}"><table>'
        f"<thead><tr>{head}</tr></thead><tbody>{''.join(body)}</tbody></table></div>"
    )


def _heading(name: str, value: object) -> str:
    """A column's name; the corner above the names of rows is no heading."""
    shown = "<br>".join(html.escape(line) for line in name.splitlines())
    return f'<th scope="col"{_classes(value)}>{shown}</th>' if name else "<td></td>"


def _cell(value: object, marked: bool) -> str:
    shown = html.escape(written(value))
    if isinstance(value, Link):
        shown = f'<a href="{html.escape(value.to)}" target="_self">{shown}</a>'
    return f"<td{_classes(value)}>{f'<mark>{shown}</mark>' if marked else shown}</td>"


def _classes(value: object) -> str:
    if isinstance(value, int | float | Decimal):
        return ' class="number"'
    return ' class="words"' if isinstance(value, str) and len(value) > LONG else ""


def written(value: object) -> str:
    """A value as a table shows it."""
    if value is None:
        return "—"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M:%S}"
    if isinstance(value, int | Decimal):
        return f"{value:,}"
    return f"{value:.2f}" if isinstance(value, float) else str(value)
