"""The documentation: generated pages, links, commands and paths in it are true of the code."""

from __future__ import annotations

import ast
import importlib.util
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from xml.etree import ElementTree

import click
import pytest

from totes.cli import cli
from totes.column import Column
from totes.config import FunctionSettings, Settings
from totes.contract import SourceContract, StarContract

ROOT = Path(__file__).resolve().parent.parent
OURS = ["*.md", "docs/**/*.md", "src/**/*.md", "tests/**/*.md", ".github/**/*.md"]
OURS += ["benchmarks/*.md", "terraform/*.md"]
PAGES = sorted({page for pattern in OURS for page in ROOT.glob(pattern)})
# Decisions are a record: they may speak of commands that are gone, or not there yet.
SHOWN = [page for page in PAGES if "decisions" not in page.parts]
SHELL = {"sh", "bash", "console", "ini"}

# What PostgreSQL, the system or a bucket says, which the guide explains too.
SAID_BY_OTHERS = {
    "cannot drop view",
    "canceling statement due to lock timeout",
    "canceling statement due to statement timeout",
    "terminating connection due to",
    "server closed the connection unexpectedly",
    "the database system is",
    "could not extend file",
    "No space left on device",
    "File too large",
    "error sending request",
}

FENCE = re.compile(r"^ *```(\w*)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
LINK = re.compile(r"!?\[[^\]]*\]\(<?([^)\s>]+)>?(?: [^)]*)?\)")
HEADING = re.compile(r"^#+ +(.+?) *$", re.MULTILINE)


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT))


def prose(page: Path) -> str:
    """A page without its code blocks."""
    return FENCE.sub("", page.read_text(encoding="utf-8"))


def anchors(page: Path) -> set[str]:
    """The anchors that GitHub gives a page's headings."""
    kept = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in HEADING.findall(prose(page)))
    return {heading.replace(" ", "-") for heading in kept}


def dead_links(page: Path) -> Iterator[str]:
    for link in LINK.findall(INLINE.sub("", prose(page))):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            yield link


def calls(text: str) -> Iterator[list[str]]:
    """The arguments of each call of `totes` in a line of shell, cron or systemd."""
    lexer = shlex.shlex(text, posix=True, punctuation_chars="|&;<>")
    lexer.whitespace_split = True
    arguments: list[str] | None = None
    for token in lexer:
        if set(token) <= set("|&;<>"):
            if arguments is not None:
                yield arguments
            arguments = None
        elif arguments is not None:
            arguments.append(token)
        elif token.rpartition("/")[2] == "totes" or token == "ExecStart=totes":
            arguments = []
    if arguments is not None:
        yield arguments


def shown_calls(page: Path) -> Iterator[list[str]]:
    """The calls of `totes` that a page shows, in shell blocks and between backticks."""
    text = page.read_text(encoding="utf-8")
    for language, block in FENCE.findall(text):
        for line in block.splitlines() if language in SHELL else ():
            if "totes " in line:
                yield from calls(line.removeprefix("$ "))
    for code in INLINE.findall(prose(page)):
        if code.startswith("totes ") and "…" not in code:
            yield from calls(code)
        elif code.partition(" ")[0] in cli.commands and " " in code and "…" not in code:
            yield shlex.split(code)  # `run --every`, short for a command


def root() -> click.Context:
    """The context in which `totes` runs: a command keeps its help option as it is first asked."""
    return click.Context(cli, info_name="totes", **cli.context_settings)


def options(group: click.Group, parent: click.Context) -> Iterator[str]:
    """Every option of every command."""
    for command in group.commands.values():
        context = click.Context(command, parent=parent)
        for parameter in command.get_params(context):
            yield from parameter.opts
        if isinstance(command, click.Group):
            yield from options(command, context)


def shown_targets(page: Path) -> Iterator[str]:
    """What a page would have `make` make, and the variables that it gives it."""
    text = page.read_text(encoding="utf-8")
    lines = [line for language, block in FENCE.findall(text) for line in block.splitlines()]
    for line in [*lines, *INLINE.findall(prose(page))]:
        if match := re.match(r"make((?: [\w-]+(?:=\S*)?)+)", line):
            yield from (word.partition("=")[0] for word in match[1].split())


