"""The packaged functions, end to end, in executions that chain them."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from tests.aws.deployment import STAGES, Deployment, login, set_password
from tests.proxy import proxy_to
from tests.undisturbed import loaded
from tests.world import World
from totes import pipeline
from totes.demo.postgres import PostgresServer

UPDATE = "update sales_order set units_sold = 4321 where sales_order_id = 14"
LEDGER = "select count(*), max(batch) from totes.ledger"


def until(holds: Callable[[], bool], patience: float = 30) -> None:
    """Wait until something holds."""
    ends = time.monotonic() + patience
    while not holds():
        assert time.monotonic() < ends
        time.sleep(0.05)


def port_of(dsn: str) -> int:
    return int(psycopg.conninfo.conninfo_to_dict(dsn)["port"] or 0)


def test_executions_give_what_a_local_run_gives(
    deployed: Deployment, server: PostgresServer, tmp_path: Path
) -> None:
    """A first execution, one with nothing new and one with a change leave what local runs leave."""
    server.create_database("local_warehouse")
    local = World(deployed.source, server.dsn("local_warehouse"), tmp_path)
    local.run()
    first = deployed.done()
    assert [first[stage]["batches"] for stage in STAGES] == [1, 1, 1]
    assert loaded(deployed) == loaded(local)
    true_at = deployed.ask("select true_at from totes.state")
    second = deployed.done()
    assert [second[stage]["batches"] for stage in STAGES] == [0, 0, 0]
    assert deployed.ask("select true_at from totes.state") > true_at
    deployed.change(UPDATE)
    local.run()
    third = deployed.done()
    assert [third[stage]["batch"] for stage in STAGES] == [2, 2, 2]
    assert loaded(deployed) == loaded(local)
    assert pipeline.verify(deployed.settings).is_well
    assert third["load"]["true_at"] == third["ingest"]["taken_at"]
    lag = deployed.metrics("load")[-1]["LagSeconds"]
    assert 0 < lag < 60
    measured = deployed.metrics("process")[-1]
    assert (measured["Batches"], measured["RowsChanged"]) == (1, 1)
    assert measured["QuarantinedRows"] == 0
    server.drop_database("local_warehouse")


def test_what_passes_is_tried_again(deployed: Deployment) -> None:
    """A source that is away for a moment fails a call, which Step Functions tries again."""
    deployed.configure("ingest", Timeout=14)  # too short for a second attempt of the call's own
    with proxy_to(port_of(deployed.source)) as proxy:
        through = {**json.loads(deployed.secret("source")), "port": str(proxy.port)}
        deployed.put_secret("source", json.dumps(through))
        proxy.cut(0, for_good=True)
        execution = deployed.aws.started(deployed.machine)
        until(lambda: "TransientError" in deployed.aws.logs(deployed.function("ingest")))
        proxy.mend()
        assert deployed.aws.ended(execution)["status"] == "SUCCEEDED"
    assert deployed.ask(LEDGER) == [(1, 1)]
    assert deployed.aws.mail(deployed.mailbox) == []


def test_what_does_not_pass_is_told(deployed: Deployment) -> None:
    """A wrong database is tried once, and the message says what and where, and what to check."""
    right = deployed.secret("source")
    deployed.put_secret("source", json.dumps({**json.loads(right), "database": "nowhere"}))
    assert deployed.execute()["status"] == "FAILED"
    (message,) = deployed.aws.mail(deployed.mailbox)
    failure = json.loads(message["Message"])
    cause = json.loads(failure["Cause"])
    assert failure["Error"] == cause["errorType"] == "ConfigurationError"
    assert "cannot connect to TOTES_SOURCE (127.0.0.1:" in cause["errorMessage"]
    assert 'database "nowhere" does not exist' in cause["errorMessage"]
    assert "hint: check host, database, user and password" in cause["errorMessage"]
    errors = [line for line in deployed.logged("ingest") if line.get("level") == "ERROR"]
    assert len(errors) == 1
    deployed.put_secret("source", right)
    deployed.done()


def test_a_rotated_password_is_picked_up(deployed: Deployment) -> None:
    """A password that was changed, and put into the secrets, needs no deployment and no wait."""
    deployed.done()
    password = "planted-2f9c41d7 rotated"
    set_password(deployed, password)
    for setting, dsn in (("source", deployed.source), ("warehouse", deployed.warehouse)):
        deployed.put_secret(setting, login(dsn, user=deployed.name, password=password))
    deployed.change(UPDATE)
    deployed.done()
    assert deployed.ask(LEDGER) == [(2, 2)]
    assert [line["cold_start"] for line in deployed.logged("load") if "report" in line] == [
        True,
        False,
    ]


def test_executions_at_once_come_to_one_end(deployed: Deployment) -> None:
    """Executions that begin together all succeed, and leave one batch each number."""
    for units in (1111, 2222):
        executions = [deployed.aws.started(deployed.machine) for _ in range(2)]
        ended = [deployed.aws.ended(execution)["status"] for execution in executions]
        assert ended == ["SUCCEEDED", "SUCCEEDED"]
        deployed.change(f"update sales_order set units_sold = {units} where sales_order_id = 14")
    deployed.done()
    assert deployed.ask(LEDGER) == [(3, 3)]
    assert pipeline.verify(deployed.settings).is_well


def test_a_time_limit_that_nears_ends_the_work(deployed: Deployment) -> None:
    """A call that waits for a lock gives up before its time is over, and leaves no session."""
    deployed.configure("ingest", Timeout=4)
    with psycopg.connect(deployed.source) as connection:
        connection.execute("lock table sales_order")
        error, failed = deployed.invoke("ingest")
        assert failed
        sessions = f"select count(*) from pg_stat_activity where usename = '{deployed.name}'"
        until(lambda: deployed.ask(sessions, source=True) == [(0,)])
    assert error["errorType"] == "TransientError"
    assert "the function's time limit nears" in error["errorMessage"]
    assert deployed.invoke("ingest")[0]["batch"] == 1


def test_a_call_that_was_killed_is_made_good(deployed: Deployment) -> None:
    """A function killed at its limit leaves nothing that is read, and its /tmp is tidied up."""
    deployed.configure("ingest", Timeout=6)
    name = deployed.function("ingest")
    with psycopg.connect(deployed.source) as connection:
        connection.execute("lock table sales_order")
        execution = deployed.aws.started(deployed.machine)
        waiting = "select count(*) from pg_locks where not granted"
        until(lambda: deployed.ask(waiting, source=True) == [(1,)])
        os.kill(deployed.aws.processes(name)[0], signal.SIGSTOP)
        assert deployed.aws.ended(execution)["status"] == "FAILED"
    (message,) = deployed.aws.mail(deployed.mailbox)
    assert "Task timed out after 6.00 seconds" in message["Message"]
    folders = deployed.aws.folder / "environments" / name
    assert list(folders.glob("*/tmp/totes-work-*"))
    deployed.done()
    assert not list(folders.glob("*/tmp/totes-work-*"))
    assert deployed.ask(LEDGER) == [(1, 1)]


def test_a_broken_contract_is_measured_and_fails_nothing(deployed: Deployment) -> None:
    """A table that is stopped is told and measured; the others go on, and freshness does not."""
    deployed.done()
    deployed.change("alter table department drop column location cascade", UPDATE)
    first = deployed.done()
    true_at = deployed.ask("select true_at from totes.state")
    second = deployed.done()
    assert [list(told["ingest"]["problems"]) for told in (first, second)] == [["department"]] * 2
    assert "location" in first["ingest"]["problems"]["department"]
    assert [measured["ContractsBroken"] for measured in deployed.metrics("ingest")] == [0, 1, 1]
    assert deployed.ask("select units_sold from current_sales_order where sales_order_id = 14") == [
        (4321,)
    ]
    assert deployed.ask("select true_at from totes.state") == true_at


def test_deletions_are_confirmed_by_an_execution_s_input(deployed: Deployment) -> None:
    """A table that lost most of its rows waits for an execution that is told that it is right."""
    deployed.done()
    deployed.change("delete from payment")
    assert "payment" in deployed.done()["ingest"]["problems"]
    assert deployed.done({"confirm_deletions": ["payment"]})["ingest"]["problems"] == {}
    assert deployed.ask("select count(*) from current_payment") == [(0,)]
    error, failed = deployed.invoke("ingest", {"confirm_deletions": "payment"})
    assert failed
    assert error["errorType"] == "ConfigurationError"


@pytest.mark.parametrize(
    ("content", "wrong"),
    [
        ("planted-2f9c41d7", "all of it: json_invalid"),
        ('{"host": "h", "password": "planted-2f9c41d7"}', "port: missing, database: missing"),
        ('{"password": {"planted-2f9c41d7": 1}}', "password: string_type"),
    ],
)
def test_a_secret_that_is_none_is_not_quoted(
    deployed: Deployment, content: str, wrong: str
) -> None:
    """What a secret should hold and does not is named, not quoted; once mended it is taken."""
    right = deployed.secret("source")
    deployed.put_secret("source", content)
    error, failed = deployed.invoke("ingest")
    assert failed
    assert error["errorType"] == "ConfigurationError"
    assert wrong in error["errorMessage"]
    deployed.put_secret("source", right)
    assert not deployed.invoke("ingest")[1]


def test_a_secret_that_is_not_there_is_named(deployed: Deployment) -> None:
    """A secret that cannot be read is for a person to mend."""
    variables = {"TOTES_SOURCE_SECRET": "nowhere", **deployed.environment}
    deployed.configure("ingest", Environment={"Variables": variables})
    error, _ = deployed.invoke("ingest")
    assert error["errorType"] == "ConfigurationError"
    assert "TOTES_SOURCE_SECRET (nowhere)" in error["errorMessage"]


def test_functions_do_what_their_roles_may(deployed: Deployment) -> None:
    """Where policies are enforced, work is refused, told as such, and done once it is allowed."""
    name = deployed.name
    secrets = {"Action": "secretsmanager:GetSecretValue", "Resource": "*"}
    objects = {"Action": ["s3:GetObject", "s3:PutObject"], "Resource": f"arn:aws:s3:::{name}/*"}
    listing = {"Action": "s3:ListBucket", "Resource": f"arn:aws:s3:::{name}"}
    with deployed.aws.enforcing():
        assert deployed.execute()["status"] == "FAILED"
        deployed.aws.allow(name, {"Action": ["lambda:*", "sns:*"], "Resource": "*"})
        deployed.aws.allow(deployed.function("ingest"), listing, objects)
        assert deployed.execute()["status"] == "FAILED"
        (message,) = deployed.aws.mail(deployed.mailbox)
        assert "ConfigurationError" in message["Message"], message["Message"][:400]
        assert "cannot read the secret in TOTES_SOURCE_SECRET" in message["Message"]
        deployed.aws.allow(deployed.function("ingest"), listing, objects, secrets)
        deployed.aws.allow(deployed.function("process"), listing)
        assert deployed.execute()["status"] == "FAILED"
        (message,) = deployed.aws.mail(deployed.mailbox)
        assert "403 Forbidden" in message["Message"]
        deployed.aws.allow(deployed.function("process"), listing, objects)
        deployed.aws.allow(deployed.function("load"), listing, objects, secrets)
        deployed.done()


def test_a_lost_tick_is_made_up_for(deployed: Deployment) -> None:
    """What only came as far as the ingestion lake is taken up by the next execution, in order."""
    for units in (1111, 2222):
        deployed.change(f"update sales_order set units_sold = {units} where sales_order_id = 14")
        assert not deployed.invoke("ingest")[1]
    done = deployed.done()
    assert [done[stage]["batches"] for stage in STAGES] == [0, 2, 2]
    assert deployed.ask(LEDGER) == [(2, 2)]
