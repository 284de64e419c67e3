"""The guides, followed: what they say to do is done, and what they show is what comes out."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from tests.following import RUN, Block, blocks, expected, follow
from tests.own_model import execute
from tests.test_docs import SHOWN, name_of
from tests.world import World
from totes import pipeline
from totes.contract import shipped_model
from totes.demo.postgres import PostgresServer, binaries, stop_kept

DOCS = Path(__file__).resolve().parent.parent / "docs"

# What a test does not do as it is written, and what it does instead.
INSTALLED = {"make install": ":", ". .venv/bin/activate": ":"}  # the tests run where it is done
SMALLER = {"totes demo --keep": "totes demo --keep --scale 0.02"}
LIVE = "totes demo --live    # a new demo, which goes on trading and running until Ctrl-C"
ENDLESS = {LIVE: ":"}  # tests/demo/test_show.py watches it live, and ends it
# the guide takes any PostgreSQL: that of the tests does
GIVEN = dict.fromkeys(
    ("totes demo --scale 0.02 --keep --folder server", "totes demo --folder server --stop"), ":"
)

# Each page with something to run is followed by a test; or stands here, and why.
INSTALLING = DOCS / "guides" / "your-totesys.md"
RUNNING = DOCS / "guides" / "day-and-night.md"
FOLLOWED = {
    "docs/guides/another-database.md",
    "docs/guides/first-ten-minutes.md",
    "docs/guides/querying.md",
    "docs/concepts/lake.md",
}
NOT_FOLLOWED = {
    "README.md": "its targets of make are CI's, its commands those of the first ten minutes",
    "CONTRIBUTING.md": "its targets of make are CI's",
    "docs/guides/dashboard.md": "goes on until Ctrl-C; tests/dashboard opens it, and runs its SQL",
    "docs/guides/deploy.md": "wants an account of AWS; tests/aws deploys to a stand-in",
    "docs/guides/your-totesys.md": "wants sudo; its logins and first run are tried here",
    "docs/guides/day-and-night.md": "wants systemd, cron, mutt; its limits are tried here",
    "docs/concepts/stars.md": "shows a model that ships; that it does is tested here",
    "terraform/README.md": "wants an account of AWS; tests/aws/test_catalogue.py prints the tables",
}


@pytest.fixture(autouse=True)
def path(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shells find the `totes` and the `python` of these tests."""
    beside = Path(sys.executable).parent
    monkeypatch.setenv("PATH", f"{beside}{os.pathsep}{os.environ['PATH']}")


@pytest.fixture
def folder() -> Iterator[Path]:
    """An empty folder; servers left in it are stopped."""
    with tempfile.TemporaryDirectory() as parent:
        Path(parent).chmod(0o755)  # where tests run as root, the server's own user has to enter
        place = Path(parent) / "empty"
        place.mkdir()
        yield place
        for server in place.glob("*/postgres"):
            stop_kept(server)


@pytest.mark.parametrize("page", SHOWN, ids=name_of)
def test_what_a_page_tells_to_run_is_run(page: Path) -> None:
    """No page has something to run that no test runs, unless a reason is given."""
    tells = any(block.language in RUN for block in blocks(page.read_text(encoding="utf-8")))
    assert tells == (name_of(page) in FOLLOWED | NOT_FOLLOWED.keys())


@contextmanager
def left_as_it_was(server: PostgresServer, *names: str) -> Iterator[None]:
    """Drop in the end the databases, or else the roles, of these names that a guide has made."""
    try:
        yield
    finally:
        with psycopg.connect(server.dsn(), autocommit=True) as connection:
            for kind, force in (("database", "with (force)"), ("role", "")):
                for name in names:
                    drop = f"drop {kind} if exists {name} {force}"
                    connection.execute(drop.encode())


def exports(environment: dict[str, str]) -> str:
    """A shell's settings, with a way to psql for those who have none, as a demo writes them."""
    lines = [f"export {name}='{value}'\n" for name, value in environment.items()]
    return "".join([*lines, f'export PATH="$PATH:{binaries()}"\n'])


@pytest.mark.slow
def test_another_database(server: PostgresServer, folder: Path, tmp_path: Path) -> None:
    """The guide leads from an empty PostgreSQL to a star with its history, as it says."""
    (folder / "server").mkdir()
    settings = exports({"TOTES_SOURCE": server.dsn(), "TOTES_WAREHOUSE": server.dsn()})
    (folder / "server" / "settings.sh").write_text(settings, encoding="utf-8")
    with left_as_it_was(server, "shop", "shop_warehouse"):
        follow(DOCS / "guides" / "another-database.md", folder, tmp_path, instead=GIVEN)


