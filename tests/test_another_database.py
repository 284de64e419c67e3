"""Another database under the same name: detected, said, and healed by a comparison of everything.

Restored from a dump or from a point in time, failed over, swapped for another one, or with its
transaction counter wound on: on real servers of the test's own, which are stopped in the end.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import duckdb
import psycopg
import pytest

from tests.clusters import (
    FAR,
    ORIGIN,
    PAGE,
    TOTESYS,
    Clusters,
    ask,
    catch_up,
    change,
    clusters_like,
    crash,
    original_cluster,
)
from tests.waiting import eventually
from tests.world import World, made_database
from totes import lake, pipeline
from totes.changes import Snapshot
from totes.demo.postgres import PostgresServer
from totes.errors import TransientError
from totes.report import Report

SALE = """
    insert into sales_order
    select agreed_payment_date, {}, last_updated, created_at, unit_price, design_id, staff_id,
        counterparty_id, {}, currency_id, agreed_delivery_date, agreed_delivery_location_id
    from sales_order where sales_order_id = 14
"""
SOLD = "update sales_order set units_sold = {} where sales_order_id = {}"
DROPPED = "delete from sales_order where sales_order_id = {}"
pytestmark = pytest.mark.slow  # each starts servers, after one that they are all copies of

TABLES = (  # without the columns that only a deletion's time of sight is in
    ("sales_order", "units_sold, unit_price::text, created_at::text, last_updated::text"),
    ("design", "design_name, file_name, created_at::text, last_updated::text"),
    ("payment", "paid, payment_amount::text, created_at::text, last_updated::text"),
)


@dataclass(frozen=True)
class Begun:
    """A stopped cluster that Totes has run on once; the lakes, and the warehouse's database."""

    cluster: Path
    lakes: Path
    warehouse: str


@pytest.fixture(scope="module")
def begun(server: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Begun]:
    lakes, name = tmp_path_factory.mktemp("lakes"), "kept_clusters_warehouse"
    with made_database(server, name) as warehouse:
        first = partial(run_on, World("", warehouse, lakes))
        with original_cluster(first) as cluster:
            yield Begun(cluster, lakes, name)


@pytest.fixture
def clusters(begun: Begun) -> Iterator[Clusters]:
    """Clusters that are as the first was when Totes had run on it."""
    with clusters_like(begun.cluster) as made:
        yield made


@pytest.fixture
def totes(server: PostgresServer, begun: Begun, tmp_path: Path) -> Iterator[World]:
    """A world after its first run, batch 1, whose source of now is still to be named."""
    shutil.copytree(begun.lakes, tmp_path, dirs_exist_ok=True)
    with made_database(server, "clusters_warehouse", begun.warehouse) as warehouse:
        yield World("", warehouse, tmp_path)


def run_on(totes: World, server: PostgresServer, database: str = TOTESYS) -> Report:
    """Run Totes on a server's totesys; the lake must then hold what is there. What ingest said."""
    totes.source = server.dsn(database)
    ingested = totes.run()[0]
    assert not ingested.problems
    for table, columns in TABLES:
        there = totes.ask(f"select {table}_id, {columns} from {table} order by 1", source=True)
        assert lake_rows(totes, table, columns) == there
    sold = "select sales_order_id, units_sold from {} order by 1"
    assert totes.ask(sold.format("current_sales_order")) == totes.ask(
        sold.format("sales_order"), source=True
    )
    return ingested


def lake_versions(totes: World, table: str) -> str:
    """SQL for all versions of a table in the ingestion lake, and their batch."""
    files = f"{totes.folder}/ingestion/{table}/*/*.parquet"
    return (
        f"(select *, parse_path(filename)[-2]::int as batch "
        f"from read_parquet('{files}', union_by_name = true, filename = true))"
    )


