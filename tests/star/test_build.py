"""Models that do not do what their contracts say are named; those that do follow what they read."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.world import World
from totes.contract import shipped_model
from totes.errors import ModelError


@pytest.fixture
def models(world: World) -> Path:
    """The folder of a copy of the shipped models, which the world uses."""
    folder = world.folder / "model"
    shutil.copytree(shipped_model(), folder)
    world.extra["model"] = folder
    return folder / "star"


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
def test_wrong_model_is_named(
    world: World, models: Path, model: str, old: str, new: str, said: str
) -> None:
    """A model whose SQL and contract disagree is an error that names it, and commits nothing."""
    change(models / f"{model}.sql", old, new)
    world.change("delete from department where department_id = 4")
    with pytest.raises(ModelError, match=said):
        world.run()
    assert not any(key.startswith("processed/manifests") for key in world.objects())


def test_model_that_joins_its_own_table_follows_it(world: World, models: Path) -> None:
    """A model that looks things up in the table that drives it is run over all rows."""
    change(
        models / "dim_staff.sql",
        "staff.last_name,",
        "(select s.first_name from staff as s where s.staff_id = 11) as last_name,",
    )
    world.run()
    world.change("update staff set first_name = 'Ann' where staff_id = 11")
    world.run()
    assert world.ask("select distinct last_name from dim_staff") == [("Ann",)]


def test_text_longer_than_its_column_waits(world: World, models: Path) -> None:
    """A text that a `varchar(n)` of the warehouse cannot hold waits in quarantine."""
    change(
        models / "dim_design.toml",
        'design_name = { type = "varchar"',
        'design_name = { type = "varchar(6)"',
    )
    world.run()
    assert world.ask("select design_name from dim_design") == [("Wooden",)]


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


@pytest.mark.parametrize("joined", JOINED)
def test_model_may_join_as_sql_allows(world: World, models: Path, joined: str) -> None:
    """Tables that are joined by USING, or under a WITH, are found, and followed as they change."""
    text = (models / "dim_staff.sql").read_text()
    (models / "dim_staff.sql").write_text(
        f"with them as ({JOINED[joined]})\n"
        + text.replace("department.department_name", "them.department_name").rstrip()
        + "\njoin them using (staff_id)\n"
    )
    change(models / "dim_staff.sql", "    staff.staff_id,", "    staff_id,")
    world.run()
    world.change("update department set department_name = 'Zest' where department_id = 4")
    world.run()
    assert ("Zest",) in world.ask("select department_name from dim_staff")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("delete from staff", r"dim_staff\.sql: Only SELECT"),
        ("with them as (select 1 as x) select x from thos", r"reads thos, which is no"),
        ("with a as (select 1 from b), b as (select 1) from a", r"reads b, which is no"),
    ],
)
def test_model_that_is_no_select_of_known_tables_is_named(
    world: World, models: Path, text: str, said: str
) -> None:
    """A model that is no SELECT, or reads a table that nobody knows, is an error that says so."""
    (models / "dim_staff.sql").write_text(text)
    with pytest.raises(ModelError, match=said):
        world.run()
