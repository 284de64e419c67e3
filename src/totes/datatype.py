"""PostgreSQL's types, and how the lakes hold their values without bending any."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Self

# The second name of a pair is what PostgreSQL's format_type() calls the type of the first.
ALIASES = {
    "timestamp": "timestamp without time zone",
    "timestamptz": "timestamp with time zone",
    "time": "time without time zone",
    "varchar": "character varying",
    "char": "character",
    "int": "integer",
}

# How the lakes hold a PostgreSQL type without bending any of its values. What is not listed is held
# as the text that PostgreSQL prints for it, which loses nothing.
LAKE_TYPES = {
    "smallint": "SMALLINT",
    "integer": "INTEGER",
    "bigint": "BIGINT",
    "real": "FLOAT",
    "double precision": "DOUBLE",
    "boolean": "BOOLEAN",
    "date": "DATE",
    "time without time zone": "TIME",
    "timestamp without time zone": "TIMESTAMP",
    "timestamp with time zone": "TIMESTAMP WITH TIME ZONE",
}

# A star's `numeric` without a declared precision: 28 digits before the point and 10 after it.
UNDECLARED_NUMERIC = (38, 10)

# What a star's column may be: the types whose values can be judged before they meet PostgreSQL, so
# that none stops a load; each with what its modifiers may be.
TEXT_LENGTHS, FRACTIONS = range(1, 10_485_761), range(7)
STAR_TYPES: dict[str, tuple[range, ...]] = {
    "smallint": (),
    "integer": (),
    "bigint": (),
    "numeric": (range(1, UNDECLARED_NUMERIC[0] + 1), range(UNDECLARED_NUMERIC[0] + 1)),
    "real": (),
    "double precision": (),
    "boolean": (),
    "date": (),
    "time without time zone": (FRACTIONS,),
    "timestamp without time zone": (FRACTIONS,),
    "timestamp with time zone": (FRACTIONS,),
    "text": (),
    "character": (TEXT_LENGTHS,),
    "character varying": (TEXT_LENGTHS,),
    "uuid": (),
    "bytea": (),
}
STAR_TYPES_SAID = (
    "smallint, integer, bigint, numeric (38 digits at most), real, double precision, boolean, "
    "date, time, timestamp, timestamptz, varchar, char, uuid, bytea, or text, as which any other "
    "type arrives"
)


@dataclass(frozen=True)
class DataType:
    """A PostgreSQL type, as `numeric(10,2)`: its canonical name and its modifiers."""

    name: str
    modifiers: tuple[int, ...] = ()

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a type as a contract writes it. Raises ValueError on what is none."""
        match = re.fullmatch(r"([a-z][a-z_ ]*?)\s*(?:\(([\d, ]+)\))?([a-z ]*)(\[\])?", text.strip())
        if match is None or (match[2] and match[4]):  # an array has no modifiers of ours
            raise ValueError(f"{text!r} is not the name of a type")
        name = (match[1] + match[3] + (match[4] or "")).strip()
        modifiers = tuple(int(part) for part in match[2].split(",")) if match[2] else ()
        return cls(ALIASES.get(name, name), modifiers)

    @classmethod
    def found(cls, text: str) -> Self:
        """Read a type as PostgreSQL's catalogue spells it. One of which we know nothing (an enum,
        a domain) is its own name, and is held as text."""
        try:
            return cls.parse(text)
        except ValueError:
            return cls(text)

    def __str__(self) -> str:
        modifiers = f"({','.join(map(str, self.modifiers))})" if self.modifiers else ""
        first, zone, rest = self.name.partition(" with")  # PostgreSQL has time(0) with time zone
        return first + modifiers + zone + rest

    @property
    def ingested(self) -> str:
        """The DuckDB type in the ingestion lake. `numeric` is text there: exact, NaN included."""
        return LAKE_TYPES.get(self.name, "VARCHAR")

    @property
    def modelled(self) -> str:
        """The DuckDB type in the processed lake, where numbers are meant to be reckoned with."""
        if self.name == "numeric":
            precision, scale = (*self.modifiers, 0)[:2] if self.modifiers else UNDECLARED_NUMERIC
            return f"DECIMAL({precision},{scale})"
        return self.ingested

    @property
    def is_of_a_star(self) -> bool:
        """Whether a column of a star may be of this type."""
        allowed = STAR_TYPES.get(self.name)
        if allowed is None or len(self.modifiers) > len(allowed):
            return False
        precision, *scale = self.modifiers or (0,)
        fit = all(n in some for n, some in zip(self.modifiers, allowed, strict=False))
        return fit and all(digits <= precision for digits in scale)

    def holds(self, other: DataType) -> bool:
        """Whether every value of `other` can be held, exactly, by a lake column of this type."""
        if self.ingested == "VARCHAR" and self.name != "numeric":
            return other.ingested == "VARCHAR" and other.name != "numeric"
        integers = ["smallint", "integer", "bigint"]
        if self.name in integers:
            return other.name in integers[: integers.index(self.name) + 1]
        return other.name == self.name or (self.name == "numeric" and other.name in integers)
