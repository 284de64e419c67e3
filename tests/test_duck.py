"""The engine, as every stage finds it."""

from __future__ import annotations

from pathlib import Path

from totes import duck


def test_engine_thinks_in_utc_and_draws_nothing(tmp_path: Path) -> None:
    """The engine's time zone is UTC, and it draws no bar of its own into what a command prints."""
    with duck.engine(tmp_path) as engine:
        said = "select current_setting('timezone'), current_setting('enable_progress_bar')"
        assert engine.execute(said).fetchall() == [("UTC", False)]
