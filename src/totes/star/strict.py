"""Into the contract's types, exactly or not at all.

A model's SELECT returns values as the source has them; here each becomes what its column's contract
says. A value that would be bent on the way (a date that is none, a third decimal in a price, a
number out of range) does not pass, and the reason says so with the value.
"""

from __future__ import annotations

from dataclasses import dataclass

from totes import duck
from totes.contract import Column

# How text must be written to be taken for a day or a moment: nothing is guessed, nothing dropped.
DAY = r"\d{4}-\d\d-\d\d"
MOMENT = DAY + r"[ T]\d\d:\d\d:\d\d(\.\d{1,6})?"
WRITTEN = {
    "DATE": DAY,
    "TIMESTAMP": MOMENT,
    "TIMESTAMP WITH TIME ZONE": MOMENT + r"(Z|[+-]\d\d(:?\d\d)?)",
}
INTEGERS = {"SMALLINT", "INTEGER", "BIGINT"}


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
    shown = f"coalesce(left(cast({raw} as varchar), 100), '')"
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


def _exact(raw: str, raw_type: str, value: str, column: Column) -> str:
    """A condition that holds if `value` is all that `raw` was."""
    wanted = column.type.modelled
    if wanted in {"DATE", "TIMESTAMP", "TIMESTAMP WITH TIME ZONE"}:
        # years of five digits or before Christ are slips of the pen, and infinity is no day
        written = f"regexp_full_match({raw}, '{WRITTEN[wanted]}')" if raw_type == "VARCHAR" else ""
        between = f"{value} >= date '0001-01-01' and {value} < date '10000-01-01'"
        return f"{written} and {between}" if written else between
    if wanted == "TIME" and raw_type == "TIMESTAMP":
        return f"isfinite({raw})"
    if raw_type == "VARCHAR" and wanted in INTEGERS:
        return f"regexp_full_match({raw}, '-?\\d+') and {value} is not null"
    if raw_type == "VARCHAR" and wanted.startswith("DECIMAL"):
        scale = wanted.rpartition(",")[2].rstrip(")")
        digits = f"'-?\\d+(\\.\\d{{0,{scale}}}0*)?'"
        return f"regexp_full_match({raw}, {digits}) and {value} is not null"
    if wanted in INTEGERS or wanted.startswith("DECIMAL"):
        return f"{value} = {raw}"
    longest = column.type.modifiers[0] if column.type.modifiers and wanted == "VARCHAR" else None
    return f"length({value}) <= {longest}" if longest else f"{value} is not null"