def lake_rows(totes: World, table: str, columns: str) -> list[tuple[Any, ...]]:
    """What the ingestion lake holds of a table now."""
    latest = (
        f"select * from {lake_versions(totes, table)} "
        f"qualify row_number() over (partition by {table}_id order by batch desc) = 1"
    )
    return duckdb.execute(
        f"select {table}_id, {columns} from ({latest}) where _change <> 'delete' order by 1"
    ).fetchall()


def news(totes: World, batch: int) -> dict[int, str]:
    """Sales order → what became of it in a batch of the lake; the warehouse must say the same."""
    found = duckdb.execute(
        f"select sales_order_id, _change from {lake_versions(totes, 'sales_order')} "
        f"where batch = {batch}"
    ).fetchall()
    loaded = totes.ask(f"select sales_order_id, change from fact_sales_order where batch = {batch}")
    assert sorted(found) == sorted(loaded)
    return dict(found)


def notes(report: Report) -> set[str | None]:
    """Why tables were read whole."""
    return {table.note for table in report.tables.values()}


def restore(clusters: Clusters, dsn: str, into: str) -> None:
    """Dump a database, and restore it into another."""
    dump = str(clusters.new() / "dump")
    clusters.tool("pg_dump", "-d", dsn, "-Fc", "-f", dump)
    clusters.tool("pg_restore", "-d", into, "--no-owner", "--exit-on-error", dump)


def test_dump_restored_on_another_server(
    totes: World, clusters: Clusters, server: PostgresServer
) -> None:
    """After a move to another server by dump and restore, only the true differences are news."""
    old, restored = clusters.started(), "restored_elsewhere"
    with made_database(server, restored) as totes.source:
        restore(clusters, old.dsn(TOTESYS), totes.source)
        totes.change(SOLD.format(7, 14), DROPPED.format(2), SALE.format(92, 1))
        report = run_on(totes, server, restored)
        assert notes(report) == {"another database system"}
        assert news(totes, 2) == {14: "update", 2: "delete", 92: "insert"}
        assert sum(table.rows for table in report.tables.values()) == 3

        totes.change(SOLD.format(8, 14))
        assert notes(run_on(totes, server, restored)) == {None}
        assert news(totes, 3) == {14: "update"}


def test_dump_restored_beside_itself(totes: World, clusters: Clusters) -> None:
    """A restored copy on the same server is another database, of which only the differences are
    news; and so is the first one, when it is returned to."""
    server = clusters.started()
    server.create_database("restored")
    restore(clusters, server.dsn(TOTESYS), server.dsn("restored"))
    with psycopg.connect(server.dsn("restored")) as connection:
        connection.execute(SOLD.format(7, 14))
    report = run_on(totes, server, "restored")
    assert notes(report) == {"another database"}
    assert news(totes, 2) == {14: "update"}
    assert notes(run_on(totes, server)) == {"another database"}
    assert news(totes, 3) == {14: "update"}
    assert run_on(totes, server).batches == []


def test_swapped_for_another_company(totes: World, clusters: Clusters) -> None:
    """Another database with the same tables takes the place of the first, row by row."""
    totes.extra["deletion_limit"] = 1  # a person knows
    other = clusters.started()
    other.create_database("other", template=TOTESYS)
    totes.source = other.dsn("other")
    totes.change(
        "update sales_order set sales_order_id = sales_order_id + 1000, units_sold = 5",
        "update design set design_name = 'Another company''s'",
        "truncate payment",
    )
    report = run_on(totes, other, "other")
    assert notes(report) == {"another database"}
    assert news(totes, 2) == {
        **dict.fromkeys((2, 14, 90, 91), "delete"),
        **dict.fromkeys((1002, 1014, 1090, 1091), "insert"),
    }
    assert totes.ask("select count(*) from current_payment") == [(0,)]
    assert run_on(totes, other, "other").batches == []


