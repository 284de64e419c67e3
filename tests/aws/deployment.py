"""Totes on the stand-in, without Terraform: three functions, a small state machine, a topic."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from tests.aws.stand_in import StandIn
from tests.world import World

STAGES = ("ingest", "process", "load")
_numbers = count(1)


@dataclass
class Deployment(World):
    """A world whose lakes are in a bucket, and whose stages are functions. `extra` is not used."""

    aws: StandIn = field(kw_only=True)
    name: str = field(kw_only=True)
    machine: str = ""
    mailbox: str = ""

    @property
    def environment(self) -> dict[str, str]:
        lakes = {
            f"TOTES_{kind.upper()}": f"s3://{self.name}/{kind}"
            for kind in ("ingestion", "processed")
        }
        return {"TOTES_SOURCE": self.source, "TOTES_WAREHOUSE": self.warehouse, **lakes}

    def function(self, stage: str) -> str:
        return f"{self.name}-{stage}"

    def execute(self, given: dict[str, Any] | None = None) -> dict[str, Any]:
        """Run the state machine once; the description of the execution."""
        return self.aws.executed(self.machine, given)

    def done(self, given: dict[str, Any] | None = None) -> dict[str, Any]:
        """What the stages returned in an execution that succeeds."""
        ended = self.execute(given)
        assert ended["status"] == "SUCCEEDED", (ended, self.everything_told())
        return dict(ended["output"])

    def invoke(self, stage: str, event: object = None) -> tuple[dict[str, Any], bool]:
        """What a function returns when it is called by itself, and whether that is an error."""
        payload = json.dumps({} if event is None else event)
        called = self.aws.client("lambda").invoke(
            FunctionName=self.function(stage), Payload=payload
        )
        return json.loads(called["Payload"].read()), "FunctionError" in called

    def configure(self, stage: str, **changes: Any) -> None:
        """Change a function's configuration: its Timeout, its Environment…"""
        self.aws.client("lambda").update_function_configuration(
            FunctionName=self.function(stage), **changes
        )

    def secret_id(self, setting: str) -> str:
        return f"{self.name}-{setting}"

    def secret(self, setting: str) -> str:
        """What a secret holds."""
        client = self.aws.client("secretsmanager")
        return str(client.get_secret_value(SecretId=self.secret_id(setting))["SecretString"])

    def put_secret(self, setting: str, content: str) -> None:
        """Replace what a secret holds."""
        self.aws.client("secretsmanager").put_secret_value(
            SecretId=self.secret_id(setting), SecretString=content
        )

    def logged(self, stage: str) -> list[dict[str, Any]]:
        """What a function has logged as JSON, metrics and all."""
        lines = self.aws.logs(self.function(stage)).splitlines()
        return [json.loads(line) for line in lines if line.startswith("{")]

    def metrics(self, stage: str) -> list[dict[str, float]]:
        """The metrics of a function's calls, in their order."""
        measured = [line for line in self.logged(stage) if "_aws" in line]
        return [
            {
                metric["Name"]: line[metric["Name"]][0]
                for metric in line["_aws"]["CloudWatchMetrics"][0]["Metrics"]
            }
            for line in measured
        ]

    def everything_told(self) -> str:
        """All that anybody could read: logs, executions with their history, messages."""
        client = self.aws.client("stepfunctions")
        told = [self.aws.logs(self.function(stage)) for stage in STAGES]
        for execution in client.list_executions(stateMachineArn=self.machine)["executions"]:
            history = client.get_execution_history(executionArn=execution["executionArn"])
            told.append(json.dumps(history["events"], default=str))
        told += map(json.dumps, self.aws.mail(self.mailbox))
        return "\n".join(told)


def login(dsn: str, **changes: str) -> str:
    """A connection string as a secret holds it; servers on this machine speak no TLS."""
    parts = conninfo_to_dict(dsn)
    names = {"host": "host", "port": "port", "dbname": "database", "user": "user"}
    found = {name: str(parts[part]) for part, name in names.items()}
    password = {"password": str(parts["password"]), "sslmode": "disable"}
    return json.dumps({**found, **password, **changes})


