"""Where a stage's seconds and bytes go: its parts, measured where they happen.

`measured` costs a microsecond, and belongs around what is done a few times a table, not a row.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from time import perf_counter

REST = "the rest"


@dataclass
class Part:
    """One part of a stage: how often it was begun, its seconds, and its bytes, if it has any.

    `beside` says that the seconds passed in a thread of its own, beside those of other parts.
    """

    calls: int = 0
    seconds: float = 0.0
    bytes: int = 0
    beside: bool = False

    def to_dict(self) -> dict[str, object]:
        """The part as JSON has it."""
        told = {"calls": self.calls, "seconds": round(self.seconds, 4), "bytes": self.bytes}
        return {**told, "beside": self.beside}


Parts = dict[str, Part]

# A thread that is to be measured is run in a copy of the context of whoever starts it.
_parts: ContextVar[Parts | None] = ContextVar("parts", default=None)
_inner: ContextVar[list[float] | None] = ContextVar("inner", default=None)  # seconds, as they come


@contextmanager
def profiled() -> Iterator[Parts]:
    """Yield the parts of what is measured within the block, the longest first once it has ended.

    Together, but for those beside, they are as long as the block.
    """
    parts: Parts = {}
    token = _parts.set(parts)
    try:
        with measured(REST):
            yield parts
    finally:
        _parts.reset(token)
        longest = sorted(parts.items(), key=lambda part: part[1].seconds, reverse=True)
        parts.clear()
        parts.update(longest)


@contextmanager
def measured(name: str, size: int = 0) -> Iterator[None]:
    """Count what the block, or the function, takes as that part, but for what is measured in it."""
    parts, outer = _parts.get(), _inner.get()
    if parts is None:
        yield
        return
    inner = [0.0]
    token = _inner.set(inner)
    began = perf_counter()
    try:
        yield
    finally:
        _inner.reset(token)
        took = perf_counter() - began
        if outer is not None:
            outer[0] += took
        part = parts.setdefault(name, Part())
        part.calls += 1
        part.seconds += took - inner[0]
        part.bytes += size


@contextmanager
def aside() -> Iterator[None]:
    """Within the block, which a thread of its own runs, all parts are beside those of others."""
    parts = _parts.get()
    if parts is None:
        yield
        return
    mine: Parts = {}
    _parts.set(mine)
    _inner.set(None)
    try:
        yield
    finally:
        for name, part in mine.items():
            own = name if part.beside else f"{name}, beside"
            whole = parts.setdefault(own, Part(beside=True))
            whole.calls += part.calls
            whole.seconds += part.seconds
            whole.bytes += part.bytes


def passed(name: str, size: int, seconds: float) -> None:
    """Count so many bytes, which took so many seconds in a thread beside."""
    parts = _parts.get()
    if parts is not None:
        part = parts.setdefault(name, Part(beside=True))
        part.calls += 1
        part.seconds += seconds
        part.bytes += size
