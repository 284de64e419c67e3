"""What a table promises: columns, types, keys. Parsed once; everything else derives from it.

A data model is a folder (`totes/totesys` is the one that ships):

    source/<table>.toml              what we expect of each operational table
    star/<table>.toml + .sql         what each warehouse table is, and the one SELECT that builds it
    views/<view>.toml + .sql         what analysts ask the warehouse for, one SELECT each
    rates/<table>.toml               exchange rates, a table of the warehouse that people fill
    reference/<table>.csv            reference data that a SELECT may join, all of it text

A file's stem is its table's name, in the code and in every message.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from totes.column import Column
from totes.contract_files import check_described, read_contract, read_view
from totes.datatype import STAR_TYPES_SAID
from totes.errors import ConfigurationError
from totes.rates import RatesContract
from totes.table import TableContract
from totes.view import ViewContract, in_order

# Folders of a lake that no table may be named after.
RESERVED = {"manifests", "checkpoints", "quarantine"}

# Columns that Totes adds to every row of a lake, in the one or the other.
OURS = {"batch", "change"}, {"_xid", "_raw", "_change"}


class SourceContract(TableContract):
    """What we expect of one operational table. `table` is its name there, where it differs."""

    _taken: ClassVar[set[str]] = OURS[1]

    table: str = ""
    schema_name: str = Field("public", alias="schema")

    @property
    def types(self) -> dict[str, str]:
        """Column → type in the ingestion lake."""
        return {name: column.type.ingested for name, column in self.columns.items()}

    @property
    def source_table(self) -> str:
        return self.table or self.name

    @property
    def there(self) -> dict[str, str]:
        """Column → its name at the source."""
        return {name: column.column or name for name, column in self.columns.items()}

    def _shape(self) -> dict[str, Any]:
        shape = {**super()._shape(), "table": [self.schema_name, self.source_table]}
        renamed = {name: c.column for name, c in self.columns.items() if c.column}
        return {**shape, "renamed": renamed} if renamed else shape


class StarContract(TableContract):
    """What one warehouse table is, and the SELECT that builds its rows.

    The SELECT gives one row for each row of the source table that it is `driven_by`; all other
    tables that it reads are looked up. A model may instead be driven by star tables, as a calendar
    is: then it reads just what a batch adds to these, and may make any rows of it.
    """

    _taken: ClassVar[set[str]] = OURS[0]

    kind: Literal["fact", "dimension"]
    sql: str
    driven_by: tuple[str, ...] = Field(min_length=1)
    record_id: str | None = None

    @model_validator(mode="after")
    def _kind_is_whole(self) -> Self:
        if (self.kind == "fact") != (self.record_id is not None):
            raise ValueError("a fact names its `record_id` column, a dimension has none")
        if self.kind == "fact" and len(self.driven_by) != 1:
            raise ValueError("a fact is driven by one table, so that its deletions are known")
        for name, column in self.columns.items():
            if not column.type.is_of_a_star:
                raise ValueError(f"{name!r} is {column.type}; a star has {STAR_TYPES_SAID}")
            if column.type.name == "character" and name in self.key:
                raise ValueError(f"{name!r} is {column.type}: a key is varchar, without padding")
        if self.record_id is not None and self.record_id not in self.columns:
            raise ValueError(f"record_id {self.record_id!r} is not among the columns")
        return self

    @property
    def types(self) -> dict[str, str]:
        """Column → type in the processed lake, with the two that Totes adds."""
        types = {name: column.type.modelled for name, column in self.columns.items()}
        return {**types, "batch": "BIGINT", "change": "VARCHAR"}

    @property
    def is_fact(self) -> bool:
        return self.kind == "fact"

    @property
    def selected(self) -> dict[str, Column]:
        """The columns that the SELECT returns: all but the record id, which the engine numbers."""
        return {name: c for name, c in self.columns.items() if name != self.record_id}

    def _shape(self) -> dict[str, Any]:
        deleted = [name for name, c in self.columns.items() if c.when_deleted]
        shape = {"sql": self.sql, "driven_by": self.driven_by, "deleted": deleted}
        return {**super()._shape(), **shape, "record_id": self.record_id}


@dataclass(frozen=True)
class DataModel:
    """A whole data model: contracts, SQL and reference data, checked against each other."""

    folder: Path
    sources: dict[str, SourceContract]
    stars: dict[str, StarContract]
    views: dict[str, ViewContract] = field(default_factory=dict)
    references: dict[str, Path] = field(default_factory=dict)
    rates: RatesContract | None = None

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read the data model in `folder`. Raises ConfigurationError naming the file at fault."""
        if not (folder / "source").is_dir():
            raise ConfigurationError(
                f"no data model in {folder}: it has no folder `source`",
                hint="set TOTES_MODEL to a folder with source/, star/ and views/, or unset it",
            )
        check_described(sorted(folder.glob("star/*.sql")))
        contracts = sorted(folder.glob("source/*.toml"))
        sources = [read_contract(path, SourceContract) for path in contracts]
        described = sorted(folder.glob("star/*.toml"))
        stars = [read_contract(path, StarContract, with_sql=True) for path in described]
        views = [read_view(path, ViewContract) for path in sorted(folder.glob("views/*.sql"))]
        rates = [read_contract(path, RatesContract) for path in sorted(folder.glob("rates/*.toml"))]
        model = cls(
            folder=folder,
            sources={contract.name: contract for contract in sources},
            stars={contract.name: contract for contract in stars},
            views={view.name: view for view in views},
            references={path.stem: path for path in sorted(folder.glob("reference/*.csv"))},
            rates=rates[0] if rates else None,
        )
        if len(rates) > 1:
            raise ConfigurationError(
                f"{folder / 'rates'} has {len(rates)} tables, and may have one"
            )
        model._check()
        return model

    def _check_names(self) -> None:
        for name in self.views.keys() & {*self.stars, self.rates.name if self.rates else ""}:
            raise ConfigurationError(f"{name} is a view and a table of the warehouse")
        names = [*self.sources, *self.stars, *self.references]
        names += [self.rates.name] if self.rates else []
        folded = [name.casefold() for name in names]
        for name in names:
            if folded.count(name.casefold()) > 1:  # the engine does not tell case
                raise ConfigurationError(f"{name} is two tables: source, star or reference data")
            if name in RESERVED:
                raise ConfigurationError(f"{name} is a folder of the lake, and no table's name")

    def _check(self) -> None:
        self._check_names()
        for star in self.stars.values():
            for table in star.driven_by:
                if table not in self.sources and table not in self.stars:
                    raise ConfigurationError(f"{star.name} is driven by {table}, which is no table")
            self._check_driver(star)
            for name, column in star.columns.items():
                if column.references:
                    self._check_reference(star, name, column.references)
        try:
            _ = self.build_order, self.load_order
            _ = self.view_order
        except CycleError as error:
            raise ConfigurationError(f"the models go round in a circle: {error}") from error

    def _check_driver(self, star: StarContract) -> None:
        drivers = [self.sources[table] for table in star.driven_by if table in self.sources]
        if drivers and len(star.driven_by) > 1:
            raise ConfigurationError(
                f"{star.name} is driven by several tables; only star tables can be united"
            )
        if not drivers:
            return
        key = drivers[0].key
        is_turned = star.key != key and sorted(star.key) == sorted(key)
        if len(star.key) != len(key) or is_turned:
            raise ConfigurationError(
                f"star/{star.name}.toml: the key is {', '.join(star.key)}, and that of "
                f"{drivers[0].name}, which drives it, {', '.join(key)}",
                hint="let the key be that of the driving table, column by column in its order; a "
                "dimension with another key is driven by a dimension that has this one",
            )

    def _check_reference(self, star: StarContract, column: str, table: str) -> None:
        referred = self.stars.get(table)
        if referred is None:
            raise ConfigurationError(
                f"{star.name}.{column} refers to {table}, which is no star table"
            )
        if referred.is_fact or len(referred.key) != 1 or referred is star:
            raise ConfigurationError(
                f"star/{star.name}.toml: {column} refers to {table}; it must be another table, a "
                f"dimension, with a key of one column",
                hint="leave `references` out, or refer to a dimension that is driven by it and "
                "makes one column of its key",
            )

    def built_from(self, star: StarContract) -> tuple[str, ...]:
        """The other star tables among those that drive `star`."""
        return tuple(table for table in star.driven_by if table in self.stars)

    def awaited(self, star: StarContract) -> dict[str, str]:
        """Column → table for each reference that a row of `star` must find before it may enter.

        A table that is itself built from `star` (a calendar) is not awaited: it follows by itself.
        """
        return {
            name: column.references
            for name, column in star.columns.items()
            if column.references and star.name not in self.stars[column.references].driven_by
        }

    @property
    def build_order(self) -> list[StarContract]:
        """The star tables so that each comes after those it is built from or must refer to."""
        needs = {
            star.name: sorted({*self.built_from(star), *self.awaited(star).values()} - {star.name})
            for star in self.stars.values()
        }
        return [self.stars[name] for name in TopologicalSorter(needs).static_order()]

    @property
    def load_order(self) -> list[StarContract]:
        """The star tables so that whatever a row refers to is in the warehouse before it."""
        needs = {
            star.name: sorted(
                {c.references for c in star.columns.values() if c.references} - {star.name}
            )
            for star in self.stars.values()
        }
        return [self.stars[name] for name in TopologicalSorter(needs).static_order()]

    @property
    def view_order(self) -> list[ViewContract]:
        """The views so that each comes after those it reads."""
        return in_order(self.views.values())


def shipped_model() -> Path:
    """The folder of the data model that ships with Totes."""
    return Path(__file__).with_name("totesys")
