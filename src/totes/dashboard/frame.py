"""What all pages have in common: the title, how fresh it is, and what to do when something fails."""

from __future__ import annotations

from collections.abc import Callable

import duckdb
import psycopg
import streamlit as st

from totes.dashboard import figures, summaries
from totes.dashboard.summaries import Edition, Summary
from totes.errors import TotesError

STYLE = """
<style>
.stMainBlockContainer { padding-top: 4rem; padding-bottom: 3rem; max-width: 1280px; }
/* Streamlit's captions are too pale to be read by everyone */
[data-testid="stCaptionContainer"] { color: inherit; opacity: 0.8; }
.totes-table { overflow-x: auto; }
.totes-table table { border-collapse: collapse; min-width: min(100%, 30rem); font-variant-numeric: tabular-nums; }
.totes-table th, .totes-table td {
    padding: 0.35rem 0.75rem; text-align: left; white-space: nowrap;
    border-bottom: 1px solid color-mix(in srgb, currentColor 15%, transparent);
}
.totes-table th { font-weight: 600; font-size: 0.875rem; }
.totes-table .number { text-align: right; }
.totes-table.sides .number { text-align: left; }
.totes-table.sides td { white-space: normal; min-width: 7.5rem; max-width: 18rem; }
.totes-table thead th { vertical-align: bottom; }
.totes-table a { color: inherit; text-decoration: underline; }
.totes-table mark { background: #ffd97a; color: #1b2733; padding: 0.1rem 0.35rem; border-radius: 4px; }
@media (max-width: 640px) {
    .stMainBlockContainer { padding-left: 0.9rem; padding-right: 0.9rem; }
    .totes-table { font-size: 0.85rem; }
    .totes-table th, .totes-table td { padding: 0.3rem 0.4rem; font-size: 0.85rem; }
    .totes-table.sides th { white-space: normal; min-width: 5rem; }
}
</style>
"""


def guarded(draw: Callable[[], None]) -> Callable[[], None]:
    """A page that says what to do where it fails; nobody sees a traceback."""

    def page() -> None:
        st.html(STYLE)
        try:
            draw()
        except TotesError as error:
            _failed(str(error), error.hint)
        except (psycopg.Error, duckdb.Error, OSError) as error:
            _failed(str(error).splitlines()[0], "try again; if it stays so, look at the log")

    page.__name__ = draw.__name__
    return page


def _failed(what: str, hint: str | None) -> None:
    st.error(f"**{what}**" + (f"\n\n{hint[0].upper()}{hint[1:]}" if hint else ""), icon=":material/error:")
    st.button("Try again", type="primary")


def head(title: str, question: str) -> Edition | None:
    """Draw the title and how fresh the warehouse is; None, and why, if there is nothing in it."""
    st.title(title, anchor=False)
    now = summaries.edition()
    if now is None:
        st.caption(question)
        st.info("The warehouse is set up, and nothing has been loaded yet. `totes run` loads it.")
        return None
    st.caption(f"{question} {_true(now)}")
    return now


def _true(now: Edition) -> str:
    if now.true_at is None or now.behind is None:
        return f"Batch {now.batch}."
    age = figures.length(now.behind)
    return f"True of the source as it was {age} ago, {figures.moment(now.true_at)} (batch {now.batch:,})."


def summary(page: str, now: Edition, noun: str) -> Summary | None:
    """The summary of a page; None, and why, if there are no rows at all."""
    found = summaries.of(page, now)
    if not found.ask("select 1 from cell limit 1"):
        st.info(f"There are no {noun} in the warehouse yet. Once the source has some, `totes run` brings them.")
        return None
    if found.edition.key != now.key:
        st.caption(
            f"Batch {now.batch:,} has arrived. To add it up takes {found.seconds:.0f} seconds, so for "
            f"a while the figures below stay those of batch {found.edition.batch:,}."
        )
    return found
