"""The story: ingest, process, load; and what there is, and whether it is what it should be.

The only place that sees all the stages. Each stage finds by itself where it is, takes all that is
pending, in order, and can be run again at any time: what is done already is found done.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from totes.config import Settings
from totes.pipeline.comparison import SOURCE_LAKE, Comparison
from totes.pipeline.ingestion import ingest
from totes.pipeline.loading import check_warehouse, load, rebuild
from totes.pipeline.processing import process
from totes.pipeline.status import Status, status
from totes.pipeline.verification import Verification, verify
from totes.report import Progress, Report, silent

__all__ = [
    "Comparison",
    "Status",
    "Verification",
    "ingest",
    "load",
    "process",
    "rebuild",
    "repair",
    "run",
    "status",
    "verify",
]


def run(
    settings: Settings,
    progress: Progress = silent,
    *,
    again: Mapping[str, str] = MappingProxyType({}),
) -> list[Report]:
    """Ingest, process and load, once; a report of each. `again` is as for ingest().

    Begins nothing if a setting is missing or the warehouse's is wrong. A warehouse that is only
    away just now does not keep the source from being archived; that is said in the end.
    """
    settings.require_all()
    check_warehouse(settings)
    ingested = ingest(settings, progress, again=again)
    processed = process(settings, progress)
    is_whole = processed.at == ingested.at and not ingested.problems
    loaded = load(settings, progress, true_at=ingested.taken_at if is_whole else None)
    return [ingested, processed, loaded]


def repair(settings: Settings, progress: Progress = silent) -> tuple[list[Report], Verification]:
    """Verify, capture the tables again in which source and lake differ, and verify again.

    Gives what the repair did, nothing where there was nothing to repair, and the last verification.
    History is not rewritten: the true values come as changes of a new batch. What differs further
    down only, or is damaged, is left as it is: no capture would mend it.
    """
    found = verify(settings, progress)
    wrong = found.differing(SOURCE_LAKE)
    if found.damage or not wrong:
        return [], found
    reports = run(settings, progress, again=dict.fromkeys(wrong, "totes verify found differences"))
    return reports, verify(settings, progress)
