"""The stand-in for AWS does what it is there for; the rest of it is moto's."""

from __future__ import annotations

import json

import pytest
from botocore.exceptions import ClientError

from tests.aws.stand_in import StandIn

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


def test_definitions_of_state_machines_are_validated(aws: StandIn) -> None:
    """A definition that cannot be run is told so, as Terraform asks before it makes one."""
    client = aws.client("stepfunctions")
    sound = {"StartAt": "end", "States": {"end": {"Type": "Succeed"}}}
    for definition, result in ((sound, "OK"), ({"StartAt": "end"}, "FAIL")):
        found = client.validate_state_machine_definition(definition=json.dumps(definition))
        assert found["result"] == result
