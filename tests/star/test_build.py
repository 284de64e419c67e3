"""Models that do not do what their contracts say are named; those that do follow what they read."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.own_model import add_source, add_star, create, insert, own_world, quarantined
from tests.world import Stock, World
from totes import pipeline
from totes.contract import shipped_model
from totes.demo.postgres import PostgresServer
from totes.errors import ModelError

SOURCES: dict[str, dict[str, str]] = {
    "department": {"department_id": "integer", "department_name": "varchar"},
    "staff": {"staff_id": "integer", "department_id": "integer", "first_name": "varchar"},
}
MEMBER = {"staff_id": "integer", "department_name": "varchar"}


def ingest(world: World) -> None:
    """Ingest a source in which a member of staff has no department."""
    world.change("delete from department where department_id = 4")
    pipeline.ingest(world.settings)


@pytest.fixture
def ingested(stock: Stock, tmp_path: Path) -> Iterator[World]:
    """A world whose first batch is to be processed, by a copy of the shipped model."""
    with stock.copied("ingested_for_models", ingest, tmp_path) as copy:
        copy.extra["model"] = copy.folder / "model"
        shutil.copytree(shipped_model(), copy.extra["model"])
        yield copy


@pytest.fixture
def own(server: PostgresServer, tmp_path: Path) -> Iterator[World]:
    """A world with staff and their departments, and no star yet."""
    with own_world(server, tmp_path) as world:
        for table, columns in SOURCES.items():
            key = [f"{table}_id"]
            create(world, table, columns, key=key)
            add_source(world, table, columns, key=key)
        insert(world, "department", {"department_id": 4, "department_name": "Four"})
        jo = {"staff_id": 3, "department_id": 4, "first_name": "Jo"}
        insert(world, "staff", jo, {**jo, "staff_id": 11, "department_id": None})
        yield world


def refused(world: World, said: str) -> None:
    """The model is an error that names it, and commits nothing."""
    with pytest.raises(ModelError, match=said):
        pipeline.process(world.settings)
    assert not any(key.startswith("processed/manifests") for key in world.objects())


def change(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


@pytest.mark.parametrize(
    ("model", "old", "new", "said"),
    [
        ("dim_design", "design_name,", "", r"dim_design\.sql returns design_id, file_location"),
        ("dim_staff", "left join department", "join department", r"made 2 rows of 3 in staff"),
        ("dim_design", "from design", "from designs", r"reads designs, which is no source table"),
        ("dim_design", "design_id,", "design_id + + ,", r"dim_design\.sql: Parser Error"),
        (
            "fact_payment",
            "payment_id,",
            "-payment_id as payment_id,",
            r"does not give payment's key as it is: payment_id must be payment_id",
        ),
        (
            "dim_currency",
            "currency.currency_id,",
            "ascii(currency.currency_code) as currency_id,",
            r"does not give currency's key as it is",
        ),
        (
            "dim_date",
            "from days",
            "from days where exists (select 1 from design)",
            r"dim_date\.sql reads design; one that is driven by star tables",
        ),
        (
            "dim_date",
            "year(day) as year,",
            "'x' as year,",
            r"contract refuses: year: x does not fit",
        ),
    ],
)
def test_wrong_model_is_named(ingested: World, model: str, old: str, new: str, said: str) -> None:
    """A model whose SQL and contract disagree is an error that names it, and commits nothing."""
    change(ingested.folder / f"model/star/{model}.sql", old, new)
    refused(ingested, said)


def test_model_that_joins_its_own_table_follows_it(own: World) -> None:
    """A model that looks things up in the table that drives it is run over all rows."""
    columns = {"staff_id": "integer", "eleventh": "varchar"}
    query = "(select s.first_name from staff as s where s.staff_id = 11)"
    query = f"select staff_id, {query} as eleventh from staff"
    add_star(own, "members", columns, query, driven_by="staff", key=["staff_id"])
    own.run()
    own.change("update staff set first_name = 'Ann' where staff_id = 11")
    own.run()
    assert own.ask("select staff_id, eleventh from members order by 1") == [(3, "Ann"), (11, "Ann")]


def test_text_longer_than_its_column_waits(own: World) -> None:
    """A text that a `varchar(n)` of the warehouse cannot hold waits in quarantine."""
    columns = {"department_id": "integer", "department_name": "varchar(4)"}
    query = "select department_id, department_name from department"
    add_star(own, "units", columns, query, driven_by="department", key=["department_id"])
    insert(own, "department", {"department_id": 5, "department_name": "Fifth"})
    own.run()
    assert own.ask("select department_name from units") == [("Four",)]
    assert [key for _, key, _ in quarantined(own)] == ['{"department_id":5}']


JOINED = {
    "using": "select staff_id, department_name from staff "
    "left join department using (department_id)",
    "natural": "select staff_id, department_name from (select staff_id, department_id from staff) "
    "natural left join (select department_id, department_name from department)",
    "with": "with department as (select department_id, department_name from department), "
    "other as (select * from department) "
    "select staff_id, department_name from staff left join other using (department_id)",
    "recursive": "with recursive n as (select 4 as n union all select n - 1 from n where n > 0) "
    "select staff_id, (select max(department_name) from n join department on department_id = n) "
    "as department_name from staff",
}


def test_model_may_join_as_sql_allows(own: World) -> None:
    """Tables that are joined by USING, or under a WITH, are found, and followed as they change."""
    for joined, query in JOINED.items():
        within = f"with them as ({query}) select staff_id, department_name from them"
        for name, text in {joined: query, f"{joined}_in_with": within}.items():
            add_star(own, f"by_{name}", MEMBER, text, driven_by="staff", key=["staff_id"])
    names = list(own.settings.data_model().stars)
    assert len(names) == 8

    def shown() -> dict[str, list[tuple[int, str | None]]]:
        return {name: own.ask(f"select * from {name} order by 1") for name in names}

    before = {name: [(3, "Four"), (11, "Four" if "recursive" in name else None)] for name in names}
    own.run()
    assert shown() == before
    own.change("update department set department_name = 'Zest' where department_id = 4")
    own.run()
    assert shown() == {
        name: [(key, said and "Zest") for key, said in rows] for name, rows in before.items()
    }


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("delete from staff", r"dim_staff\.sql: Only SELECT"),
        ("with them as (select 1 as x) select x from thos", r"reads thos, which is no"),
        ("with a as (select 1 from b), b as (select 1) from a", r"reads b, which is no"),
    ],
)
def test_model_that_is_no_select_of_known_tables_is_named(
    ingested: World, text: str, said: str
) -> None:
    """A model that is no SELECT, or reads a table that nobody knows, is an error that says so."""
    (ingested.folder / "model/star/dim_staff.sql").write_text(text)
    refused(ingested, said)
