"""What all pages have in common: title, freshness, and what to do where something fails."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

import duckdb
import psycopg
import streamlit as st

from totes.dashboard import figures, summaries
from totes.dashboard.summaries import Edition, Summary
from totes.errors import TotesError

STYLE = Path(__file__).with_name("style.css")


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
    todo = f"\n\nWhat to do: {figures.plain(hint)}" if hint else ""
    st.error(f"**{figures.plain(what)}**{todo}", icon=":material/error:")
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
    at = figures.moment(now.true_at)
    return f"True of the source as it was {age} ago, {at} (batch {now.batch:,})."


def summary(
    page: str, now: Edition, noun: str, kinds: Mapping[str, str] = MappingProxyType({})
) -> Summary | None:
    """The summary of a page, as of() makes it; None, and why, if there are no rows at all."""
    found = summaries.of(page, now, kinds)
    if not found.ask("select 1 from cell limit 1"):
        st.info(
            f"There are no {noun} in the warehouse yet. Once the source has some, `totes run` "
            "brings them."
        )
        return None
    if found.edition.key != now.key:
        st.caption(
            f"Batch {now.batch:,} has arrived. To add it up takes {found.seconds:.0f} seconds, so "
            f"for a while the figures below stay those of batch {found.edition.batch:,}."
        )
    return found
