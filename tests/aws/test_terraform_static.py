"""What can be said of `terraform/` without applying it: form, validity, variables, compliance."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.aws.terraform import LEFTOVERS, NO_PROVIDER, NO_TERRAFORM, TERRAFORM, fetch_provider, run

ROOTS = [".", "bootstrap", "examples/default", "examples/complete"]


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the configuration, so that nothing is left in it."""
    folder = tmp_path_factory.mktemp("terraform") / "terraform"
    shutil.copytree(TERRAFORM, folder, ignore=LEFTOVERS)
    return folder


def test_terraform_is_formatted() -> None:
    """`terraform fmt` would change nothing."""
    run("terraform", "fmt", "-check", "-diff", "-recursive", folder=TERRAFORM)


@pytest.mark.parametrize("root", ROOTS)
def test_terraform_is_valid(copy: Path, plugins: dict[str, str], root: str) -> None:
    """Each root module, the examples among them, is valid; there are no warnings but the one that
    a module's backend is not an example's."""
    run("terraform", "init", "-backend=false", folder=copy / root, variables=plugins)
    told = json.loads(run("terraform", "validate", "-json", folder=copy / root))
    others = {note["summary"] for note in told["diagnostics"]} - {"Backend configuration ignored"}
    assert told["valid"]
    assert not others


@pytest.mark.parametrize("root", [".", "bootstrap"])
def test_plans_are_what_the_variables_say(copy: Path, plugins: dict[str, str], root: str) -> None:
    """`terraform test`: optional parts come and go with their variables, nonsense is refused."""
    run("terraform", "init", "-backend=false", folder=copy / root, variables=plugins)
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


def test_without_terraform_what_needs_it_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where there is no Terraform a test that needs it is skipped, in CI too, and says why."""
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.skip.Exception, match=re.escape(NO_TERRAFORM)):
        fetch_provider(tmp_path)


@pytest.mark.parametrize(
    ("ci", "left_out"), [("", pytest.skip.Exception), ("true", pytest.fail.Exception)]
)
def test_without_the_provider_what_needs_it_is_left_out_but_not_in_ci(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ci: str, left_out: type[BaseException]
) -> None:
    """Where the provider cannot be had a test that needs it is skipped, with what Terraform said;
    in CI it fails. The second one to ask is told the same without another try."""
    run("terraform", "version", folder=tmp_path)  # or this test is left out itself
    (tmp_path / "empty").mkdir()
    mirror = f'provider_installation {{ filesystem_mirror {{ path = "{tmp_path}/empty" }} }}'
    (tmp_path / "mirror.tfrc").write_text(mirror)
    monkeypatch.setenv("TF_CLI_CONFIG_FILE", str(tmp_path / "mirror.tfrc"))
    monkeypatch.setenv("CI", ci)
    with pytest.raises(left_out, match=re.escape(NO_PROVIDER)) as first:
        fetch_provider(tmp_path)
    assert "hashicorp/aws" in str(first.value)
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(left_out, match="hashicorp/aws"):
        fetch_provider(tmp_path)
