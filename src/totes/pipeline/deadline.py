"""A deadline: what has to be over by then is not begun too late."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from time import monotonic
from typing import TypeVar

_T = TypeVar("_T")


class Deadline:
    """The moment, so many seconds from now, at which a stage has to have ended. None by default."""

    def __init__(self, seconds: float = math.inf) -> None:
        self._at = monotonic() + seconds

    @property
    def left(self) -> float:
        """Seconds that are left, 0 when it has passed."""
        return max(0.0, self._at - monotonic())

    def in_time(self, steps: Iterable[_T]) -> Iterator[_T]:
        """Yield the steps while there is time for one that takes twice as long as any before.

        The first is yielded whatever the time, as how long it takes is not known, and so that
        nothing that is called again and again stands still.
        """
        longest = 0.0
        for step in steps:
            if self.left < 2 * longest:
                return
            began = monotonic()
            yield step
            longest = max(longest, monotonic() - began)
