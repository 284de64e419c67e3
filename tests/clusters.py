"""Whole PostgreSQL clusters for a test to copy, restore, replicate, set back and wind forward."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import count
from pathlib import Path

import psycopg

from tests.waiting import eventually
from tests.world import HANDMADE, folder_for_servers, let_in_fast
from totes.demo.postgres import PostgresServer, binaries
from totes.demo.process import account_for, spawn

TOTESYS = "totesys"
PAGE = (
    32_768  # transactions whose states share a page of pg_xact: a counter can be set to its start
)
ORIGIN = 1_000 * PAGE  # where the original's transactions begin: some room is left before
FAR = 45_000 * PAGE  # transactions: more than half of 2^31, and fewer than PostgreSQL refuses at


class Clusters:
    """Clusters of a test's own, copies of a stopped `original`; they end with `stack`."""

    def __init__(self, folder: Path, original: Path, stack: ExitStack) -> None:
        self.folder = folder
        self.original = original
        self._stack = stack
        self._numbers = count(1)

    def new(self) -> Path:
        """A new folder that whoever the servers run as may write to."""
        new = self.folder / f"{self.folder.name}-{next(self._numbers)}"
        new.mkdir()
        os.chown(new, *account_for(new)[:2])
        self._stack.callback(shutil.rmtree, new)
        return new

    def tool(self, name: str, *arguments: str) -> None:
        """Run one of PostgreSQL's programs, or that of a path, as whom the servers run as."""
        command = [str(binaries() / name), *arguments]
        process = spawn(command, account_for(self.original), self.folder, output=subprocess.PIPE)
        said = process.communicate()[0].decode(errors="replace")
        assert process.returncode == 0, f"{name}: {said}"

    def copied(self, folder: Path | None = None) -> Path:
        """A copy, file by file, of a stopped cluster: of the original, if no other is given."""
        new = self.new()
        for part in ("data", "password"):
            self.tool("/bin/cp", "-Rp", str((folder or self.original) / part), str(new))
        return new

    def started(self, folder: Path | None = None) -> PostgresServer:
        """A running server over a folder, or over a copy of the original."""
        server = PostgresServer(folder or self.copied(), durable=False)
        self._stack.callback(server.stop)
        server.start()
        return server

    def backed_up(self, server: PostgresServer, *options: str) -> Path:
        """A base backup of a running server, as its own folder, not started."""
        new = self.new()
        quick = ("--no-sync", "--checkpoint=fast")
        to = str(new / "data")
        self.tool("pg_basebackup", "-d", server.dsn(), "-D", to, *quick, *options)
        self.tool("/bin/cp", "-p", str(server.folder / "password"), str(new))
        return new

    def standby(self, primary: PostgresServer) -> PostgresServer:
        """A hot standby that streams from a running server."""
        folder = self.backed_up(primary, "--write-recovery-conf")
        return self.started(folder)

    def wind(self, server: PostgresServer, xid: int, *options: str) -> None:
        """Let a server's next transaction have a certain 64-bit id, a multiple of PAGE.

        Its rows are frozen first, so that it may be far away. With further options of pg_resetwal.
        """
        freeze(server)
        server.stop()
        epoch, low = divmod(xid, 1 << 32)
        to = ("-e", str(epoch), "-x", str(low))
        self.tool("pg_resetwal", *to, *options, "-D", str(server.folder / "data"))
        server.start()


@contextmanager
def original_cluster(happens: Callable[[PostgresServer], object]) -> Iterator[Path]:
    """A stopped cluster with the handmade totesys, to which something has happened; in a folder
    that every user may enter.

    Its rows were written by transactions right after ORIGIN, so that, once a counter has come round
    to there, the same 32 bits can come again. Its log is in files of 1 MB, as it is often copied.
    """
    folder = folder_for_servers("totes-clusters-")
    original = folder / "original"
    try:
        with PostgresServer(original, durable=False) as server, ExitStack() as stack:
            Clusters(folder, original, stack).wind(server, ORIGIN, "--wal-segsize=1")
            let_in_fast(server)
            server.create_database(TOTESYS)
            change(server, HANDMADE.read_text())
            for setting in ("autovacuum = off", "max_prepared_transactions = 5"):
                change(server, f"alter system set {setting}", alone=True)
            happens(server)
        yield original
    finally:
        shutil.rmtree(folder)


@contextmanager
def clusters_like(original: Path) -> Iterator[Clusters]:
    """Clusters for one test; all that it started ends with it."""
    folder = Path(tempfile.mkdtemp(prefix="test-", dir=original.parent))
    folder.chmod(0o755)
    os.chown(folder, *account_for(original)[:2])
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, folder)
        yield Clusters(folder, original, stack)


def change(server: PostgresServer, *statements: str, alone: bool = False) -> None:
    """Commit statements in a server's totesys, as one transaction, or each `alone`."""
    with psycopg.connect(server.dsn(TOTESYS), autocommit=alone) as connection:
        for statement in statements:
            connection.execute(statement)


def ask(server: PostgresServer, query: str) -> object:
    """The one value of a query in a server's totesys."""
    with psycopg.connect(server.dsn(TOTESYS)) as connection:
        ((only,),) = connection.execute(query).fetchall()
    return only


def crash(server: PostgresServer) -> None:
    """Kill one of a server's processes, as a machine that is short of memory does. All others end,
    what was in memory alone is gone, and the server recovers by itself."""
    with psycopg.connect(server.dsn(), autocommit=True) as other:
        victim = psycopg.connect(server.dsn())
        os.kill(victim.info.backend_pid, signal.SIGKILL)
        victim.close()
        eventually(lambda: not _answers(lambda: other.execute("select")))
    eventually(lambda: _answers(lambda: psycopg.connect(server.dsn()).close()))


def _answers(call: Callable[[], object]) -> bool:
    try:
        call()
    except psycopg.OperationalError:
        return False
    return True


def freeze(server: PostgresServer) -> None:
    """Freeze all rows of a server, so that its counter may go on by up to two thousand million."""
    with psycopg.connect(server.dsn(), autocommit=True) as connection:
        connection.execute("alter database template0 allow_connections true")
        names = connection.execute("select datname from pg_database").fetchall()
    for (name,) in names:
        with psycopg.connect(server.dsn(name), autocommit=True) as connection:
            connection.execute("vacuum (freeze)")


def catch_up(standby: PostgresServer, primary: PostgresServer) -> None:
    """Wait until a standby has replayed all that its primary has written by now."""
    there = ask(primary, "select pg_current_wal_insert_lsn()::text")
    ask(primary, "select pg_switch_wal()::text")  # or the last of it might wait to be sent
    query = f"select pg_last_wal_replay_lsn() >= '{there}'::pg_lsn"
    eventually(lambda: ask(standby, query) is True)
