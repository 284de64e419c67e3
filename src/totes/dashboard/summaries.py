"""One aggregate a page and state of the warehouse, held by DuckDB, that filters ask again.

The warehouse is read once: however often somebody changes a filter, PostgreSQL is not asked for it
until another batch, other exchange rates or another day make another answer possible.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

import psycopg
import streamlit as st
from psycopg import errors, sql

from totes import duck
from totes.config import Settings
from totes.copying import copied_out
from totes.dashboard import connection
from totes.dashboard.connection import Row
from totes.errors import ConfigurationError

SLOW = 2.0  # seconds: what took longer is not made anew with each batch
PATIENCE = 10  # but is shown for this many times as long as it took

GRANT = "grant select on all tables in schema public to its user, as docs/guides/dashboard.md shows"


@dataclass(frozen=True)
class Edition:
    """A state of the warehouse; times are naive UTC."""

    batch: int
    true_at: datetime | None
    loaded_at: datetime
    today: date
    rates: int
    behind: timedelta | None

    @property
    def key(self) -> tuple[object, ...]:
        """What answers depend on: a look that found nothing new moves only `true_at`."""
        return self.batch, self.loaded_at, self.today, self.rates


@dataclass
class Summary:
    """Answers of one page at one state of the warehouse, in the table `cell`."""

    edition: Edition
    seconds: float
    _work: duck.Workspace
    _open: ExitStack
    made: float = field(default_factory=time.monotonic)

    def ask(self, query: str, values: dict[str, Any] | None = None) -> list[Row]:
        """What a query over `cell` answers; threads do not disturb each other."""
        with self._work.engine.cursor() as cursor:
            answer = cursor.execute(query, values)
            names = [column[0] for column in answer.description]
            return [dict(zip(names, row, strict=True)) for row in answer.fetchall()]

    def close(self) -> None:
        self._open.close()


_latest: dict[tuple[str, str], Summary] = {}


def edition() -> Edition | None:
    """What the warehouse holds now; None if no batch has been loaded yet.

    Raises ConfigurationError if it is no warehouse of this data model.
    """
    with connection.session() as session:
        try:
            with connection.of_this_version():
                (row,) = connection.rows(session, "edition")
        except errors.InsufficientPrivilege as error:
            raise ConfigurationError(
                f"the login of {connection.SETTING} may not read the warehouse", hint=GRANT
            ) from error
    return Edition(**row) if row["batch"] is not None else None


def of(page: str, now: Edition, kinds: Mapping[str, str]) -> Summary:
    """The summary of a page: that of `now`, or a recent one if a new one would take long.

    Its query is asked for each of the `kinds` of things, whose ids are in the columns named; once
    where there are none.
    """
    here = (connection.warehouse(), page)
    latest = _latest.get(here)
    if latest is not None and latest.edition.today == now.today:
        age = time.monotonic() - latest.made
        if latest.seconds > SLOW and age < PATIENCE * latest.seconds:
            return latest
    _latest[here] = made = _summary(here, page, dict(kinds), now.key, now)
    return made


def _forget(summary: Summary) -> None:
    for here in [here for here, latest in _latest.items() if latest is summary]:
        del _latest[here]
    summary.close()


@st.cache_resource(
    max_entries=6,
    on_release=_forget,
    show_spinner="Adding up what the warehouse holds. With millions of orders this takes a while, "
    "the first time after a batch.",
)
def _summary(
    here: tuple[str, str],
    page: str,
    kinds: dict[str, str],
    key: tuple[object, ...],
    _now: Edition,
) -> Summary:
    began = time.monotonic()
    opened = ExitStack()
    with ExitStack() as undone:
        undone.enter_context(opened)
        work = opened.enter_context(duck.workspace(Settings.of_environment().memory))
        with connection.session() as session:
            _fill(work, session, page, kinds)
        undone.pop_all()
    return Summary(_now, time.monotonic() - began, work, opened)


def _fill(
    work: duck.Workspace, session: psycopg.Connection, page: str, kinds: Mapping[str, str]
) -> None:
    """Make the table `cell` of what the page's query answers, all of it at one moment."""
    text = connection.query(page)
    queries = [
        text.format(kind=sql.Literal(kind), id=sql.Identifier(column))
        for kind, column in kinds.items()
    ] or [text.format()]
    types = _types(session, queries[0])
    columns = ", ".join(f"{duck.name(name)} {kind}" for name, kind in types.items())
    work.engine.execute(f"create table cell ({columns})")
    read = ", ".join(duck.parsed(duck.name(name), kind) for name, kind in types.items())
    for query in queries:
        with copied_out(session, query) as path:
            rows = duck.csv(path, types, longest=duck.USUAL_ROW)
            work.engine.execute(f"insert into cell select {read} from {rows}")


def _types(session: psycopg.Connection, query: sql.Composable) -> dict[str, str]:
    """DuckDB's types of a query's columns; it is planned for that, and not run."""
    names = {"int4": "INTEGER", "int8": "BIGINT", "bool": "BOOLEAN", "date": "DATE"}
    with session.cursor() as cursor:
        cursor.execute(query + connection.NO_ROWS)
        described = cursor.description or []
    kinds = {}
    for column in described:
        found = session.adapters.types.get(column.type_code)
        kind = found.name if found else "text"
        if kind == "numeric":
            kinds[column.name] = f"DECIMAL(38, {column.scale or 0})"
        else:
            kinds[column.name] = names.get(kind, "VARCHAR")
    return kinds
