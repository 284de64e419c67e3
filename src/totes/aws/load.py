"""The function that applies new batches to the warehouse."""

from __future__ import annotations

from datetime import UTC, datetime

from pydantic import BaseModel, ValidationError

from totes import pipeline
from totes.aws.function import Event, function, logger
from totes.aws.secret import logged_in
from totes.pipeline.deadline import Deadline
from totes.report import Progress, Report


class Ingested(BaseModel):
    """Of what ingest returned, what tells how fresh the lakes are."""

    batch: int
    problems: dict[str, str]
    taken_at: datetime | None


class Processed(BaseModel):
    """Of what process returned, the same."""

    batch: int


class Before(BaseModel):
    """The event: what the two functions before returned, in one execution."""

    ingest: Ingested
    process: Processed

    @property
    def true_at(self) -> datetime | None:
        """The source time that the lakes were found to be true of; None if they were not."""
        is_whole = self.process.batch == self.ingest.batch and not self.ingest.problems
        return self.ingest.taken_at if is_whole else None


def _load(event: Event, deadline: Deadline, progress: Progress) -> Report:
    try:
        true_at = Before.model_validate(event).true_at
    except ValidationError:
        logger.info("not told what ingest and process did: a run without changes is not noted")
        true_at = None
    return logged_in(
        "warehouse",
        lambda settings: pipeline.load(settings, progress, true_at=true_at, deadline=deadline),
    )


def _lag(report: Report) -> dict[str, float]:
    """Seconds since the source time that the warehouse is true of, once there is one."""
    if report.true_at is None:
        return {}
    now = datetime.now(UTC).replace(tzinfo=None)
    return {"LagSeconds": max(0.0, (now - report.true_at).total_seconds())}


handler = function(_load, _lag)
