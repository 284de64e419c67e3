"""A table as contracts write it: what one row is, its key and its columns."""

from __future__ import annotations

import hashlib
import json
from typing import Any, ClassVar, Self

from pydantic import Field, model_validator

from totes.column import Column, Strict

# PostgreSQL cuts off what is longer, and takes two names that begin alike for one.
LONGEST_NAME = 63


class TableContract(Strict):
    """What any table's contract says, of the source or of the warehouse."""

    name: str
    grain: str
    key: tuple[str, ...] = Field(min_length=1)
    columns: dict[str, Column] = Field(min_length=1)

    _taken: ClassVar[set[str]] = set()

    @model_validator(mode="after")
    def _columns_are_theirs(self) -> Self:
        for name in (self.name, *self.columns):
            if len(name.encode()) > LONGEST_NAME:
                raise ValueError(f"{name!r} is longer than {LONGEST_NAME} bytes")
        folded = [column.casefold() for column in self.columns]
        for column in folded:
            if column in self._taken or column.startswith("totes_"):
                raise ValueError(f"Totes has a column {column!r} of its own")
            if folded.count(column) > 1:  # the engine does not tell case
                raise ValueError(f"two columns are called {column!r}")
        return self

    @model_validator(mode="after")
    def _key_is_there(self) -> Self:
        for column in self.key:
            if column not in self.columns:
                raise ValueError(f"key column {column!r} is not among the columns")
            if self.columns[column].null:
                raise ValueError(f"key column {column!r} may not be null")
        return self

    def _shape(self) -> dict[str, Any]:
        columns = [[name, str(c.type), c.null, c.references] for name, c in self.columns.items()]
        return {"key": self.key, "columns": columns}

    @property
    def fingerprint(self) -> str:
        """Changes when, and only when, something changes that data depends on; not with prose."""
        text = json.dumps(self._shape(), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]
