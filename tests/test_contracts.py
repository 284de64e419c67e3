"""`totes contract`: is the source as its contracts say, and contracts where there are none."""

from __future__ import annotations

import json
import signal
import time
import tomllib
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import CliRunner, Result

from tests.world import World, made_database
from totes import pipeline
from totes.cli import cli
from totes.contract import DataModel, shipped_model
from totes.demo.postgres import PostgresServer
from totes.errors import ConfigurationError


def totes(world: World, *arguments: str) -> Result:
    extra = {f"TOTES_{name.upper()}": str(value) for name, value in world.extra.items()}
    return CliRunner().invoke(cli, arguments, env=world.environment | extra)


@pytest.fixture
def world(server: PostgresServer, handmade: str, untouched: World) -> Iterator[World]:
    """A world whose source is the test's own to alter; into its warehouse nothing goes."""
    with made_database(server, "altered", handmade) as source:
        yield World(source, untouched.warehouse, untouched.folder)


def checked(world: World) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(totes(world, "contract", "check", "--json").stdout)
    return found


def test_kept_contracts_are_said_to_be_kept(untouched: World) -> None:
    """Where nothing differs the check says so, ends well, and has touched nothing."""
    result = totes(untouched, "contract", "check")
    assert result.exit_code == 0
    assert result.stdout.splitlines()[-1] == "11 contracts: all kept"
    assert untouched.objects() == {}


def test_what_would_stop_a_table_is_said_before_it_does(world: World) -> None:
    """The check names what would stop a table, with the hint, and what would not; exit code 1."""
    world.change(
        "alter table design add column colour text",
        "alter table design alter column file_name drop not null",
        "alter table payment rename column paid to is_paid",
        "create table surprise (id int primary key)",
    )
    result = totes(world, "contract", "check")
    assert result.exit_code == 1
    lines = result.stdout.splitlines()
    assert "note: design: column colour (text) is not in the contract: archived, not modelled" in (
        lines
    )
    assert (
        "note: design: column file_name may be NULL at the source, and not in the contract" in lines
    )
    assert "stops: payment: column paid is missing" in lines
    assert any(line.startswith("  hint: has it become is_paid?") for line in lines)
    assert "note: surprise: no contract is about this table" in lines
    assert lines[-1] == "11 contracts: 1 not kept"
    found = checked(world)
    assert found["well"] is False
    assert found["tables"]["payment"]["problem"] == "payment: column paid is missing"
    assert found["uncontracted"] == ["surprise"]


def test_check_and_run_agree(ran: World) -> None:
    """What the check says would stop a table does stop it, with the same words."""
    ran.change(
        "drop table purchase_order cascade",
        "alter table payment alter column payment_amount type double precision",
        "alter table design drop constraint design_pkey, add primary key (design_name, design_id)",
    )
    expected = {
        "design": "design: its primary key is (design_id, design_name), and should be (design_id)",
        "payment": "payment: column payment_amount is double precision, and should be numeric",
        "purchase_order": "purchase_order: there is no table public.purchase_order at the source",
    }
    tables = checked(ran)["tables"]
    assert {name: table["problem"] for name, table in tables.items() if table["problem"]} == (
        expected
    )
    assert {name: str(said) for name, said in ran.run()[0].problems.items()} == expected


def test_inferred_contracts_capture_the_whole_source(world: World, tmp_path: Path) -> None:
    """Contracts inferred from totesys are kept by it, say what the shipped ones say, and are
    enough to archive every row."""
    world.change("comment on column design.design_name is 'its \"name\" \\ 1'")
    folder = tmp_path / "mine"
    result = totes(world, "contract", "infer", str(folder))
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines()[0] == f"11 contracts in {folder / 'source'}"
    inferred, shipped = DataModel.load(folder), DataModel.load(shipped_model())
    for name, contract in shipped.sources.items():
        ours = inferred.sources[name]
        assert ours.key == contract.key
        assert set(ours.types.items()) == set(contract.types.items())
    assert inferred.sources["design"].columns["design_name"].meaning == 'its "name" \\ 1'
    world.extra["model"] = folder
    assert checked(world)["well"]
    ingested = pipeline.ingest(world.settings)
    assert not ingested.problems
    tables = world.settings.data_model().sources
    counts = {n: world.ask(f"select count(*) from {n}", source=True)[0][0] for n in tables}
    assert {name: table.inserted for name, table in ingested.tables.items()} == counts


