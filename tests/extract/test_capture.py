"""Capture over a read-only login: nothing missed, nothing twice, deletions found."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from tests.waiting import eventually
from tests.world import World
from totes import pipeline
from totes.errors import ConfigurationError, ContractError

INSERT = """
    insert into design (design_id, design_name, file_location, file_name, created_at, last_updated)
    values ({}, 'Late', '/', 'late.json', '{}', '{}')
"""


def insert(design_id: int, at: str = "2023-06-01 12:00") -> str:
    return INSERT.format(design_id, at, at)


def versions(world: World, design_id: int) -> list[tuple[int, str]]:
    """(batch, change) of every version of a design in the ingestion lake."""
    import duckdb

    found = []
    for path in sorted(world.folder.glob("ingestion/design/*/*.parquet")):
        query = f"select _change from '{path}' where design_id = {design_id}"
        found += [(int(path.parent.name), row[0]) for row in duckdb.execute(query).fetchall()]
    return found


@contextmanager
def session_on(world: World) -> Iterator[psycopg.Connection]:
    """A session that the sales team has open while Totes runs."""
    with psycopg.connect(world.source) as connection:
        yield connection
        connection.rollback()


@pytest.fixture
def writer(ran: World) -> Iterator[psycopg.Connection]:
    with session_on(ran) as connection:
        yield connection


def test_late_commit_arrives_once(world: World) -> None:
    """A row of a transaction that began before the previous run and committed after it arrives,
    once; a cursor on last_updated would have lost it."""
    with session_on(world) as writer:
        writer.execute(insert(500, "2023-06-01 12:00"))
        world.change(insert(501, "2023-06-01 12:05"))
        pipeline.ingest(world.settings)
        latest = "select max(last_updated) from design where design_id = 501"
        watermark = world.ask(latest, source=True)
        assert watermark == [(datetime(2023, 6, 1, 12, 5),)]
        writer.commit()

    by_cursor = f"select design_id from design where last_updated > '{watermark[0][0]}'"
    assert world.ask(by_cursor, source=True) == [], "a cursor on last_updated loses the row"
    for _ in range(3):
        pipeline.ingest(world.settings)
    assert versions(world, 500) == [(2, "insert")]
    assert versions(world, 501) == [(1, "insert")]


def test_rows_behind_a_long_transaction_are_not_captured_twice(
    ran: World, writer: psycopg.Connection
) -> None:
    """While a writer holds the fence back, rows are read again on every run and kept once."""
    writer.execute(insert(600))
    for number in range(3):
        ran.change(insert(610 + number))
        pipeline.ingest(ran.settings)
    writer.commit()
    pipeline.ingest(ran.settings)
    assert [len(versions(ran, 610 + number)) for number in range(3)] == [1, 1, 1]
    assert versions(ran, 600) == [(5, "insert")]


def test_savepoints_arrive_once(ran: World, writer: psycopg.Connection) -> None:
    """Rows written inside savepoints, whose transaction ids are their own, arrive once; those that
    were rolled back do not."""
    writer.execute(insert(700))
    for number in range(3):
        with writer.transaction():
            writer.execute(insert(701 + number))
    with writer.transaction():
        writer.execute(insert(710))
        raise psycopg.Rollback
    ran.change("update design set design_name = 'x' where design_id = 8")
    pipeline.ingest(ran.settings)
    writer.commit()
    pipeline.ingest(ran.settings)
    pipeline.ingest(ran.settings)
    assert [versions(ran, 700 + n) for n in range(4)] == [[(3, "insert")]] * 4
    assert versions(ran, 710) == []


def test_frozen_and_rewritten_rows_are_no_news(ran: World) -> None:
    """VACUUM FREEZE makes no version; VACUUM FULL, which makes the table's file anew, neither."""
    with psycopg.connect(ran.source, autocommit=True) as connection:
        connection.execute("vacuum freeze design")
        connection.execute("vacuum full design")
    before = ran.objects()
    assert pipeline.ingest(ran.settings).batches == []
    assert ran.objects() == before


def test_texts_keep_every_character(ran: World) -> None:
    """Returns, newlines, tabs, quotes and backslashes arrive in the warehouse as they are."""
    text = "a\rb\r\nc\td\"e'f\\N\\.g,\u202e\U0001f45c"
    with psycopg.connect(ran.source) as connection:
        connection.execute("update design set design_name = %s where design_id = 8", [text])
    ran.run()
    assert ran.ask("select design_name from dim_design where design_id = 8") == [(text,)]


