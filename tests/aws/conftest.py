"""The zip, an AWS on loopback to run it, and Totes deployed there for one test."""

from __future__ import annotations

import fcntl
import os
import platform
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from scripts.lambda_zip import build
from tests.aws.applied import PASSWORD, PLANTED, Applied, apply, prepared
from tests.aws.deployment import Deployment, deploy
from tests.aws.stand_in import StandIn, stand_in
from tests.aws.terraform import fetch_provider
from tests.world import made_databases
from totes.demo.postgres import PostgresServer

PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
ARCHITECTURE = "arm64" if platform.machine() in {"aarch64", "arm64"} else "x86_64"


@contextmanager
def first_of_all_workers(factory: pytest.TempPathFactory, what: str) -> Iterator[Path]:
    """Yield a folder that all workers share; for the block, no other of them is in its own."""
    base = factory.getbasetemp()
    shared = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / what
    shared.mkdir(exist_ok=True)
    with (shared / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield shared


@pytest.fixture(scope="session")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The zip, for the Python that runs the tests; built once, whichever worker comes first."""
    if sys.platform != "linux":
        pytest.skip("what is in the zip, and Lambda's runtime client, run on Linux only")
    with first_of_all_workers(tmp_path_factory, "package") as shared:
        output = shared / "totes-lambda.zip"
        if not output.exists():
            with pytest.MonkeyPatch.context() as patch:
                patch.setenv("TOTES_SOURCE", f"postgresql://u:{PLANTED}@localhost/x")
                build(output, ARCHITECTURE, PYTHON)
    return output


@pytest.fixture(scope="session")
def plugins(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment in which Terraform finds its provider, fetched once for all workers."""
    with first_of_all_workers(tmp_path_factory, "provider") as shared:
        return {"TF_PLUGIN_CACHE_DIR": str(fetch_provider(shared))}


@pytest.fixture(scope="session")
def aws(tmp_path_factory: pytest.TempPathFactory, package: Path) -> Iterator[StandIn]:
    """An AWS on loopback; the zip is in its bucket `code`."""
    with stand_in(tmp_path_factory.mktemp("aws")) as running:
        running.make_bucket("code")
        running.client("s3").upload_file(str(package), "code", "totes.zip")
        yield running


@pytest.fixture
def deployed(
    aws: StandIn,
    server: PostgresServer,
    databases: tuple[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Deployment]:
    """Totes on AWS over the handmade totesys, in which nothing has run yet.

    Of the password nothing is ever in a log, a report, an execution or a message: each test shows
    it when it ends.
    """
    for name, value in aws.environment.items():
        monkeypatch.setenv(name, value)
    made = deploy(aws, databases, tmp_path, PASSWORD)
    yield made
    told = made.everything_told()
    assert '"message":"done"' in told or "Error" in told
    assert PLANTED not in told


@pytest.fixture(scope="session")
def default(
    plugins: dict[str, str],  # first, as it may not be had
    aws: StandIn,
    package: Path,
    server: PostgresServer,
    handmade: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Applied]:
    """Totes on AWS as Terraform applies it by default; once, as that takes a minute."""
    folder = tmp_path_factory.mktemp("default")
    with made_databases(server, handmade) as databases:
        made = prepared(aws, databases, folder, package, plugins, root=".", name="totes")
        yield apply(made)


@pytest.fixture
def applied(default: Applied, monkeypatch: pytest.MonkeyPatch) -> Iterator[Applied]:
    """The one that was applied, whatever tests before have left in it. Of passwords it tells
    nothing."""
    for name, value in default.aws.environment.items():
        monkeypatch.setenv(name, value)
    yield default
    assert PLANTED not in default.everything_told()
