"""Run: all three stages, one after the other."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from types import MappingProxyType

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
    again: Mapping[str, str] = MappingProxyType({}),
    always: bool = False,
) -> list[Report]:
    """Ingest, process and load, once; a report of each. The options are those of ingest().

    Begins nothing if a setting is missing or the warehouse's is wrong. A warehouse that is only
    away just now does not keep the source from being archived; that is said in the end.
    """
    return list(stages(settings, progress, confirmed=confirmed, again=again, always=always))


def stages(
    settings: Settings,
    progress: Progress = silent,
    *,
    confirmed: Collection[str] = (),
    again: Mapping[str, str] = MappingProxyType({}),
    always: bool = False,
) -> Iterator[Report]:
    """As run(), but each report is there once its stage is through, whatever the next comes to."""
    settings.require_all()
    check_warehouse(settings)
    yield (ingested := ingest(settings, progress, confirmed=confirmed, again=again, always=always))
    yield (processed := process(settings, progress))
    is_whole = processed.at == ingested.at and not ingested.problems
    yield load(settings, progress, true_at=ingested.taken_at if is_whole else None)
