"""Terraform, and the commands beside it; and the provider, fetched once for all that is tested.

A machine without Terraform leaves out the tests that need it. One with Terraform that cannot have
the provider leaves them out as well, but in CI that is a failure: there it is to be had.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

TERRAFORM = Path(__file__).parents[2] / "terraform"
NO_TERRAFORM = "there is no Terraform on this machine: developer.hashicorp.com/terraform/install"
NO_PROVIDER = "Terraform cannot have the provider (TF_CLI_CONFIG_FILE may name a mirror of it)"

# Terraform's own files: of a directory that was worked in, and none of the configuration's.
LEFTOVERS = shutil.ignore_patterns(".terraform*", "*.tfstate*", "backend.hcl", "*.tfplan")


def ran(
    *command: str, folder: Path, variables: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """A command that has run in a folder, with more environment variables: `terraform`, or `bash`
    with one of our scripts that runs it."""
    beside = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    program = shutil.which(command[0], path=beside)
    if program is None:
        pytest.skip(NO_TERRAFORM)
    quiet = {"CHECKPOINT_DISABLE": "1", "TF_IN_AUTOMATION": "1", "TF_INPUT": "0"}
    quiet |= {"TF_CLI_ARGS": "-no-color"}
    return subprocess.run(
        [program, *command[1:]],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **quiet, **(variables or {})},
    )


def run(*command: str, folder: Path, variables: Mapping[str, str] | None = None) -> str:
    """What a command prints; the test fails with it where the command does."""
    result = ran(*command, folder=folder, variables=variables)
    if result.returncode:
        pytest.fail(f"{' '.join(command)}\n{result.stdout}{result.stderr}")
    return result.stdout


def fetch_provider(folder: Path) -> Path:
    """Fetch the provider into `folder`/plugins, where TF_PLUGIN_CACHE_DIR may point then.

    Whoever comes second finds what the first one found. Where the provider cannot be had the test
    is left out, or fails in CI.
    """
    plugins, said = folder / "plugins", folder / "said"
    if not said.exists():
        plugins.mkdir()
        shutil.copy(TERRAFORM / "versions.tf", folder)
        result = ran(
            *("terraform", "init", "-backend=false"),
            folder=folder,
            variables={"TF_PLUGIN_CACHE_DIR": str(plugins)},
        )
        said.write_text(result.stderr if result.returncode else "")
    if problem := said.read_text():
        leave_out = pytest.fail if os.environ.get("CI") == "true" else pytest.skip
        leave_out(f"{NO_PROVIDER}\n{problem}")
    return plugins
