"""Settings: the only reader of the environment."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import ByteSize, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from totes import duck
from totes.contract import DataModel, shipped_model
from totes.errors import ConfigurationError

EXAMPLES = {
    "source": "postgresql://reader:PASSWORD@HOST/totesys",
    "warehouse": "postgresql://writer:PASSWORD@HOST/warehouse",
    "ingestion": "file:///var/lib/totes/ingestion",
    "processed": "file:///var/lib/totes/processed",
    "deletion_limit": "0.5",
    "memory": "512MB",
}


class Settings(BaseSettings):
    """What Totes is told, by environment variables of these names with `TOTES_` before them.

    `source` and `warehouse` are PostgreSQL connection strings, `ingestion` and `processed` the URLs
    of the two lakes (`file:///…` or `s3://bucket/prefix`), `model` the folder of another data model
    than the one that ships. `deletion_limit` is the share of a table's rows (0 to 1) beyond which a
    run does not believe that they were deleted, until a person confirms it. `memory` is how much
    of it the engine may take before it works on disk (at least `192MB`). Where that is too little
    for long rows it takes `256MB` by itself, and more if it is told to here.
    """

    model_config = SettingsConfigDict(env_prefix="TOTES_", frozen=True)

    source: SecretStr | None = None
    warehouse: SecretStr | None = None
    ingestion: str | None = None
    processed: str | None = None
    model: Path | None = None
    deletion_limit: float = Field(0.5, ge=0, le=1)
    memory: ByteSize = Field(ByteSize(duck.MEMORY), ge=duck.MEMORY)

    @property
    def most_memory(self) -> int:
        """What the engine has for what is not tried again: all that it would get in the end."""
        return max(self.memory, duck.FOR_LONG_ROWS)

    @classmethod
    def of_environment(cls) -> Settings:
        """What the environment says. Raises ConfigurationError for a value that will not do."""
        try:
            return cls()
        except ValidationError as error:
            (wrong, *_) = error.errors()
            setting = str(wrong["loc"][0])
            variable = f"TOTES_{setting.upper()}"
            raise ConfigurationError(
                f"{variable} is {wrong['input']!r}: {wrong['msg'][:1].lower()}{wrong['msg'][1:]}",
                hint=f"for example {variable}={EXAMPLES[setting]}",
            ) from None

    def dsn(self, setting: Literal["source", "warehouse"]) -> str:
        """The connection string of a database. Raises ConfigurationError if it is not set."""
        value: SecretStr | None = getattr(self, setting)
        if value is None or not value.get_secret_value().strip():
            raise _unset(setting)
        return value.get_secret_value()

    def lake(self, setting: Literal["ingestion", "processed"]) -> str:
        """The URL of a lake. Raises ConfigurationError if it is not set."""
        value: str | None = getattr(self, setting)
        if not value:
            raise _unset(setting)
        return value.rstrip("/")

    def require_all(self) -> None:
        """Raise ConfigurationError if a database or a lake is not set."""
        self.dsn("source"), self.dsn("warehouse"), self.lake("ingestion"), self.lake("processed")

    def data_model(self) -> DataModel:
        """The data model. Raises ConfigurationError naming the file at fault."""
        return DataModel.load(self.model or shipped_model())


def _unset(setting: str) -> ConfigurationError:
    variable = f"TOTES_{setting.upper()}"
    return ConfigurationError(
        f"{variable} is not set", hint=f"export {variable}={EXAMPLES[setting]}"
    )


class FunctionSettings(BaseSettings):
    """Which secret of AWS Secrets Manager, by its ARN or name, holds the login to a database.

    It is JSON: `{"host": …, "port": …, "database": …, "user": …, "password": …}`, all text, with
    `sslmode` unless it is `require`, and `sslrootcert` for `verify-full`. It is read again every
    five minutes, and whenever a login does not do. (`task_root` is set by Lambda itself.)
    """

    model_config = SettingsConfigDict(frozen=True)

    source: str | None = Field(None, validation_alias="TOTES_SOURCE_SECRET")
    warehouse: str | None = Field(None, validation_alias="TOTES_WAREHOUSE_SECRET")
    task_root: Path | None = Field(None, validation_alias="LAMBDA_TASK_ROOT")

    def secret(self, setting: Literal["source", "warehouse"]) -> str:
        """The secret of a database. Raises ConfigurationError if it is not set."""
        value: str | None = getattr(self, setting)
        if not value:
            variable = f"TOTES_{setting.upper()}_SECRET"
            raise ConfigurationError(
                f"{variable} is not set", hint=f"give the function {variable}: a secret's ARN"
            )
        return value


class ClientOptions(BaseSettings):
    """How a bucket's client speaks HTTP: environment variables of these names, `AWS_` before them.

    They are obstore's own, which reads them by itself only where it is given none.
    """

    model_config = SettingsConfigDict(env_prefix="AWS_", frozen=True)

    allow_http: str | None = None
    allow_invalid_certificates: str | None = None
    connect_timeout: str = "4s"
    pool_idle_timeout: str | None = None
    proxy_ca_certificate: str | None = None
    proxy_excludes: str | None = None
    proxy_url: str | None = None
    read_timeout: str | None = None
    timeout: str = "24h"  # a download may take its time while bytes arrive
    user_agent: str | None = None
