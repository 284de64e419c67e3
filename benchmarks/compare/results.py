"""What was measured: samples by scale and by name, kept in a file as they come."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

Scale = str  # "1x", "20x", "100x", "50 million rows"


@dataclass
class Results:
    """Samples, scale → what → values; the unit of what is not in seconds is in its name."""

    path: Path
    samples: dict[Scale, dict[str, list[float]]] = field(default_factory=dict)

    def add(self, scale: Scale, what: str, value: float) -> None:
        """Keep one more sample, and say so."""
        self.samples.setdefault(scale, {}).setdefault(what, []).append(value)
        self.path.write_text(json.dumps(self.samples, ensure_ascii=False, indent=1))
        print(f"{scale:>6}  {what:<44} {value:10.2f}", flush=True)

    def median(self, scale: Scale, *what: str) -> float | None:
        """The sum of the medians of some things; None if one of them was not measured."""
        there = self.samples.get(scale, {})
        return sum(median(there[each]) for each in what) if all(w in there for w in what) else None

    def ratio(self, scale: Scale, what: str, *base: str) -> float | None:
        """How many times the sum of the medians of `base` something is."""
        above, below = self.median(scale, what), self.median(scale, *base)
        return None if above is None or not below else above / below
