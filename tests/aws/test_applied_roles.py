"""Each role that was applied may do its work, and nothing else of what is tried here.

moto enforces roles' and buckets' policies, not their boundaries, keys' policies or who may take a
role; and functions' logs come to CloudWatch without any role.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.aws.applied import Applied
from tests.aws.deployment import STAGES
from tests.aws.stand_in import StandIn
from tests.aws.test_functions import UPDATE

LAKES, SECRETS, PROBE = ("ingestion", "processed"), ("source", "warehouse"), "probe/of-roles"

# All that each role may do of all that is tried.
MAY = {
    "ingest": {"list ingestion", "read ingestion", "create in ingestion", "see source"},
    "process": {
        *("list ingestion", "read ingestion"),
        *("list processed", "read processed", "create in processed"),
    },
    "load": {"list processed", "read processed", "see warehouse"},
    "machine": {"invoke ingest", "invoke process", "invoke load", "publish"},
    "scheduler": {"start", "send"},
}
Deeds = dict[str, Callable[[], object]]


@pytest.fixture(scope="module")
def others(default: Applied) -> None:
    """Beside what was applied there is, of each kind, something that is none of its business."""
    aws = default.aws
    for lake in LAKES:
        bucket = default.told[f"{lake}_bucket"]
        aws.client("s3").put_object(Bucket=bucket, Key=PROBE, Body=b"1", IfNoneMatch="*")
    aws.make_bucket("of-others")
    aws.client("secretsmanager").create_secret(Name="of-others", SecretString="{}")
    aws.client("sns").create_topic(Name="of-others")
    aws.client("sqs").create_queue(QueueName="of-others")


def beside(arn: str) -> str:
    """The ARN of a resource of others."""
    return f"{arn.rpartition(':')[0]}:of-others"


def with_objects(aws: StandIn, name: str, bucket: str, new: str) -> Deeds:
    """What can be done with a bucket and its objects."""
    s3 = aws.client("s3")
    put = partial(s3.put_object, Bucket=bucket, Body=b"1")
    return {
        f"list {name}": lambda: s3.list_objects_v2(Bucket=bucket),
        f"read {name}": lambda: s3.get_object(Bucket=bucket, Key=PROBE),
        f"create in {name}": lambda: put(Key=f"probe/{new}", IfNoneMatch="*"),
        f"overwrite in {name}": lambda: put(Key=PROBE),
        f"put without a condition in {name}": lambda: put(Key=f"probe/{new}-2"),
        f"delete in {name}": lambda: s3.delete_object(Bucket=bucket, Key=PROBE),
        f"change the policy of {name}": lambda: s3.delete_bucket_policy(Bucket=bucket),
        f"remove {name}": lambda: s3.delete_bucket(Bucket=bucket),
    }


def with_messages(applied: Applied, aws: StandIn) -> Deeds:
    """What can be set going."""
    client, topic, machine = aws.client, applied.told["topic_arn"], applied.machine
    queue, name = applied.aws.client("sqs").get_queue_url, applied.told["dead_letter_queue_name"]
    urls = [queue(QueueName=one)["QueueUrl"] for one in (name, "of-others")]
    return {
        "publish": lambda: client("sns").publish(TopicArn=topic, Message="probe"),
        "publish to others": lambda: client("sns").publish(TopicArn=beside(topic), Message="."),
        "start": lambda: applied.aws.ended(aws.started(machine)),
        "start another": lambda: aws.started(beside(machine)),
        "send": lambda: client("sqs").send_message(QueueUrl=urls[0], MessageBody="probe"),
        "send to others": lambda: client("sqs").send_message(QueueUrl=urls[1], MessageBody="."),
    }


def deeds(applied: Applied, aws: StandIn, who: str) -> Deeds:
    """All that is tried, as who has taken a role; none of it harms what is there."""
    secrets, functions = aws.client("secretsmanager"), aws.client("lambda")
    tried: Deeds = with_messages(applied, aws)
    for lake in LAKES:
        tried |= with_objects(aws, lake, applied.told[f"{lake}_bucket"], who)
    tried |= {"list of-others": lambda: aws.client("s3").list_objects_v2(Bucket="of-others")}
    for name, secret in {**applied.told["secret_arns"], "others": "of-others"}.items():
        tried[f"see {name}"] = partial(secrets.get_secret_value, SecretId=secret)
        tried[f"put {name}"] = partial(secrets.put_secret_value, SecretId=secret, SecretString="{}")
    for stage, name in {**applied.told["function_names"], "others": "of-others"}.items():
        tried[f"invoke {stage}"] = partial(functions.invoke, FunctionName=name, Payload=b"{}")
    return tried


def may(deed: Callable[[], Any]) -> bool:
    """Whether something is not refused, whatever else comes of it."""
    try:
        deed()
    except ClientError as error:
        if "Signature" in error.response["Error"]["Code"]:  # a fault of the test
            raise
        return bool(error.response["ResponseMetadata"]["HTTPStatusCode"] != 403)
    return True


@pytest.mark.usefixtures("others")
@pytest.mark.parametrize("who", sorted(MAY))
def test_a_role_may_do_what_it_needs_and_no_more(applied: Applied, who: str) -> None:
    """Of all that is tried, it is exactly a role's own work that is not refused."""
    tried = deeds(applied, applied.aws.taken(applied.told["role_arns"][who]), who)
    with applied.aws.enforcing():
        allowed = {name for name, deed in tried.items() if may(deed)}
    assert allowed == MAY[who]


def test_with_these_roles_the_work_is_done(applied: Applied) -> None:
    """Where policies are enforced, an execution archives, remodels and loads a change."""
    applied.done()
    applied.change(UPDATE.replace("4321", "4711"))
    with applied.aws.enforcing():
        done = applied.done()
    assert [done[stage]["batches"] for stage in STAGES] == [1, 1, 1]


@pytest.mark.usefixtures("others")
@pytest.mark.parametrize("lake", LAKES)
def test_the_lakes_refuse_administrators_too(applied: Applied, lake: str) -> None:
    """Nobody overwrites or deletes, by whichever call, while the bucket's policy is there."""
    bucket = applied.told[f"{lake}_bucket"]
    tried = with_objects(applied.aws, lake, bucket, "administrator")
    refused = {f"{what} in {lake}" for what in ("overwrite", "put without a condition", "delete")}
    harmless = {name: deed for name, deed in tried.items() if name.endswith(f"in {lake}")}
    assert {name for name, deed in harmless.items() if not may(deed)} == refused
    s3 = applied.aws.client("s3")
    told = s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": PROBE}]})
    assert [error["Code"] for error in told["Errors"]] == ["AccessDenied"]
    versions = s3.list_object_versions(Bucket=bucket, Prefix=PROBE)["Versions"]
    assert [version["IsLatest"] for version in versions] == [True]


def test_roles_trust_one_service_each(applied: Applied) -> None:
    """A role can be taken by the service it is for, and in no other account's name."""
    services = {"machine": "states.amazonaws.com", "scheduler": "scheduler.amazonaws.com"}
    for who, arn in applied.told["role_arns"].items():
        role = applied.aws.client("iam").get_role(RoleName=arn.rpartition("/")[2])["Role"]
        (statement,) = role["AssumeRolePolicyDocument"]["Statement"]
        service = services.get(who, "lambda.amazonaws.com")
        assert statement["Principal"] == {"Service": service}, json.dumps(statement)
        assert ("Condition" in statement) == (who in services)
