"""Settings: the only reader of the environment."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

from pydantic import SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from totes.contract import DataModel, shipped_model
from totes.errors import ConfigurationError

EXAMPLES = {
    "source": "postgresql://reader:PASSWORD@HOST/totesys",
    "warehouse": "postgresql://writer:PASSWORD@HOST/warehouse",
    "ingestion": "file:///var/lib/totes/ingestion",
    "processed": "file:///var/lib/totes/processed",
}

# What obstore calls options of the client: those of its HTTP, whatever the storage.
CLIENT_OPTIONS = (
    "allow_http",
    "allow_invalid_certificates",
    "connect_timeout",
    "pool_idle_timeout",
    "proxy_ca_certificate",
    "proxy_excludes",
    "proxy_url",
    "read_timeout",
    "timeout",
    "user_agent",
)


class Settings(BaseSettings):
    """What Totes is told, by environment variables of these names with `TOTES_` before them.

    `source` and `warehouse` are PostgreSQL connection strings, `ingestion` and `processed` the URLs
    of the two lakes (`file:///…` or `s3://bucket/prefix`), `model` the folder of another data model
    than the one that ships.
    """

    model_config = SettingsConfigDict(env_prefix="TOTES_", frozen=True)

    source: SecretStr | None = None
    warehouse: SecretStr | None = None
    ingestion: str | None = None
    processed: str | None = None
    model: Path | None = None

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


def client_options(**defaults: str) -> dict[str, str]:
    """How to speak HTTP with storage: `defaults`, and over them AWS_ALLOW_HTTP, AWS_PROXY_URL….

    obstore reads these by itself, but only if it is given no options at all.
    """
    told = {option: os.environ.get(f"AWS_{option.upper()}") for option in CLIENT_OPTIONS}
    return {**defaults, **{option: value for option, value in told.items() if value}}
