"""Pipeline: how fresh the warehouse is, what came into it when, and what did not."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

import streamlit as st
from psycopg import errors

from totes.dashboard import charts, connection, figures, frame, panels
from totes.dashboard.connection import Row
from totes.dashboard.summaries import Edition

MOST = 60  # batches in the charts
QUICK = 50_000_000  # bytes of a table whose rows are counted
LISTED = 15  # batches in the table
TROUBLES = 10  # stops, if no more go on now
# They are told apart in both themes.
STAGES = {"ingest": "#8aa4bd", "process": "#3d7fb8", "load": "#d9662b"}

ELSEWHERE = """
Nothing reaches the warehouse of a run that cannot reach the warehouse. That and more is shown by
commands where Totes runs:

| to know | ask |
| --- | --- |
| how source, lakes and warehouse are just now | `totes status` |
| each row in quarantine, whole, with its reason | `totes quarantine list` |
| where the seconds and bytes of each stage go | `totes run --profile` |
| whether source, lakes and warehouse are equal | `totes verify` |
"""


def pipeline() -> None:
    now = frame.head(
        "Pipeline", "How fresh the warehouse is, what came into it when, and what did not."
    )
    if now is None:
        return
    known = _known(connection.warehouse(), now.key)
    _totals(now, known)
    if known is None:
        st.info(
            "This login may not read the ledger, in which the batches stand. Who owns the "
            "warehouse can let it:\n\n`grant usage on schema totes to …; "
            "grant select on all tables in schema totes to …`",
            icon=":material/lock:",
        )
    else:
        _amiss(known)
        _draw(known.batches)
    _tables(_sizes(connection.warehouse(), now.key))
    with st.container(border=True, key="elsewhere"):
        st.header("What the warehouse does not know", anchor=False)
        st.markdown(ELSEWHERE)


@dataclass(frozen=True)
class Known:
    """What the warehouse knows of the pipeline: the newest batches, the oldest of them first, the
    tables that were stopped, and what is in quarantine."""

    batches: list[Row]
    stopped: list[Row]
    quarantine: list[Row]


@st.cache_data(max_entries=20, show_spinner=False)
def _known(here: str, key: tuple[object, ...]) -> Known | None:
    """What there is to know; None if the login may not read it."""
    with connection.session() as session:
        try:
            with session.transaction(), connection.of_this_version():
                return Known(
                    batches=connection.rows(session, "batches", {"most": MOST})[::-1],
                    stopped=connection.rows(session, "stopped", {"most": TROUBLES}),
                    quarantine=connection.rows(session, "quarantine"),
                )
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


def _totals(now: Edition, known: Known | None) -> None:
    with st.container(horizontal=True, key="totals"):
        fresh = f"{figures.length(now.behind)} ago" if now.behind is not None else "not known"
        st.metric("True of the source", fresh, width=160)
        st.metric("Newest batch", f"{now.batch:,}", width=160)
        st.metric(
            f"Loaded, {now.loaded_at.day} {now.loaded_at:%b %Y}",
            f"{now.loaded_at:%H:%M} UTC",
            width=160,
        )
        if known:
            newest = known.batches[-1]
            st.metric("Rows in it", f"{newest['rows']:,}", width=160)
            st.metric("Rows in quarantine", f"{newest['quarantined']:,}", width=160)


def _amiss(known: Known) -> None:
    """What a person must see to, and what it was before."""
    stopped = [figures.plain(_stopped(row)) for row in known.stopped if row["is_now"]]
    is_whole = known.batches[-1]["whole"]
    if not is_whole and not stopped:  # it comes from a lake that an older Totes has written
        stopped = ["A table is stopped. `totes status`, where Totes runs, says which, and why."]
    if stopped:
        st.warning("\n\n".join(stopped), icon=":material/warning:")
    if known.quarantine:
        panels.table(
            "In quarantine",
            "Rows that cannot enter a star, with the reasons of those that wait longest",
            [
                {"model": row["model"], "rows": row["rows"], "reasons": "; ".join(row["reasons"])}
                for row in known.quarantine
            ],
        )
    if known.stopped:
        panels.table(
            "Stopped tables",
            "Source tables that were left out because they did not fit, the newest first",
            [
                {
                    "table": row["source"],
                    "since (UTC)": row["since"],
                    "from batch": row["first_batch"],
                    "to": "now" if row["is_now"] else f"{row['last_batch']:,}",
                    "what did not fit": row["message"],
                    "what to do": row["hint"],
                }
                for row in known.stopped
            ],
        )
    if is_whole and not known.quarantine:
        st.caption("No table is stopped, and no row is in quarantine.")


def _stopped(row: Row) -> str:
    todo = f" What to do: {row['hint']}" if row["hint"] else ""
    return f"Stopped since batch {row['first_batch']:,}: {row['message']}.{todo}"


def _draw(batches: list[Row]) -> None:
    unit = f"the last {len(batches)} batches" if len(batches) > 1 else "the only batch"
    left, right = st.columns(2)
    with left:
        _rows_by_batch(batches, unit)
    with right:
        _seconds_by_stage(batches, unit)
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


def _rows_by_batch(batches: list[Row], unit: str) -> None:
    # beside the first, which brings everything, the others would not be seen
    later = [row for row in batches if row["batch"] > 1] or batches
    drawn = [_drawn(row, row["rows"], f"{row['rows']:,} rows") for row in later]
    numbers = [{"batch": row["batch"], "rows": row["rows"]} for row in batches]
    most = max(later, key=lambda row: row["rows"])
    says = f"The largest: batch {most['batch']:,} with {figures.counted(most['rows'], 'row')}."
    if len(later) < len(batches):
        says += f" Not drawn: the first, with {figures.counted(batches[0]['rows'], 'row')}."
    chart = charts.columns(drawn, label="label", value="total", tip="tip", along="batch")
    unit = f"Rows added or changed in all tables, {unit}"
    panels.chart("Rows by batch", unit, chart, numbers, says)


def _seconds_by_stage(batches: list[Row], unit: str) -> None:
    drawn = [
        {**_drawn(row, row[stage], f"{row[stage]:.2f} s"), "stage": stage}
        for row in batches
        for stage in STAGES
        if row[stage] is not None
    ]
    numbers = [{"batch": row["batch"], **_seconds(row)} for row in batches]
    slow = max(batches, key=lambda row: row["seconds"])
    says = f"The longest: batch {slow['batch']:,} with {slow['seconds']:.1f} s."
    chart = charts.layered(
        drawn,
        label="label",
        value="total",
        tip="tip",
        part="stage",
        colours=STAGES,
        along="batch",
    )
    unit = f"Seconds from the snapshot to the load (of a rebuild, to the rebuild), {unit}"
    panels.chart("Seconds by stage", unit, chart, numbers, says)


def _seconds(row: Row) -> Row:
    """How long each stage took, with what it waited for the one before."""
    return {
        f"{stage} (s)": None if row[stage] is None else round(row[stage], 2) for stage in STAGES
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
