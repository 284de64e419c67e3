"""moto's server, with what it lacks for Totes: `python -m tests.aws.server PORT FOLDER RUNTIME`.

- A function that is invoked runs, in environments of `tests.aws.runtime`, with the credentials of
  its role; reserved concurrency is kept to, and logs go to its log group.
- Step Functions executes what a state machine says, as its role, and validates definitions.
- A bucket policy's denials hold only where their conditions do.
- A function's `logging_config` is kept; the rest is in `tests.aws.gaps`.
"""

from __future__ import annotations

import atexit
import io
import json
import sys
import threading
import zipfile
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

from botocore.credentials import Credentials
from flask import has_request_context, request
from moto.awslambda.exceptions import LambdaClientError
from moto.awslambda.models import LambdaFunction
from moto.core.config import default_user_config
from moto.core.responses import ActionResult
from moto.iam.access_control import IAMPolicy, PermissionResult
from moto.s3.models import FakeBucket
from moto.server import main
from moto.stepfunctions.parser.asl.utils import boto_client
from moto.stepfunctions.parser.models import StepFunctionsParserBackend
from moto.stepfunctions.responses import StepFunctionResponse
from moto.sts.models import sts_backends

from tests.aws import gaps
from tests.aws.runtime import Environment, Function, Result

CREDENTIALS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")


class TooManyError(LambdaClientError):
    """What Lambda says when all the environments that a function may have are busy."""

    code = 429

    def __init__(self) -> None:
        super().__init__("TooManyRequestsException", "Rate Exceeded.")


class Roles:
    """Credentials of roles, as AWS's services have them; of each role there is one set."""

    def __init__(self) -> None:
        self._assumed: dict[str, tuple[str, str, str]] = {}

    def assumed(self, role: str) -> tuple[str, str, str]:
        """A role's access key, secret and session token."""
        if role not in self._assumed:
            # not over HTTP: moto knows nothing of services that are trusted with a role
            backend = sts_backends[role.split(":")[4]][role.split(":")[1]]
            made = backend.assume_role("eu-west-2", "stand-in", role, "", 3600, "")
            self._assumed[role] = (made.access_key_id, made.secret_access_key, made.session_token)
        return self._assumed[role]


class Fleet:
    """The environments of all functions. An idle one is taken before another is begun."""

    def __init__(self, url: str, folder: Path, runtime: Path, roles: Roles) -> None:
        self._url, self._folder, self._runtime, self._roles = url, folder, runtime, roles
        self._lock = threading.Lock()
        self._idle: dict[Function, list[Environment]] = defaultdict(list)
        self._all: list[Environment] = []
        self._busy: Counter[str] = Counter()
        self._numbers = count(1)
        atexit.register(self._end)

    def invoke(self, function: LambdaFunction, event: bytes) -> Result:
        """Run a function as it is configured now."""
        with self._lock:
            wanted = self._wanted(function)
        with self._one_more(function), self._environment(wanted) as environment:
            return environment.invoke(event)

    @contextmanager
    def _one_more(self, function: LambdaFunction) -> Iterator[None]:
        limit = function.reserved_concurrency
        arn = function.function_arn
        with self._lock:
            if limit is not None and self._busy[arn] >= int(limit):
                raise TooManyError
            self._busy[arn] += 1
        try:
            yield
        finally:
            with self._lock:
                self._busy[arn] -= 1

    @contextmanager
    def _environment(self, wanted: Function) -> Iterator[Environment]:
        with self._lock:
            idle = self._idle[wanted]
            environment = idle.pop() if idle else None
            if environment is None:
                folder = self._folder / "environments" / wanted.name / str(next(self._numbers))
                environment = Environment(wanted, self._runtime, folder)
                self._all.append(environment)
        try:
            yield environment
        finally:
            with self._lock:
                idle.append(environment)

    def _wanted(self, function: LambdaFunction) -> Function:
        root = self._folder / "code" / function.code_sha_256.replace("/", "_")
        if not root.exists():
            with zipfile.ZipFile(io.BytesIO(function.code_bytes)) as packed:
                packed.extractall(root)
        variables = {
            "AWS_ENDPOINT_URL": self._url,
            "AWS_ALLOW_HTTP": "true",
            "AWS_REGION": function.region,
            "AWS_DEFAULT_REGION": function.region,
            **dict(zip(CREDENTIALS, self._roles.assumed(function.role), strict=True)),
            **function.environment_vars,
        }
        return Function(
            name=function.function_name,
            arn=function.function_arn,
            handler=str(function.handler),
            task_root=root,
            variables=tuple(sorted(variables.items())),
            timeout=float(function.timeout),
            memory=int(function.memory_size),
        )

    def _end(self) -> None:
        for environment in self._all:
            environment.kill()


