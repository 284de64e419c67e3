"""Lake = star: the models are run afresh over the ingestion lake, and should give what is held."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from totes import changes, duck, lake, star
from totes.contract import DataModel, StarContract
from totes.errors import TotesError, TransientError
from totes.pipeline.batches import EMPTY
from totes.pipeline.comparison import LAKE_STAR, Comparison, compare, rows_of
from totes.pipeline.processing import check_processed, sources_of

QUARANTINE_TYPES = dict.fromkeys(star.QUARANTINE_KEY, "VARCHAR")


def lake_and_star(
    model: DataModel,
    ingestion: lake.Lake,
    processed: lake.Lake,
    work: duck.Workspace,
    done: Callable[[str], None],
) -> list[Comparison]:
    """Compare every star table, and the keys in quarantine, with what the models give afresh.

    Of a fact, the rows of today; of a dimension, the members that there are today. Facts that are
    driven by star tables are left out: they are made of what each batch added, not of today's rows.
    """
    head = processed.head()
    if head is None:
        return []
    stars = [contract for contract in model.load_order if _is_recomputable(model, contract)]
    try:
        check_processed(model, ingestion, head)
        fresh = _afresh(model, ingestion, processed, head, work)
    except TransientError:
        raise
    except TotesError as error:
        return [Comparison(LAKE_STAR, contract.name, explained=str(error)) for contract in stars]
    held = _Held(model, processed, head, work, fresh)
    compared = []
    for contract in stars:
        compared.append(held.compare(contract))
        done(f"{LAKE_STAR}: {contract.name}")
    return [*compared, held.compare_quarantine()]


def _is_recomputable(model: DataModel, contract: StarContract) -> bool:
    return not (contract.is_fact and model.built_from(contract))


def _afresh(
    model: DataModel,
    ingestion: lake.Lake,
    processed: lake.Lake,
    head: lake.Manifest,
    work: duck.Workspace,
) -> dict[str, star.Built]:
    """What the models give for the rows of today, with nothing held.

    References may lead to members that are held, though: those that are gone from the source are
    still there for the facts that refer to them.
    """
    sources = sources_of(model, ingestion, ingestion.manifest(head.batch), whole=True)
    held = {
        name: star.Held(
            state=list, known=partial(processed.layers, head.tables.get(name, EMPTY).state)
        )
        for name in [*model.stars, star.QUARANTINE]
    }
    folder = work.folder / "afresh"
    return star.build(
        model, sources, held, work.engine, folder, head.batch, head.snapshot, lambda _: None
    )


@dataclass
class _Held:
    """What the processed lake holds at `head`, to be compared with what was made `fresh`."""

    model: DataModel
    processed: lake.Lake
    head: lake.Manifest
    work: duck.Workspace
    fresh: dict[str, star.Built]
    refused: dict[str, int] = field(default_factory=dict)  # model → rows in quarantine

    def __post_init__(self) -> None:
        keys = changes.current(self._layers(star.QUARANTINE), star.QUARANTINE_KEY, QUARANTINE_TYPES)
        self.work.engine.execute(f"create or replace temp table totes_quarantined as {keys}")
        counted = "select model, count(*) from totes_quarantined group by all"
        self.refused = dict(self.work.engine.execute(counted).fetchall())

    def compare(self, contract: StarContract) -> Comparison:
        """Compare a table's columns, but for those that tell when and as what it was entered."""
        columns = list(contract.selected)
        types = {name: contract.types[name] for name in columns}
        fresh = self._fresh(contract.name, types)
        held = changes.current(self._layers(contract.name), contract.key, types)
        # a row in quarantine is in no fresh table, and an older version of it may be held
        held = self._without_refused(contract, held)
        kept = 0
        if not contract.is_fact:
            present = (
                f"select held.* from ({held}) as held semi join ({fresh}) as fresh "
                f"on {duck.matched(contract.key, contract.key, 'held', 'fresh')}"
            )
            kept = duck.count(self.work.engine, held) - duck.count(self.work.engine, present)
            held = present
        refused = self.refused.get(contract.name, 0)
        also = [f"{refused:,} in quarantine"] if refused else []
        also += [f"{kept:,} kept though gone"] if kept else []
        return compare(
            LAKE_STAR,
            contract.name,
            self.work.engine,
            contract.key,
            columns,
            rows_of(fresh),
            rows_of(held),
            explained=f"and {', '.join(also)}" if also else "",
        )

    def compare_quarantine(self) -> Comparison:
        """Compare which rows are in quarantine, not the reasons, whose wording may have changed."""
        return compare(
            LAKE_STAR,
            star.QUARANTINE,
            self.work.engine,
            star.QUARANTINE_KEY,
            star.QUARANTINE_KEY,
            rows_of(self._fresh(star.QUARANTINE, QUARANTINE_TYPES)),
            rows_of("from totes_quarantined"),
        )

    def _layers(self, name: str) -> list[changes.Layer]:
        return self.processed.layers(self.head.tables.get(name, EMPTY).state)

    def _fresh(self, name: str, columns: dict[str, str]) -> str:
        built = self.fresh.get(name)
        files: list[Path] = [built.changes.path] if built else []
        return changes.current([changes.Layer(path, 1) for path in files], (), columns)

    def _without_refused(self, contract: StarContract, held: str) -> str:
        """SQL for the rows of `held` whose key is not in quarantine."""
        driver = self.model.sources.get(contract.driven_by[0])
        if driver is None or contract.name not in self.refused:
            return held
        refused = star.refused_keys(contract, driver, "from totes_quarantined")
        matched = duck.matched(contract.key, contract.key, "held", "refused")
        return f"select held.* from ({held}) as held anti join ({refused}) as refused on {matched}"
