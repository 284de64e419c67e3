"""dlt from PyPI: an environment of its own, and its runs."""

from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from benchmarks.compare.processes import Ran, run

VERSION = "1.31.0"
PINNED = (
    f"dlt[filesystem,parquet,postgres,sql-database]=={VERSION}",
    "psycopg2-binary==2.9.13",
    "pyarrow==26.0.1",
    "sqlalchemy==2.1.9",
)
QUIET = {"RUNTIME__DLTHUB_TELEMETRY": "false", "RUNTIME__LOG_LEVEL": "ERROR"}


@dataclass(frozen=True)
class Dlt:
    """dlt in its own environment."""

    python: Path

    @classmethod
    def installed(cls, folder: Path) -> Dlt:
        """dlt in an environment in `folder`, made if it is not there.

        Raises subprocess.CalledProcessError or OSError if it cannot be had.
        """
        place = folder / f"dlt-{VERSION}"
        python = place / "bin" / "python"
        if not (place / "complete").exists():
            uv = shutil.which("uv") or str(Path(sys.executable).with_name("uv"))
            for command in (
                [uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(place)],
                [uv, "pip", "install", "--quiet", "--python", str(python), *PINNED],
            ):
                subprocess.run(command, check=True)  # noqa: S603
            (place / "complete").touch()
        return cls(python)

    def lake(self, source: str, folder: Path) -> Ran:
        """Bring a lake of Parquet files up to date."""
        return self._run("lake", source, (folder / "files").resolve().as_uri(), folder / "state")

    def warehouse(self, source: str, dsn: str, folder: Path) -> Ran:
        """Bring the tables in a database up to date; what dlt keeps for itself is in the folder."""
        return self._run("warehouse", source, dsn, folder / "state")

    def _run(self, kind: str, source: str, target: str, state: Path) -> Ran:
        script = Path(__file__).with_name("with_dlt.py")
        command = [str(self.python), str(script), kind, str(state)]
        return run(command, {**QUIET, "SOURCE": source, "TARGET": target})
