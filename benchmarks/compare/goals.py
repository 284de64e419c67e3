"""The goals, each with what it was measured to be."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from benchmarks.compare.results import Results

COPIES = ("COPY out", "COPY in, primary keys")

Measured = Callable[[Results, str], float | None]


@dataclass(frozen=True)
class Goal:
    """What is to be at most `limit`, at a scale; `shown` formats the measured value."""

    what: str
    scales: tuple[str, ...]
    limit: float
    measured: Measured
    shown: str = "{:.2f} s"

    def lines(self, results: Results) -> Iterator[tuple[str, str, str, str, str]]:
        """What, scale, goal, measured, and whether it is met, for each scale that was measured."""
        for scale in self.scales:
            value = self.measured(results, scale)
            if value is not None:
                told = [self.shown.format(each) for each in (self.limit, value)]
                met = "met" if value <= self.limit else "**missed**"
                yield self.what, scale, f"at most {told[0]}", told[1], met


def seconds(what: str) -> Measured:
    """The median of something."""
    return lambda results, scale: results.median(scale, what)


def times(what: str, *base: str) -> Measured:
    """How many times the medians of `base`, taken together, something is."""
    return lambda results, scale: results.ratio(scale, what, *base)


def most_memory(results: Results, scale: str) -> float | None:
    """The most that any run at this scale ever took, in megabytes."""
    there = results.samples.get(scale, {})
    peaks = [v for what, vs in there.items() if what.startswith("Totes: peak") for v in vs]
    return max(peaks, default=None)


def share_at_100(results: Results, scale: str) -> float | None:
    """The run with 1 % changed at this scale, against that with 10 rows changed at 1x."""
    above = results.median(scale, "Totes: 1 % changed")
    below = results.median("1x", "Totes: 10 rows changed")
    return None if above is None or not below else above / below


def fewer_writes(results: Results, scale: str) -> float | None:
    """By how many percent writers at the source get less done beside Totes."""
    kept = results.ratio(
        scale,
        "writers beside Totes (transactions a second)",
        "writers alone (transactions a second)",
    )
    return None if kept is None else 100 * (1 - kept)


LARGE = ("20x", "100x")
ALL = ("1x", *LARGE)
TIMES, PERCENT = "{:.2f} x", "{:.0f} %"
GOALS = (
    Goal("first run / (COPY out + COPY in)", LARGE, 1.3, times("Totes: first run", *COPIES), TIMES),
    Goal("ingest alone / COPY out", LARGE, 1.5, times("Totes: ingest alone", "COPY out"), TIMES),
    Goal(
        "load alone / COPY in with all constraints",
        LARGE,
        1.5,
        times("Totes: load alone", "COPY in, all constraints"),
        TIMES,
    ),
    Goal("1 % changed / 10 rows changed at 1x", ("100x",), 3, share_at_100, TIMES),
    Goal("nothing changed", ("1x",), 0.4, seconds("Totes: nothing changed")),
    Goal("a tick, nothing changed", ("1x",), 0.25, seconds("Totes: a tick, nothing changed")),
    Goal("10 rows changed", ("1x",), 0.7, seconds("Totes: 10 rows changed")),
    Goal("a tick, 10 rows changed", ("1x",), 0.4, seconds("Totes: a tick, 10 rows changed")),
    Goal(
        "commit to warehouse, median", ("1x",), 1.2, seconds("Totes: commit to warehouse, median")
    ),
    Goal(
        "commit to warehouse, 99th percentile",
        ("1x",),
        2.5,
        seconds("Totes: commit to warehouse, 99th percentile"),
    ),
    Goal("peak memory", (*ALL, "50 million rows"), 350, most_memory, "{:.0f} MB"),
    Goal("snapshot held / COPY out", LARGE, 1.2, times("Totes: snapshot held", "COPY out"), TIMES),
    Goal("fewer transactions of writers beside", ALL, 5, fewer_writes, PERCENT),
    Goal("ingestion lake / csv", ALL, 35, seconds("ingestion lake / csv (%)"), PERCENT),
)
