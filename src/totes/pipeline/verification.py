"""Verify: whether what is there is what it should be. Reads, and writes nothing."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial

from totes import duck, lake
from totes.config import Settings
from totes.pipeline.comparison import LAKE_STAR, SOURCE_LAKE, STAR_WAREHOUSE, Comparison
from totes.pipeline.lake_and_star import lake_and_star
from totes.pipeline.patience import patiently
from totes.pipeline.source_and_lake import source_and_lake
from totes.pipeline.star_and_warehouse import star_and_warehouse
from totes.report import Progress, silent, steps

# What to do where two sides differ.
HINTS = {
    SOURCE_LAKE: "totes verify --repair captures these tables again, and archives what differs",
    LAKE_STAR: "name an empty TOTES_PROCESSED, run totes process, then totes rebuild --yes",
    STAR_WAREHOUSE: "totes rebuild --yes makes the warehouse anew from the processed lake",
}


@dataclass
class Verification:
    """What `verify` went through. `damage` is what is broken, one sentence each."""

    audits: dict[str, lake.Audit] = field(default_factory=dict)
    comparisons: list[Comparison] = field(default_factory=list)
    damage: list[str] = field(default_factory=list)

    @property
    def is_well(self) -> bool:
        """Whether nothing is damaged, and all is known to be equal."""
        return not self.damage and all(each.equal for each in self.comparisons)

    def differing(self, what: str) -> list[str]:
        """The tables that differ between two sides."""
        return [c.table for c in self.comparisons if c.what == what and c.verdict == "differs"]

    @property
    def hints(self) -> list[str]:
        """What to do next, for each pair of sides that differ."""
        return [f"{what}: {hint}" for what, hint in HINTS.items() if self.differing(what)]


def verify(settings: Settings, progress: Progress = silent) -> Verification:
    """Walk both chains, check every file against its hash, and prove that source, lakes and
    warehouse are equal, column by column. Where a lake is damaged, nothing is compared."""
    return patiently(lambda: _verify(settings, progress), "verify", progress)


def _verify(settings: Settings, progress: Progress) -> Verification:
    model = settings.data_model()
    verification = Verification()
    with duck.workspace(settings.memory) as work:
        ingestion = lake.Lake(settings.lake("ingestion"), "ingestion", work.folder)
        processed = lake.Lake(settings.lake("processed"), "processed", work.folder)
        for audited in (processed, ingestion):  # this order: a run may be at work, and ahead of us
            audit = lake.audit(audited, partial(progress, "verify", f"the {audited.kind} lake"))
            verification.audits[audited.kind] = audit
            verification.damage += audit.damage
        if not verification.damage:
            _check_origins(verification)
        if not verification.damage:
            done = steps(progress, "verify", len(model.sources) + 2 * len(model.stars))
            chain = verification.audits["processed"].chain
            found = source_and_lake(settings, model, ingestion, work, done)
            found += lake_and_star(model, ingestion, processed, work, done)
            loaded, damage = star_and_warehouse(settings, model, processed, chain, work, done)
            verification.comparisons += [*found, *loaded]
            verification.damage += damage
    return verification


def _check_origins(verification: Verification) -> None:
    """Every processed batch must have been made from the ingestion batch of its number."""
    ingested = verification.audits["ingestion"].chain
    for number, (_, source) in verification.audits["processed"].chain.items():
        if number not in ingested or ingested[number][0] != source:
            verification.damage.append(
                f"processed batch {number} was not made from ingestion batch {number}"
            )
