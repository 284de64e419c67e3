"""`terraform/` applied to the stand-in, and what was applied as a world to test.

Nothing of the configuration is changed for it: a file beside a copy overrides where the state is
kept, and lets the provider believe that the stand-in is AWS. Where that is says the environment.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.aws.deployment import STAGES, Deployment, login, set_password
from tests.aws.stand_in import StandIn
from tests.aws.test_terraform_static import LEFTOVERS, TERRAFORM, run
from tests.world import World

# A call that the stand-in does not know is tried for minutes unless told otherwise.
OVERRIDE = """
terraform {
  backend "local" {}
}

provider "aws" {
  s3_use_path_style           = true
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  max_retries                 = 2
}
"""


@dataclass(frozen=True)
class Configuration:
    """A copy of the configuration, of which one root module is applied to a stand-in."""

    folder: Path
    root: str
    environment: dict[str, str]

    @property
    def place(self) -> Path:
        return self.folder / "terraform" / self.root

    def begin(self) -> None:
        """Make the copy, and fetch the provider."""
        shutil.copytree(TERRAFORM, self.folder / "terraform", ignore=LEFTOVERS)
        (self.place / "stand_in_override.tf").write_text(OVERRIDE)
        (self.folder / "plugins").mkdir()
        self.terraform("init", "-input=false")

    def terraform(self, *arguments: str) -> str:
        """What terraform prints; the test fails where terraform does."""
        return self.run("terraform", *arguments)

    def run(self, name: str, *arguments: str) -> str:
        cache = {"TF_PLUGIN_CACHE_DIR": str(self.folder / "plugins")}
        return run(name, *arguments, folder=self.place, environment={**self.environment, **cache})

    def apply(self, *arguments: str) -> dict[str, Any]:
        """Apply; what is told of it, by name."""
        self.terraform("apply", "-auto-approve", "-input=false", *arguments)
        told = json.loads(self.terraform("output", "-json"))
        return {name: output["value"] for name, output in told.items()}

    def plan(self, *arguments: str) -> str:
        """Plan; the test fails if there is anything to change."""
        return self.terraform("plan", "-detailed-exitcode", "-input=false", *arguments)

    def there(self) -> list[str]:
        """The addresses of what is there, but for data."""
        listed = self.terraform("state", "list").split()
        return [address for address in listed if not address.rpartition("data.")[1]]
