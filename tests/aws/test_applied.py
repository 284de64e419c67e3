"""The whole default configuration, applied: nothing is left to change, and it does its work."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

from tests.aws.applied import PLANTED, Applied
from tests.aws.deployment import STAGES
from tests.aws.test_functions import UPDATE
from tests.undisturbed import loaded
from tests.world import World
from totes import pipeline
from totes.demo.postgres import PostgresServer

# What AWS measures by itself; the rest the functions do.
BY_AWS = {
    "AWS/Lambda": {"Errors", "Throttles", "Duration"},
    "AWS/States": {f"Executions{end}" for end in ("Succeeded", "Failed", "TimedOut", "Aborted")},
    "AWS/SQS": {"ApproximateNumberOfMessagesVisible"},
}
Metric = tuple[str, str, str, str]


def test_executions_give_what_a_local_run_gives(
    applied: Applied, server: PostgresServer, tmp_path: Path
) -> None:
    """A first execution, one with nothing new and one with a change leave what local runs leave."""
    server.create_database("local_of_applied")
    local = World(applied.source, server.dsn("local_of_applied"), tmp_path)
    for wanted, statements in ((1, []), (0, []), (1, [UPDATE])):
        applied.change(*statements)
        local.run()
        done = applied.done()
        assert [done[stage]["batches"] for stage in STAGES] == [wanted] * 3
        assert loaded(applied) == loaded(local)
    assert pipeline.verify(applied.settings).is_well
    assert applied.ask("select units_sold from current_sales_order where sales_order_id = 14") == [
        (4321,)
    ]
    server.drop_database("local_of_applied")


def test_a_second_plan_changes_nothing(applied: Applied) -> None:
    """What was applied is what is wanted, also after executions."""
    applied.configuration.plan()


def emitted(applied: Applied) -> set[Metric]:
    """The metrics of the functions, as CloudWatch reads them in the logs."""
    return {
        (told["Namespace"], metric["Name"], name, line[name])
        for stage in STAGES
        for line in applied.logged(stage)
        if "_aws" in line
        for told in line["_aws"]["CloudWatchMetrics"]
        for (name,) in told["Dimensions"]
        for metric in told["Metrics"]
    }


def by_aws(applied: Applied) -> set[Metric]:
    """The metrics that AWS has of what is there."""
    aws = applied.aws
    functions = aws.client("lambda").list_functions()["Functions"]
    machines = aws.client("stepfunctions").list_state_machines()["stateMachines"]
    queues = aws.client("sqs").list_queues()["QueueUrls"]
    there = {
        "AWS/Lambda": ("FunctionName", [function["FunctionName"] for function in functions]),
        "AWS/States": ("StateMachineArn", [one["stateMachineArn"] for one in machines]),
        "AWS/SQS": ("QueueName", [url.rpartition("/")[2] for url in queues]),
    }
    return {
        (namespace, metric, dimension, value)
        for namespace, (dimension, values) in there.items()
        for metric in BY_AWS[namespace]
        for value in values
    }


def test_alarms_listen_to_what_is_measured(applied: Applied) -> None:
    """Each alarm, and each line of the dashboard, is of a metric that there is."""
    applied.done()
    cloudwatch = applied.aws.client("cloudwatch")
    found = cloudwatch.describe_alarms(AlarmNamePrefix=f"{applied.name}-")["MetricAlarms"]
    alarms = {
        (alarm["Namespace"], alarm["MetricName"], told["Name"], told["Value"])
        for alarm in found
        for told in alarm["Dimensions"]
    }
    body = cloudwatch.get_dashboard(DashboardName=applied.told["dashboard_name"])["DashboardBody"]
    lines = [
        tuple(line[:4])
        for widget in json.loads(body)["widgets"]
        for line in widget["properties"].get("metrics", [])
    ]
    measured = emitted(applied) | by_aws(applied)
    assert alarms | set(lines) <= measured
    assert {alarm["AlarmName"] for alarm in found} == set(applied.told["alarm_names"].values())
    assert all(alarm["AlarmActions"] == [applied.told["topic_arn"]] for alarm in found)
    of_totes = {metric for namespace, metric, _, _ in alarms if namespace == "Totes"}
    assert of_totes == {"LagSeconds", "QuarantinedRows", "ContractsBroken"}


def test_no_secret_is_kept_or_printed(applied: Applied, package: Path) -> None:
    """The passwords are in no state, no plan, nothing that Terraform prints, no function's
    configuration and no zip; logs, histories and messages are looked at after each test."""
    configuration = applied.configuration
    applied.done()
    configuration.run("terraform", "plan", "-out", "all.tfplan", "-var", "credentials_version=2")
    for shown in (["all.tfplan"], []):
        configuration.run("terraform", "show", *shown)
        configuration.run("terraform", "show", "-json", *shown)
    left = {
        str(path): path.read_bytes()
        for path in configuration.folder.rglob("*")
        if path.is_file() and "plugins" not in path.parts and ".terraform" not in path.parts
    }
    assert any(name.endswith("terraform.tfstate") for name in left)
    for archive in (configuration.place / "all.tfplan", package):
        with zipfile.ZipFile(archive) as packed:
            left |= {name: packed.read(name) for name in packed.namelist()}
    functions = applied.aws.client("lambda").list_functions()
    told = [*configuration.printed, json.dumps(functions), applied.everything_told()]
    assert not [name for name, content in left.items() if PLANTED.encode() in content]
    assert not [text for text in told if PLANTED in text]
    assert PLANTED in applied.secret("source")