def test_truncate_and_refill_is_seen_whole(ran: World) -> None:
    """After TRUNCATE and a refill, rows that are gone are deletions, the others updates at most."""
    ran.change(
        "create table kept as select * from design where design_id = 8",
        "truncate design",
        "insert into design select * from kept",
    )
    pipeline.ingest(ran.settings)
    assert versions(ran, 472)[1:] == [(2, "delete")]
    assert versions(ran, 8)[1:] == [(2, "update")]


def test_table_made_anew_is_compared_whole(ran: World) -> None:
    """A table that was dropped and restored has no usable cursor: only true differences arrive."""
    ran.change(
        "create table restored (like design including all)",
        "insert into restored select * from design where design_id <> 472",
        "update restored set design_name = 'New' where design_id = 8",
        insert(900).replace("into design", "into restored"),
        "drop table design",
        "alter table restored rename to design",
    )
    report = pipeline.ingest(ran.settings)
    assert report.tables["design"].note == "the table was made anew"
    assert versions(ran, 8)[1:] == [(2, "update")]
    assert versions(ran, 472)[1:] == [(2, "delete")]
    assert versions(ran, 900) == [(2, "insert")]
    assert pipeline.ingest(ran.settings).batches == []


def test_source_is_only_read(world: World) -> None:
    """A login that may do nothing but SELECT is enough, and the session is read only."""
    with psycopg.connect(world.source, autocommit=True) as connection:
        role = sql.Identifier(f"reader_{connection.info.dbname}")
        connection.execute(sql.SQL("create role {} login password 'r'").format(role))
        try:
            grant = sql.SQL("grant select on all tables in schema public to {}").format(role)
            connection.execute(grant)
            world.source = psycopg.conninfo.make_conninfo(
                world.source, user=f"reader_{connection.info.dbname}", password="r"
            )
            report = pipeline.ingest(world.settings)
        finally:
            connection.execute(sql.SQL("drop owned by {}").format(role))
            connection.execute(sql.SQL("drop role {}").format(role))
    assert not report.problems
    assert report.tables["sales_order"].inserted == 4


def test_duplicate_key_without_an_index_is_refused(world: World) -> None:
    """Where nothing at the source keeps a key unique, a key that is there twice is said."""
    world.change(
        "alter table design drop constraint design_pkey",
        "insert into design select * from design where design_id = 8",
    )
    with pytest.raises(Exception, match=r"design: the key design_id = 8 is there more than once"):
        pipeline.ingest(world.settings)
    assert world.objects() == {}


WAITING = """
    select pid from pg_stat_activity where datname = current_database()
    and application_name = 'totes' and wait_event_type = 'Lock'
"""


def test_table_rewritten_while_we_look_is_not_taken_for_empty(ran: World) -> None:
    """TRUNCATE and a refill that commit while a run waits for the table are no deletions."""
    ran.extra["deletion_limit"] = 1  # or a table found empty would wait for a person
    refill = "insert into payment select * from kept"
    with psycopg.connect(ran.source) as writer, ThreadPoolExecutor(1) as pool:
        writer.execute("create table kept as select * from payment")
        writer.execute("truncate payment")
        writer.execute(refill)
        run = pool.submit(ran.run)
        eventually(lambda: ran.ask(WAITING, source=True))
        writer.commit()
        run.result()
    assert ran.ask("select distinct change from fact_payment") == [("insert",)]
    assert ran.ask("select count(*) from current_payment") == [(6,)]


def test_same_transaction_id_and_other_values_is_a_change(ran: World) -> None:
    """After a move to another cluster an id may come again: values are looked at as well."""
    before = ran.ask("select xmin::text::bigint from design where design_id = 8", source=True)
    ran.change("update design set design_name = 'Other' where design_id = 8")
    after = ran.ask("select xmin::text::bigint from design where design_id = 8", source=True)
    paths = list(ran.folder.glob("ingestion/design/*/*.parquet"))
    forge_xid(ran, paths[0], before[0][0], after[0][0])
    ran.run()
    assert ran.ask("select design_name from dim_design where design_id = 8") == [("Other",)]


def forge_xid(world: World, path: Path, old: int, new: int) -> None:
    """Let a lake file say that its rows were written by another transaction, hashes and all."""
    import hashlib
    import json

    import duckdb

    forged = path.with_suffix(".forged")
    rows = f"select * replace (if(_xid = {old}, {new}, _xid) as _xid) from '{path}'"
    duckdb.execute(f"copy ({rows}) to '{forged}' (format parquet)")
    (manifest,) = world.folder.glob("ingestion/manifests/*/*/*.json")
    digest = hashlib.sha256(forged.read_bytes()).hexdigest()
    text = manifest.read_text()
    was = hashlib.sha256(path.read_bytes()).hexdigest()
    manifest.write_text(text.replace(was, digest))
    forged.replace(path)
    processed = next(world.folder.glob("processed/manifests/*/*/*.json"))
    content = json.loads(processed.read_text())
    content["source"] = hashlib.sha256(manifest.read_bytes()).hexdigest()
    processed.write_text(json.dumps(content))
    ledger = hashlib.sha256(processed.read_bytes()).hexdigest()
    world.change(f"update totes.ledger set manifest = '{ledger}'", warehouse=True)


