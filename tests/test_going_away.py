"""Things that go away: what passes is waited for, what stays away is said, and nothing is lost."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.frozen import frozen
from tests.proxy import Proxy, proxy_to
from tests.s3 import environment_of, free_port
from tests.test_cli import assert_is_clear_error, totes
from tests.undisturbed import (
    ENDS,
    SCENARIOS,
    Contents,
    Undisturbed,
    assert_no_half,
    contents,
    port_of,
    through,
)
from tests.world import World
from totes import duck, pipeline
from totes.demo.postgres import PostgresServer
from totes.errors import ConfigurationError, TakenError, TransientError
from totes.extract.readers import READERS
from totes.lake import bucket
from totes.lake.store import Store
from totes.pipeline import patience
from totes.report import Report, silent

PARTS = 2


@pytest.fixture
def proxy(server: PostgresServer) -> Iterator[Proxy]:
    """A proxy to the database server."""
    with proxy_to(port_of(server.dsn())) as running:
        yield running


def assert_made_good(world: World, expected: Contents) -> None:
    """All is as if nothing had happened."""
    assert_no_half(world)
    assert contents(world) == expected


# --- what is tried again, and how ---


def failing(times: int, error: Exception) -> Callable[[], str]:
    """Something that fails so many times before it comes to an end."""
    left = iter([error] * times)

    def work() -> str:
        for failure in left:
            raise failure
        return "done"

    return work


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds that would have been waited."""
    found: list[float] = []
    monkeypatch.setattr(patience, "FIRST_WAIT", 1.0)
    monkeypatch.setattr("tenacity.nap.time.sleep", found.append)
    return found


