"""How figures are written for people."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from decimal import Decimal

SIGNS = {"GBP": "£", "USD": "$", "EUR": "€"}
SPECIAL = re.compile(r"([\\`*_\[\]()<>#$~:|!])")
# What browsers' Markdown takes for an address even so, unless something invisible stands within.
LINKED = re.compile(r"(?<=www)(?=\.)|(?=@)", re.IGNORECASE)
JOINER = "\N{WORD JOINER}"
UNITS = ((10**9, "bn"), (10**6, "M"), (10**3, "k"))
# The same in Vega's own language, for what it writes along an axis.
SHORT = (
    "abs(datum.value) < 1000 ? format(datum.value, '~r') "
    ": replace(format(datum.value, '~s'), 'G', 'bn')"
)


def short(number: int | float | Decimal) -> str:
    """A number in three or four digits: 1.23M."""
    value = float(number)
    for size, unit in UNITS:
        if abs(value) >= size * 0.9995:
            scaled = value / size
            return (
                f"{scaled:.{2 if abs(scaled) < 9.995 else 1 if abs(scaled) < 99.95 else 0}f}{unit}"
            )
    return f"{value:,.0f}"


def money(amount: int | float | Decimal, currency: str) -> str:
    """An amount in three or four digits with its currency: £1.23M."""
    sign = SIGNS.get(currency, f"{currency} ")
    return f"{'-' if amount < 0 else ''}{sign}{short(abs(float(amount)))}"


def plain(text: str) -> str:
    """Text for Markdown in which nothing is a sign: no link, no picture, no formula, no list."""
    line = " ".join(text.split())
    return SPECIAL.sub(r"\\\1", LINKED.sub(JOINER, line))


def month(day: date) -> str:
    return f"{day:%b %Y}"


def moment(at: datetime) -> str:
    return f"{at.day} {at:%b %Y, %H:%M} UTC"


def length(span: timedelta) -> str:
    """A length of time in one unit: 3 min."""
    seconds = max(0.0, span.total_seconds())
    for size, unit in ((86400, "days"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"


def counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