def run_functions(fleet: Fleet) -> None:
    """Let functions run when they are invoked, and keep how they are to log."""
    begin, describe = LambdaFunction.__init__, LambdaFunction.get_configuration

    def begun(self: Any, account_id: str, spec: dict[str, Any], *rest: Any, **named: Any) -> None:
        self.wanted_logging = spec.get("LoggingConfig")
        begin(self, account_id, spec, *rest, **named)

    def described(self: Any, *rest: Any, **named: Any) -> dict[str, Any]:
        found = describe(self, *rest, **named)
        return found | ({"LoggingConfig": self.wanted_logging} if self.wanted_logging else {})

    def invoke(self: Any, event: Any = None) -> tuple[str, bool, str]:
        content = event if isinstance(event, str) else json.dumps(event)
        result = fleet.invoke(self, content.encode())
        report = f"REPORT Duration: {result.seconds * 1000:.0f} ms"
        logs = f"{result.logs}{report} Max Memory Used: {result.memory} MB\n"
        self.logs_backend.ensure_log_group(self.logs_group_name)
        self.save_logs(logs)
        return result.body.decode(), result.is_error, logs

    LambdaFunction.__init__ = begun  # type: ignore[method-assign]
    LambdaFunction.get_configuration = described  # type: ignore[method-assign]
    LambdaFunction._invoke_lambda = invoke  # type: ignore[method-assign]


def run_state_machines(roles: Roles) -> None:
    """Let executions run, each task as the machine's role, and answer two questions that Terraform
    asks about state machines."""
    default_user_config["stepfunctions"] = {"execute_state_machine": True}
    plain = boto_client.boto_client_for

    def client(region: str, service: str, state_credentials: Any = None) -> Any:
        made = plain(region=region, service=service, state_credentials=state_credentials)
        given = roles.assumed(state_credentials.role_arn)
        made._request_signer._credentials = Credentials(*given)
        return made

    for module in [*sys.modules.values()]:
        if getattr(module, "boto_client_for", None) is plain:
            module.boto_client_for = client  # type: ignore[attr-defined]

    def validate(self: Any) -> ActionResult:
        found: list[dict[str, str]] = []
        try:
            StepFunctionsParserBackend._validate_definition(self._get_param("definition"))
        except Exception as error:
            wrong = {"severity": "ERROR", "code": "SCHEMA_VALIDATION_FAILED", "location": "/"}
            found.append({**wrong, "message": str(error)[:500]})
        result = "FAIL" if found else "OK"
        return ActionResult({"result": result, "diagnostics": found, "truncated": False})

    def versions(_: Any) -> ActionResult:
        return ActionResult({"stateMachineVersions": []})

    StepFunctionResponse.validate_state_machine_definition = validate  # type: ignore[attr-defined]
    StepFunctionResponse.list_state_machine_versions = versions  # type: ignore[attr-defined]


def heed_conditions() -> None:
    """Apply a statement of a bucket policy only where its conditions hold."""

    def permission(self: Any, action: str, resource: str) -> Any:
        if self.policy is None:
            return PermissionResult.NEUTRAL
        policy = json.loads(self.policy)
        told = _told(action)
        kept = [
            {name: value for name, value in statement.items() if name != "Condition"}
            for statement in policy["Statement"]
            if all(
                _holds(operator, told.get(key), wanted)
                for operator, keys in statement.get("Condition", {}).items()
                for key, wanted in keys.items()
            )
        ]
        if not kept:
            return PermissionResult.NEUTRAL
        narrowed = IAMPolicy(json.dumps({**policy, "Statement": kept}))
        return narrowed.is_action_permitted(action, resource)

    FakeBucket.get_permission = permission  # type: ignore[method-assign]


def _told(action: str) -> dict[str, str | None]:
    """The condition keys of the request that is being answered. TLS is taken as given."""
    headers: Any = request.headers if has_request_context() else {}
    arguments: Any = request.args if has_request_context() else {}
    creates = action == "s3:PutObject" and "partNumber" not in arguments
    return {
        "aws:SecureTransport": "true",
        "s3:if-none-match": headers.get("If-None-Match"),
        "s3:ObjectCreationOperation": str(creates).lower(),
    }


def _holds(operator: str, value: str | None, wanted: str | list[str]) -> bool:
    """Whether a condition holds; one that is not known here is taken to."""
    expected = [wanted] if isinstance(wanted, str) else wanted
    if operator == "Null":
        return (value is None) == (expected[0] == "true")
    if operator in {"Bool", "StringEquals"}:
        return value in expected
    return True


if __name__ == "__main__":
    port, place, runtime_folder = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    trusted = Roles()
    run_functions(Fleet(f"http://127.0.0.1:{port}", place, runtime_folder, trusted))
    run_state_machines(trusted)
    heed_conditions()
    gaps.fill()
    main(["-H", "127.0.0.1", "-p", port])
