"""Several sessions read a first batch: all at one instant, and none of them is needed."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from uuid import uuid4

import duckdb
import psycopg
import pytest
from psycopg import sql

from tests.world import World
from totes import duck, extract, pipeline
from totes.config import Settings
from totes.errors import TransientError
from totes.extract.readers import READERS, Reader, share
from totes.extract.source import Source

SESSIONS = """
    select count(*) from pg_stat_activity
    where datname = current_database() and application_name = 'totes'
"""
TABLES = ("payment", "sales_order", "staff", "transaction")  # of the later ones


def counts(world: World) -> dict[str, int]:
    """The rows of some tables at the source."""
    return {name: world.ask(f"select count(*) from {name}", source=True)[0][0] for name in TABLES}


def archived(world: World) -> dict[str, int]:
    """The rows of those tables in the first batch."""
    files = {name: str(world.folder / f"ingestion/{name}/*/*.parquet") for name in TABLES}
    return {
        name: duckdb.execute(f"select count(*) from '{path}'").fetchall()[0][0]
        for name, path in files.items()
    }


def reading_as(world: World, options: str) -> tuple[Settings, str]:
    """Settings with a login of its own, which may read and no more; and its name."""
    role = f"reader_{uuid4().hex[:8]}"
    world.change(
        f"create role {role} login password 'r' {options}",
        f"grant select on all tables in schema public to {role}",
    )
    info = psycopg.conninfo.conninfo_to_dict(world.source)
    dsn = psycopg.conninfo.make_conninfo("", **info | {"user": role, "password": "r"})
    return replace(world, source=dsn).settings, role


@contextmanager
def dropped(world: World, role: str) -> Iterator[None]:
    try:
        yield
    finally:
        world.change(f"drop owned by {role}", f"drop role {role}")


def test_all_read_at_one_instant(world: World) -> None:
    """What is committed while several sessions read is in none of the tables, whoever reads it."""
    before, sessions = counts(world), []

    def change(stage: str, what: str, done: int, total: int) -> None:
        if done == 1:
            sessions.append(world.ask(SESSIONS, source=True)[0][0])
            world.change(
                "update sales_order set units_sold = units_sold + 1",
                "delete from payment",
                "delete from transaction",
                "update staff set staff_id = staff_id + 1000 where not exists "
                "(select from sales_order as o where o.staff_id = staff.staff_id)",
            )

    report = pipeline.ingest(world.settings, change)
    assert archived(world) == before
    assert sessions[0] > 1 or READERS == 1, "nobody but one session was reading"
    assert "connect, beside" in report.parts or READERS == 1

    pipeline.ingest(world.settings.model_copy(update={"deletion_limit": 1.0}))
    assert counts(world)["payment"] == 0
    assert pipeline.verify(world.settings).is_well


def test_a_login_that_gets_one_session_reads_all_over_it(world: World) -> None:
    """Where the server lets no second session in, the first reads everything."""
    settings, role = reading_as(world, "connection limit 1")
    with dropped(world, role):
        before = counts(world)
        assert not pipeline.ingest(settings).problems
        assert archived(world) == before


def test_a_login_that_may_not_export_reads_all_over_one_session(world: World) -> None:
    """Where a snapshot may not be shared, it is not, and everything is read."""
    settings, role = reading_as(world, "")
    world.change("revoke execute on function pg_export_snapshot() from public")
    with dropped(world, role):
        before = counts(world)
        assert not pipeline.ingest(settings).problems
        assert archived(world) == before


def test_somebody_who_waits_for_a_table_stops_nobody(world: World) -> None:
    """An ALTER TABLE that waits for the first session keeps the others out of a table. It is read
    by the first, and the ALTER goes on; nobody waits for one another."""
    before = counts(world)
    alters = [
        threading.Thread(target=world.change, args=(f"alter table {name} add column more int",))
        for name in TABLES
    ]

    def alter(stage: str, what: str, done: int, total: int) -> None:
        if done == 1:
            for thread in alters:
                thread.start()

    assert not pipeline.ingest(world.settings, alter).problems
    assert archived(world) == before
    for thread in alters:
        thread.join(20)
        assert not thread.is_alive()


def test_long_rows_are_read_alone(world: World) -> None:
    """Tables whose rows are too long for several at once are read one after the other."""
    long = "repeat('x', 3000000)"
    world.change(
        f"update design set file_name = {long} where design_id = 8",
        f"update staff set email_address = {long} where staff_id = 1",
        f"update department set manager = {long} where department_id = 1",
    )
    pipeline.ingest(world.settings)
    assert pipeline.verify(world.settings).is_well


@contextmanager
def snapshot(world: World) -> Iterator[Source]:
    with extract.open_source(world.source) as connection:
        yield extract.take_snapshot(connection, [("public", "currency")])


def test_a_job_that_fails_ends_the_others_and_raises(world: World) -> None:
    """If one of several fails, wherever it is done, no other is begun, and its error comes out."""
    done: list[int] = []

    def do(job: int, reader: Reader) -> bool:
        done.append(job)
        if job == 2:
            raise TransientError("gone")
        return True

    with duck.workspace() as work, snapshot(world) as source:
        join = partial(extract.join_snapshot, world.source, source.snapshot, 60)
        with pytest.raises(TransientError, match="gone"):
            share(range(1000), do, Reader(source, work.engine), join)
    assert 2 in done
    assert len(done) < 1000


def test_a_job_that_is_too_much_beside_others_is_done_alone(world: World) -> None:
    """Whatever cannot be done beside others is done in the end, by the first session."""
    alone: list[tuple[int, bool]] = []

    def do(job: int, reader: Reader) -> bool:
        if reader.alone:
            alone.append((job, reader.source is source))
        return reader.alone or job % 2 == 0

    with duck.workspace() as work, snapshot(world) as source:
        join = partial(extract.join_snapshot, world.source, source.snapshot, 60)
        share(range(20), do, Reader(source, work.engine), join)
    assert sorted(alone) == [(job, True) for job in range(1, 20, 2)]


def test_an_interrupted_run_ends_the_others_at_once(world: World) -> None:
    """Ctrl-C ends what the other sessions are doing, on the server too, and leaves none of them."""

    def do(job: int, reader: Reader) -> bool:
        if reader.source is source:
            while world.ask(f"{SESSIONS} and query like '%pg_sleep(60)%'", source=True)[0][0] < 1:
                pass
            raise KeyboardInterrupt
        reader.source.connection.execute(sql.SQL("select pg_sleep(60)"))
        return True

    with duck.workspace() as work, snapshot(world) as source:
        join = partial(extract.join_snapshot, world.source, source.snapshot, 60)
        with pytest.raises(KeyboardInterrupt):
            share(range(READERS), do, Reader(source, work.engine), join)
        assert world.ask(f"{SESSIONS} and state = 'active'", source=True) == [(0,)]
