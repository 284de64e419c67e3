"""What moto's server does not answer, or not exactly enough, once Terraform and roles ask it."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import unquote

from botocore.exceptions import ClientError
from moto.athena.responses import AthenaResponse
from moto.budgets.responses import BudgetsResponse
from moto.core.authorization import ActionAuthenticatorMixin
from moto.ec2.models.security_groups import SecurityGroupRule
from moto.iam.access_control import IAMRequest
from moto.s3.models import S3Backend
from moto.s3.responses import S3Response
from moto.secretsmanager.models import secretsmanager_backends
from moto.stepfunctions.parser.asl.component.common.error_name.custom_error_name import (
    CustomErrorName,
)
from moto.stepfunctions.parser.asl.component.state.exec.state_task.state_task_lambda import (
    StateTaskLambda,
)
from werkzeug.datastructures import Headers

CHECKSUM = "x-amz-checksum-"

# The name of an action in policies, where it is not that of the call.
ACTIONS = {"Invoke": "InvokeFunction"}


def fill() -> None:
    """Fill them all."""
    answer()
    keep_descriptions()
    lock_objects()
    name_errors()
    name_resources()


def answer() -> None:
    """Let named queries be deleted, and budgets say who is told, and what their tags are."""
    create = BudgetsResponse.create_budget

    def delete_named_query(self: Any) -> str:
        self.athena_backend.named_queries.pop(self._get_param("NamedQueryId"), None)
        return "{}"

    def create_budget(self: Any) -> str:
        told = create(self)
        _budget(self, self._get_param("Budget")["BudgetName"]).tags = self._get_param(
            "ResourceTags"
        )
        return told

    def describe_subscribers(self: Any) -> str:
        wanted = self._get_param("Notification")
        notifications = _budget(self, self._get_param("BudgetName")).notifications
        found = [one.subscribers for one in notifications if one.details == wanted]
        return json.dumps({"Subscribers": found[0] if found else []})

    def list_tags(self: Any) -> str:
        name = self._get_param("ResourceARN").partition("/")[2]
        return json.dumps({"ResourceTags": _budget(self, name).tags})

    athena: Any = AthenaResponse
    athena.delete_named_query = delete_named_query
    budgets: Any = BudgetsResponse
    budgets.create_budget = create_budget
    budgets.describe_subscribers_for_notification = describe_subscribers
    budgets.list_tags_for_resource = list_tags


def _budget(response: Any, name: str) -> Any:
    return response.backend.budgets[response.current_account][name]


def keep_descriptions() -> None:
    """Let a rule of a security group have one also where it names no addresses."""
    rule: Any = SecurityGroupRule
    begin = rule.__init__

    def begun(self: Any, *given: Any, **named: Any) -> None:
        begin(self, *given, **named)
        group_or_list: dict[str, str] = next((one for one in given[6:8] if one), {})
        self.told = group_or_list.get("Description")

    rule.__init__ = begun
    rule.description = property(lambda self: self.ip_range.get("Description") or self.told)


def lock_objects() -> None:
    """Let a bucket that is not empty have another Object Lock; and with one, take objects whose
    checksum says itself of what kind it is."""
    backend: Any = S3Backend
    response: Any = S3Response
    lock, put = backend.put_object_lock_configuration, response._key_response_put

    def locked(self: Any, bucket_name: str, *given: Any) -> None:
        bucket = self.get_bucket(bucket_name)
        kept, bucket.keys = bucket.keys, type(bucket.keys)()
        try:
            lock(self, bucket_name, *given)
        finally:
            bucket.keys = kept

    def with_kind(self: Any, *given: Any) -> Any:
        kinds = [name[15:] for name in dict(self.headers) if name.lower()[:15] == CHECKSUM]
        if kinds and "x-amz-sdk-checksum-algorithm" not in self.headers:
            self.headers = Headers(self.headers)
            self.headers["x-amz-sdk-checksum-algorithm"] = kinds[0].upper()
        return put(self, *given)

    backend.put_object_lock_configuration = locked
    response._key_response_put = with_kind


def name_errors() -> None:
    """Let a state machine tell the errors of Lambda itself by their names, so that it can catch
    them."""
    task: Any = StateTaskLambda
    explain = task._from_error

    def explained(self: Any, env: Any, ex: Exception) -> Any:
        failure = explain(self, env, ex)
        if isinstance(ex, ClientError):
            error = f"Lambda.{ex.response['Error']['Code']}"
            failure.error_name = CustomErrorName(error)
            failure.event_details["lambdaFunctionFailedEventDetails"]["error"] = error
        return failure

    task._from_error = explained


def name_resources() -> None:
    """Let policies of roles allow some resources only, where moto asks for all but with S3."""

    def authorize(self: Any, resource: str = "*") -> None:
        self._authenticate_and_authorize_action(_Request, _resource(self) or resource)

    ActionAuthenticatorMixin._authenticate_and_authorize_normal_action = authorize  # type: ignore[method-assign]


class _Request(IAMRequest):
    """A request under the name that policies have for it."""

    def __init__(self, *, action: str, **rest: Any) -> None:
        super().__init__(action=ACTIONS.get(action, action), **rest)


def _resource(response: Any) -> str | None:
    """The ARN of what a request is about; None for what no test here is strict about."""
    where = f"{response.region}:{response.current_account}"
    match response._get_action():
        case "Invoke":
            name = unquote(response.path.rsplit("/", 2)[-2]).rpartition(":")[2]
            return f"arn:aws:lambda:{where}:function:{name}"
        case "GetSecretValue":
            backend = secretsmanager_backends[response.current_account][response.region]
            secret = backend.secrets.get(response._get_param("SecretId"))
            return str(secret.arn) if secret else None
        case "Publish":
            return str(response._get_param("TopicArn"))
        case "StartExecution":
            return str(response._get_param("stateMachineArn"))
        case "SendMessage":
            return f"arn:aws:sqs:{where}:{response._get_param('QueueUrl').rpartition('/')[2]}"
        case _:
            return None