def test_names_of_every_kind_are_inferred(world: World, tmp_path: Path) -> None:
    """Spaces, quotes, capitals, slashes and reserved names; types of one's own; tables without a
    key and columns whose name is taken are left out and told; and a run takes all of it."""
    world.change(
        "create schema odd",
        "create type odd.\"Mood\" as enum ('good', 'so ''so''')",
        'create table odd."Order Items; drop" ("Id" int, "the ""key""" text, mood odd."Mood", '
        'span interval day to second, bits bit varying(5), many int[], "a.b" numeric(5,2), '
        'primary key ("Id", "the ""key"""))',
        "insert into odd.\"Order Items; drop\" values (1, 'k\"', 'so ''so''', '1 day', "
        "b'101', '{1,2}', 1.50)",
        'create table odd."a/b" (id int primary key, "_xid" int, "ID2" int, "id2" int)',
        "create table odd.manifests (id int primary key)",
        "create table odd.keyless (id int)",
        "create table odd.parted (id int primary key) partition by range (id)",
        "create table odd.part partition of odd.parted for values from (0) to (10)",
        "create view odd.viewed as select 1 as id",
    )
    folder = tmp_path / "odd model's"
    document = json.loads(
        totes(world, "contract", "infer", str(folder), "--schema", "odd", "--json").stdout
    )
    assert document["remarks"] == [
        "a/b: column _xid left out, its name is taken",
        "a/b: column id2 left out, its name is taken",
        "keyless: no contract, as it has no primary key",
    ]
    stems = ["table Order Items_ drop", "table a_b", "manifests 2", "parted"]
    assert sorted(document["tables"]) == sorted(stems)
    contract = tomllib.loads((folder / "source" / f"{stems[0]}.toml").read_text())
    assert contract["table"] == "Order Items; drop"
    assert contract["schema"] == "odd"
    assert contract["key"] == ["Id", 'the "key"']
    assert contract["columns"]["mood"] == {"type": "text", "meaning": "", "null": True}
    world.extra["model"] = folder
    assert checked(world)["well"]
    assert not pipeline.ingest(world.settings).problems


def test_nothing_is_overwritten(untouched: World, tmp_path: Path) -> None:
    """Where there are contracts already, none is written; nor where there is no table at all."""
    (tmp_path / "source").mkdir()
    (tmp_path / "source" / "mine.toml").write_text("")
    result = totes(untouched, "contract", "infer", str(tmp_path))
    assert result.exit_code == 1
    assert "is not empty" in result.stderr
    assert [path.name for path in (tmp_path / "source").iterdir()] == ["mine.toml"]
    with pytest.raises(ConfigurationError, match="no table with a primary key in the schema x"):
        pipeline.infer_contracts(untouched.settings, tmp_path / "new", "x")
    assert not (tmp_path / "new").exists()


def test_deletions_are_confirmed_on_the_command_line(ran: World) -> None:
    """A run that finds a table emptied ends with 1 and names the option that confirms it, which
    holds for the named table and ends well."""
    ran.change("truncate payment, sales_order cascade")
    result = totes(ran, "run")
    assert result.exit_code == 1
    assert "hint: if that is right, totes run --confirm-deletions payment" in result.stdout
    assert totes(ran, "ingest", "--confirm-deletions", "payment").exit_code == 1
    assert totes(ran, "status").exit_code == 1
    assert totes(ran, "run", "--confirm-deletions", "sales_order").exit_code == 0
    assert ran.ask("select count(*) from current_payment, current_sales_order") == [(0,)]
    wrong = totes(ran, "run", "--confirm-deletions", "pay")
    assert wrong.exit_code == 1
    assert "pay is no source table" in wrong.stderr


def between_runs(monkeypatch: pytest.MonkeyPatch, *happens: Callable[[], object]) -> None:
    """Let these happen one by one where `run --every` waits for its next run, and then Ctrl-C."""
    ctrl_c = partial(signal.raise_signal, signal.SIGINT)
    coming: Iterator[Callable[[], object]] = iter([*happens, ctrl_c])
    waiting = SimpleNamespace(monotonic=time.monotonic, sleep=lambda _: next(coming)())
    monkeypatch.setattr("totes.repeating.time", waiting)


def test_a_word_is_for_one_run(ran: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """With `--every`, deletions are confirmed for the first run, and not for a mishap to come;
    Ctrl-C between two runs ends them well."""
    payments = "select * from current_payment order by payment_id"
    rows = ran.ask(payments)
    seen = []

    def mishap(*statements: str) -> None:
        seen.append(ran.ask(payments))
        ran.change(*statements)

    between_runs(
        monkeypatch,
        partial(mishap, "insert into payment table kept"),
        partial(mishap, "delete from payment"),
    )
    ran.change("create table kept as table payment", "delete from payment")
    result = totes(ran, "run", "--every", "1h", "--confirm-deletions", "payment")
    assert [len(found) for found in seen] == [0, len(rows)]
    assert list(pipeline.status(ran.settings).ingestion.problems) == ["payment"]
    assert len(ran.ask(payments)) == len(rows)
    assert result.exit_code == 0, result.output
    assert "stopped between two runs" in result.stderr
    assert "Traceback" not in result.stderr
