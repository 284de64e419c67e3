"""Pipeline: how fresh the warehouse is, and what came into it when."""

from __future__ import annotations

from decimal import Decimal

import streamlit as st
from psycopg import errors

from totes.dashboard import charts, connection, figures, frame, panels
from totes.dashboard.connection import Row
from totes.dashboard.summaries import Edition

MOST = 60  # batches in the charts
QUICK = 50_000_000  # bytes of a table whose rows are counted
LISTED = 15  # batches in the table

ELSEWHERE = """
The warehouse holds what was loaded, and nothing of what was not. These are known to the lakes, and
shown by commands where Totes runs:

| to know | ask |
| --- | --- |
| why rows are in quarantine | `totes quarantine list` |
| which tables are stopped, and the last errors | `totes status` |
| where the seconds and bytes of each stage go | `totes run --profile` |
| whether source, lakes and warehouse are equal | `totes verify` |
"""


def pipeline() -> None:
    now = frame.head("Pipeline", "How fresh the warehouse is, and what came into it when.")
    if now is None:
        return
    batches = _batches(connection.warehouse(), now.key)
    _totals(now, batches)
    if batches is None:
        st.info(
            "This login may not read the ledger, in which the batches stand. Who owns the "
            "warehouse can let it:\n\n`grant usage on schema totes to …; "
            "grant select on all tables in schema totes to …`",
            icon=":material/lock:",
        )
    else:
        _draw(batches)
    _tables(_sizes(connection.warehouse(), now.key))
    with st.container(border=True, key="elsewhere"):
        st.header("What the warehouse does not know", anchor=False)
        st.markdown(ELSEWHERE)


@st.cache_data(max_entries=20, show_spinner=False)
def _batches(here: str, key: tuple[object, ...]) -> list[Row] | None:
    """The newest batches, the oldest of them first; None if the login may not read them."""
    with connection.session() as session:
        try:
            with session.transaction():
                return connection.rows(session, "batches", {"most": MOST})[::-1]
        except errors.InsufficientPrivilege:
            return None


@st.cache_data(max_entries=20, show_spinner=False)
def _sizes(here: str, key: tuple[object, ...]) -> list[Row]:
    """The tables with their rows: counted where that is quick, else PostgreSQL's estimate."""
    with connection.session() as session:
        found = connection.rows(session, "tables")
        for row in found:
            row["exact"] = row["bytes"] < QUICK
            if row["exact"]:
                row["rows"] = connection.count(session, row["name"])
    return found


def _totals(now: Edition, batches: list[Row] | None) -> None:
    with st.container(horizontal=True, key="totals"):
        fresh = f"{figures.length(now.behind)} ago" if now.behind is not None else "not known"
        st.metric("True of the source", fresh, width=160)
        st.metric("Newest batch", f"{now.batch:,}", width=160)
        st.metric(
            f"Loaded, {now.loaded_at.day} {now.loaded_at:%b %Y}",
            f"{now.loaded_at:%H:%M} UTC",
            width=160,
        )
        if batches:
            st.metric("Rows in it", f"{batches[-1]['rows']:,}", width=160)
            st.metric("Rows in quarantine", f"{batches[-1]['quarantined']:,}", width=160)
    if batches and not batches[-1]["whole"]:
        st.warning(
            "A table was stopped when the newest batch was taken. `totes status`, where Totes "
            "runs, says which, and why.",
            icon=":material/warning:",
        )


def _draw(batches: list[Row]) -> None:
    unit = f"the last {len(batches)} batches" if len(batches) > 1 else "the only batch"
    left, right = st.columns(2)
    with left:
        # beside the first, which brings everything, the others would not be seen
        later = [row for row in batches if row["batch"] > 1] or batches
        drawn = [_drawn(row, row["rows"], f"{row['rows']:,} rows") for row in later]
        numbers = [{"batch": row["batch"], "rows": row["rows"]} for row in batches]
        most = max(later, key=lambda row: row["rows"])
        says = f"The largest: batch {most['batch']:,} with {figures.counted(most['rows'], 'row')}."
        if len(later) < len(batches):
            says += f" Not drawn: the first, with {figures.counted(batches[0]['rows'], 'row')}."
        chart = charts.columns(drawn, label="label", value="total", tip="tip", along="batch")
        panels.chart(
            "Rows by batch", f"Rows added or changed in all tables, {unit}", chart, numbers, says
        )
    with right:
        drawn = [_drawn(row, row["seconds"], f"{row['seconds']:.1f} s") for row in batches]
        numbers = [{"batch": row["batch"], **_seconds(row)} for row in batches]
        slow = max(batches, key=lambda row: row["seconds"])
        says = f"The longest: batch {slow['batch']:,} with {slow['seconds']:.1f} s."
        chart = charts.columns(drawn, label="label", value="total", tip="tip", along="batch")
        title = "From the source to the warehouse"
        panels.chart(
            title,
            f"Seconds from the snapshot to the load (of a rebuild, to the rebuild), {unit}",
            chart,
            numbers,
            says,
        )
    listed = [
        {
            "batch": row["batch"],
            "source as of (UTC)": row["taken_at"],
            "loaded (UTC)": row["loaded_at"],
            **_seconds(row),
            "rows": row["rows"],
            "in quarantine": row["quarantined"],
            "all tables": row["whole"],
        }
        for row in batches[::-1][:LISTED]
    ]
    panels.table("Batches", f"The newest {len(listed)}, the newest first", listed)


def _seconds(row: Row) -> Row:
    """How long a batch took to the processed lake, by ingest and process, and from there."""
    to_lake = row["seconds_to_lake"]
    return {
        "seconds to the lake": round(to_lake, 2),
        "on to here": round(row["seconds"] - to_lake, 2),
    }


def _drawn(row: Row, value: float, tip: str) -> Row:
    return {"label": f"{row['batch']}", "total": float(value), "tip": tip}


def _tables(found: list[Row]) -> None:
    rows = [
        {
            "table": row["name"],
            "rows": row["rows"],
            "counted": row["exact"],
            "MB": round(Decimal(row["bytes"]) / 1_000_000, 1),
        }
        for row in found
    ]
    panels.table(
        "Tables",
        "Rows, in large tables as PostgreSQL estimates them; and size on its disk, with indexes",
        rows,
    )
