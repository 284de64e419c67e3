"""What can be said of `terraform/` without applying it: form, validity, variables, compliance."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import pytest

TERRAFORM = Path(__file__).parents[2] / "terraform"
ROOTS = [".", "bootstrap", "examples/default", "examples/complete"]

# Terraform's own files: of a directory that was worked in, and none of the configuration's.
LEFTOVERS = shutil.ignore_patterns(".terraform*", "*.tfstate*", "backend.hcl", "*.tfplan")


def missing(what: str) -> NoReturn:
    """Skip the test, for what this machine does not have; in CI fail it."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"there is no {what}, and this is CI")
    pytest.skip(f"there is no {what}")


def ran(*command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """A command that has run, in a folder, or a test that is skipped for want of its program."""
    beside = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    program = shutil.which(command[0], path=beside) or missing(f"`{command[0]}`")
    return subprocess.run(
        [program, *command[1:]],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "CHECKPOINT_DISABLE": "1", "TF_IN_AUTOMATION": "1"},
    )


def run(*command: str, folder: Path) -> str:
    """What a command prints; the test fails with it where the command does."""
    result = ran(*command, folder=folder)
    if result.returncode:
        pytest.fail(f"{' '.join(command)}\n{result.stdout}{result.stderr}")
    return result.stdout


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the configuration, so that nothing is left in it."""
    folder = tmp_path_factory.mktemp("terraform") / "terraform"
    shutil.copytree(TERRAFORM, folder, ignore=LEFTOVERS)
    return folder


@pytest.fixture(scope="module")
def plugins(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Providers are fetched once for all directories."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TF_PLUGIN_CACHE_DIR", str(tmp_path_factory.mktemp("plugins")))
        yield


def test_terraform_is_formatted() -> None:
    """`terraform fmt` would change nothing."""
    run("terraform", "fmt", "-check", "-diff", "-recursive", folder=TERRAFORM)


@pytest.mark.parametrize("root", ROOTS)
@pytest.mark.usefixtures("plugins")
def test_terraform_is_valid(copy: Path, root: str) -> None:
    """Each root module, the examples among them, is valid; there are no warnings but the one that
    a module's backend is not an example's."""
    run("terraform", "init", "-backend=false", "-input=false", folder=copy / root)
    told = json.loads(run("terraform", "validate", "-json", folder=copy / root))
    others = {note["summary"] for note in told["diagnostics"]} - {"Backend configuration ignored"}
    assert told["valid"]
    assert not others


@pytest.mark.parametrize("root", [".", "bootstrap"])
@pytest.mark.usefixtures("plugins")
def test_plans_are_what_the_variables_say(copy: Path, root: str) -> None:
    """`terraform test`: optional parts come and go with their variables, nonsense is refused."""
    run("terraform", "init", "-backend=false", "-input=false", folder=copy / root)
    run("terraform", "test", folder=copy / root)


def files(pattern: str) -> list[Path]:
    """The configuration's files of a name, sorted."""
    found = TERRAFORM.rglob(pattern)
    return sorted(path for path in found if ".terraform" not in path.parts)


@pytest.mark.parametrize("file", files("*.tf"), ids=lambda file: str(file.relative_to(TERRAFORM)))
def test_every_suppression_has_its_reason(file: Path) -> None:
    """What checkov is told to skip is said with why, in the same line."""
    for line in file.read_text(encoding="utf-8").splitlines():
        if "checkov:skip" in line:
            assert re.search(r"# checkov:skip=CKV2?_AWS_\d+:\S.{7,}", line), line


def blocks(file: Path, kind: str) -> Iterator[tuple[str, str]]:
    """The names and bodies of the blocks of a kind in a formatted file."""
    text = file.read_text(encoding="utf-8")
    for match in re.finditer(rf'^{kind} "(\w+)" {{\n(.*?)^}}', text, re.MULTILINE | re.DOTALL):
        yield match[1], match[2]


def test_variables_and_outputs_are_described() -> None:
    """Every variable has a type and a description, every output a description."""
    seen = 0
    for file in files("variables.tf"):
        for name, body in blocks(file, "variable"):
            assert re.search(r"^  type +=", body, re.MULTILINE), f"{file}: {name}"
            assert re.search(r'^  description += ".+\.', body, re.MULTILINE), f"{file}: {name}"
            seen += 1
    for file in files("outputs.tf"):
        for name, body in blocks(file, "output"):
            assert re.search(r'^  description += ".+\.', body, re.MULTILINE), f"{file}: {name}"
            seen += 1
    assert seen > 100


def test_variables_of_the_root_are_validated() -> None:
    """Every variable of the root that could be nonsense is checked before anything is made."""
    any_value_is_right = {"tags", "schedule_enabled", "tracing", "lakes_destroyable"}
    for name, body in blocks(TERRAFORM / "variables.tf", "variable"):
        assert ("validation {" in body) != (name in any_value_is_right), name


def test_nothing_is_hard_coded() -> None:
    """No account, region or address is in the configuration."""
    for file in files("*.tf"):
        text = file.read_text(encoding="utf-8")
        assert not re.search(r"\b\d{12}\b|\b[a-z]{2}-[a-z]+-\d\b", text), file
        assert not re.search(r"[\w.]+@(?!example\.com)[\w-]+\.\w+", text), file


def alarms() -> Iterator[str]:
    """What the alarms are called, as the configuration writes it."""
    text = (TERRAFORM / "modules" / "alarms" / "main.tf").read_text(encoding="utf-8")
    for kind in re.findall(r'^ +"\${stage}-(\w+)" = {', text, re.MULTILINE):
        yield from (f"{stage}-{kind}" for stage in ("ingest", "process", "load"))
    (outcomes,) = re.findall(r"for outcome in (\[.+\]) :", text)
    yield from (f"executions-{outcome.lower()}" for outcome in json.loads(outcomes))
    yield from re.findall(r"^    ([a-z-]+) = {", text, re.MULTILINE)


def test_every_alarm_is_in_the_runbook() -> None:
    """Whoever is woken by an alarm finds it in the guide, and no alarm there is made up."""
    guide = (TERRAFORM.parent / "docs" / "guides" / "deploy.md").read_text(encoding="utf-8")
    table = guide[guide.index("| alarm | what it means |") :]
    first = [row.split("|")[1] for row in table.splitlines() if row.startswith("| `")]
    assert sorted(re.findall(r"`([\w-]+)`", " ".join(first))) == sorted(alarms())