def test_attached_partition_arrives(world: World) -> None:
    """Rows that are there all at once, with old transaction ids, arrive; so do their deletions."""
    world.change(
        "alter table design rename to old_design",
        "create table design (like old_design) partition by range (design_id)",
        "create table few partition of design for values from (0) to (100)",
        "create table many (like old_design)",
        "insert into design select * from old_design where design_id < 100",
        "insert into many select * from old_design where design_id >= 100",
    )
    world.change("alter table sales_order drop constraint if exists sales_order_design_id_fkey")
    pipeline.ingest(world.settings)
    assert versions(world, 472) == []
    world.change("alter table design attach partition many for values from (100) to (1000)")
    pipeline.ingest(world.settings)
    assert versions(world, 472) == [(2, "insert")]
    world.change(
        "create table others (like old_design)",
        "insert into others select 473, design_name, file_name, file_location, last_updated, "
        "created_at from old_design where design_id = 472",
    )
    world.change("update payment set paid = true")  # so that the cursor is past those rows
    pipeline.ingest(world.settings)
    world.change(
        "alter table design detach partition many",
        "alter table design attach partition others for values from (100) to (1000)",
    )
    pipeline.ingest(world.settings)
    assert versions(world, 472) == [(2, "insert"), (4, "delete")]
    assert versions(world, 473) == [(4, "insert")]


def test_rows_that_no_transaction_wrote_are_found_by_a_full_look(world: World) -> None:
    """Rows of a child table, which appear without being written, are captured."""
    world.change("create table more (like design)", insert(800).replace("into design", "into more"))
    pipeline.ingest(world.settings)
    world.change("update design set design_name = 'x' where design_id = 8")
    world.change("alter table more inherit design")
    report = pipeline.ingest(world.settings)
    assert report.tables["design"].note == "its partitions or child tables changed"
    assert versions(world, 800) == [(2, "insert")]


def test_hidden_rows_are_not_taken_for_deleted(ran: World) -> None:
    """A row-level policy that hides rows from our login is an error, not their deletion."""
    with psycopg.connect(ran.source, autocommit=True) as connection:
        name = f"hidden_{connection.info.dbname}"
        role = sql.Identifier(name)
        connection.execute(sql.SQL("create role {} login password 'r'").format(role))
        try:
            grant = sql.SQL("grant select on all tables in schema public to {}").format(role)
            connection.execute(grant)
            connection.execute("alter table payment enable row level security")
            connection.execute("create policy p on payment using (payment_id > 10)")
            ran.source = psycopg.conninfo.make_conninfo(ran.source, user=name, password="r")
            with pytest.raises(ConfigurationError, match="row-level security"):
                ran.run()
        finally:
            connection.execute(sql.SQL("drop owned by {}").format(role))
            connection.execute(sql.SQL("drop role {}").format(role))
    assert ran.ask("select count(*) from current_payment") == [(6,)]


def test_key_that_is_null_is_refused(world: World) -> None:
    """Where nothing at the source forbids it, a key that is NULL is said."""
    world.change(
        "alter table design drop constraint design_pkey",
        "alter table design alter design_id drop not null",
        "create unique index on design (design_id)",
        "insert into design (design_id, design_name, file_name, file_location, last_updated, "
        "created_at) values (null, 'x', 'x', 'x', now(), now())",
    )
    with pytest.raises(ContractError, match="design_id = NULL is there and is no key"):
        pipeline.ingest(world.settings)


@pytest.mark.slow
def test_value_that_cannot_be_held_stops_its_table_alone(ran: World) -> None:
    """A table with a value that the lake cannot hold is stopped; those after it are captured."""
    ran.change(
        "update address set district = repeat('5', 70000000) where address_id = 2",
        "insert into address select repeat('5', 300), 1000 + n, 'x', null, null, 'x', 'x', 'x', "
        "now(), now() from generate_series(1, 30000) as n",
        "update payment set paid = true where payment_id = 8",
    )
    report = pipeline.ingest(ran.settings)
    assert list(report.problems) == ["address"]
    assert report.tables["payment"].updated == 1
    ran.change("update address set district = 'x' where address_id = 2")
    assert pipeline.ingest(ran.settings).tables["address"].inserted == 30000
