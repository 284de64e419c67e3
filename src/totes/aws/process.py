"""The function that remodels new batches as star schemas."""

from __future__ import annotations

from totes import pipeline
from totes.aws.function import Event, function
from totes.config import Settings
from totes.pipeline.deadline import Deadline
from totes.report import Progress, Report


def _process(_: Event, deadline: Deadline, progress: Progress) -> Report:
    return pipeline.process(Settings.of_environment(), progress, deadline=deadline)


handler = function(_process, lambda report: {"QuarantinedRows": report.quarantined or 0})
