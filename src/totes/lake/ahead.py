"""Reading ahead: a bucket is slow to answer, and answers many questions at once."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import TypeVar

_Item = TypeVar("_Item")
_Answer = TypeVar("_Answer")


class Readers:
    """`at_once` threads, for a block; when it ends, what has not begun by then never does.

    One is no thread at all: what answers at once, as a local disk does, is slower by several, which
    only wait for one another.
    """

    def __init__(self, at_once: int) -> None:
        self._pool = ThreadPoolExecutor(at_once, "totes-lake") if at_once > 1 else None
        self._begun = 4 * at_once  # so that no thread waits while an answer is looked at

    def __enter__(self) -> Readers:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._pool:
            self._pool.shutdown(cancel_futures=True)

    def ahead(self, work: Callable[[_Item], _Answer], items: Iterable[_Item]) -> Iterator[_Answer]:
        """Yield work(item) for each item, in their order, of which a bounded number are begun.

        Raises what `work` raises, when its turn comes. `items` is gone through by the caller's
        thread, and may be read ahead itself.
        """
        if self._pool is None:
            yield from map(work, items)
            return
        begun: deque[Future[_Answer]] = deque()
        for item in items:
            begun.append(self._pool.submit(work, item))
            if len(begun) >= self._begun:
                yield begun.popleft().result()
        while begun:
            yield begun.popleft().result()
