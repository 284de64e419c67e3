"""Contracts for a database that has none, inferred from its catalogue."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from totes.contract import OURS, RESERVED
from totes.datatype import DataType
from totes.extract.catalog import CatalogTable, FoundColumn

# A name that is a file's, on every system, as it is.
PLAIN = re.compile(r"[^\W_][\w -]*")


def infer(tables: Iterable[CatalogTable]) -> tuple[dict[str, dict[str, Any]], list[str]]:
    """Contracts by file stem, as TOML documents; and what a person has to see to by hand.

    A table that nothing identifies the rows of gets none. Meanings are the comments in the
    database, or empty.
    """
    documents: dict[str, dict[str, Any]] = {}
    remarks: list[str] = []
    taken = set(RESERVED)
    for table in tables:
        if not table.unique:
            remarks.append(f"{table.name}: no contract, as it has no primary key")
            continue
        columns, left_out = _columns(table)
        remarks += [f"{table.name}: column {name} left out, its name is taken" for name in left_out]
        if not set(table.unique[0]) <= set(columns):
            remarks.append(f"{table.name}: no contract, as its key is left out")
            continue
        stem = _stem(table.name, taken)
        taken.add(stem.casefold())
        documents[stem] = _document(table, stem, columns)
    return documents, remarks


def _stem(name: str, taken: set[str]) -> str:
    stem = name if PLAIN.fullmatch(name) else "table " + re.sub(r"[^\w -]+", "_", name)
    candidates = (stem, *(f"{stem} {number}" for number in range(2, len(taken) + 3)))
    return next(candidate for candidate in candidates if candidate.casefold() not in taken)


def _columns(table: CatalogTable) -> tuple[dict[str, dict[str, Any]], list[str]]:
    columns: dict[str, dict[str, Any]] = {}
    left_out = []
    taken = {name.casefold() for name in OURS[1]}
    for name, column in table.columns.items():
        if name.casefold() in taken or name.casefold().startswith("totes_"):
            left_out.append(name)
            continue
        taken.add(name.casefold())
        columns[name] = _column(column)
    return columns, left_out


def _column(column: FoundColumn) -> dict[str, Any]:
    try:
        kind = str(DataType.parse(column.type))
    except ValueError:  # a type of somebody's own: held as the text that PostgreSQL prints
        kind = "text"
    written = {"type": kind, "meaning": column.comment or ""}
    return {**written, "null": True} if column.null else written


def _document(table: CatalogTable, stem: str, columns: dict[str, dict[str, Any]]) -> dict[str, Any]:
    key = table.unique[0]
    return {
        **({} if stem == table.name else {"table": table.name}),
        **({} if table.schema == "public" else {"schema": table.schema}),
        "grain": table.comment or f"one row per {', '.join(key)}",
        "key": key,
        "columns": columns,
    }