LOST_FUTURE = (  # transactions that the lake has seen, and that a restored source never had
    (SALE.format(500, 1), SOLD.format("units_sold", 91)),
    (SOLD.format(111, 14),),
    (DROPPED.format(2),),
    (SOLD.format(222, 90), SALE.format(501, 1)),
)
REGAINED = {500: "delete", 501: "delete", 14: "update", 90: "update", 2: "insert"}


def live(server: PostgresServer, transactions: tuple[tuple[str, ...], ...]) -> None:
    for transaction in transactions:
        change(server, *transaction)


def test_copy_of_the_files_put_back(totes: World, clusters: Clusters) -> None:
    """After the data folder was put back to an older copy, on the same timeline, the lost future is
    taken back, and transactions whose ids the lake has seen already arrive as what they are now."""
    server = clusters.started()
    live(server, LOST_FUTURE)
    run_on(totes, server)
    ids = "select array_agg(distinct xmin::text order by xmin::text) from sales_order"
    seen = ask(server, ids)
    server.stop()

    restored = clusters.started()
    assert notes(run_on(totes, restored)) == {"transaction ids went backwards"}
    assert news(totes, 3) == REGAINED
    # the same ids once more, on other keys and with other values; and for 91, whose touch is all
    # that the lake has kept of the lost future, on the very same key
    again = (
        (SALE.format(600, 3), SOLD.format(333, 91)),
        (SOLD.format(333, 14),),
        (DROPPED.format(2),),
    )
    live(restored, again)
    report = run_on(totes, restored)
    assert notes(report) == {None}
    assert news(totes, 4) == {600: "insert", 91: "update", 14: "update", 2: "delete"}
    reused = ask(restored, ids)
    assert isinstance(reused, list)
    assert isinstance(seen, list)
    assert {reused[-1], reused[-2]} <= set(seen), "no id was used again: this test tests nothing"
    live(restored, ((SOLD.format(444, 90), SALE.format(501, 2)),))
    run_on(totes, restored)
    assert news(totes, 5) == {90: "update", 501: "insert"}


def test_copy_put_back_that_has_caught_up(totes: World, clusters: Clusters) -> None:
    """If the source, put back to an older copy of its files, has used up as many transaction ids
    again by the time of the next run, the lost future is taken back all the same."""
    server = clusters.started()
    change(server, SOLD.format(111, 14))
    run_on(totes, server)
    server.stop()

    restored = clusters.started()
    live(restored, ((SOLD.format(222, 90),), (SOLD.format(333, 91),)))
    run_on(totes, restored)
    assert news(totes, 3) == dict.fromkeys((14, 90, 91), "update")


WRITER = "select xmin::text from sales_order where sales_order_id = {}"


def test_ids_that_are_given_out_again_after_a_crash(totes: World, clusters: Clusters) -> None:
    """A commit that the server had not written to disk when it crashed is taken back; what comes
    later under the same transaction id, on another row or on the same one, arrives."""
    server = clusters.started()
    # commits wait in memory for that long
    change(server, "alter system set wal_writer_delay = '10s'", alone=True)
    ask(server, "select pg_reload_conf()")
    for crashes, key in enumerate((90, 14), 1):
        change(server, "checkpoint", alone=True)
        change(server, SOLD.format(111, 14))
        lost = ask(server, WRITER.format(14))
        run_on(totes, server)
        crash(server)
        ids: list[object] = []
        while lost not in ids and len(ids) < 9:
            change(server, SOLD.format(222, key))
            ids.append(ask(server, WRITER.format(key)))
        assert ids[-1] == lost, "no id was given out again: this tests nothing"
        assert notes(run_on(totes, server)) == {"the server recovered from a crash"}
        assert news(totes, 2 * crashes + 1) == dict.fromkeys({14, key}, "update")


