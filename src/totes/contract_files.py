"""The files of a data model, read; and what is wrong with one, in the words of who writes it."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from totes.errors import ConfigurationError

# What pydantic finds wrong, where its own words are a Python programmer's.
SAID = {
    "missing": "missing, and must not be",
    "extra_forbidden": "there is no such entry in a contract",
    "tuple_type": 'should be a list, like ["one"]',
}
HINT = "mend it; docs/concepts/stars.md says what a contract holds"

_T = TypeVar("_T", bound=BaseModel)


def read_contract(path: Path, kind: type[_T], *, with_sql: bool = False) -> _T:
    """Read a contract, named after its file, with the SELECT that lies beside it.

    Raises ConfigurationError naming the file, and all that is wrong with it.
    """
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
        if "name" in document:
            raise ConfigurationError(f"{path}: a table's name is its file's; take out `name`")
        if with_sql:
            document["sql"] = read_sql(path.with_suffix(".sql"))
        return kind.model_validate({"name": path.stem, **document})
    except ValidationError as error:
        raise ConfigurationError(f"{path}: {_told(error)}", hint=HINT) from error
    except FileNotFoundError as error:
        raise ConfigurationError(
            f"{path} has no {path.stem}.sql beside it",
            hint="write the SELECT that gives its rows, or take the contract out",
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        raise ConfigurationError(f"{path}: {error}") from error


def read_view(path: Path, kind: type[_T]) -> _T:
    """Read a SELECT, with the contract that lies beside it if there is one."""
    described = path.with_suffix(".toml")
    if described.exists():
        return read_contract(described, kind, with_sql=True)
    return kind.model_validate({"name": path.stem, "sql": read_sql(path)})


def read_sql(path: Path) -> str:
    return path.read_text(encoding="utf-8").strip().rstrip(";")


def check_described(queries: Iterable[Path]) -> None:
    """Raise ConfigurationError for a SELECT that no contract describes: it would never be run."""
    for path in queries:
        if not path.with_suffix(".toml").exists():
            raise ConfigurationError(
                f"{path} has no {path.stem}.toml beside it",
                hint="write the contract of what it gives, or take the SELECT out",
            )


def _told(error: ValidationError) -> str:
    told = []
    for wrong in error.errors():
        said = SAID.get(wrong["type"], wrong["msg"].removeprefix("Value error, "))
        where = ".".join(str(part) for part in wrong["loc"])
        told.append(f"{where}: {said}" if where else said)
    return "; ".join(told)
