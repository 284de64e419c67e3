"""Exchange rates: the contract of their table, and the files that they come in."""

from __future__ import annotations

import csv
import io
import re
import zipfile
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple, Self

from pydantic import model_validator

from totes.errors import ConfigurationError
from totes.table import TableContract

RATE_COLUMNS = ("date", "character varying", "numeric", "date")
MISSING = {"N/A", ""}
HINT = "mend the file, or get it anew; none of it was kept"


class RatesContract(TableContract):
    """A table of exchange rates, which comes from no source: people fill it.

    It has four columns, in this order: a day, a currency's code, units of that currency per unit of
    the `base` currency, and the day on which that rate was published.
    """

    base: str

    @model_validator(mode="after")
    def _columns_are_those_of_rates(self) -> Self:
        if tuple(column.type.name for column in self.columns.values()) != RATE_COLUMNS:
            raise ValueError(f"the columns of rates are {', '.join(RATE_COLUMNS)}, in this order")
        if self.key != tuple(self.columns)[:2]:
            raise ValueError("the key of rates is the day and the currency's code")
        return self


class Rate(NamedTuple):
    """Units of a currency per unit of the base currency, as published on a day."""

    published: date
    currency: str
    rate: Decimal


def read(path: Path, base: str) -> list[Rate]:
    """The rates in a file laid out as the European Central Bank's: a CSV, also zipped, of a line
    per day and a column per currency. Of each day, `base` itself is among them, as 1.

    Raises ConfigurationError that names the line, the column and the value at fault.
    """
    try:
        rows = csv.reader(io.StringIO(_text(path)), strict=True)
        found = list(_rates(rows, path, base))
    except (OSError, UnicodeDecodeError, zipfile.BadZipFile, csv.Error) as error:
        raise ConfigurationError(f"{path}: {error}", hint=HINT) from error
    if not found:
        raise ConfigurationError(f"{path} has no rates", hint=HINT)
    return found


def _text(path: Path) -> str:
    if not zipfile.is_zipfile(path):
        return path.read_text(encoding="utf-8-sig")
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        if len(names) != 1:
            raise ConfigurationError(f"{path} holds {len(names)} files, and should hold one CSV")
        return archive.read(names[0]).decode("utf-8-sig")


def _rates(rows: Iterator[list[str]], path: Path, base: str) -> Iterator[Rate]:
    currencies = _currencies(_cells(next(rows, [])), path, base)
    lines: dict[date, int] = {}
    for line, row in enumerate(rows, 2):
        cells = _cells(row)
        if not cells:
            continue
        where = f"{path}, line {line}"
        if len(cells) != len(currencies) + 1:
            said = f"{len(cells)} values, and the first line {len(currencies) + 1}"
            raise ConfigurationError(f"{where} has {said}", hint=HINT)
        day = _day(cells[0], where)
        if (first := lines.setdefault(day, line)) != line:
            raise ConfigurationError(f"{where}: {day} is in line {first} already", hint=HINT)
        yield Rate(day, base, Decimal(1))
        for currency, cell in zip(currencies, cells[1:], strict=True):
            if cell not in MISSING:
                yield Rate(day, currency, _rate(cell, f"{where}, column {currency}"))


def _cells(row: list[str]) -> list[str]:
    """A line's values, without the empty one after a comma at its end."""
    cells = [cell.strip() for cell in row]
    return cells[:-1] if cells and not cells[-1] else cells


def _currencies(header: list[str], path: Path, base: str) -> list[str]:
    if not header or header[0] != "Date":
        found = repr(header[0]) if header else "nothing"
        raise ConfigurationError(
            f"{path}, line 1: begins with {found}, and should with 'Date'", hint=HINT
        )
    for currency in header[1:]:
        if not re.fullmatch("[A-Z]{3}", currency):
            wrong = f"{currency!r} is no currency's code"
        elif currency == base or header.count(currency) > 1:
            wrong = f"{currency} is what the rates are in" if currency == base else ""
            wrong = wrong or f"{currency} is there more than once"
        else:
            continue
        raise ConfigurationError(f"{path}, line 1: {wrong}", hint=HINT)
    return header[1:]


def _day(text: str, where: str) -> date:
    try:
        if re.fullmatch(r"\d{4}-\d\d-\d\d", text):
            return date.fromisoformat(text)
    except ValueError:
        pass
    raise ConfigurationError(f"{where}, column Date: {text!r} is no day", hint=HINT)


def _rate(text: str, where: str) -> Decimal:
    if re.fullmatch(r"\d{1,15}(\.\d{1,15})?", text, re.ASCII) and Decimal(text):
        return Decimal(text)
    raise ConfigurationError(f"{where}: {text!r} is no rate", hint=HINT)
