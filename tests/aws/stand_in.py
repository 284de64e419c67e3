"""AWS on loopback: `with stand_in(folder) as aws:` yields one that really runs functions.

moto's server in a process of its own, patched by `tests.aws.server`. `aws.url` is the endpoint of
every service; `aws.client(service)` a boto3 client for it. Nothing of it outlives the block.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import boto3

from tests.aws.runtime import make_runtime
from tests.s3 import REGION, asked, free_port

ACCOUNT = "123456789012"  # moto's
ROOT = Path(__file__).resolve().parent.parent.parent


@dataclass(frozen=True)
class StandIn:
    """A stand-in that runs. `folder` has what its functions leave: logs, and their /tmp.

    `key` and `secret` are those of a user who may do everything, or those of a role and `token`.
    """

    url: str
    folder: Path
    key: str = "test"
    secret: str = "test"
    token: str | None = None

    @property
    def environment(self) -> dict[str, str]:
        """The environment of a process that is to take this for AWS: Terraform, obstore, boto3."""
        return {
            "AWS_ACCESS_KEY_ID": self.key,
            "AWS_SECRET_ACCESS_KEY": self.secret,
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ALLOW_HTTP": "true",
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def client(self, service: str) -> Any:
        return boto3.client(
            service,
            endpoint_url=self.url,
            region_name=REGION,
            aws_access_key_id=self.key,
            aws_secret_access_key=self.secret,
            aws_session_token=self.token,
        )

    def taken(self, role: str) -> StandIn:
        """The stand-in, used as who has taken a role. Not while enforcing: roles trust services."""
        client = self.client("sts")
        given = client.assume_role(RoleArn=role, RoleSessionName="tests")["Credentials"]
        key, secret, token = (
            given[name] for name in ("AccessKeyId", "SecretAccessKey", "SessionToken")
        )
        return replace(self, key=key, secret=secret, token=token)

    @contextmanager
    def enforcing(self) -> Iterator[None]:
        """Let nobody do in the block what no policy allows."""
        url = f"{self.url}/moto-api/reset-auth"
        asked(url, "POST", b"0")
        try:
            yield
        finally:
            asked(url, "POST", b"inf")

    def allow(self, role: str, *statements: Mapping[str, object]) -> None:
        """Replace what a role may do. A statement needs no more than Action and Resource."""
        allowed = [{"Effect": "Allow", **statement} for statement in statements]
        self.client("iam").put_role_policy(
            RoleName=role,
            PolicyName="allowed",
            PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": allowed}),
        )

    def make_bucket(self, name: str) -> None:
        place = {"LocationConstraint": REGION}
        self.client("s3").create_bucket(Bucket=name, CreateBucketConfiguration=place)

    def executed(self, machine: str, given: dict[str, Any] | None = None) -> dict[str, Any]:
        """Start an execution of a state machine and wait for its end; its description."""
        return self.ended(self.started(machine, given))

    def started(self, machine: str, given: dict[str, Any] | None = None) -> str:
        """Start an execution of a state machine; its ARN."""
        begun = self.client("stepfunctions").start_execution(
            stateMachineArn=machine, name=f"run-{time.time_ns()}", input=json.dumps(given or {})
        )
        return str(begun["executionArn"])

    def ended(self, execution: str, patience: float = 60) -> dict[str, Any]:
        """Wait for an execution's end; its description, input and output parsed."""
        client = self.client("stepfunctions")
        until = time.monotonic() + patience
        while True:
            found = client.describe_execution(executionArn=execution)
            if found["status"] != "RUNNING":
                return {**found, "output": json.loads(found.get("output") or "null")}
            assert time.monotonic() < until, "the execution goes on and on"
            time.sleep(0.05)

    def logs(self, function: str) -> str:
        """Everything that a function has logged, its lines one after the other."""
        client, group = self.client("logs"), f"/aws/lambda/{function}"
        if not client.describe_log_groups(logGroupNamePrefix=group)["logGroups"]:
            return ""
        pages = client.get_paginator("filter_log_events").paginate(logGroupName=group)
        return "\n".join(event["message"] for page in pages for event in page["events"])

    def mailbox(self, topic: str) -> str:
        """Subscribe a new queue to a topic; the queue's URL, for mail()."""
        sqs = self.client("sqs")
        queue = sqs.create_queue(QueueName=f"mailbox-{time.time_ns()}")["QueueUrl"]
        asked_for = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])
        arn = asked_for["Attributes"]["QueueArn"]
        self.client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
        return str(queue)

    def mail(self, mailbox: str) -> list[dict[str, Any]]:
        """The messages that came to a mailbox since it was last asked."""
        sqs = self.client("sqs")
        found = sqs.receive_message(QueueUrl=mailbox, MaxNumberOfMessages=10).get("Messages", [])
        for message in found:
            sqs.delete_message(QueueUrl=mailbox, ReceiptHandle=message["ReceiptHandle"])
        return [json.loads(message["Body"]) for message in found]

    def processes(self, function: str) -> list[int]:
        """The process ids of a function's environments, the youngest last; some may have ended."""
        found = (self.folder / "environments" / function).glob("*/pid")
        return [int(path.read_text()) for path in sorted(found, key=lambda it: it.stat().st_mtime)]


@contextmanager
def stand_in(folder: Path) -> Iterator[StandIn]:
    """Yield a stand-in whose files are in `folder`, which is its own."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    runtime = make_runtime(folder / "runtime")
    command = [sys.executable, "-m", "tests.aws.server", str(port), str(folder), str(runtime)]
    environment = {**os.environ, "MOTO_PORT": str(port)}
    with (folder / "server.log").open("wb") as log:
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)
    try:
        _wait(process, url, folder / "server.log")
        yield _administered(StandIn(url, folder))
    finally:
        process.terminate()
        process.wait()


def _administered(aws: StandIn) -> StandIn:
    """The stand-in, used by a user who may do everything."""
    iam = aws.client("iam")
    iam.create_user(UserName="administrator")
    everything = {"Effect": "Allow", "Action": "*", "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [everything]})
    iam.put_user_policy(UserName="administrator", PolicyName="all", PolicyDocument=policy)
    given = iam.create_access_key(UserName="administrator")["AccessKey"]
    return replace(aws, key=given["AccessKeyId"], secret=given["SecretAccessKey"])


def _wait(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    until = time.monotonic() + 60
    while True:
        try:
            asked(f"{url}/moto-api/data.json", "GET")
            return
        except OSError:
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < until, "the stand-in does not answer"
            time.sleep(0.05)
