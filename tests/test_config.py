"""Settings come from the environment, and keep what is secret to themselves."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Literal

import pytest
from pydantic import ValidationError

from totes.config import EXAMPLES, Settings
from totes.contract import shipped_model
from totes.errors import ConfigurationError

Setting = Literal["source", "warehouse", "ingestion", "processed"]
SETTINGS: tuple[Setting, ...] = ("source", "warehouse", "ingestion", "processed")


@pytest.fixture(autouse=True)
def _nothing_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*SETTINGS, "model"):
        monkeypatch.delenv(f"TOTES_{name.upper()}", raising=False)


def asked(settings: Settings, setting: Setting) -> str:
    match setting:
        case "source" | "warehouse":
            return settings.dsn(setting)
        case _:
            return settings.lake(setting)


@pytest.mark.parametrize("setting", SETTINGS)
def test_settings_are_read_from_the_environment(
    setting: Setting, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each setting is the environment variable of its name with TOTES_ before it."""
    monkeypatch.setenv(f"TOTES_{setting.upper()}", EXAMPLES[setting])
    assert asked(Settings(), setting) == EXAMPLES[setting]


@pytest.mark.parametrize("value", [None, "", " "])
@pytest.mark.parametrize("setting", ["source", "warehouse"])
def test_unset_database_names_its_variable(
    setting: Setting, value: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A connection string that is missing or blank is named, with the export that would set it."""
    if value is not None:
        monkeypatch.setenv(f"TOTES_{setting.upper()}", value)
    with pytest.raises(ConfigurationError, match=f"TOTES_{setting.upper()} is not set") as caught:
        asked(Settings(), setting)
    assert caught.value.hint == f"export TOTES_{setting.upper()}={EXAMPLES[setting]}"


@pytest.mark.parametrize("value", [None, ""])
@pytest.mark.parametrize("setting", ["ingestion", "processed"])
def test_unset_lake_names_its_variable(
    setting: Setting, value: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A lake that is not named anywhere is an error with the export that would set it."""
    if value is not None:
        monkeypatch.setenv(f"TOTES_{setting.upper()}", value)
    with pytest.raises(ConfigurationError, match=f"TOTES_{setting.upper()} is not set") as caught:
        asked(Settings(), setting)
    assert caught.value.hint == f"export TOTES_{setting.upper()}={EXAMPLES[setting]}"


def test_a_lake_has_no_slash_at_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """A slash at the end of a lake's URL makes no difference."""
    monkeypatch.setenv("TOTES_INGESTION", "s3://bucket/prefix/")
    assert Settings().lake("ingestion") == "s3://bucket/prefix"


def test_secrets_are_in_no_text_of_the_settings() -> None:
    """Neither repr, str, nor a dump of the settings has a connection string in it."""
    secret = "postgresql://reader:geheim@host/totesys"
    settings = Settings.model_validate({"source": secret, "warehouse": secret})
    texts = [repr(settings), str(settings), str(settings.model_dump()), settings.model_dump_json()]
    assert not [text for text in texts if "geheim" in text]
    assert settings.dsn("source") == secret


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("TOTES_DELETION_LIMIT", "half"),
        ("TOTES_DELETION_LIMIT", "1.5"),
        ("TOTES_DELETION_LIMIT", "'; drop table"),
        ("TOTES_MEMORY", "1MB"),
        ("TOTES_MEMORY", "much"),
    ],
)
def test_value_that_will_not_do_is_named(
    variable: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A setting that is no number, or out of its range, is named with its value and an example."""
    monkeypatch.setenv(variable, value)
    with pytest.raises(ConfigurationError, match=f"^{variable} is .*{value}") as caught:
        Settings.of_environment()
    assert f"{variable}=" in str(caught.value.hint)


def test_settings_cannot_be_changed() -> None:
    """Settings are what they were when they were read."""
    settings, setting = Settings(), "ingestion"
    with pytest.raises(ValidationError, match="frozen"):
        setattr(settings, setting, "file:///elsewhere")


def test_data_model_ships_unless_a_folder_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The data model is the one that ships, or the one in the folder that TOTES_MODEL names."""
    assert Settings().data_model().folder == shipped_model()
    monkeypatch.setenv("TOTES_MODEL", str(tmp_path))
    with pytest.raises(ConfigurationError, match=str(tmp_path)):
        Settings().data_model()
    shutil.copytree(shipped_model(), tmp_path / "mine")
    monkeypatch.setenv("TOTES_MODEL", str(tmp_path / "mine"))
    assert Settings().data_model().folder == tmp_path / "mine"
