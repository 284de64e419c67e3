"""What the source feels of a run: a reader who hinders nobody, and does not stay."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import duckdb
import psycopg
import pytest

from tests.frozen import frozen
from tests.waiting import eventually
from tests.world import World
from totes import pipeline
from totes.errors import TotesError, TransientError
from totes.extract import open_source, take_snapshot
from totes.extract.readers import READERS
from totes.extract.source import LIMITS
from totes.lake.store import Store

OURS = (
    "select pid, wait_event_type from pg_stat_activity "
    "where datname = current_database() and application_name = 'totes'"
)
BLOCKED = (
    "select pid from pg_stat_activity "
    "where datname = current_database() and wait_event_type = 'Lock' and query like 'truncate%'"
)
HELD = (
    "select pid from pg_stat_activity where datname = current_database() "
    "and pid <> pg_backend_pid() and backend_type = 'client backend' and backend_xmin is not null"
)


class Held(threading.Thread):
    """An ingest that stands still in the middle of its capture, and once more before it uploads."""

    def __init__(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        super().__init__(daemon=True)
        self._world = world
        self.captures, self.go_on = threading.Event(), threading.Event()
        self.uploads, self.upload = threading.Event(), threading.Event()
        self.error: BaseException | None = None
        put = Store.put

        def held(store: Store, key: str, content: Any) -> bool:
            self.uploads.set()
            assert self.upload.wait(20)
            return put(store, key, content)

        monkeypatch.setattr(Store, "put", held)

    def run(self) -> None:
        try:
            pipeline.ingest(self._world.settings, self._hold)
        except BaseException as error:
            self.error = error

    def _hold(self, stage: str, what: str, done: int, total: int) -> None:
        if done == 5:
            self.captures.set()
            assert self.go_on.wait(20)

    def end(self) -> None:
        self.go_on.set()
        self.upload.set()
        self.join(30)
        assert self.error is None


@pytest.fixture
def held(world: World, monkeypatch: pytest.MonkeyPatch) -> Held:
    """An ingest that is in the middle of its capture."""
    thread = Held(world, monkeypatch)
    thread.start()
    assert thread.captures.wait(20)
    return thread


def test_writers_are_never_blocked(world: World, held: Held) -> None:
    """While a capture is in progress every INSERT, UPDATE and DELETE commits at once."""
    world.change(
        "set lock_timeout = '1s'",
        "insert into public.currency values ('JPY', 7, '2023-05-01', '2023-05-01')",
        "update sales_order set units_sold = 77",
        "delete from payment where payment_id = 31",
    )
    assert not held.uploads.is_set()
    held.end()


def test_a_truncate_waits_no_longer_than_the_reading(world: World, held: Held) -> None:
    """A TRUNCATE waits until the tables have been read, and not for anything to be uploaded."""
    truncate = threading.Thread(target=world.change, args=("truncate payment",), daemon=True)
    truncate.start()
    eventually(lambda: world.ask(BLOCKED, source=True))
    held.go_on.set()
    assert held.uploads.wait(10)
    truncate.join(10)
    assert not truncate.is_alive()
    assert world.ask("select count(*) from payment", source=True) == [(0,)]
    held.end()


def test_no_session_is_left_when_the_tables_have_been_read(world: World, held: Held) -> None:
    """Before anything is uploaded our sessions have ended, and nobody's snapshot is held back."""
    assert 1 <= len(world.ask(OURS, source=True)) <= READERS
    assert 1 <= len(world.ask(HELD, source=True)) <= READERS
    held.go_on.set()
    assert held.uploads.wait(10)
    eventually(lambda: not world.ask(OURS, source=True))
    assert world.ask(HELD, source=True) == []
    held.end()


