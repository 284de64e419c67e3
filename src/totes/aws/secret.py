"""The login to a database, from AWS Secrets Manager, as it is rotated.

A secret is JSON: `{"host", "port", "database", "user", "password"}`, all text; also `sslmode`,
which is `require` if it is missing, and `sslrootcert`, which may be `system`. Nothing of it is ever
in an error but the names of its members.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Literal

from aws_lambda_powertools.utilities.parameters import SecretsProvider
from aws_lambda_powertools.utilities.parameters.exceptions import GetParameterError
from botocore.config import Config
from botocore.exceptions import ClientError
from psycopg.conninfo import make_conninfo
from pydantic import BaseModel, ConfigDict, SecretStr, ValidationError

from totes.config import FunctionSettings, Settings
from totes.errors import ConfigurationError, TransientError
from totes.report import Report

REMEMBERED = 300  # seconds; a login that is refused is looked up at once
PATIENCE = Config(connect_timeout=5, read_timeout=5, retries={"total_max_attempts": 3})

# What Secrets Manager says when trying again is of no use, without the `Exception` at the end.
MISTAKEN = {
    "AccessDenied",
    "DecryptionFailure",
    "InvalidParameter",
    "InvalidRequest",  # among others for a secret that is to be deleted
    "ResourceNotFound",
    "UnrecognizedClient",
    "Validation",
}


class Login(BaseModel):
    """What a secret holds."""

    model_config = ConfigDict(frozen=True, coerce_numbers_to_str=True, hide_input_in_errors=True)

    host: str
    port: str
    database: str
    user: str
    password: SecretStr
    sslmode: str = "require"
    sslrootcert: str | None = None

    @property
    def dsn(self) -> str:
        """The connection string, in which any character of any member is quoted as it has to be."""
        return make_conninfo(
            host=self.host,
            port=self.port,
            dbname=self.database,
            user=self.user,
            password=self.password.get_secret_value(),
            sslmode=self.sslmode,
            sslrootcert=self.sslrootcert,
        )


def logged_in(
    setting: Literal["source", "warehouse"], work: Callable[[Settings], Report]
) -> Report:
    """Do the work with a login to the database. If the one that is remembered does not do, and the
    secret has another by now, once more with that one."""
    tried = None
    try:
        tried = _login(setting).dsn
        return work(_settings(setting, tried))
    except ConfigurationError:
        newer = _login(setting, anew=True).dsn
        if newer == tried:
            raise
        return work(_settings(setting, newer))


def _settings(setting: str, dsn: str) -> Settings:
    return Settings.of_environment().model_copy(update={setting: SecretStr(dsn)})


def _login(setting: Literal["source", "warehouse"], *, anew: bool = False) -> Login:
    name = FunctionSettings().secret(setting)
    where = f"the secret in TOTES_{setting.upper()}_SECRET ({name})"
    try:
        found = _provider().get(name, max_age=REMEMBERED, force_fetch=anew)
    except GetParameterError as error:
        if _is_mistaken(error.__context__):
            hint = "is it there, with a value, and may the function's role read it?"
            raise ConfigurationError(f"cannot read {where}: {error}", hint=hint) from error
        raise TransientError(f"cannot read {where}: {error}", hint="run again") from error
    try:
        return Login.model_validate_json(found if isinstance(found, str) else "")
    except ValidationError as error:
        wrong = ", ".join(
            f"{'.'.join(map(str, one['loc'])) or 'all of it'}: {one['type']}"
            for one in error.errors(include_input=False, include_url=False)
        )
    hint = "put it in as JSON: host, port, database, user, password, all text"
    # not inside the `except`: the chain of errors is logged, and the input would be in it
    raise ConfigurationError(f"{where} is not a login ({wrong})", hint=hint)


def _is_mistaken(cause: BaseException | None) -> bool:
    if not isinstance(cause, ClientError):
        return False
    code = str(cause.response["Error"]["Code"]).removesuffix("Exception")
    return code in MISTAKEN or cause.response["ResponseMetadata"]["HTTPStatusCode"] == 403


@cache
def _provider() -> SecretsProvider:
    return SecretsProvider(boto_config=PATIENCE)
