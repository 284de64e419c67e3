"""Child processes: whom they run as, how they start, and that they end."""

from __future__ import annotations

import os
import pwd
import signal
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import NamedTuple

from totes.errors import ConfigurationError

PATIENCE = 60.0
"""Seconds that a server may take to start (it may have a crash to recover from) or to stop."""


CHILD = Path(__file__).with_name("child.py")


class Account(NamedTuple):
    """A user and group to become; -1 is to stay who we are.

    `masked` is to stay root, in a user namespace in which root is nobody: still the owner of root's
    files, but without any of root's powers.
    """

    uid: int = -1
    gid: int = -1
    masked: bool = False


def account_for(folder: Path) -> Account:
    """Whom a server over `folder` runs as: ourselves, unless we are root.

    PostgreSQL refuses to run as root: then it is the owner of the data, or root under a mask, or
    `nobody` where there are no user namespaces.
    """
    if os.geteuid() != 0:
        return Account()
    data = folder / "data"
    if data.exists() and (status := data.stat()).st_uid != 0:
        return Account(status.st_uid, status.st_gid)
    if sys.platform == "linux" and _can_mask():
        return Account(masked=True)
    nobody = pwd.getpwnam("nobody")
    return Account(nobody.pw_uid, nobody.pw_gid)


@cache
def _can_mask() -> bool:
    """Whether this machine lets root make a user namespace."""
    trial = _wrapped(["/bin/sh", "-c", ":"], Account(masked=True), tied=False)
    return subprocess.run(trial, capture_output=True, check=False).returncode == 0  # noqa: S603


def _wrapped(command: list[str], account: Account, *, tied: bool) -> list[str]:
    """The command that becomes `command` by way of child.py."""
    parent = str(os.getpid() if tied else 0)
    identity = [str(account.uid), str(account.gid), str(int(account.masked))]
    return [sys.executable, "-I", "-S", str(CHILD), parent, *identity, *command]


def check_reachable(path: Path, account: Account) -> None:
    """Raise ConfigurationError if the account may not enter a folder or one of those above it.

    Those that do not exist yet are taken to be all right.
    """
    if account == Account():
        return
    uid, gid = (0, 0) if account.masked else account[:2]
    for place in reversed((path, *path.parents)):
        if not place.is_dir():
            return
        status = place.stat()
        owner, group = status.st_uid == uid, status.st_gid == gid
        if not status.st_mode & (0o100 if owner else 0o010 if group else 0o001):
            raise ConfigurationError(
                "PostgreSQL refuses to run as root, and the user that it would run as instead"
                f" (id {uid}) may not enter {place}, where {path} lies",
                hint="use a folder that every user may enter, or do not run as root",
            )


def spawn(
    command: list[str], account: Account, folder: Path, *, output: int, tied: bool = False
) -> subprocess.Popen[bytes]:
    """Start a command as `account`, in `folder`, in a session of its own.

    Ctrl-C in a terminal does not reach it, nor do the caller's PG* variables. On Linux a `tied`
    child gets SIGINT when the thread that calls this ends, however it ends.
    """
    change = account != Account()
    if account.masked or (tied and sys.platform == "linux"):
        command, change = _wrapped(command, account, tied=tied), False
    return subprocess.Popen(  # noqa: S603  # our own programs, and no shell
        command,
        user=account.uid if change else None,
        group=account.gid if change else None,
        extra_groups=[] if change else None,
        cwd=folder,
        env={"LC_ALL": "C", "PATH": os.defpath},
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )


def end(process: subprocess.Popen[bytes]) -> None:
    """End a PostgreSQL in order, or after `PATIENCE` at once; on return it has ended."""
    process.send_signal(signal.SIGINT)
    try:
        process.wait(PATIENCE)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGQUIT)  # the next start recovers
        process.wait()


def exists(pid: int) -> bool:
    """Whether there is a process of this id, whosever it is."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def command_line(pid: int) -> str:
    """The command line of a process, words parted by spaces; empty if there is none such."""
    if Path("/proc/self/cmdline").exists():
        try:
            raw = Path(f"/proc/{pid}/cmdline").read_bytes()
        except (FileNotFoundError, ProcessLookupError):
            return ""
        return raw.replace(b"\0", b" ").decode(errors="replace")
    ask = ["/bin/ps", "-ww", "-o", "command=", "-p", str(pid)]
    return subprocess.run(ask, capture_output=True, text=True, check=False).stdout  # noqa: S603
