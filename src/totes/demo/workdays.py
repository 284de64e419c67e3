"""Working time: two years of it, as one line of milliseconds."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import accumulate
from math import cos, tau
from random import Random


class Calendar:
    """Two years of working hours, Monday to Friday from 8 to 18, as one line of milliseconds.

    A position on the line is an int from 0 to `length` - 1; positions and moments have the same
    order. The line ends at `until`, in the middle of a day if need be.
    """

    DAY = 10 * 60 * 60 * 1000
    YEARS = timedelta(days=730)

    def __init__(self, until: datetime) -> None:
        first = (until - self.YEARS).replace(hour=8, minute=0, second=0, microsecond=0)
        openings = (first + timedelta(days=day) for day in range(1, self.YEARS.days + 1))
        self._openings = [day for day in openings if day.weekday() < 5 and day < until]
        last_day = int((until - self._openings[-1]) / timedelta(milliseconds=1))
        self._last_day = min(last_day, self.DAY)
        self.length = (len(self._openings) - 1) * self.DAY + self._last_day
        self.start = self._openings[0] - timedelta(days=3, milliseconds=38)

    def moment(self, position: int) -> datetime:
        """Give the moment at a position."""
        day, milliseconds = divmod(position, self.DAY)
        return self._openings[day] + timedelta(milliseconds=milliseconds)

    def positions(self, rng: Random, count: int) -> Iterator[int]:
        """Draw positions, more of them before Christmas, early in the week, and around noon."""
        days = range(len(self._openings))
        for day in rng.choices(
            days, cum_weights=list(accumulate(map(self._bustle, days))), k=count
        ):
            length = self.DAY if day < days[-1] else self._last_day
            within = (rng.random() + rng.random()) / 2
            # The line's last millisecond is left for what follows from an order.
            yield min(day * self.DAY + int(within * length), self.length - 2)

    def _bustle(self, day: int) -> float:
        date = self._openings[day]
        season = 1 + 0.3 * cos(tau * (date.timetuple().tm_yday - 325) / 365)
        growth = 0.85 + 0.3 * day / len(self._openings)
        part = self._last_day / self.DAY if day == len(self._openings) - 1 else 1
        return season * growth * (1.1 - 0.05 * date.weekday()) * part
