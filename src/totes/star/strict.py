"""Into the contract's types, exactly or not at all.

A model's SELECT returns values as the source has them; here each becomes what its column's contract
says. A value that would be bent on the way (a date that is none, a third decimal in a price, a
number out of range) does not pass, and the reason says so with the value.
"""

from __future__ import annotations

from dataclasses import dataclass

from totes import duck
from totes.column import Column
from totes.contract import SourceContract, StarContract

INTEGERS = {"SMALLINT", "INTEGER", "BIGINT"}

# How text must be written to be taken for a day or a moment: nothing is guessed, nothing dropped.
DAY = r"\d{4}-\d\d-\d\d"
CLOCK = r"\d\d:\d\d:\d\d(\.\d{1,6})?"
MOMENT = DAY + r"[ T]" + CLOCK
WRITTEN = {
    "DATE": DAY,
    "TIME": CLOCK,
    "TIMESTAMP": MOMENT,
    "TIMESTAMP WITH TIME ZONE": MOMENT + r"(Z|[+-]\d\d(:?\d\d)?)",
    "BOOLEAN": "true|false|t|f",
    **dict.fromkeys(INTEGERS, r"-?\d+(\.0*)?"),  # a numeric of the source may be written 1.00
}
# How PostgreSQL prints what the lakes hold as text: only so is one value one text.
PRINTED = {
    "uuid": "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}",
    "bytea": r"\\x([0-9a-f]{2})*",
}
# Bytes of text in a key: PostgreSQL's index takes 2,704, with what it adds.
LONGEST_KEY = 2_600
# How many digits a number may have, and how far it may be from one, to be held whatever it is.
FLOATS = {"FLOAT": (6, "1e37"), "DOUBLE": (15, "1e307")}


@dataclass(frozen=True)
class Judged:
    """SQL over the SELECT's row `raw`: a column's value, and its reason to be refused, or NULL."""

    value: str
    reason: str


def judge(name: str, column: Column, raw_type: str, awaited: str | None) -> Judged:
    """How the column `name`, which the SELECT returns as `raw_type`, becomes its contract's type.

    `awaited` is SQL for the keys of the table that it refers to, if it must find one there.
    """
    raw = f"raw.{duck.name(name)}"
    wanted = column.type.modelled
    value = raw if raw_type == wanted else f"try_cast({raw} as {wanted})"
    shown = f"coalesce(replace(left(cast({raw} as varchar), 100), chr(0), '\\0'), '')"
    is_number = wanted in INTEGERS or wanted.startswith("DECIMAL")
    wrong = f" does not fit {column.type} exactly" if is_number else f" is no {column.type}"
    bent = f"{duck.text(name + ': ')} || {shown} || {duck.text(wrong)}"
    whens = [f"when not coalesce({_exact(raw, raw_type, value, column)}, false) then {bent}"]
    if awaited is not None:
        lost = (
            f"{duck.text(name + ': ')} || {shown} || {duck.text(f' is not in {column.references}')}"
        )
        whens.append(f"when {value} not in ({awaited}) then {lost}")
    missing = "null" if column.null else duck.text(f"{name}: missing, and must not be")
    return Judged(value, f"case when {raw} is null then {missing} {' '.join(whens)} end")


def too_long(star: StarContract) -> str:
    """SQL for the reason to refuse the row `raw` for its key, too long for an index, or NULL."""
    texts = [name for name in star.key if star.types[name] == "VARCHAR"]
    if not texts:
        return "null"
    sizes = " + ".join(f"strlen(cast(raw.{duck.name(name)} as varchar))" for name in texts)
    reason = f"{duck.text(', '.join(texts) + ': ')} || ({sizes}) || ' bytes are too long for a key'"
    return f"case when {sizes} > {LONGEST_KEY} then {reason} end"


def keys_of(star: StarContract, source: SourceContract, rows: str, also: str = "") -> str:
    """SQL for the keys in `rows`, of the table that drives a star, in the star's names and types.

    A key that these do not hold exactly is left out: it is no row's of the star. With each comes
    the column `also`, if there is one.
    """
    pairs = list(zip(star.key, source.key, strict=True))
    named = [f"{duck.name(theirs)} as {duck.name(ours)}" for ours, theirs in pairs]
    judged = {
        ours: judge(ours, star.columns[ours], source.types[theirs], None) for ours, theirs in pairs
    }
    values = [f"{part.value} as {duck.name(ours)}" for ours, part in judged.items()]
    fits = " and ".join(f"({part.reason}) is null" for part in judged.values())
    more = [also] if also else []
    return (
        f"select {', '.join(values + more)} "
        f"from (select {', '.join(named + more)} from ({rows})) as raw where {fits}"
    )


def _exact(raw: str, raw_type: str, value: str, column: Column) -> str:
    """A condition that holds if `value` is all that `raw` was."""
    wanted = column.type.modelled
    held = _held(raw, raw_type, value, wanted)
    modifiers = column.type.modifiers
    if modifiers and wanted.startswith("TIME"):  # digits after the second
        return f"{held} and microsecond({value}) % {10 ** max(0, 6 - modifiers[0])} = 0"
    if column.type.name in PRINTED:
        return f"regexp_full_match({value}, '{PRINTED[column.type.name]}')"
    if wanted == "VARCHAR":
        held += f" and not contains({value}, chr(0))"  # of which PostgreSQL has no text
        if column.type.name == "character":
            modifiers = modifiers or (1,)  # PostgreSQL's `char` is `char(1)`
        return f"{held} and length({value}) <= {modifiers[0]}" if modifiers else held
    return held


def _held(raw: str, raw_type: str, value: str, wanted: str) -> str:
    """As _exact(), but for a type's modifiers."""
    written = f"{_is_written(raw, value, wanted)} and " if raw_type == "VARCHAR" else ""
    if wanted in {"DATE", "TIMESTAMP", "TIMESTAMP WITH TIME ZONE"}:
        # years of five digits or before Christ are slips of the pen, and infinity is no day
        return f"{written}{value} >= date '0001-01-01' and {value} < date '10000-01-01'"
    if wanted == "TIME" and raw_type == "TIMESTAMP":
        return f"isfinite({raw})"
    if not written and (wanted in INTEGERS or wanted.startswith("DECIMAL")):
        return f"{value} = {raw}"
    if not written and (wanted in FLOATS or wanted == "BOOLEAN"):
        return f"try_cast({value} as {raw_type}) = {raw}"
    return f"{written}{value} is not null"


def _is_written(raw: str, value: str, wanted: str) -> str:
    """A condition that holds if the text `raw` is how a value of the type is written."""
    if wanted in FLOATS:
        return _is_short(raw, value, *FLOATS[wanted])
    if wanted.startswith("DECIMAL"):
        scale = wanted.rpartition(",")[2].rstrip(")")
        return f"regexp_full_match({raw}, '-?\\d+(\\.\\d{{0,{scale}}}0*)?')"
    return f"regexp_full_match({raw}, '{WRITTEN[wanted]}')" if wanted in WRITTEN else "true"


def _is_short(raw: str, value: str, digits: int, far: str) -> str:
    """A condition that holds if a number, as written, has so few digits that none can be lost."""
    written = f"trim(regexp_replace({raw}, '[eE].*|\\D', '', 'g'), '0')"
    near = f"abs({value}) between 1 / {far}::double and {far}::double"
    return f"({written} = '' or length({written}) <= {digits} and {near})"
