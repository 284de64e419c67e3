"""Patience: a stage that fails for a reason that may pass is begun anew, a few times.

A stage is idempotent, so that beginning anew is always right: each attempt has a workspace and
connections of its own, finds what the ones before it committed, and goes on from there.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from tenacity import RetryCallState, Retrying, retry_if_exception
from tenacity.stop import stop_after_attempt, stop_before_delay
from tenacity.wait import wait_exponential, wait_random

from totes.errors import TakenError, TransientError
from totes.pipeline.deadline import Deadline
from totes.profiling import profiled
from totes.report import Progress, Report, counted

_T = TypeVar("_T")

# Four attempts, of which each ends within some twelve seconds where the other side is silent or
# locked, and the waits between them: about a minute until a person reads what is the matter.
ATTEMPTS = 4
ATTEMPT = 12.0  # seconds
FIRST_WAIT = 1.0  # seconds; doubled each time, with up to as much again of jitter on top


def patiently(
    work: Callable[[], _T],
    stage: str,
    progress: Progress,
    failures: list[TransientError] | None = None,
    deadline: Deadline | None = None,
) -> _T:
    """Call `work` until it does not raise TransientError, up to ATTEMPTS times.

    No attempt is begun that would still wait for the other side at the deadline.

    `progress` is told why there is a wait. `failures`, if given, gains the errors that were
    overcome. The last error is raised, and says how many attempts were made; any other error, and
    Ctrl-C in a wait too, comes out at once.
    """
    failed = [] if failures is None else failures
    time = (deadline or Deadline()).left

    def tell(state: RetryCallState) -> None:
        wait = state.next_action.sleep if state.next_action else 0.0
        progress(stage, f"again in {wait:.0f} s: {failed[-1]}", 0, ATTEMPTS)

    def attempt() -> _T:
        try:
            return work()
        except TransientError as error:
            failed.append(error)
            raise

    retrying = Retrying(
        retry=retry_if_exception(_may_pass),
        stop=stop_after_attempt(ATTEMPTS) | stop_before_delay(time - ATTEMPT),
        wait=wait_exponential(multiplier=FIRST_WAIT) + wait_random(0, FIRST_WAIT),
        before_sleep=tell,
        reraise=True,
    )
    try:
        return retrying(attempt)
    except TakenError:
        raise
    except TransientError as error:
        tried = counted(len(failed), "time")
        raise TransientError(f"{error} (tried {tried})", hint=error.hint) from error


def reported(
    report: Report, progress: Progress, work: Callable[[], None], deadline: Deadline | None = None
) -> Report:
    """Do a stage's work patiently; its report, which says so if one attempt was not enough."""
    failures: list[TransientError] = []
    with report.timed(), profiled() as report.parts:
        patiently(work, report.stage, progress, failures, deadline)
    if failures:
        reasons = "; ".join(dict.fromkeys(map(str, failures)))
        said = f"done at the {_ordinal(len(failures) + 1)} attempt; before: {reasons}"
        report.note = f"{report.note}; {said}" if report.note else said
    return report


def _may_pass(error: BaseException) -> bool:
    return isinstance(error, TransientError) and not isinstance(error, TakenError)


def _ordinal(number: int) -> str:
    return {2: "2nd", 3: "3rd"}.get(number, f"{number}th")
