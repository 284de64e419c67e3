"""Order history: an order by its number, its versions side by side, and what changed."""

from __future__ import annotations

import html
from dataclasses import dataclass

import streamlit as st

from totes.dashboard import connection, figures, filters, frame, panels
from totes.dashboard.connection import Row
from totes.dashboard.summaries import Edition

MOST = 12  # versions side by side
RECENT = 12  # orders that changed last
LARGEST = 2**31 - 1  # of PostgreSQL's integers
KINDS = {
    "Sales order": "sales_order",
    "Purchase order": "purchase_order",
    "Payment": "payment",
}
CHANGES = {"insert": "first seen", "update": "changed", "delete": "deleted"}
OF_THE_VERSION = {"batch", "change", "valid_from", "valid_to", "last_updated"}


@dataclass(frozen=True)
class _Sought:
    kind: str
    number: int


def history() -> None:
    now = frame.head(
        "Order history", "What an order or a payment was, from when to when, and what changed."
    )
    if now is None:
        return
    with st.container(horizontal=True, key="filters"):
        kind = filters.choice("Kind", "kind", list(KINDS), width=160)
        entered = st.text_input(
            "Number",
            key="number",
            bind="query-params",
            width=160,
            max_chars=20,
            placeholder="for example 4190",
        )
    number = _number(str(entered or ""))
    filters.say_what_was_left_out()
    if number is not None:
        _versions(_Sought(kind, number))
    _recent(kind, now)


def _number(entered: str) -> int | None:
    text = entered.strip().removeprefix("#")
    if not text:
        return None
    if not text.isascii() or not text.isdigit() or int(text) > LARGEST:
        st.info(
            f"{figures.plain(text)} is no number of an order: digits only, please.",
            icon=":material/info:",
        )
        return None
    return int(text)


@st.cache_data(max_entries=200, show_spinner=False)
def _asked(query: str, values: dict[str, int], here: str, key: tuple[object, ...]) -> list[Row]:
    with connection.session() as session:
        return connection.rows(session, query, values)


def _versions(sought: _Sought) -> None:
    name = KINDS[sought.kind]
    with connection.session() as session:  # an index finds them: not worth a cache
        found = connection.rows(
            session, f"history_{name}", {"number": sought.number, "most": MOST + 1}
        )
    title = f"{sought.kind} {sought.number}"
    if not found:
        st.info(
            f"There is no {title.lower()}, and there was none when Totes looked. "
            "`totes quarantine list` says whether it waits there.",
            icon=":material/info:",
        )
        return
    older = len(found) > MOST
    versions = found[:MOST][::-1]
    rows, changed = side_by_side(versions)
    panels.table(
        title,
        _story(versions, older=older),
        rows,
        changed=changed,
        as_csv=[{**row, "change": row["change"]} for row in versions],
    )


def side_by_side(versions: list[Row]) -> tuple[list[Row], list[set[str]]]:
    """A row for each attribute, a column for each version; and where that differs from the one
    before."""
    heads = [_head(number, version) for number, version in enumerate(versions, 1)]
    rows, changed = [], []
    for name in versions[0]:
        if name in OF_THE_VERSION - {"last_updated"}:
            continue
        values = [version[name] for version in versions]
        label = name.replace("_", " ").capitalize()
        rows.append({"": label, **dict(zip(heads, values, strict=True))})
        changed.append(
            {
                heads[i]
                for i in range(1, len(values))
                if values[i] != values[i - 1] and name not in OF_THE_VERSION
            }
        )
    return rows, changed


def _head(number: int, version: Row) -> str:
    until = f"until {version['valid_to']:%Y-%m-%d %H:%M}" if version["valid_to"] else "until now"
    what = CHANGES[version["change"]]
    return f"{number}. {what}\nfrom {version['valid_from']:%Y-%m-%d %H:%M}\n{until}"


def _story(versions: list[Row], *, older: bool) -> str:
    last = versions[-1]
    gone = " It is deleted." if last["change"] == "delete" else ""
    count = figures.counted(len(versions), "version")
    first = f"The newest {count}; there are older ones." if older else f"{count}."
    return f"{first}{gone} Times are UTC; what differs from the version before is marked."


def _recent(kind: str, now: Edition) -> None:
    query = f"changed_{KINDS[kind]}"
    found = _asked(query, {"most": RECENT}, connection.warehouse(), now.key)
    title = f"{kind}s that changed last"
    if not found:
        st.caption(
            f"No {kind.lower()} has changed or been deleted of late: all there is was seen once."
        )
        return
    rows = [
        {
            "number": panels.Link(
                str(row["number"]), f"?kind={html.escape(kind)}&number={row['number']}"
            ),
            "what became of it": CHANGES[row["change"]],
            "batch": row["batch"],
            "counterparty": row["counterparty"],
        }
        for row in found
    ]
    panels.table(title, "Versions that the newest batches brought; choose a number to see it", rows)
