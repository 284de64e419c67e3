"""What was applied, in good days and bad ones: nothing that happens is lost, or lost on anybody.

The cases are those of `test_functions`; here with the state machine, the retries, the messages and
the functions' settings that people get.
"""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest

from tests.aws.applied import PLANTED, Applied
from tests.aws.deployment import STAGES, login, set_password
from tests.aws.test_functions import port_of, until
from tests.proxy import proxy_to


@pytest.fixture(autouse=True)
def read_up_to_now(applied: Applied) -> None:
    """Nothing waits to be done, and messages of before are read."""
    applied.done()
    applied.aws.mail(applied.mailbox)


def at(applied: Applied) -> int:
    """The batch that the warehouse is at."""
    return int(applied.ask("select max(batch) from totes.ledger")[0][0])


def change(applied: Applied) -> int:
    """Change an order; the batch that this is to come in."""
    applied.change("update sales_order set units_sold = units_sold + 1 where sales_order_id = 14")
    return at(applied) + 1


def is_right(applied: Applied) -> bool:
    """Whether the order that changes is in the warehouse as it is at the source."""
    units = "select units_sold from {} where sales_order_id = 14"
    there = applied.ask(units.format("current_sales_order"))
    return there == applied.ask(units.format("sales_order"), source=True)


def waiting(applied: Applied) -> int:
    """How many sessions wait for a lock at the source."""
    return int(applied.ask("select count(*) from pg_locks where not granted", source=True)[0][0])


@contextmanager
def held_up(applied: Applied) -> Iterator[None]:
    """Until the block ends, ingest waits for a table."""
    with psycopg.connect(applied.source) as connection:
        connection.execute("lock table sales_order")
        yield


@contextmanager
def timeout(applied: Applied, stage: str, seconds: int) -> Iterator[None]:
    """For the block, let a function have less time."""
    client = applied.aws.client("lambda")
    before = client.get_function_configuration(FunctionName=applied.function(stage))["Timeout"]
    applied.configure(stage, Timeout=seconds)
    yield
    applied.configure(stage, Timeout=before)


def test_what_passes_is_tried_again(applied: Applied) -> None:
    """A source that is away for a moment fails a call, which the state machine tries again."""
    batch, right = change(applied), applied.secret("source")
    told = len(failures(applied))
    with timeout(applied, "ingest", 14), proxy_to(port_of(applied.source)) as proxy:
        applied.put_secret("source", json.dumps({**json.loads(right), "port": str(proxy.port)}))
        proxy.cut(0, for_good=True)
        execution = applied.aws.started(applied.machine)
        until(lambda: len(failures(applied)) > told)
        proxy.mend()
        assert applied.aws.ended(execution)["status"] == "SUCCEEDED"
    applied.put_secret("source", right)
    assert at(applied) == batch
    assert is_right(applied)
    assert applied.aws.mail(applied.mailbox) == []


def failures(applied: Applied) -> list[str]:
    """The transient errors that ingest has logged."""
    errors = [line for line in applied.logged("ingest") if line.get("level") == "ERROR"]
    return [line["message"] for line in errors if line.get("exception_name") == "TransientError"]


def test_what_does_not_pass_is_mailed(applied: Applied) -> None:
    """A message says which stage failed, why, what to check and where to look, and no secret."""
    set_password(applied, "another")
    ended = applied.execute()
    set_password(applied, json.loads(applied.secret("source"))["password"])
    (mail,) = applied.aws.mail(applied.mailbox)
    assert ended["status"] == "FAILED"
    assert ended["error"] == "ConfigurationError"
    assert mail["Subject"] == "totes: ingest failed"
    for told in (
        "The stage ingest of totes failed.",
        "Error: ConfigurationError",
        'password authentication failed for user "totes"',
        "hint: check host, database, user and password",
        ended["executionArn"],
        "Nothing is lost",
    ):
        assert told in mail["Message"]
    assert PLANTED not in json.dumps(mail)
    history = applied.aws.client("stepfunctions").get_execution_history(
        executionArn=ended["executionArn"]
    )
    kinds = [event["type"] for event in history["events"]]
    assert kinds.count("LambdaFunctionFailed") == 1


def test_a_second_execution_while_one_runs_does_no_harm(applied: Applied) -> None:
    """Of two at once both succeed, and what changed is one batch."""
    batch = change(applied)
    with held_up(applied):
        executions = [applied.aws.started(applied.machine)]
        until(lambda: waiting(applied) == 1)
        executions.append(applied.aws.started(applied.machine))
        until(lambda: waiting(applied) == 2)
    ended = [applied.aws.ended(execution)["status"] for execution in executions]
    assert ended == ["SUCCEEDED", "SUCCEEDED"]
    assert at(applied) == batch
    assert is_right(applied)


def test_a_lost_tick_is_made_up_for(applied: Applied) -> None:
    """What an execution that was stopped half way has ingested, the next one takes up, in order."""
    batch = change(applied)
    assert not applied.invoke("ingest")[1]
    change(applied)
    done = applied.done()
    assert [done[stage]["batches"] for stage in STAGES] == [1, 2, 2]
    assert at(applied) == batch + 1
    assert is_right(applied)


def test_a_rotated_password_is_picked_up(applied: Applied) -> None:
    """A password that was changed, and put into the secrets, needs no deployment and no wait."""
    batch = change(applied)
    password = f"{PLANTED} rotated"
    set_password(applied, password)
    for setting, dsn in (("source", applied.source), ("warehouse", applied.warehouse)):
        applied.put_secret(setting, login(dsn, user=applied.name, password=password))
    applied.done()
    assert at(applied) == batch
    applied.configuration.plan()
    assert password in applied.secret("source")


def test_a_call_that_was_killed_is_made_good(applied: Applied) -> None:
    """A function that its time limit ends is mailed, and the next execution does the work."""
    batch = change(applied)
    with timeout(applied, "ingest", 6):
        with held_up(applied):
            execution = applied.aws.started(applied.machine)
            until(lambda: waiting(applied) == 1)
            os.kill(applied.aws.processes(applied.function("ingest"))[-1], signal.SIGSTOP)
            assert applied.aws.ended(execution)["status"] == "FAILED"
        (mail,) = applied.aws.mail(applied.mailbox)
        assert "Task timed out after 6.00 seconds" in mail["Message"]
        assert at(applied) == batch - 1
    applied.done()
    assert at(applied) == batch
    assert is_right(applied)
