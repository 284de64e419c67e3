"""The function that archives what changed at the source."""

from __future__ import annotations

from pydantic import BaseModel, ValidationError

from totes import pipeline
from totes.aws.function import Event, function
from totes.aws.secret import logged_in
from totes.errors import ConfigurationError
from totes.pipeline.deadline import Deadline
from totes.report import Progress, Report


class Wanted(BaseModel):
    """The event, all of it optional: tables of which so many rows are gone rightly."""

    confirm_deletions: list[str] = []


def _ingest(event: Event, deadline: Deadline, progress: Progress) -> Report:
    try:
        wanted = Wanted.model_validate(event)
    except ValidationError as error:
        raise ConfigurationError(
            "the event's confirm_deletions is no list of tables",
            hint='start an execution with {"confirm_deletions": ["TABLE"]}',
        ) from error
    return logged_in(
        "source",
        lambda settings: pipeline.ingest(
            settings, progress, confirmed=wanted.confirm_deletions, deadline=deadline
        ),
    )


handler = function(_ingest, lambda report: {"ContractsBroken": len(report.problems)})
