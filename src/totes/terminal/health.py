"""What a status means: how fresh is fresh, and which command is the next to type."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from totes.report import counted
from totes.terminal.basics import length

if TYPE_CHECKING:
    from totes.pipeline.status import StageStatus, Status

# Seconds: those of the alarms on AWS, `no-success` and `data-old`. A run every five minutes keeps
# well below the first.
LATE_FROM = 600
OLD_FROM = 1800

Mood = Literal["good", "poor", "bad"]


@dataclass(frozen=True)
class Verdict:
    """How things stand: in a word or a few, in a sentence, and how good that is."""

    word: str
    sentence: str
    mood: Mood


@dataclass(frozen=True)
class Step:
    """A command to type, and what it is good for."""

    command: str
    why: str


def freshness(found: Status) -> Verdict:
    """Fresh, late from ten minutes on, old from half an hour on; or not known, and why."""
    seconds = found.freshness
    if found.warehouse.error:
        return Verdict("unknown", "the warehouse cannot be asked", "bad")
    if not found.warehouse.batch:
        return Verdict("empty", "the warehouse holds nothing yet", "poor")
    if seconds is None:
        return Verdict("unknown", "the warehouse holds no batch of the whole source", "poor")
    sentence = f"the warehouse is true of the source as it was {length(seconds)} ago"
    if seconds < LATE_FROM:
        return Verdict("fresh", sentence, "good")
    if seconds < OLD_FROM:
        return Verdict("late", sentence, "poor")
    return Verdict("old", sentence, "bad")


def verdict(found: Status) -> Verdict:
    """Whether all is well, and if not, why; rows in quarantine are no fault, but to be seen."""
    faults = [f"the {name} cannot be asked" for name, at in found.stages.items() if at.error]
    stopped = sum(len(stage.problems) for stage in found.stages.values())
    if stopped:
        faults.append(f"{counted(stopped, 'table')} stopped")
    waiting = sum(found.quarantine.values())
    waits = [f"{counted(waiting, 'row')} in quarantine"] if waiting else []
    said = "; ".join(faults + waits)
    if faults:
        return Verdict("not all is well", said, "bad")
    return Verdict("all is well", said or "no table stopped, nothing in quarantine", "good")


def next_steps(found: Status) -> list[Step]:
    """The commands to type next, the most urgent first; there always is one."""
    steps = list(_needed(found))
    return steps or [Step("totes verify", "nothing needs doing; this proves every column equal")]


def _needed(found: Status) -> Iterator[Step]:
    stages = found.stages.values()
    if any(stage.error for stage in stages):
        yield Step("totes status", "once what cannot be asked has been mended")
    if any(stage.problems for stage in stages):
        yield Step("totes contract check", "what stops a table; mended, it catches up")
    at = [stage.batch for stage in stages]
    if not any(stage.error for stage in stages):
        if not at[0]:
            yield Step("totes run", "the first run, which reads everything")
        elif len(set(at)) > 1:
            yield Step("totes run", "brings all three to the same batch")
        elif not found.ingestion.problems and freshness(found).mood != "good":
            yield Step("totes run", "looks at the source again")
    if found.refusals:
        yield Step("totes quarantine list", "which rows wait, and why")


def where(stage: StageStatus, found: Status) -> str:
    """Where a stage is, in a few words; of one that cannot be asked, why not."""
    age = found.age(stage)
    if stage.error:
        return str(stage.error)
    if not stage.batch:
        return "nothing there yet"
    if stage.true_at is None or age is None:
        return f"at batch {stage.batch}"
    return f"at batch {stage.batch}, of {stage.true_at:%Y-%m-%d %H:%M:%S} UTC, {length(age)} ago"
