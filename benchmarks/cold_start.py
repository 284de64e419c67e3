"""What a cold start of the Lambda functions costs, with and without bytecode in the zip.

    python -m scripts.lambda_zip --python 3.11 build/totes-lambda-test.zip
    python -m benchmarks.cold_start build/totes-lambda-test.zip

The zip has to be one for the Python that runs this. Per handler the medians, in milliseconds: the
import of its module in a clean interpreter, and the first byte, from the start of AWS's runtime
client to the answer of a function that finds nothing to do or no secret; and the same with boto3,
which Lambda has and ingest and load use, as a module alone. All on this machine's processors: with
512 MB of memory Lambda gives a third of one, but a whole one while it starts a function.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from time import perf_counter

from tests.aws.runtime import Environment, Function, make_runtime

MODULES = ("totes.aws.ingest", "totes.aws.process", "totes.aws.load", "boto3")
COLUMNS = ("bytecode", "module", "import (ms)", "first byte (ms)", "memory (MB)")
VARIABLES = {
    "AWS_REGION": "eu-west-2",
    "AWS_DEFAULT_REGION": "eu-west-2",
    "POWERTOOLS_SERVICE_NAME": "benchmark",
    "POWERTOOLS_METRICS_NAMESPACE": "Totes",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("zip", type=Path)
    parser.add_argument("--repeats", type=int, default=7)
    options = parser.parse_args()
    run(options.zip, options.repeats)


def run(package: Path, repeats: int, modules: Sequence[str] = MODULES) -> None:
    """Measure, and print a table."""
    print(f"| {' | '.join(COLUMNS)} |")
    print(f"|{' --- |' * len(COLUMNS)}")
    with tempfile.TemporaryDirectory(prefix="totes-cold-") as place:
        folder = Path(place)
        runtime = make_runtime(folder / "runtime")
        task = folder / "task"
        with zipfile.ZipFile(package) as packed:
            packed.extractall(task)
        for bytecode in ("yes", "no"):
            for module in modules:
                imported = median(import_time(task, runtime, module) for _ in range(repeats))
                first, memory = "", ""
                if module.startswith("totes"):
                    calls = [first_byte(task, runtime, module, folder) for _ in range(repeats)]
                    first = f"{median(seconds for seconds, _ in calls) * 1000:.0f}"
                    memory = f"{median(most for _, most in calls):.0f}"
                print(f"| {bytecode} | {module} | {imported * 1000:.0f} | {first} | {memory} |")
            for compiled in [*task.rglob("__pycache__")]:
                shutil.rmtree(compiled)


def import_time(task: Path, runtime: Path, module: str) -> float:
    """Seconds that an import takes, in a clean interpreter that has just started."""
    code = f"import time; t = time.perf_counter(); import {module}; print(time.perf_counter() - t)"
    printed = subprocess.run(  # noqa: S603
        [sys.executable, "-S", "-s", "-B", "-c", code],
        cwd=task,
        env={"PYTHONPATH": str(runtime), **VARIABLES},
        capture_output=True,
        check=True,
    )
    return float(printed.stdout)


def first_byte(task: Path, runtime: Path, module: str, folder: Path) -> tuple[float, float]:
    """Seconds until a new environment has answered, and the megabytes that it took."""
    lakes = {f"TOTES_{kind}": f"file://{folder}/lake" for kind in ("INGESTION", "PROCESSED")}
    function = Function(
        name="benchmark",
        arn="arn:aws:lambda:eu-west-2:123456789012:function:benchmark",
        handler=f"{module}.handler",
        task_root=task,
        variables=tuple((VARIABLES | lakes).items()),
        timeout=60,
        memory=512,
    )
    environment = Environment(function, runtime, Path(tempfile.mkdtemp(dir=folder)))
    began = perf_counter()
    result = environment.invoke(json.dumps({}).encode())
    seconds = perf_counter() - began
    environment.kill()
    return seconds, result.memory


if __name__ == "__main__":
    main()