def parse(arguments: list[str]) -> None:
    """Parse a command line as `totes` would, and run nothing; raises click.UsageError."""
    context = root()
    try:
        group: click.Group = cli
        while arguments and not arguments[0].startswith("-"):
            name, command, arguments = group.resolve_command(context, list(arguments))
            assert command is not None
            if not isinstance(command, click.Group):
                command.make_context(name, arguments, parent=context)
                return
            group, context = command, click.Context(command, info_name=name, parent=context)
        group.make_context(context.info_name, list(arguments), parent=context.parent)
    except click.exceptions.Exit:
        pass  # --help and --version have said what they had to


def generator(name: str = "generate") -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, ROOT / "docs" / f"{name}.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def tree(block: str) -> Iterator[Path]:
    """The paths in a drawn tree: two spaces lead a level down, the rest of a line is prose."""
    above: list[str] = []
    for line in filter(str.strip, block.splitlines()):
        depth = (len(line) - len(line.lstrip())) // 2
        above = [*above[:depth], line.split()[0]]
        yield Path(*above)


@pytest.mark.slow
def test_generated_pages_are_fresh() -> None:
    """Every page that is generated from the code is as the code would have it."""
    module = generator()
    stale = [name_of(path) for path in module.stale()]
    assert not stale, f"stale: {stale}; hint: {module.COMMAND}"


def test_stale_page_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A check names the page that is stale and fails; writing mends it, and the check passes."""
    module = generator()
    quick = {name: module.PAGES[name] for name in ("metrics.md", "settings.md")}
    monkeypatch.setattr(module, "PAGES", quick)
    monkeypatch.setattr(module, "FOLDER", tmp_path)
    assert module.main([]) == 0
    (tmp_path / "metrics.md").write_text("old")
    capsys.readouterr()
    assert module.main(["--check"]) == 1
    assert capsys.readouterr().err.count("is stale") == 1
    assert module.main([]) == 0
    assert module.main(["--check"]) == 0


def test_the_picture_is_fresh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The picture of the architecture is as its source draws it; a check fails on a stale one."""
    module = generator("architecture")
    assert module.main(["--check"]) == 0, f"stale; hint: {module.COMMAND}"
    monkeypatch.setattr(module, "PICTURE", tmp_path / "architecture.svg")
    assert module.main(["--check"]) == 1
    assert module.main([]) == 0
    assert module.main(["--check"]) == 0


def test_the_picture_is_whole() -> None:
    """The picture is XML, its commands exist, and no line of text is wider than its box."""
    module = generator("architecture")
    words = "".join(ElementTree.fromstring(module.picture()).itertext())
    named = {*module.STAGES, *(name for said in module.SAID for name, _ in said)}
    assert all(name in words for name in named)
    assert named <= set(cli.commands)
    for place in module.PLACES:
        assert max(map(len, [*place.lines, *place.aws])) <= 20


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_lead_somewhere(page: Path) -> None:
    """Every relative link and image leads to a file that is there, and to a heading in it."""
    assert list(dead_links(page)) == []


@pytest.mark.parametrize("page", SHOWN, ids=name_of)
def test_commands_exist(page: Path) -> None:
    """Every `totes` command that a page shows exists, with the options that it shows."""
    wrong = []
    for arguments in shown_calls(page):
        try:
            parse(arguments)
        except click.UsageError as error:
            wrong.append(f"totes {' '.join(arguments)}: {error.message}")
    assert not wrong


@pytest.mark.parametrize("page", SHOWN, ids=name_of)
def test_options_exist(page: Path) -> None:
    """Every option that a page names by itself is one of a command of `totes`."""
    named = {code.split()[0] for code in INLINE.findall(prose(page)) if code.startswith("--")}
    assert named <= {*options(cli, root()), "--version"}


