"""Become another program that ends when the process that started it does. Linux; run as a script.

    python child.py PARENT UID GID MASKED COMMAND...

The arguments are the starting process's id (0: do not end with it), the user and group to become
(-1: stay), and whether (1 or 0) to go into a user namespace. There root, which PostgreSQL refuses
to run as, is nobody, and yet the owner of root's files. A script of its own, because running Python
between fork and exec is unsafe once there are threads.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


CLONE_NEWUSER = 0x10000000


def main(command: list[str], parent: int, uid: int, gid: int, masked: int) -> None:
    """Replace this process by `command`; SIGINT reaches it when the process `parent` ends."""
    if uid != -1:
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)
    libc = ctypes.CDLL(None, use_errno=True)
    if masked and libc.unshare(CLONE_NEWUSER) != 0:
        sys.exit(os.strerror(ctypes.get_errno()))
    if parent:
        # After the change of user, which would undo it.
        libc.prctl(PR_SET_PDEATHSIG, int(signal.SIGINT))
    if parent in {0, os.getppid()}:  # otherwise it ended before we asked, and so do we
        os.execv(command[0], command)  # noqa: S606  # no shell wanted


if __name__ == "__main__":
    main(sys.argv[5:], *map(int, sys.argv[1:5]))
