"""The rules of the house: who may import what, and how large things may grow."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

import totes
from totes.contract import DataModel, shipped_model

HOME = Path(totes.__file__).parent
MODULES = {
    ".".join(path.relative_to(HOME).with_suffix("").parts): path for path in HOME.rglob("*.py")
}
STAGES = {"extract", "lake", "star", "warehouse"}
SHARED = {"changes", "duck", "postgres", "contract", "datatype", "difference", "errors", "config"}
SHARED |= {"report", "profiling", "copying", "column", "table", "view", "rates"}
SHARED |= {"contract_files", "engines"}
SEES_ALL = {"pipeline"}
KNOWS_TOTESYS = {"demo", "dashboard"}


@cache
def tree(module: str) -> ast.Module:
    return ast.parse(MODULES[module].read_text(encoding="utf-8"))


def imported(module: str) -> set[str]:
    """The parts of Totes that a module imports, anywhere in it: the names after `totes.`."""
    found: set[str] = set()
    for node in ast.walk(tree(module)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{module} has a relative import, which this test cannot follow"
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return {name.split(".")[1] for name in found if name.startswith("totes.")}


def room(module: str) -> str:
    return module.partition(".")[0]


@cache
def telling() -> list[str]:
    """The names of tables of totesys and its star that are no words of every day."""
    model = DataModel.load(shipped_model())
    return [name for name in [*model.sources, *model.stars] if "_" in name]


def test_there_is_a_house() -> None:
    """The rooms that the rules are about are there."""
    assert {room(module) for module in MODULES} >= STAGES | SHARED | SEES_ALL


@pytest.mark.parametrize(
    "module", sorted(module for module in MODULES if room(module) not in KNOWS_TOTESYS)
)
def test_the_engine_knows_no_table_s_name(module: str) -> None:
    """No module but those of the demo and the dashboard names a table of totesys or its star."""
    assert len(telling()) == 14
    text = MODULES[module].read_text(encoding="utf-8")
    assert not [name for name in telling() if re.search(rf"\b{name}", text)]


def test_stages_do_not_import_each_other() -> None:
    """A stage imports itself and what is shared; what joins the stages is no part of any."""
    for module in MODULES:
        if room(module) in STAGES:
            assert imported(module) <= {room(module), *SHARED}, module


def test_shared_modules_import_no_stage() -> None:
    """What the stages share knows of none of them."""
    for module in MODULES:
        if room(module) in SHARED:
            assert imported(module) <= SHARED | {"__version__"}, module


def test_only_the_pipeline_sees_several_stages() -> None:
    """Outside the stages, nothing but the pipeline imports more than one."""
    several = {room(module) for module in MODULES if len(imported(module) & STAGES) > 1}
    assert several == SEES_ALL


def environment_read_at(node: ast.AST) -> int | None:
    """The line at which a node reads the environment."""
    names: list[str] = []
    if isinstance(node, ast.Attribute):
        names = [node.attr]
    elif isinstance(node, ast.ImportFrom):
        names = [alias.name for alias in node.names]
    else:
        return None
    return node.lineno if {"environ", "environb", "getenv"} & set(names) else None


@pytest.mark.parametrize("module", sorted(MODULES))
def test_only_the_settings_read_the_environment(module: str) -> None:
    """No module but `config` reads the environment, but for what libpq reads from it by itself."""
    lines = MODULES[module].read_text(encoding="utf-8").splitlines()
    used = [lines[n - 1] for n in map(environment_read_at, ast.walk(tree(module))) if n]
    if module == "engines.connection":
        used = [line for line in used if not re.search(r'"PG[A-Z]+"', line)]
    assert used == []


@pytest.mark.parametrize("module", sorted(MODULES))
def test_modules_are_short(module: str) -> None:
    """A module has at most about 300 lines; a larger one is split by meaning."""
    assert len(MODULES[module].read_text(encoding="utf-8").splitlines()) <= 320


def test_functions_are_short() -> None:
    """Nine in ten functions have at most 35 lines."""
    lengths = {
        f"{module}.{node.name}": (node.end_lineno or node.lineno) - node.lineno + 1
        for module in MODULES
        for node in ast.walk(tree(module))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    long = {name: length for name, length in lengths.items() if length > 35}
    assert len(long) <= len(lengths) / 10, long


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["run", "--help"]])
def test_help_waits_for_nothing_heavy(arguments: list[str]) -> None:
    """To ask for help loads no database driver, no engine and no drawing of tables."""
    code = f"""
import sys
from totes.cli import cli
try:
    cli({arguments!r})
except SystemExit as end:
    assert not end.code
heavy = {{"duckdb", "psycopg", "rich", "pydantic", "obstore", "tenacity"}}
print(*sorted(set(sys.modules) & heavy))
"""
    command = [sys.executable, "-c", code]
    result = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert len(result.stdout.splitlines()) > 1
    assert result.stdout.splitlines()[-1] == ""


def errors() -> dict[str, str]:
    """Every error class of Totes, with the class that it is a kind of."""
    return {
        node.name: ast.unparse(node.bases[0])
        for module in MODULES
        for node in ast.walk(tree(module))
        if isinstance(node, ast.ClassDef) and node.name.endswith("Error")
    }


def drawn() -> dict[str, str]:
    """The tree in the docstring of `errors`: each class, with the class that it hangs from."""
    found: dict[str, str] = {}
    depth: dict[int, str] = {}
    for line in (ast.get_docstring(tree("errors")) or "").splitlines():
        if match := re.match(r"\s*(?:(?:│\s+)*[├└]── )?(\w+Error)\b", line):
            column = match.start(1)
            above = max((c for c in depth if c < column), default=None)
            found[match[1]] = "Exception" if above is None else depth[above]
            depth = {c: name for c, name in depth.items() if c < column} | {column: match[1]}
    return found


def test_the_tree_of_errors_is_drawn() -> None:
    """Every error that is drawn is a class, and hangs where it is drawn."""
    classes = errors()
    assert len(drawn()) >= 7
    for name, parent in drawn().items():
        assert classes[name] == parent


def test_every_error_is_in_the_tree() -> None:
    """Every error class that Totes has is in the tree that its module of errors draws."""
    assert errors() == drawn()
