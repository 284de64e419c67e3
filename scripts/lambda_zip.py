"""The zip that AWS Lambda runs: `python -m scripts.lambda_zip --architecture arm64 OUTPUT`.

Same input, same zip: the versions are those of the lock file, entries are sorted, their times and
modes fixed, and bytecode is checked by no one. (Another zlib may pack the same content otherwise.)
Only what the handlers need is in it; boto3 is not, as Lambda has it. Bytecode is compiled by a
Python of the wanted version, which uv finds or downloads: without it a cold start takes seconds
longer, as nothing can be written beside the code there. Needs uv.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PLATFORMS = {"x86_64": "x86_64-manylinux_2_28", "arm64": "aarch64-manylinux_2_28"}
PYTHON = "3.13"
TASK_ROOT = "/var/task"  # where Lambda unpacks it, for tracebacks

# What the command line needs and no handler does, and what comes with it.
PRUNED = ("click", "rich", "tomli-w")
LEFT_OUT = shutil.ignore_patterns(
    *("__pycache__", "cli.py", "__main__.py", "repeating.py", "outcome.py"),
    *("terminal", "demo", "dashboard"),
)
# What no import reads: headers, typing stubs, and the dependencies' own records and commands.
NEEDLESS = ("bin", "**/*.pyi", "**/*.h", "**/RECORD", "**/INSTALLER", "**/REQUESTED", ".lock")
OLDEST = (1980, 1, 1, 0, 0, 0)  # zip knows no earlier time
MOST_ZIPPED, MOST_UNZIPPED = 50_000_000, 250_000_000  # Lambda's limits


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("output", type=Path)
    parser.add_argument("--architecture", choices=sorted(PLATFORMS), default="x86_64")
    parser.add_argument("--python", default=PYTHON, help="the version of Lambda's Python")
    options = parser.parse_args()
    try:
        build(options.output, options.architecture, options.python)
    except subprocess.CalledProcessError as error:
        raise SystemExit(f"error: {Path(error.cmd[0]).name} failed, and said why") from None
    print(f"{options.output}: {options.output.stat().st_size:,} bytes")


def build(output: Path, architecture: str, python: str = PYTHON) -> None:
    """Make the zip, all or nothing. Raises CalledProcessError if uv fails, and says why itself."""
    output.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="totes-zip-") as folder:
        task = Path(folder, "task")
        _install(task, architecture, python)
        shutil.copytree(ROOT / "src" / "totes", task / "totes", ignore=LEFT_OUT)
        _compile(task, python)
        packed = Path(folder, "packed.zip")
        _pack(task, packed)
        shutil.move(packed, output)


def _install(task: Path, architecture: str, python: str) -> None:
    requirements = task.with_name("requirements.txt")
    pruned = [argument for name in PRUNED for argument in ("--prune", name)]
    exported = ("--locked", "--no-default-groups", "--no-emit-project", "--extra", "aws", *pruned)
    _uv("export", "--quiet", *exported, "--output-file", str(requirements))
    wanted = ("--python-platform", PLATFORMS[architecture], "--python-version", python)
    into = ("--python", sys.executable, "--target", str(task))
    install = ("install", "--quiet", *into, "--no-deps", "--require-hashes")
    _uv("pip", *install, "--only-binary", ":all:", *wanted, "--requirement", str(requirements))
    for pattern in NEEDLESS:
        for path in task.glob(pattern):
            shutil.rmtree(path) if path.is_dir() else path.unlink()


def _compile(task: Path, python: str) -> None:
    unchecked = ("--invalidation-mode", "unchecked-hash", "-j", "1", "-q")
    where = ("-s", str(task), "-p", TASK_ROOT, str(task))
    command = ("-s", "-P", "-m", "compileall", *unchecked, *where)
    if sys.version_info[:2] == tuple(map(int, python.split("."))):
        _run(sys.executable, *command)
    else:
        _uv("run", "--quiet", "--no-project", "--python", python, "python", *command)


def _uv(*arguments: str) -> None:
    beside = Path(sys.executable).with_name("uv")
    uv = str(beside) if beside.exists() else shutil.which("uv")
    if uv is None:
        raise SystemExit("error: there is no uv; hint: make install")
    _run(uv, *arguments)


def _run(*command: str) -> None:
    # one seed: else the constants in bytecode have another order each time
    environment = {**os.environ, "PYTHONHASHSEED": "0"}
    subprocess.run(command, cwd=ROOT, env=environment, check=True)  # noqa: S603


def _pack(task: Path, output: Path) -> None:
    files = sorted((p for p in task.rglob("*") if p.is_file()), key=Path.as_posix)
    unzipped = sum(path.stat().st_size for path in files)
    with zipfile.ZipFile(output, "w") as packed:
        for path in files:
            entry = zipfile.ZipInfo(str(path.relative_to(task)), OLDEST)
            entry.external_attr = 0o100644 << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            packed.writestr(entry, path.read_bytes())
    if output.stat().st_size > MOST_ZIPPED or unzipped > MOST_UNZIPPED:
        raise SystemExit(f"error: {output.stat().st_size:,} bytes, unzipped {unzipped:,}: too many")


if __name__ == "__main__":
    main()