@pytest.mark.parametrize("well", [True, False])
def test_no_session_is_left_after_a_run(
    world: World, well: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a run, also after one that failed while it read, no session of ours is there."""
    if not well:
        monkeypatch.setattr("totes.duck.csv", lambda *_: "nothing.nowhere")
        with pytest.raises(Exception, match="nowhere"):
            world.run()
    else:
        world.run()
    for source in (True, False):
        eventually(lambda where=source: not world.ask(OURS, source=where))  # type: ignore[misc]
        assert world.ask(HELD, source=source) == []


@pytest.mark.parametrize(
    "statement",
    [
        "insert into public.currency values ('JPY', 7, now(), now())",
        "create table t ()",
        "vacuum staff",
    ],
)
def test_the_source_cannot_be_written(world: World, statement: str) -> None:
    """Our session is read only, whatever its login may do."""
    with pytest.raises(TotesError, match=r"read-only|transaction block"):
        asked(world, statement)
    assert world.ask("select count(*) from currency where currency_id = 7", source=True) == [(0,)]


def asked(world: World, statement: str, before: Callable[[], None] = lambda: None) -> None:
    """Execute a statement in a session that holds a snapshot; `before` is called just before."""
    with open_source(world.source) as source:
        take_snapshot(source, [("public", "currency")])
        before()
        source.execute(statement.encode())


def shown(connection: psycopg.Connection) -> dict[str, str]:
    """The limits of a session, as SHOW shows them."""
    return {
        name: str((connection.execute(f"show {name}".encode()).fetchone() or [""])[0])
        for name in LIMITS
    }


def test_the_session_is_limited(world: World) -> None:
    """Each transaction on the source has every limit, before and after the snapshot is taken."""
    expected = {
        "idle_in_transaction_session_timeout": "1h",
        "statement_timeout": "12h",
        "transaction_timeout": "1d",
        "tcp_keepalives_idle": "60",
        "tcp_keepalives_interval": "10",
        "tcp_keepalives_count": "6",
        "tcp_user_timeout": "300000",
        "client_connection_check_interval": "10s",
    }
    with open_source(world.source) as source:
        assert shown(source) == expected
        take_snapshot(source, [("public", "currency")])
        assert shown(source) == expected
        source.rollback()
        assert "1h" not in shown(source).values(), "a pooler's session stays as it was"


def test_limits_of_whoever_runs_the_source_are_left_alone(world: World) -> None:
    """A limit that the database, the role or the connection string sets, longer or none, holds."""
    name = world.source.rpartition("/")[2]
    world.change(f"alter database {name} set statement_timeout = '7min'")
    options = "-c idle_in_transaction_session_timeout=0 -c transaction_timeout=9d"
    with open_source(f"{world.source}?options={quote(options)}") as source:
        take_snapshot(source, [("public", "currency")])
        found = shown(source)
    assert found["statement_timeout"] == "7min"
    assert found["idle_in_transaction_session_timeout"] == "0"
    assert found["transaction_timeout"] == "9d"
    assert found["tcp_user_timeout"] == "300000"


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="needs Linux's TCP")
@pytest.mark.parametrize("moment", ["idle", "copy"])
def test_a_run_that_freezes_is_ended_by_the_server(world: World, moment: str) -> None:
    """A frozen run loses its session, and its hold on vacuum; woken, it begins anew by itself."""
    if moment == "copy":  # of so much that the server must wait for whoever reads
        world.change(
            "insert into design select 1000 + i, 'd', repeat(md5(i::text), 1000), 'x', now(), "
            "now() from generate_series(1, 800) as i"
        )
    with frozen(world, moment, "700ms", "ingest", "--json") as run:
        assert world.ask(HELD, source=True)
        eventually(lambda: not world.ask(HELD, source=True), 15)
        run.wake()
        code, printed = run.wait()
    assert code == 0, printed
    (report,) = json.loads(printed.splitlines()[-1])
    assert "attempt; before: TOTES_SOURCE" in report["note"]
    for name, table in report["tables"].items():
        ((rows,),) = world.ask(f"select count(*) from {name}", source=True)
        archived = f"from '{world.folder}/ingestion/{name}/*/*.parquet'"
        assert duckdb.execute(f"select count(*) {archived}").fetchall() == [(rows,)]
        assert table["inserted"] == rows
    assert len(report["tables"]) == 11


LONG = """
import sys
from totes.extract import open_source, source
source.LIMITS["client_connection_check_interval"] = "200ms"
with open_source(sys.argv[1]) as connection:
    connection.execute("select pg_sleep(60)")
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the server cannot ask elsewhere")
def test_a_query_of_a_run_that_was_killed_is_ended(world: World) -> None:
    """The server ends a long query as soon as it finds that whoever asked it is gone."""
    process = subprocess.Popen([sys.executable, "-c", LONG, world.source])
    try:
        eventually(lambda: world.ask(f"{OURS} and query like '%pg_sleep(60)%'", source=True))
    finally:
        process.kill()
        process.wait()
    eventually(lambda: not world.ask(OURS, source=True), 5)


@pytest.mark.parametrize("statement", ["savepoint a", "select 1"])
def test_a_session_that_was_ended_is_a_passing_fault(world: World, statement: str) -> None:
    """Whatever is asked next of a session that is gone, a savepoint too, is a TransientError."""

    def end() -> None:
        ended = OURS.replace("pid, wait_event_type", "pg_terminate_backend(pid)")
        assert world.ask(ended, source=True) == [(True,)]
        eventually(lambda: not world.ask(OURS, source=True))

    with pytest.raises(TransientError, match="TOTES_SOURCE"):
        asked(world, statement, end)
