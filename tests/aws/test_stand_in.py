"""The stand-in for AWS does what it is there for; the rest of it is moto's."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

import obstore
import psycopg
import pytest
from botocore.exceptions import ClientError
from obstore.exceptions import GenericError
from obstore.store import S3Store

from tests.aws.deployment import Deployment
from tests.aws.stand_in import StandIn
from tests.aws.test_functions import until
from tests.s3 import REGION
from totes.lake.bucket import Bucket

IMMUTABLE = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Deny",
            "Principal": "*",
            "Action": "s3:PutObject",
            "Resource": "arn:aws:s3:::immutable/*",
            "Condition": {
                "Null": {"s3:if-none-match": "true"},
                "Bool": {"s3:ObjectCreationOperation": "true"},
            },
        },
        {
            "Effect": "Deny",
            "Principal": "*",
            "Action": "s3:*",
            "Resource": ["arn:aws:s3:::immutable", "arn:aws:s3:::immutable/*"],
            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        },
    ],
}


def test_a_bucket_policy_s_conditions_are_heeded(aws: StandIn) -> None:
    """Where a policy wants puts to create, one that might overwrite is denied, others are not."""
    s3 = aws.client("s3")
    aws.make_bucket("immutable")
    s3.put_bucket_policy(Bucket="immutable", Policy=json.dumps(IMMUTABLE))
    s3.put_object(Bucket="immutable", Key="a", Body=b"1", IfNoneMatch="*")
    with pytest.raises(ClientError, match="Forbidden"):
        s3.put_object(Bucket="immutable", Key="a", Body=b"2")
    with pytest.raises(ClientError, match="PreconditionFailed"):
        s3.put_object(Bucket="immutable", Key="a", Body=b"2", IfNoneMatch="*")
    assert s3.get_object(Bucket="immutable", Key="a")["Body"].read() == b"1"


def test_a_bucket_with_object_lock_wants_checksums(
    aws: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a checksum an upload is refused; those of a lake have one."""
    for name, value in aws.environment.items():
        monkeypatch.setenv(name, value)
    s3 = aws.client("s3")
    place = {"LocationConstraint": REGION}
    s3.create_bucket(
        Bucket="locked", CreateBucketConfiguration=place, ObjectLockEnabledForBucket=True
    )
    rule = {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": 1}}
    locked = {"ObjectLockEnabled": "Enabled", "Rule": rule}
    s3.put_object_lock_configuration(Bucket="locked", ObjectLockConfiguration=locked)
    with pytest.raises(GenericError, match="400 Bad Request"):
        obstore.put(S3Store.from_url("s3://locked"), "a", b"1")
    obstore.put(Bucket("s3://locked").client(), "a", b"1", mode="create")
    assert s3.get_object(Bucket="locked", Key="a")["Body"].read() == b"1"


def test_definitions_of_state_machines_are_validated(aws: StandIn) -> None:
    """A definition that cannot be run is told so, as Terraform asks before it makes one."""
    client = aws.client("stepfunctions")
    sound = {"StartAt": "end", "States": {"end": {"Type": "Succeed"}}}
    for definition, result in ((sound, "OK"), ({"StartAt": "end"}, "FAIL")):
        found = client.validate_state_machine_definition(definition=json.dumps(definition))
        assert found["result"] == result


def test_reserved_concurrency_is_kept_to(deployed: Deployment) -> None:
    """A function that may run once at a time refuses a second call until the first has ended."""
    name = deployed.function("ingest")
    client = deployed.aws.client("lambda")
    client.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=1)
    with ThreadPoolExecutor() as pool:
        with psycopg.connect(deployed.source) as connection:
            connection.execute("lock table sales_order")
            first = pool.submit(deployed.invoke, "ingest")
            waiting = "select count(*) from pg_locks where not granted"
            until(lambda: deployed.ask(waiting, source=True) == [(1,)])
            with pytest.raises(ClientError, match="TooManyRequestsException"):
                deployed.invoke("ingest")
        assert first.result()[0]["batch"] == 1
    assert not deployed.invoke("ingest")[1]