def test_a_crash_that_lost_nothing_costs_nothing(totes: World, clusters: Clusters) -> None:
    """Where all that a run saw was on disk, nothing is read in full after a crash."""
    server = clusters.started()
    written = "select pg_current_wal_flush_lsn() >= pg_current_wal_insert_lsn()"
    for units in range(1, 6):
        change(server, SOLD.format(units, 14))
        eventually(lambda: ask(server, written))
        run_on(totes, server)  # whose own reading may have something written to the log
        if is_durable := newest_cursor(totes).durable:
            break
    assert is_durable
    crash(server)
    change(server, SOLD.format(9, 14))
    report = run_on(totes, server)
    assert report.batches == [units + 2]
    assert notes(report) == {None}
    assert news(totes, units + 2) == {14: "update"}


def newest_cursor(totes: World) -> Snapshot:
    """The snapshot up to which sales orders are captured."""
    head = lake.Lake(totes.settings.lake("ingestion"), "ingestion", totes.folder).head()
    assert head
    cursor = head.tables["sales_order"].cursor
    assert cursor
    return cursor


def test_point_in_time_recovery(totes: World, clusters: Clusters) -> None:
    """After recovery to a point in time, on a new timeline, the lost future is taken back, also if
    the source has gone on to beyond the ids that the lake has seen before Totes ran again."""
    server = clusters.started()
    backup = clusters.backed_up(server, "--wal-method=none")
    change(server, SOLD.format(9, 91))
    ask(server, "select pg_create_restore_point('before')::text")
    live(server, LOST_FUTURE)
    run_on(totes, server)
    ask(server, "select pg_switch_wal()::text")
    archive = clusters.new() / "archive"  # of its own: a server that stops clears up
    clusters.tool("/bin/cp", "-Rp", str(server.folder / "data" / "pg_wal"), str(archive))
    server.stop()

    (backup / "data" / "recovery.signal").touch()
    with (backup / "data" / "postgresql.auto.conf").open("a") as settings:
        settings.write(f"restore_command = 'cp {archive}/%f %p'\n")
        settings.write("recovery_target_name = 'before'\nrecovery_target_action = 'promote'\n")
    restored = clusters.started(backup)
    eventually(lambda: ask(restored, "select pg_is_in_recovery()") is False)
    live(restored, ((SALE.format(600, 3),), (SOLD.format(333, 14),)) + ((SOLD.format(1, 90),),) * 9)
    assert notes(run_on(totes, restored)) == {"another timeline of the database system"}
    assert news(totes, 3) == {**REGAINED, 600: "insert"}
    assert totes.ask("select units_sold from current_sales_order where sales_order_id = 91") == [
        (9,)
    ]
    live(restored, ((SOLD.format(2, 90),),))
    assert notes(run_on(totes, restored)) == {None}
    assert news(totes, 4) == {90: "update"}


def test_failover_to_a_standby(totes: World, clusters: Clusters) -> None:
    """Captured from a primary, from its standby, from the primary again, and from the standby once
    it is promoted: nothing is missed, nothing comes twice."""
    primary = clusters.started()
    standby = clusters.standby(primary)
    another = {"another timeline of the database system"}

    with psycopg.connect(primary.dsn(TOTESYS)) as late:
        late.execute(SOLD.format(1, 90))
        late.execute("savepoint s")
        late.execute(SALE.format(700, 1))
        change(primary, SOLD.format(2, 14))
        catch_up(standby, primary)
        assert notes(run_on(totes, standby)) == another
        assert news(totes, 2) == {14: "update"}
    change(primary, SOLD.format(3, 91))
    catch_up(standby, primary)
    assert notes(run_on(totes, standby)) == {None}
    assert news(totes, 3) == {90: "update", 700: "insert", 91: "update"}

    change(primary, DROPPED.format(2))
    assert notes(run_on(totes, primary)) == another
    assert news(totes, 4) == {2: "delete"}
    catch_up(standby, primary)
    assert run_on(totes, standby).batches == [5], "tables are compared once more"
    assert news(totes, 5) == {}

    primary.stop()
    ask(standby, "select pg_promote()")
    change(standby, SOLD.format(4, 14))
    assert notes(run_on(totes, standby)) == another
    assert news(totes, 6) == {14: "update"}
    assert run_on(totes, standby).batches == []


