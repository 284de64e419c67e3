"""A TCP proxy on loopback that cuts what goes through it, or swallows it."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager


class Proxy:
    """Passes bytes between whoever connects and a port of this machine, until it is told not to.

    `passed` counts the bytes of both directions, over all connections.
    """

    def __init__(self, target: int) -> None:
        self._target = target
        self._lock = threading.Lock()
        self._open: list[socket.socket] = []
        self._limit: int | None = None
        self._for_good = False
        self._threads: list[threading.Thread] = []
        self._ended = False
        self.passed = 0
        self.cuts = 0
        self.swallows = False
        self.slowly = 0.0  # seconds for each 64 kB or less
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._start(self._accept)

    def cut(self, after: int, *, for_good: bool = False) -> None:
        """Cut every connection once so many more bytes have passed, and, for good, each new one."""
        with self._lock:
            self._limit, self._for_good = self.passed + after, for_good

    def mend(self) -> None:
        """From now on let everything pass."""
        with self._lock:
            self._limit, self.swallows = None, False

    def end(self) -> None:
        """Cut everything, listen no more, and leave nothing behind."""
        self._ended = True
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self._lock:
            self._hang_up()
        for thread in self._threads:
            thread.join(10)

    def _start(self, *work: object) -> None:
        function, *arguments = work
        assert callable(function)
        thread = threading.Thread(target=function, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while not self._ended:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            with self._lock:
                if self._is_shut or self._ended:
                    near.close()
                    continue
            try:
                far = socket.create_connection(("127.0.0.1", self._target))
            except OSError:
                near.close()
                continue
            with self._lock:
                self._open += [near, far]
            self._start(self._pass_on, near, far)
            self._start(self._pass_on, far, near)

    @property
    def _is_shut(self) -> bool:
        return self._for_good and self._limit is not None and self.passed >= self._limit

    def _pass_on(self, giver: socket.socket, taker: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := giver.recv(1 << 16):
                if self.swallows:
                    continue
                time.sleep(self.slowly)
                with self._lock:
                    left = None if self._limit is None else self._limit - self.passed
                    data = data if left is None else data[: max(0, left)]
                    self.passed += len(data)
                    is_last = left is not None and len(data) >= left
                    if is_last:
                        self.cuts += 1
                        self._limit = self._limit if self._for_good else None
                taker.sendall(data)
                if is_last:
                    with self._lock:
                        self._hang_up()
        with contextlib.suppress(OSError):
            taker.shutdown(socket.SHUT_RDWR)
        giver.close()

    def _hang_up(self) -> None:
        for connection in self._open:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        self._open.clear()


@contextmanager
def proxy_to(port: int) -> Iterator[Proxy]:
    """Yield a proxy to a port of this machine; nothing of it is left when the block ends."""
    proxy = Proxy(port)
    try:
        yield proxy
    finally:
        proxy.end()
