"""A column as contracts write it: its type, its unit and what it means."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, field_validator

from totes.datatype import DataType


class Strict(BaseModel):
    """What contracts are made of: nothing in them may be misspelt, and nothing changes them."""

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)


class Described(Strict):
    """What any column of the warehouse says of itself."""

    type: DataType
    meaning: str
    unit: str | None = None

    @field_validator("type", mode="before")
    @classmethod
    def _parse_type(cls, value: object) -> object:
        return DataType.parse(value) if isinstance(value, str) else value

    @property
    def comment(self) -> str:
        """Its meaning, and its unit if it has one."""
        return self.meaning + (f" ({self.unit})" if self.unit else "")


class Column(Described):
    """A table's column: also whether it may be NULL, and what it refers to.

    `column` (sources only) is its name there, where it differs. `when_deleted = "seen"` (facts
    only): a deletion's version holds the time of the snapshot that found the row gone, not the
    row's last value.
    """

    null: bool = False
    references: str | None = None
    column: str | None = None
    when_deleted: Literal["seen"] | None = None
