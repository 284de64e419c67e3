"""The story: ingest, process, load; and what there is, and whether it is what it should be.

The only place that sees all the stages. Each stage finds by itself where it is, takes all that is
pending, in order, and can be run again at any time: what is done already is found done.
"""

from __future__ import annotations

from collections.abc import Collection

from totes.config import Settings
from totes.pipeline.contracts import ContractCheck, Inferred, check_contracts, infer_contracts
from totes.pipeline.ingestion import ingest
from totes.pipeline.loading import check_warehouse, load, rebuild
from totes.pipeline.processing import process
from totes.pipeline.status import Status, status
from totes.pipeline.verification import Verification, verify
from totes.report import Progress, Report, silent

__all__ = [
    "ContractCheck",
    "Inferred",
    "Status",
    "Verification",
    "check_contracts",
    "infer_contracts",
    "ingest",
    "load",
    "process",
    "rebuild",
    "run",
    "status",
    "verify",
]


def run(
    settings: Settings, progress: Progress = silent, *, confirmed: Collection[str] = ()
) -> list[Report]:
    """Ingest, process and load, once; a report of each. `confirmed` is as for ingest().

    Begins nothing if a setting is missing or the warehouse's is wrong. A warehouse that is only
    away just now does not keep the source from being archived; that is said in the end.
    """
    settings.require_all()
    check_warehouse(settings)
    ingested = ingest(settings, progress, confirmed=confirmed)
    processed = process(settings, progress)
    is_whole = processed.at == ingested.at and not ingested.problems
    loaded = load(settings, progress, true_at=ingested.taken_at if is_whole else None)
    return [ingested, processed, loaded]