@pytest.mark.slow
def test_first_ten_minutes(folder: Path, tmp_path: Path) -> None:
    """A newcomer who does what the first page says sees what it says, own change included."""
    instead = INSTALLED | SMALLER | ENDLESS
    follow(DOCS / "guides" / "first-ten-minutes.md", folder, tmp_path, instead=instead)


@pytest.mark.slow
def test_querying_and_the_lakes(ran: World, folder: Path, tmp_path: Path) -> None:
    """What analysts are told to ask the warehouse and the lakes is answered."""
    (folder / "totes-demo").symlink_to(ran.folder)
    for page in (DOCS / "guides" / "querying.md", DOCS / "concepts" / "lake.md"):
        follow(page, folder, tmp_path, before=exports(ran.environment))


@pytest.mark.slow
def test_logins(server: PostgresServer, handmade: str, tmp_path: Path) -> None:
    """The logins of Your totesys, with limits, are enough to run, for an analyst enough to read,
    and no more."""
    pages = (INSTALLING.read_text(encoding="utf-8"), RUNNING.read_text(encoding="utf-8"))
    queries = [block.text for page in pages for block in blocks(page) if block.language == "sql"]
    reader, writer, defaults, limits = (q.replace("CHANGE ME", "secret") for q in queries)
    made = ("totesys", "warehouse", "totes_reader", "totes_writer", "analysts")
    with left_as_it_was(server, *made):
        server.create_database("totesys", template=handmade)
        execute(server.dsn("totesys"), *statements(reader + limits))
        execute(server.dsn(), *statements(writer))
        execute(server.dsn("warehouse"), *statements(defaults))
        at = server.dsn("totesys").replace(owner(server), "totes_reader:secret")
        to = server.dsn("warehouse").replace(owner(server), "totes_writer:secret")
        world = World(at, to, tmp_path)
        world.run()
        assert pipeline.verify(world.settings).is_well
        with psycopg.connect(server.dsn("warehouse"), autocommit=True) as analyst:
            analyst.execute("set role analysts")
            for table in ("current_payment", "dim_staff", "totes.state", "totes.ledger"):
                assert analyst.execute(f"select from {table} limit 1".encode()).rowcount == 1
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                analyst.execute("delete from dim_staff")


def owner(server: PostgresServer) -> str:
    """The user and the password in the server's connection strings."""
    return server.dsn().removeprefix("postgresql://").partition("@")[0]


def statements(query: str) -> list[str]:
    return [statement for statement in query.split(";") if statement.strip()]


@pytest.mark.slow
def test_settings_and_first_run(world: World, tmp_path: Path) -> None:
    """With the settings of Your totesys in a file, its first run works; Day and night lists what is
    in quarantine."""
    page = INSTALLING.read_text(encoding="utf-8")
    (settings, *_) = (block.text for block in blocks(page) if block.language == "ini")
    for line in settings.splitlines():
        name, _, shown = line.partition("=")
        settings = settings.replace(shown, world.environment[name])
    (tmp_path / "totes.env").write_text(settings, encoding="utf-8")
    said = tmp_path / "said.md"
    waiting = section(RUNNING.read_text(encoding="utf-8"), "Rows in quarantine")
    text = section(page, "The first run") + waiting
    said.write_text(text.replace("/etc/totes.env", "./totes.env"), encoding="utf-8")
    follow(said, tmp_path, tmp_path)


def section(page: str, heading: str) -> str:
    """A section of a page, to the next heading."""
    return page.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]


def test_models_that_are_shown_ship() -> None:
    """The model in the page on stars is one that ships, to the letter."""
    page = (DOCS / "concepts" / "stars.md").read_text(encoding="utf-8")
    (shown,) = (block.text for block in blocks(page) if block.language == "sql")
    assert shown in {path.read_text() for path in shipped_model().glob("star/*.sql")}


@pytest.mark.parametrize(
    ("shown", "said", "vary", "there"),
    [
        ("one\n…\nfour\n", "zero\none\ntwo\nthree\nfour\n", False, True),
        ("one\nfour\n", "one\ntwo\nthree\nfour\n", False, False),
        ("3 rows, … s\n", "3 rows, 0.1 s\n", False, True),
        ("3 rows\n", "4 rows\n", False, False),
        ("3 rows\n", "1,004 rows\n", True, True),
        ("3 rows\n", "no rows\n", True, False),
    ],
)
def test_output_is_compared(shown: str, said: str, vary: bool, there: bool) -> None:
    """What a page shows is told from what it does not: `…` is anything, figures where they vary."""
    assert bool(expected(Block(1, "text", shown, None, vary)).search(said)) is there