@pytest.mark.parametrize("page", SHOWN, ids=name_of)
def test_targets_exist(page: Path) -> None:
    """Every target of `make` that a page shows is in the Makefile, and every variable."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    known = set(re.findall(r"^([\w-]+):", makefile, re.MULTILINE))
    known |= set(re.findall(r"\$\((\w+)\)", makefile))
    assert [word for word in shown_targets(page) if word not in known] == []


@pytest.mark.parametrize("page", SHOWN, ids=name_of)
def test_settings_exist(page: Path) -> None:
    """Every setting of Totes that a page names is one."""
    known = {f"TOTES_{name.upper()}" for name in Settings.model_fields}
    known |= {str(field.validation_alias) for field in FunctionSettings.model_fields.values()}
    named = set(re.findall(r"\bTOTES_[A-Z_]*[A-Z]\b", page.read_text(encoding="utf-8")))
    assert named <= known


def test_every_page_is_in_an_index() -> None:
    """Every page of the documentation is linked from its index, and every decision from theirs."""
    docs = ROOT / "docs"
    for index in (docs / "README.md", docs / "decisions" / "README.md"):
        found = {link.partition("#")[0] for link in LINK.findall(prose(index))}
        linked = {(index.parent / link).resolve() for link in found}
        pages = set(index.parent.rglob("*.md")) - {index}
        if index.parent == docs:
            pages -= set((docs / "decisions").glob("0*.md"))
        assert [name_of(page) for page in sorted(pages - linked)] == []


@pytest.mark.parametrize(
    "call",
    [
        "totes dance",
        "x | /opt/bin/totes run --evry 3s && y",
        "totes quarantine dance",
        "totes quarantine list --modle x",
        "totes quarantine",
        "totes quarantine --json",
    ],
)
def test_unknown_command_or_option_is_found(call: str) -> None:
    """What a page must not show, a command or an option that does not exist, is told from prose."""
    (arguments,) = calls(call)
    with pytest.raises(click.UsageError):
        parse(arguments)


def leaves(group: click.Group, path: str) -> Iterator[str]:
    """Every command that can be called, groups gone through."""
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from leaves(command, f"{path} {name}")
        else:
            yield f"{path} {name}"


def test_every_command_is_documented() -> None:
    """The reference has a heading for each command, those in groups too."""
    page = (ROOT / "docs" / "reference" / "commands.md").read_text(encoding="utf-8")
    found = list(leaves(cli, "totes"))
    assert "totes quarantine list" in found
    assert [call for call in found if f"\n## {call}\n" not in page] == []


def test_messages_are_those_of_the_code() -> None:
    """The page on errors has a message under its class, with its hint, and `…` for what varies."""
    page = (ROOT / "docs" / "reference" / "errors.md").read_text(encoding="utf-8")
    _, _, section = page.partition("## DamageError")
    assert "| `…/… is missing` | totes verify lists all damage |" in section.partition("\n## ")[0]


def test_what_it_says_when_it_fails() -> None:
    """Each message that the guide explains is one of the code's, or known to be another's."""
    texts = [
        node.value
        for path in (ROOT / "src").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]
    guide = (ROOT / "docs" / "guides" / "day-and-night.md").read_text(encoding="utf-8")
    section = guide.partition("\n## When it fails\n")[2].partition("\n## ")[0]
    rows = [row.split(" | ")[0] for row in section.splitlines() if row.startswith("| `")]
    # what stands between the values: words, of which there are several
    values = re.compile(r"TOTES_\w*|…|\b[A-Z]+\b|[\d()]+|\.sql")
    shown = [message for row in rows for message in INLINE.findall(row)]
    parts = {part.strip(" :,;.") for message in shown for part in values.split(message)}
    told = {part for part in parts if " " in part and part not in SAID_BY_OTHERS}
    assert len(told) > 30
    assert [part for part in sorted(told) if not any(part in text for text in texts)] == []


def test_all_that_a_contract_may_say_is_told() -> None:
    """The page on stars has each entry of a contract and of a column, and no other."""
    page = (ROOT / "docs" / "concepts" / "stars.md").read_text(encoding="utf-8")
    section = page.partition("| entry | of | says |\n")[2].partition("\n\n")[0]
    told = [name for row in section.splitlines()[1:] for name in INLINE.findall(row.split("|")[1])]
    fields = {
        field.alias or name
        for contract in (SourceContract, StarContract, Column)
        for name, field in contract.model_fields.items()
    }
    assert sorted(told) == sorted(fields - {"name", "columns", "sql"})  # which are no entries


def test_readme_tree_is_there() -> None:
    """Every path in the README's tree of the repository exists."""
    _, _, section = (ROOT / "README.md").read_text(encoding="utf-8").partition("## Where things")
    paths = list(tree(FENCE.findall(section)[0][1]))
    assert len(paths) > 10
    assert [str(path) for path in paths if not (ROOT / path).exists()] == []