def lagging(totes: World, clusters: Clusters) -> tuple[PostgresServer, PostgresServer]:
    """A primary that Totes has run on, and its standby, which stopped before the last changes."""
    primary = clusters.started()
    standby = clusters.standby(primary)
    catch_up(standby, primary)
    ask(standby, "select pg_wal_replay_pause()::text")
    eventually(lambda: ask(standby, "select pg_get_wal_replay_pause_state()") == "paused")
    change(primary, SOLD.format(1, 14), SALE.format(700, 1))
    run_on(totes, primary)
    return primary, standby


def test_standby_that_lags_behind_the_lake(totes: World, clusters: Clusters) -> None:
    """A standby that has yet to get what the lake holds is waited for: no journey into the past."""
    primary, standby = lagging(totes, clusters)
    before = totes.objects()
    totes.source = standby.dsn(TOTESYS)
    with pytest.raises(TransientError, match="standby that lags behind the lake") as raised:
        totes.run()
    assert str(raised.value.hint).startswith("wait for it, or name the primary in TOTES_SOURCE")
    assert totes.objects() == before

    ask(standby, "select pg_wal_replay_resume()::text")
    catch_up(standby, primary)
    run_on(totes, standby)
    assert news(totes, 2) == {14: "update", 700: "insert"}
    assert news(totes, 3) == {}


def test_standby_that_has_yet_to_see_a_commit(totes: World, clusters: Clusters) -> None:
    """A standby that knows of all transactions that the lake has seen, but not that one of them was
    committed, lags behind the lake as well."""
    primary = clusters.started()
    standby = clusters.standby(primary)
    with psycopg.connect(primary.dsn(TOTESYS)) as late:
        late.execute(SOLD.format(1, 90))
        change(primary, SOLD.format(2, 14))
        catch_up(standby, primary)
        ask(standby, "select pg_wal_replay_pause()::text")
        eventually(lambda: ask(standby, "select pg_get_wal_replay_pause_state()") == "paused")
    run_on(totes, primary)
    newest = "select pg_snapshot_xmax(pg_current_snapshot())::text"
    assert ask(primary, newest) == ask(standby, newest), "it lags by an id: this tests nothing"
    totes.source = standby.dsn(TOTESYS)
    with pytest.raises(TransientError, match="standby that lags behind the lake"):
        totes.run()

    ask(standby, "select pg_wal_replay_resume()::text")
    catch_up(standby, primary)
    run_on(totes, standby)
    assert news(totes, 2) == {14: "update", 90: "update"}
    assert news(totes, 3) == {}


def test_standby_that_lags_is_compared_on_demand(totes: World, clusters: Clusters) -> None:
    """Whoever knows that the past is here to stay can have the tables compared all the same."""
    _, standby = lagging(totes, clusters)
    totes.source = standby.dsn(TOTESYS)
    tables = totes.settings.data_model().sources
    pipeline.ingest(totes.settings, again=dict.fromkeys(tables, "asked for"))
    run_on(totes, standby)
    assert news(totes, 3) == {14: "update", 700: "delete"}


def test_a_million_transactions_are_not_too_many(totes: World, clusters: Clusters) -> None:
    """After a leap of the transaction counter that is not too far, nothing is said but that the
    server was started anew, and the cursor is good."""
    server = clusters.started()
    clusters.wind(server, ORIGIN + 32 * PAGE)
    change(server, SOLD.format(1, 14))
    assert notes(run_on(totes, server)) == {"the server was started anew"}
    assert news(totes, 2) == {14: "update"}
    change(server, SOLD.format(2, 14))
    assert notes(run_on(totes, server)) == {None}
    assert news(totes, 3) == {14: "update"}