def deploy(aws: StandIn, databases: tuple[str, str], folder: Path, password: str) -> Deployment:
    """Make functions that log in with such a password, and a state machine over them."""
    made = Deployment(*databases, folder, aws=aws, name=f"totes-{next(_numbers)}")
    set_password(made, password)
    aws.make_bucket(made.name)
    secrets = {
        setting: aws.client("secretsmanager").create_secret(
            Name=f"{made.name}-{setting}",
            SecretString=login(dsn, user=made.name, password=password),
        )["ARN"]
        for setting, dsn in (("source", made.source), ("warehouse", made.warehouse))
    }
    given = {"ingest": "source", "load": "warehouse"}
    functions = {
        stage: _make_function(
            made,
            stage,
            {f"TOTES_{given[stage].upper()}_SECRET": secrets[given[stage]]}
            if stage in given
            else {},
        )
        for stage in STAGES
    }
    topic = aws.client("sns").create_topic(Name=made.name)["TopicArn"]
    made.mailbox = aws.mailbox(topic)
    made.machine = aws.client("stepfunctions").create_state_machine(
        name=made.name,
        roleArn=_role(aws, made.name),
        definition=json.dumps(_definition(functions, topic)),
    )["stateMachineArn"]
    return made


def set_password(made: Deployment, password: str) -> None:
    """Let the role that functions log in as have this password, and be there."""
    name, secret = sql.Identifier(made.name), sql.Literal(password)
    with psycopg.connect(made.source) as connection:
        there = connection.execute("select 1 from pg_roles where rolname = %s", [made.name])
        verb = sql.SQL("alter role" if there.fetchone() else "create role")
        how = sql.SQL("{} {} login superuser password {}")
        connection.execute(how.format(verb, name, secret))


def _make_function(made: Deployment, stage: str, secret: dict[str, str]) -> str:
    lakes = {name: url for name, url in made.environment.items() if url.startswith("s3://")}
    named = {"POWERTOOLS_SERVICE_NAME": stage, "POWERTOOLS_METRICS_NAMESPACE": "Totes"}
    function = made.aws.client("lambda").create_function(
        FunctionName=made.function(stage),
        Runtime="python3.13",
        Role=_role(made.aws, made.function(stage)),
        Handler=f"totes.aws.{stage}.handler",
        Code={"S3Bucket": "code", "S3Key": "totes.zip"},
        Timeout=60,
        MemorySize=512,
        Environment={"Variables": {**lakes, **named, **secret}},
    )
    return str(function["FunctionArn"])


def _role(aws: StandIn, name: str) -> str:
    services = {"Service": ["lambda.amazonaws.com", "states.amazonaws.com"]}
    trusted = {"Effect": "Allow", "Principal": services, "Action": "sts:AssumeRole"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [trusted]})
    made = aws.client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=policy)
    return str(made["Role"]["Arn"])


def _definition(functions: dict[str, str], topic: str) -> dict[str, Any]:
    """One after the other, each result under its stage's name; what fails is told, and fails."""
    again = {"ErrorEquals": ["TransientError", "TakenError"], "IntervalSeconds": 1}
    tasks = {
        stage: {
            "Type": "Task",
            "Resource": functions[stage],
            "ResultPath": f"$.{stage}",
            "Retry": [{**again, "MaxAttempts": 3, "BackoffRate": 1}],
            "Catch": [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.failure", "Next": "tell"}],
            **({"Next": after} if after else {"End": True}),
        }
        for stage, after in zip(STAGES, (*STAGES[1:], None), strict=True)
    }
    tell = {
        "Type": "Task",
        "Resource": "arn:aws:states:::sns:publish",
        "Parameters": {"TopicArn": topic, "Message.$": "States.JsonToString($.failure)"},
        "Next": "failed",
    }
    return {"StartAt": STAGES[0], "States": {**tasks, "tell": tell, "failed": {"Type": "Fail"}}}
