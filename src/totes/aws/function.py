"""What the three Lambda functions have in common: logs, metrics, errors and the time limit."""

from __future__ import annotations

import shutil
import signal
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any, TypeAlias

import duckdb  # noqa: F401  # while Lambda starts a function it is fast, whatever its memory
from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from totes.config import FunctionSettings
from totes.duck import PREFIX
from totes.errors import TotesError, TransientError
from totes.pipeline.deadline import Deadline
from totes.report import Progress, Report

Event: TypeAlias = dict[str, Any]
Handler: TypeAlias = Callable[[Event, LambdaContext], Event]
Work: TypeAlias = Callable[[Event, Deadline, Progress], Report]
Measures: TypeAlias = Callable[[Report], dict[str, float]]

RESERVE = 5.0  # seconds before the limit, to end connections, tidy up and say what happened

logger = Logger(serialize_stacktrace=False)  # it is in the line once already
metrics = Metrics()


def function(work: Work, measures: Measures) -> Handler:
    """The handler of a stage: does the work, logs and returns what came of it.

    `measures` are metrics of the stage's own, in counts, or in seconds where their name says so.
    Raises the errors of `work`, the hint in their message; TransientError when time runs out.
    """

    @logger.inject_lambda_context(clear_state=True)
    def handler(event: Event, context: LambdaContext) -> Event:
        _sweep()
        left = context.get_remaining_time_in_millis() / 1000
        deadline = Deadline(max(left - RESERVE, left / 2))
        try:
            with _interrupted(deadline):
                report = work(event, deadline, _tell)
        except TotesError as error:
            logger.exception(str(error), hint=error.hint)
            told = f"{error} (hint: {error.hint})" if error.hint else str(error)
            raise type(error)(told, hint=error.hint) from error
        _measure(report, measures(report))
        return _told(report)

    return handler


def _sweep() -> None:
    """Remove what a call that was killed has left: /tmp outlives it.

    An environment of Lambda answers one call at a time, so that nobody works in what is there.
    """
    if FunctionSettings().task_root:
        for left in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
            logger.warning("removed what a call that was killed has left", folder=str(left))
            shutil.rmtree(left, ignore_errors=True)


@contextmanager
def _interrupted(deadline: Deadline) -> Iterator[None]:
    """End the block at the deadline as Ctrl-C would: with everything tidied up.

    Raises TransientError then. Lambda itself would kill the process, a little later.
    """

    def interrupt(_signal: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, max(deadline.left, 0.001))
    try:
        yield
    except KeyboardInterrupt:
        raise TransientError(
            "the function's time limit nears; what was committed is kept, nothing half done is",
            hint="the next run goes on; if none gets through, give the function more time",
        ) from None
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _tell(stage: str, what: str, done: int, total: int) -> None:
    logger.debug(what, stage=stage, done=done, total=total)


def _measure(report: Report, own: dict[str, float]) -> None:
    rows = sum(table.rows for table in report.tables.values())
    common = {"RowsChanged": rows, "Batches": len(report.batches)}
    for name, value in {**common, "DurationSeconds": report.seconds, **own}.items():
        unit = MetricUnit.Seconds if name.endswith("Seconds") else MetricUnit.Count
        metrics.add_metric(name, unit, value)
    metrics.flush_metrics()


def _told(report: Report) -> Event:
    """The report as the next function is given it, logged; short, as Step Functions wants it."""
    for name, problem in report.problems.items():
        logger.error("a table was stopped", table=name, problem=str(problem), hint=problem.hint)
    told: Event = {
        "stage": report.stage,
        "batch": report.at,
        "batches": len(report.batches),
        "rows": sum(table.rows for table in report.tables.values()),
        "pending": report.pending,
        "problems": {name: str(problem) for name, problem in report.problems.items()},
        "taken_at": report.taken_at.isoformat() if report.taken_at else None,
        "true_at": report.true_at.isoformat() if report.true_at else None,
        "seconds": round(report.seconds, 3),
        "note": report.note,
    }
    logger.info("done", report=told)
    return told