def test_two_thousand_million_transactions_are_too_many(totes: World, clusters: Clusters) -> None:
    """When 2^31 transactions have passed since the last run, that is said, and only what truly
    differs is news; the cursor is then good again."""
    server = clusters.started()
    clusters.wind(server, FAR)
    clusters.wind(server, 2 * FAR)
    change(server, SOLD.format(2, 14))
    assert notes(run_on(totes, server)) == {"too many transactions since the last capture"}
    assert news(totes, 2) == {14: "update"}
    with psycopg.connect(server.dsn(TOTESYS)) as late:
        late.execute(SALE.format(700, 1))
        change(server, SOLD.format(3, 90))
        assert notes(run_on(totes, server)) == {None}
    assert news(totes, 3) == {90: "update"}
    run_on(totes, server)
    assert news(totes, 4) == {700: "insert"}


def wind_round(clusters: Clusters, server: PostgresServer, totes: World, to: int) -> None:
    """Let the counter come to 2^32 + `to`, with a run in time before; nothing changes meanwhile."""
    for xid in (FAR, 2 * FAR):
        clusters.wind(server, xid)
        change(server, SOLD.format(0, 14))  # a change, so that the run leaves a cursor
        run_on(totes, server)
    clusters.wind(server, (1 << 32) + to)


def test_transaction_ids_that_begin_anew(totes: World, clusters: Clusters) -> None:
    """Past 2^32, where the ids in the rows begin anew, the lake's go on, a late commit arrives, and
    nothing comes twice."""
    server = clusters.started()
    wind_round(clusters, server, totes, PAGE)
    with psycopg.connect(server.dsn(TOTESYS)) as late:
        late.execute(SALE.format(700, 1))
        for batch in (4, 5, 6):  # over rows that were read before, from both sides of the wrap
            change(server, SOLD.format(batch, 90))
            said = "the server was started anew" if batch == 4 else None
            assert notes(run_on(totes, server)) == {said}
            assert news(totes, batch) == {90: "update"}
    run_on(totes, server)
    assert news(totes, 7) == {700: "insert"}
    assert run_on(totes, server).batches == []
    late_ids = f"from {lake_versions(totes, 'sales_order')} where batch >= 4"
    assert duckdb.execute(f"select count(*) {late_ids} and _xid < {1 << 32}").fetchall() == [(0,)]


def test_rows_of_an_earlier_round_are_not_taken_for_new(totes: World, clusters: Clusters) -> None:
    """When the counter passes, one round later, over the 32 bits of old rows' ids, these rows are
    read again, and are no news."""
    server = clusters.started()
    wind_round(clusters, server, totes, ORIGIN)
    assert notes(run_on(totes, server)) == {"the server was started anew"}
    assert news(totes, 4) == {}
    # transactions, so that the ids of the rows are behind the counter again
    change(server, *["select pg_current_xact_id()"] * 100, alone=True)
    change(server, SOLD.format(1, 14))
    assert notes(run_on(totes, server)) == {None}
    assert news(totes, 5) == {14: "update"}


def test_prepared_transaction_arrives_once(totes: World, clusters: Clusters) -> None:
    """What a transaction wrote that is prepared before a run and committed after it arrives once,
    also if the server is started anew in between."""
    server = clusters.started()
    with psycopg.connect(server.dsn(TOTESYS), autocommit=True) as connection:
        for statement in ("begin", SALE.format(700, 1), SOLD.format(1, 14)):
            connection.execute(statement)
        connection.execute("prepare transaction 'later'")
    change(server, SOLD.format(2, 90))
    run_on(totes, server)
    server.stop()
    server.start()
    change(server, SOLD.format(3, 90))
    run_on(totes, server)
    assert news(totes, 3) == {90: "update"}
    change(server, "commit prepared 'later'", alone=True)
    run_on(totes, server)
    assert news(totes, 4) == {700: "insert", 14: "update"}
    assert run_on(totes, server).batches == []
    assert pipeline.verify(totes.settings).is_well
