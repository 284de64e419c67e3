"""The guides, followed: what they say to do is done, and what they show is what comes out."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.following import Block, expected, follow
from totes.demo.postgres import stop_kept

GUIDES = Path(__file__).resolve().parent.parent / "docs" / "guides"


@pytest.fixture
def folder(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty folder, in a shell that finds `totes`; servers left in it are stopped."""
    beside = Path(sys.executable).parent
    monkeypatch.setenv("PATH", f"{beside}{os.pathsep}{os.environ['PATH']}")
    with tempfile.TemporaryDirectory() as parent:
        Path(parent).chmod(0o755)  # where tests run as root, the server's own user has to enter
        place = Path(parent) / "empty"
        place.mkdir()
        yield place
        for server in place.glob("*/postgres"):
            stop_kept(server)


def test_another_database(folder: Path, tmp_path: Path) -> None:
    """The guide leads from an empty PostgreSQL to a star with its history, as it says."""
    follow(GUIDES / "another-database.md", folder, tmp_path, instead={})


@pytest.mark.parametrize(
    ("shown", "said", "vary", "there"),
    [
        ("one\n…\nfour\n", "zero\none\ntwo\nthree\nfour\n", False, True),
        ("one\nfour\n", "one\ntwo\nthree\nfour\n", False, False),
        ("3 rows, … s\n", "3 rows, 0.1 s\n", False, True),
        ("3 rows\n", "4 rows\n", False, False),
        ("3 rows\n", "1,004 rows\n", True, True),
        ("3 rows\n", "no rows\n", True, False),
    ],
)
def test_output_is_compared(shown: str, said: str, vary: bool, there: bool) -> None:
    """What a page shows is told from what it does not: `…` is anything, figures where they vary."""
    assert bool(expected(Block(1, "text", shown, None, vary)).search(said)) is there
