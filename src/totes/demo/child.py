"""Become another program that ends when the process that started it does. Linux; run as a script.

    python child.py PARENT UID GID COMMAND...

The arguments are the starting process's id, and the user and group to become (-1: stay). A script
of its own, because running Python between fork and exec is unsafe once there are threads.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def main(parent: int, uid: int, gid: int, command: list[str]) -> None:
    """Replace this process by `command`; SIGINT reaches it when the process `parent` ends."""
    if uid != -1:
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)
    # After the change of user, which would undo it.
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(signal.SIGINT))
    if os.getppid() == parent:  # otherwise it ended before we asked, and so do we
        os.execv(command[0], command)  # noqa: S606  # no shell wanted


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4:])
