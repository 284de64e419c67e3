"""Run: all three stages, one after the other."""

from __future__ import annotations

from collections.abc import Collection

from totes.config import Settings
from totes.pipeline.ingestion import ingest
from totes.pipeline.loading import check_warehouse, load
from totes.pipeline.processing import process
from totes.report import Progress, Report, silent


def run(
    settings: Settings,
    progress: Progress = silent,
    *,
    confirmed: Collection[str] = (),
    always: bool = False,
) -> list[Report]:
    """Ingest, process and load, once; a report of each. `confirmed` is as for ingest().

    Makes no batch where nothing changed at the source, unless it is to `always`. Begins nothing if
    a setting is missing or the warehouse's is wrong. A warehouse that is only away just now does
    not keep the source from being archived; that is said in the end.
    """
    settings.require_all()
    check_warehouse(settings)
    ingested = ingest(settings, progress, confirmed=confirmed, always=always)
    processed = process(settings, progress)
    is_whole = processed.at == ingested.at and not ingested.problems
    loaded = load(settings, progress, true_at=ingested.taken_at if is_whole else None)
    return [ingested, processed, loaded]
