"""Contracts: whether the source is as they say, and contracts for a database that has none."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from totes import extract
from totes.config import Settings
from totes.contract import DataModel
from totes.errors import ConfigurationError, TotesError


@dataclass
class ContractCheck:
    """What a comparison of the source with its contracts found, by table.

    `problems` stop a table; `notes` stop nothing. `uncontracted` are tables beside the contracted
    ones that no contract is about. `lacking` is what the server does not tell, and what that costs.
    """

    tables: list[str] = field(default_factory=list)
    problems: dict[str, TotesError] = field(default_factory=dict)
    notes: dict[str, tuple[str, ...]] = field(default_factory=dict)
    uncontracted: list[str] = field(default_factory=list)
    lacking: list[str] = field(default_factory=list)

    @property
    def is_well(self) -> bool:
        return not self.problems


def check_contracts(settings: Settings) -> ContractCheck:
    """Compare every contract with the source as it is now; reads the catalogue, and no row."""
    contracts = settings.data_model().sources.values()
    schemas = sorted({contract.schema_name for contract in contracts})
    with extract.open_source(settings.dsn("source")) as connection:
        found = extract.check_tables(connection, contracts)
        there = [t for schema in schemas for t in extract.all_tables(connection, schema)]
        lacking = extract.lacking(connection)
    contracted = {(contract.schema_name, contract.source_table) for contract in contracts}
    return ContractCheck(
        tables=list(found),
        problems={name: table.problem for name, table in found.items() if table.problem},
        notes={name: table.notes for name, table in found.items() if table.notes},
        uncontracted=[t.name for t in there if (t.schema, t.name) not in contracted],
        lacking=lacking,
    )


@dataclass
class Inferred:
    """The contracts that were written, and what a person has to see to by hand."""

    folder: Path
    tables: list[str]
    remarks: list[str]


def infer_contracts(settings: Settings, folder: Path, schema: str) -> Inferred:
    """Write a contract for every table of a schema of the source to `folder`/source.

    All of them, or none. Raises ConfigurationError if there are contracts already, or no table.
    """
    target = folder / "source"
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise ConfigurationError(
            f"{target} is not empty", hint="name another folder: no contract is overwritten"
        )
    with extract.open_source(settings.dsn("source")) as connection:
        documents, remarks = extract.infer(extract.all_tables(connection, schema))
    if not documents:
        raise ConfigurationError(
            f"the source has no table with a primary key in the schema {schema}",
            hint="--schema names another one",
        )
    folder.mkdir(parents=True, exist_ok=True)
    import tomli_w  # which no Lambda function needs

    made = Path(tempfile.mkdtemp(prefix=".source-", dir=folder))
    try:
        for stem, document in documents.items():
            (made / f"{stem}.toml").write_text(tomli_w.dumps(document), encoding="utf-8")
        made.chmod(0o755)
        made.replace(target)
    except BaseException:
        shutil.rmtree(made, ignore_errors=True)
        raise
    DataModel.load(folder)
    return Inferred(folder, list(documents), remarks)
