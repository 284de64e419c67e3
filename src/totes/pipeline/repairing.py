"""Repair: capture again where source and lake differ."""

from __future__ import annotations

from totes.config import Settings
from totes.pipeline.comparison import SOURCE_LAKE
from totes.pipeline.running import run
from totes.pipeline.verification import Verification, verify
from totes.report import Progress, Report, silent


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