def test_what_passes_is_tried_again_after_growing_waits(waits: list[float]) -> None:
    """Three failures are overcome, with waits that double; the Progress is told why each time."""
    told: list[str] = []
    work = failing(3, TransientError("the sea is rough"))
    assert patience.patiently(work, "load", lambda *what: told.append(what[1])) == "done"
    assert [int(wait // 2**n) for n, wait in enumerate(waits)] == [1, 1, 1]
    assert all("again in" in line and "the sea is rough" in line for line in told)
    assert len(told) == 3


def test_what_stays_away_is_an_error_in_the_end(waits: list[float]) -> None:
    """The fourth failure is the error, and it says how often was tried, with the hint it had."""
    work = failing(9, TransientError("the sea is rough", hint="wait for the tide"))
    with pytest.raises(TransientError, match=r"the sea is rough \(tried 4 times\)") as caught:
        patience.patiently(work, "load", silent)
    assert caught.value.hint == "wait for the tide"
    assert len(waits) == 3


@pytest.mark.parametrize("error", [ConfigurationError("wrong"), TakenError("taken"), OSError()])
def test_what_will_not_pass_is_not_tried_again(waits: list[float], error: Exception) -> None:
    """What a person must mend, or another run has done, comes out at once."""
    with pytest.raises(type(error)):
        patience.patiently(failing(1, error), "load", silent)
    assert waits == []


def test_a_report_says_that_one_attempt_was_not_enough() -> None:
    """The note of a stage that was tried again says so, and what was the matter."""
    work: Any = failing(2, TransientError("the sea is rough"))
    report = patience.reported(Report("load"), silent, work)
    assert report.note == "done at the 3rd attempt; before: the sea is rough"
    assert patience.reported(Report("load"), silent, lambda: None).note is None


def test_ctrl_c_ends_the_waiting_at_once(tmp_path: Path) -> None:
    """A run that waits for a source that is away ends on Ctrl-C, and says so."""
    world = World(f"postgresql://nobody@127.0.0.1:{free_port()}/x", "", tmp_path)
    command = [sys.executable, "-c", SLOWLY.format(commands=["ingest"])]
    process = subprocess.Popen(
        command, env=os.environ | world.environment, stderr=subprocess.PIPE, text=True
    )
    try:
        assert process.stderr
        assert process.stderr.readline() == "waiting\n"
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=20)
    finally:
        process.kill()
    assert process.returncode == 1
    assert "stopped" in errors


SLOWLY = """
import sys, time
from totes.cli import cli
from totes.pipeline import patience
sleep = time.sleep
def told(seconds):
    print("waiting", file=sys.stderr, flush=True)
    sleep(60)
time.sleep = told
cli({commands!r})
"""


# --- connections that are cut ---


@pytest.mark.parametrize("part", range(PARTS))
@pytest.mark.parametrize("scenario", SCENARIOS)
@pytest.mark.parametrize("end", ENDS)
def test_a_connection_that_is_cut_once_is_made_good_by_the_run_itself(
    undisturbed: Undisturbed, tmp_path: Path, proxy: Proxy, end: str, scenario: str, part: int
) -> None:
    """Source or warehouse cut off once, wherever in the conversation: the same run ends well."""
    with undisturbed.before(scenario, tmp_path) as (world, outcome):
        proxy.cut(after=outcome.passed[end] * (2 * part + 1) // (2 * PARTS))
        through(proxy, world, end).run()
        assert proxy.cuts == 1
        assert_made_good(world, outcome.contents)


@pytest.mark.slow
@pytest.mark.parametrize("scenario", SCENARIOS)
@pytest.mark.parametrize("end", ENDS)
def test_an_end_that_stays_away_is_a_clear_error_and_the_next_run_goes_on(
    undisturbed: Undisturbed, tmp_path: Path, proxy: Proxy, end: str, scenario: str
) -> None:
    """Cut off for good, sooner or later: exit code 1, what and how often; then a run as ever."""
    with undisturbed.before(scenario, tmp_path) as (world, outcome):
        for part in range(PARTS):
            after = outcome.passed[end] * (2 * part + 1) // (2 * PARTS)
            proxy.cut(after=after, for_good=True)
            result = totes(through(proxy, world, end), "run")
            proxy.mend()
            assert_is_clear_error(result, f"TOTES_{end.upper()}", "tried 4 times")
            assert_no_half(world)
        world.run()
        assert_made_good(world, outcome.contents)


def end_sessions(dsn: str) -> int:
    """Terminate every session of Totes in a database; how many there were."""
    with psycopg.connect(dsn) as connection:
        found = connection.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity "
            "where application_name = 'totes' and datname = current_database()"
        )
        return len(found.fetchall())


@pytest.mark.slow
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_sessions_that_are_ended_are_begun_anew(
    undisturbed: Undisturbed, tmp_path: Path, scenario: str
) -> None:
    """An administrator who ends each stage's session, while it works, is outlived by the run."""
    ended: dict[str, int] = {}

    def end_once(stage: str, what: str, done: int, total: int) -> None:
        if done == 3 and stage not in ended:
            ended[stage] = end_sessions(world.source) + end_sessions(world.warehouse)

    with undisturbed.before(scenario, tmp_path) as (world, outcome):
        ingested, processed, loaded = pipeline.run(world.settings, end_once)
        assert 1 <= ended.pop("ingest") <= READERS
        assert ended == {"process": 0, "load": 1}
        # "terminating connection", or, between two statements, just that the connection is lost
        assert "done at the 2nd attempt; before: TOTES_SOURCE" in str(ingested.note)
        assert processed.note is None
        assert "done at the 2nd attempt; before: TOTES_WAREHOUSE" in str(loaded.note)
        assert_made_good(world, outcome.contents)


def test_a_report_has_what_the_failed_attempts_committed(ran: World) -> None:
    """Batches that were loaded before the connection was cut are in the report, and only once."""
    for units in (1111, 2222, 3333):
        ran.change(f"update sales_order set units_sold = {units} where sales_order_id = 14")
        pipeline.ingest(ran.settings)
    pipeline.process(ran.settings)
    ended: list[int] = []

    def end_in_the_middle(stage: str, what: str, done: int, total: int) -> None:
        if done == total // 2 and not ended:
            ended.append(end_sessions(ran.warehouse))

    report = pipeline.load(ran.settings, end_in_the_middle)
    assert ended == [1]
    assert report.batches == [2, 3, 4]
    assert report.tables["fact_sales_order"].rows == 3


# --- tables that somebody has locked ---


@contextmanager
def altered(dsn: str, table: str) -> Iterator[psycopg.Connection]:
    """Somebody's ALTER TABLE, not committed yet; to be rolled back."""
    with psycopg.connect(dsn) as other:
        other.execute(f"alter table {table} add column remark text".encode())
        yield other
        other.rollback()


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Locks are waited for a moment only."""
    from totes.extract import source

    monkeypatch.setattr("totes.warehouse.load.PATIENCE", "50ms")
    monkeypatch.setattr(source, "SESSION", source.SESSION.replace("'10s'", "'50ms'"))


@pytest.mark.usefixtures("hasty")
@pytest.mark.parametrize(("end", "table"), [("source", "staff"), ("warehouse", "dim_staff")])
def test_a_table_that_stays_locked_is_named(ran: World, end: str, table: str) -> None:
    """Somebody's ALTER TABLE that does not end: an error that names the table and the cause."""
    ran.change("update staff set first_name = 'Ann'")
    with altered(getattr(ran, end), table):
        result = totes(ran, "run")
    assert_is_clear_error(
        result, f"TOTES_{end.upper()}: {table}", "lock timeout", "locked", "tried 4 times"
    )
    ran.run()
    assert ran.ask("select distinct first_name from dim_staff") == [("Ann",)]


@pytest.mark.usefixtures("hasty")
@pytest.mark.parametrize(("end", "table"), [("source", "staff"), ("warehouse", "dim_staff")])
def test_a_table_that_is_released_is_written_by_the_same_run(
    ran: World, end: str, table: str
) -> None:
    """Somebody's ALTER TABLE that ends while the run waits: its next attempt succeeds."""
    ran.change("update staff set first_name = 'Ann'")
    with altered(getattr(ran, end), table) as other:

        def release(stage: str, what: str, done: int, total: int) -> None:
            if "again in" in what:
                other.rollback()

        reports = pipeline.run(ran.settings, release)
    assert [bool(report.note) for report in reports] == [end == "source", False, end != "source"]
    assert ran.ask("select distinct first_name from dim_staff") == [("Ann",)]


def test_all_attempts_at_a_locked_table_take_about_a_minute() -> None:
    """Four waits for a lock, or for a storage that is silent, and the waits between: a minute."""
    from totes.extract.source import SESSION
    from totes.warehouse.load import PATIENCE

    between = sum(2**n + 1 for n in range(patience.ATTEMPTS - 1))
    lasting = {
        "source": 10 if "lock_timeout = '10s'" in SESSION else 99,
        "warehouse": int(PATIENCE.removesuffix("s")),
        "storage": bucket.ANSWER,
    }
    for longest in lasting.values():
        assert 40 <= longest * patience.ATTEMPTS + between <= 65


@pytest.mark.slow
def test_a_load_that_freezes_does_not_keep_others_waiting(
    undisturbed: Undisturbed, tmp_path: Path
) -> None:
    """A frozen load loses its session: another one loads; and woken, it finds all done."""
    with undisturbed.before("second", tmp_path) as (world, outcome):
        pipeline.ingest(world.settings)
        pipeline.process(world.settings)
        with frozen(world, "load", "700ms", "load") as run:
            watchdog = threading.Timer(20, run.end)
            watchdog.start()
            assert pipeline.load(world.settings).batches == [2]
            watchdog.cancel()
            run.wake()
            code, printed = run.wait()
        assert code == 0, printed
        assert "attempt; before: TOTES_WAREHOUSE" in printed
        assert_made_good(world, outcome.contents)


# --- storage ---


@pytest.fixture
def storage(moto: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Proxy]:
    """A proxy to an S3, by which this process reaches it."""
    with proxy_to(int(moto.rpartition(":")[2])) as running:
        for name, value in environment_of(f"http://127.0.0.1:{running.port}").items():
            monkeypatch.setenv(name, value)
        yield running


@pytest.fixture
def store(storage: Proxy, tmp_path: Path) -> Store:
    return Store(f"s3://lake/{tmp_path.name}", tmp_path / "cache", setting="TOTES_INGESTION")


def test_storage_that_is_cut_off_for_a_moment_is_not_noticed(
    store: Store, storage: Proxy, tmp_path: Path
) -> None:
    """A put, a get, a fetch and a listing that are cut in the middle come to their end."""
    content = os.urandom(3 << 20)
    (tmp_path / "file").write_bytes(content)
    storage.cut(after=1 << 20)
    assert store.put("a/b", tmp_path / "file")
    storage.cut(after=1 << 20)
    assert store.get("a/b") == content
    storage.cut(after=1 << 20)
    assert store.fetch("a/b", sha256_of(content)).read_bytes() == content
    storage.cut(after=100)
    assert store.names("a") == ["b"]
    assert storage.cuts == 4


def sha256_of(content: bytes) -> str:
    import hashlib

    return hashlib.sha256(content).hexdigest()


@pytest.mark.parametrize("away", ["cut", "silent"])
def test_storage_that_stays_away_is_a_passing_fault_before_long(
    store: Store, storage: Proxy, away: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Storage that refuses, or says nothing at all, fails in the time that it is given."""
    store.put("a/b", b"there")
    storage.swallows = away == "silent"
    if away == "cut":
        storage.cut(after=0, for_good=True)
    asked: list[Callable[[], object]] = [
        lambda: store.put("a/c", b"more"),
        lambda: store.get("a/b"),
        lambda: store.names("a"),
        lambda: store.fetch("a/b", sha256_of(b"there")),
    ]
    watchdog = threading.Timer(20, storage.end)
    watchdog.start()
    with monkeypatch.context() as hasty:
        hasty.setattr(bucket, "ANSWER", 0.1)
        hasty.setattr(bucket, "RETRIES", bucket.RETRIES | {"max_retries": 1})
        for ask in asked:
            began = time.monotonic()
            with pytest.raises(TransientError, match="TOTES_INGESTION"):
                ask()
            assert time.monotonic() - began < 5
    watchdog.cancel()
    storage.mend()
    assert store.get("a/c") is None


def test_a_large_upload_is_given_more_time() -> None:
    """An upload is given time by its size: nothing is answered before all of it has been sent."""
    asked = bucket.Bucket("s3://lake/x")
    patient: list[Any] = [
        asked.client(upload=size).client_options for size in (0, 10 << 20, 1 << 30)
    ]
    assert [options["read_timeout"] for options in patient] == [
        "10000ms",
        "40000ms",
        "2560000ms",
    ]
    assert {options["timeout"] for options in patient} == {"24h"}


@pytest.mark.slow
def test_a_download_may_take_its_time(
    store: Store, storage: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What arrives slowly, but arrives, is not given up: only silence is."""
    monkeypatch.setattr(bucket, "ANSWER", 0.5)
    content = os.urandom(1 << 20)
    store.put("a/b", content)
    storage.slowly = 0.1  # for each 64 kB
    began = time.monotonic()
    assert store.fetch("a/b", sha256_of(content)).read_bytes() == content
    assert time.monotonic() - began > 1


@pytest.mark.slow
def test_a_run_over_storage_that_comes_and_goes(world: World, storage: Proxy) -> None:
    """Lakes in a bucket that is cut off now and then, or for good: all is made good in the end."""
    for kind in ("ingestion", "processed"):
        world.extra[kind] = f"s3://lake/{world.folder.name}/{kind}"
    storage.cut(after=20_000, for_good=True)
    with pytest.raises(TransientError, match=r"TOTES_INGESTION \(s3://.*tried 4 times"):
        world.run()
    storage.mend()
    for number, after in enumerate((5_000, 70_000, 140_000)):
        world.change(f"update sales_order set units_sold = {number + 1} where sales_order_id = 14")
        storage.cut(after=after)
        world.run()
    assert storage.cuts >= 4
    assert world.ask("select max(batch) from totes.ledger") == [(3,)]
    assert pipeline.verify(world.settings).is_well


# --- disks that are full ---


@contextmanager
def files_up_to(size: int) -> Iterator[None]:
    """For a while no file of this process may become larger than so many bytes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


PLACES = ("TOTES_INGESTION", "TOTES_PROCESSED", "totes-")  # lakes, and the folder of a run's own


@pytest.mark.slow
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_a_full_disk_is_a_clear_error_and_leaves_no_debris(
    undisturbed: Undisturbed, tmp_path: Path, scenario: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that is full at whatever file: an error that names the place; then a run as ever."""
    with undisturbed.before(scenario, tmp_path) as (world, outcome):
        places = set()
        with monkeypatch.context() as small:
            small.setattr("tempfile.tempdir", str(tmp_path))
            small.setattr(patience, "ATTEMPTS", 1)
            for size in (0, 700, 2_500, 6_000):
                before = world.objects()
                with files_up_to(size):
                    result = totes(world, "run")
                assert_is_clear_error(result, "is its disk full?")
                where = result.stderr.splitlines()[0]
                places |= {
                    p for p in ("TOTES_INGESTION", "TOTES_PROCESSED", "totes-") if p in where
                }
                assert_no_half(world)
                after = world.objects()
                assert not [name for name in after if Path(name).name.startswith(".")]
                assert not [name for name in after.keys() - before.keys() if not after[name]]
                assert not list(tmp_path.glob("totes-*"))
        assert len(places) > 1, places
        world.run()
        assert_made_good(world, outcome.contents)


@pytest.mark.parametrize("size", [0, 1, 4096, 99_999])
def test_a_put_that_does_not_fit_leaves_nothing(tmp_path: Path, size: int) -> None:
    """A file or bytes for which the disk has no room: an error with the object's place, no more."""
    (tmp_path / "file").write_bytes(os.urandom(100_000))
    store = Store(f"file://{tmp_path}/lake", tmp_path / "cache", setting="TOTES_INGESTION")
    for content in (tmp_path / "file", (tmp_path / "file").read_bytes()):
        with files_up_to(size), pytest.raises(TransientError, match=r"TOTES_INGESTION.*/lake/a/b"):
            store.put("a/b", content)
        assert list((tmp_path / "lake/a").iterdir()) == []
    assert store.put("a/b", tmp_path / "file")


def test_a_workspace_that_is_full_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, store: Store
) -> None:
    """Whatever does not fit into the folder of a run's own is an error that names the folder."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    rows = "select uuid() as a from range(100000)"
    store.put("a", os.urandom(100_000))

    def spill(work: duck.Workspace) -> None:
        work.engine.execute("set memory_limit = '20MB'")
        work.engine.execute("create table t as select uuid() as a from range(3000000)")

    writing: list[Callable[[duck.Workspace], object]] = [
        lambda work: duck.write_parquet(work.engine, rows, work.folder / "a.parquet"),
        lambda work: (work.folder / "a").write_bytes(bytes(100_000)),
        lambda work: Store(store.url, work.folder, setting="X").fetch("a", "0" * 64),
        spill,
    ]
    for write in writing:
        with (
            files_up_to(50_000),
            pytest.raises(TransientError, match=f"{tmp_path}/totes-") as caught,
            duck.workspace() as work,
        ):
            write(work)
        assert "disk full" in str(caught.value.hint)
    assert not list(tmp_path.glob("totes-*"))


def test_no_folder_to_work_in_is_a_clear_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where no temporary folder can be made, the error says so, and names TMPDIR."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "nowhere"))
    with pytest.raises(TransientError, match="nowhere") as caught, duck.workspace():
        pass
    assert "TMPDIR" in str(caught.value.hint)


@pytest.mark.parametrize("kind", ["ingestion", "processed"])
def test_a_lake_whose_disk_is_unmounted_is_not_begun_anew(
    undisturbed: Undisturbed, tmp_path: Path, kind: str
) -> None:
    """A lake that vanishes in the middle of a run is an error; nothing is written in its place."""
    folder, aside = tmp_path / kind, tmp_path / "aside"
    stage = "ingest" if kind == "ingestion" else "process"

    def unmount(at: str, what: str, done: int, total: int) -> None:
        if at == stage and folder.exists():
            folder.rename(aside)

    with undisturbed.before("second", tmp_path) as (world, outcome):
        with pytest.raises(TransientError, match=rf"{kind}.*tried 4 times") as caught:
            pipeline.run(world.settings, unmount)
        assert "mounted" in str(caught.value.hint)
        assert not folder.exists()
        aside.rename(folder)
        world.run()
        assert_made_good(world, outcome.contents)


def test_another_disk_under_a_lake_s_name_is_not_written(tmp_path: Path) -> None:
    """The mount point that is left when a disk is unmounted is neither read nor written."""
    other = Path("/dev/shm")
    if not other.is_dir() or other.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("there is no second disk")
    (tmp_path / "lake").symlink_to(other)
    store = Store(f"file://{tmp_path}/lake", tmp_path, setting="TOTES_INGESTION")
    assert store.get("no such thing of ours") is None
    (tmp_path / "lake").unlink()
    (tmp_path / "lake").mkdir()
    for ask in (lambda: store.put("a", b""), lambda: store.get("a"), lambda: store.names("a")):
        with pytest.raises(TransientError, match="was there, and is gone"):
            ask()
    assert list((tmp_path / "lake").iterdir()) == []
