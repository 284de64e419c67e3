"""A view as the data model has it: one SELECT, and the contract of what it returns."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable
from graphlib import TopologicalSorter

from pydantic import Field

from totes.column import Described, Strict


class ViewContract(Strict):
    """What a view of the warehouse returns: what one row is, and its columns, in order.

    A view may come without a contract (views/NAME.toml): then nothing is checked of it, and it has
    no comments.
    """

    name: str
    sql: str
    grain: str = ""
    columns: dict[str, Described] = Field(default_factory=dict)

    @property
    def fingerprint(self) -> str:
        """Changes when the view, or what is said of it, does."""
        columns = [[name, str(c.type), c.comment] for name, c in self.columns.items()]
        text = json.dumps([self.name, self.sql, self.grain, columns])
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    @property
    def reads(self) -> set[str]:
        """The tables and views that the SELECT names after `from` and `join`, and perhaps more."""
        code = re.sub(r"--.*", "", self.sql)
        return set(re.findall(r'\b(?:from|join)\s+"?(\w+)', code, re.IGNORECASE))


def in_order(views: Iterable[ViewContract]) -> list[ViewContract]:
    """The views so that each comes after those it reads. Raises CycleError if that cannot be."""
    named = {view.name: view for view in views}
    needs = {name: sorted(view.reads & named.keys() - {name}) for name, view in named.items()}
    return [named[name] for name in TopologicalSorter(needs).static_order()]
