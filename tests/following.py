"""A guide, followed to the letter in an empty folder, as a reader with a shell would.

What is run: blocks of `sh` in one shell's environment, `sql` by psql on TOTES_WAREHOUSE, `python`
by the Python on the PATH, each with those before it. A block after a line that is just a path and a
colon is a file, and is written. A block of `text` has to be in what was printed last, but that `…`
stands for anything, and a line of it for any lines; after `<!-- figures vary -->` so do figures.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

BLOCK = re.compile(
    r"(?:^`(?P<file>[^`\n]+)`:\n+)?(?:^<!-- (?P<vary>figures vary) -->\n+)?"
    r"^```(?P<language>\w+)\n(?P<text>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
RUN = {
    "sh": "",
    "sql": 'psql "$TOTES_WAREHOUSE" --no-psqlrc --set ON_ERROR_STOP=1 --file ',
    "python": "python ",
}
PATIENCE = 300.0  # seconds for a block; the slowest takes some ten


@dataclass(frozen=True)
class Block:
    """A fenced block of a page; `file` is what it is the content of, if of any."""

    line: int
    language: str
    text: str
    file: str | None
    figures_vary: bool


def blocks(page: str) -> Iterator[Block]:
    for match in BLOCK.finditer(page):
        line = page.count("\n", 0, match.start("text"))
        yield Block(line, match["language"], match["text"], match["file"], bool(match["vary"]))


def follow(
    page: Path, folder: Path, work: Path, *, instead: Mapping[str, str] = {}, before: str = ""
) -> None:
    """Do what a page says, in `folder`. `instead` has lines that are replaced; all must be there.
    `before` is what the reader's shell has done already.

    Raises AssertionError for a block that fails, or does not print what the page says.
    """
    said = None
    text = page.read_text(encoding="utf-8")
    for line, other in instead.items():
        assert f"\n{line}\n" in text, f"{page.name} does not say `{line}`"
        text = text.replace(f"\n{line}\n", f"\n{other}\n")
    shell = _Shell(folder, work, before)
    for block in blocks(text):
        where = f"{page.name}:{block.line}"
        if block.file:
            (folder / block.file).parent.mkdir(parents=True, exist_ok=True)
            (folder / block.file).write_text(block.text, encoding="utf-8")
        elif block.language in RUN:
            said = shell.run(block, where)
        elif block.language == "text" and said is not None:
            assert expected(block).search(said), f"{where}\n{block.text}\nis not in\n{said}"


def expected(block: Block) -> re.Pattern[str]:
    """What must be in the output for a block of text."""
    parts = []
    for line in block.text.splitlines():
        if line.strip() == "…":
            parts.append(r"(?:.*\n)*?")
            continue
        pattern = re.escape(line.rstrip()).replace("…", ".*")
        if block.figures_vary:
            pattern = re.sub(r"\d(?:[\d,:]|\\\.|\\-(?=\d))*", r"[\\d,.:-]+", pattern)
            pattern = re.sub(r"(?:\\ )+", r" +", pattern)
            pattern = re.sub(r"(?:\\-){2,}", r"-+", pattern)  # a line as wide as the figures
        parts.append(pattern + r" *\n")
    return re.compile("^" + "".join(parts), re.MULTILINE)


class _Shell:
    """Blocks run one after another; what one exports, the next has."""

    def __init__(self, folder: Path, work: Path, before: str) -> None:
        self._folder = folder
        self._state = work / "exported"
        self._script = work / "block"
        self._python = ""
        self._state.write_text(before)

    def run(self, block: Block, where: str) -> str:
        text = block.text
        if block.language == "python":
            text = self._python = self._python + text
        self._script.write_text(text, encoding="utf-8")
        command = f"{RUN[block.language]}'{self._script}'" if RUN[block.language] else block.text
        state = f"'{self._state}'"
        result = subprocess.run(
            ["sh", "-ec", f". {state}\n{command}\nexport -p > {state}"],
            cwd=self._folder,
            env={name: v for name, v in os.environ.items() if not name.startswith("TOTES_")},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        assert result.returncode == 0, f"{where} failed\n{block.text}\n{result.stdout}"
        return result.stdout
