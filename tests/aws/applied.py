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

from tests.aws.deployment import Deployment, login, set_password
from tests.aws.stand_in import StandIn
from tests.aws.terraform import LEFTOVERS, TERRAFORM, run

PLANTED = "planted-2f9c41d7"  # in every password, to be found where none has to be
PASSWORD = f"{PLANTED} '\"\\ %@:/ü"

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
    printed: list[str] = field(default_factory=list)  # all that terraform said

    @property
    def place(self) -> Path:
        return self.folder / "terraform" / self.root

    def begin(self) -> None:
        """Make the copy, and initialise it."""
        shutil.copytree(TERRAFORM, self.folder / "terraform", ignore=LEFTOVERS)
        (self.place / "stand_in_override.tf").write_text(OVERRIDE)
        self.run("terraform", "init")

    def run(self, *command: str) -> str:
        """What a command prints; the test fails where the command does."""
        self.printed.append(run(*command, folder=self.place, variables=self.environment))
        return self.printed[-1]

    def apply(self, *arguments: str) -> dict[str, Any]:
        """Apply; what is told of it, by name."""
        self.run("terraform", "apply", "-auto-approve", *arguments)
        told = json.loads(self.run("terraform", "output", "-json"))
        return {name: output["value"] for name, output in told.items()}

    def plan(self, *arguments: str) -> str:
        """Plan; the test fails if there is anything to change."""
        return self.run("terraform", "plan", "-detailed-exitcode", *arguments)

    def there(self) -> list[str]:
        """The addresses of what is there, but for data."""
        listed = self.run("terraform", "state", "list").split()
        return [address for address in listed if ".data." not in f".{address}"]


@dataclass
class Applied(Deployment):
    """Totes on the stand-in as Terraform applied it."""

    configuration: Configuration = field(kw_only=True)
    told: dict[str, Any] = field(default_factory=dict, kw_only=True)

    @property
    def environment(self) -> dict[str, str]:
        lakes = {
            f"TOTES_{kind.upper()}": f"s3://{self.told[f'{kind}_bucket']}"
            for kind in ("ingestion", "processed")
        }
        return {"TOTES_SOURCE": self.source, "TOTES_WAREHOUSE": self.warehouse, **lakes}

    def secret_id(self, setting: str) -> str:
        return str(self.told["secret_arns"][setting])


def prepared(
    aws: StandIn,
    databases: tuple[str, str],
    folder: Path,
    package: Path,
    plugins: dict[str, str],
    *,
    root: str,
    name: str,
) -> Applied:
    """A configuration about to be applied, whose functions are to log in to the databases.

    `name` is what the names of its resources begin with.
    """
    environment = {
        **aws.environment,
        **plugins,
        "TF_VAR_alarm_emails": json.dumps(["someone@example.com"]),
        "TF_VAR_package": str(package),
    }
    configuration = Configuration(folder, root, environment)
    made = Applied(*databases, folder, aws=aws, name=name, configuration=configuration)
    set_password(made, PASSWORD)
    for setting, dsn in (("source", made.source), ("warehouse", made.warehouse)):
        credentials = login(dsn, user=made.name, password=PASSWORD)
        environment[f"TF_VAR_{setting}_credentials"] = credentials
    configuration.begin()
    return made


def apply(made: Applied) -> Applied:
    """Apply what was prepared."""
    told = made.configuration.apply()
    made.told = told.get("totes", told)
    made.machine = made.told["state_machine_arn"]
    made.mailbox = made.aws.mailbox(made.told["topic_arn"])
    return made
