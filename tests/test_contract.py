"""Contracts: what they promise is read once, checked, and named where it is broken."""

from __future__ import annotations

import csv
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pycountry
import pytest

from totes.contract import DataModel, StarContract, shipped_model
from totes.errors import ConfigurationError

Break = Callable[[str, str, str], DataModel]


@pytest.fixture(scope="module")
def shipped() -> DataModel:
    return DataModel.load(shipped_model())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the shipped data model."""
    return Path(shutil.copytree(shipped_model(), tmp_path / "model"))


@pytest.fixture
def load_with(folder: Path) -> Break:
    """Loads the shipped model with one text in one of its files replaced by another."""

    def load(file: str, old: str, new: str) -> DataModel:
        text = (folder / file).read_text()
        assert old in text
        (folder / file).write_text(text.replace(old, new, 1))
        return DataModel.load(folder)

    return load


# --- contracts that are broken ---

SALES = "star/fact_sales_order.toml"


TWO_KEYS = r"key is sales_order_id, design_id, and that of sales_order, .*, sales_order_id$"


@pytest.mark.parametrize(
    ("file", "old", "new", "told"),
    [
        (
            "source/staff.toml",
            'key = ["staff_id"]',
            "",
            r"staff\.toml: key: missing, and must not be",
        ),
        ("source/staff.toml", 'key = ["staff_id"]', "key = []", r"staff\.toml: key: "),
        ("source/staff.toml", '["staff_id"]', '["id"]', r"staff\.toml.*'id' is not among"),
        (
            "source/staff.toml",
            'staff_id = { type = "integer"',
            'staff_id = { null = true, type = "integer"',
            r"staff\.toml.*'staff_id' may not be null",
        ),
        (
            "source/staff.toml",
            'first_name = { type = "varchar"',
            'first_name = { colour = "red", type = "varchar"',
            r"staff\.toml: columns\.first_name\.colour",
        ),
        (
            "source/staff.toml",
            'type = "integer"',
            'type = "9to5"',
            r"staff\.toml: columns\.staff_id\.type.*'9to5'",
        ),
        (
            "source/staff.toml",
            'meaning = "first name"',
            'unit = ""',
            r"staff\.toml: columns\.first_name\.meaning: missing, and must not be",
        ),
        ("source/staff.toml", "grain", "colour", r"staff\.toml: "),
        ("source/staff.toml", '["staff_id"]', '"staff_id"', r"staff\.toml: key: should be a list"),
        (
            SALES,
            '"integer", references = "dim_staff"',
            '"xml"',
            r"fact_sales_order\.toml: 'sales_s",
        ),
        ("source/staff.toml", "[columns]", "[columns", r"staff\.toml: "),
        (SALES, '"dim_staff"', '"dim_stuff"', "fact_sales_order.sales_staff_id.*dim_stuff"),
        (SALES, '["sales_order"]', '["sales"]', "fact_sales_order is driven by sales,"),
        (SALES, 'record_id = "sales_record_id"', "", r"fact_sales_order\.toml.*record_id"),
        (SALES, 'record_id = "sales', 'record_id = "x', r"fact_sales_order\.toml.*'x_record_id'"),
        (SALES, '"fact"', '"dimension"', r"fact_sales_order\.toml.*record_id"),
        (SALES, '"fact"', '"facts"', r"fact_sales_order\.toml: kind"),
        (
            SALES,
            '["sales_order"]',
            '["sales_order", "staff"]',
            r"fact_sales_order\.toml.*one table",
        ),
        (
            "star/dim_staff.toml",
            'first_name = { type = "varchar"',
            'first_name = { references = "fact_sales_order", type = "varchar"',
            r"dim_staff\.toml: first_name refers to fact_sales_order; it must be another table",
        ),
        (SALES, 'key = ["sales_order_id"]', 'key = ["sales_order_id", "design_id"]', TWO_KEYS),
    ],
)
def test_a_broken_contract_is_named(
    load_with: Break, file: str, old: str, new: str, told: str
) -> None:
    """A data model that contradicts itself is a ConfigurationError that names what is wrong."""
    with pytest.raises(ConfigurationError, match=told):
        load_with(file, old, new)


def test_models_do_not_go_round_in_a_circle(folder: Path, load_with: Break) -> None:
    """Two tables that each must find a row in the other can never begin."""
    staff = folder / "star/dim_staff.toml"
    text = staff.read_text()
    staff.write_text(text.replace("first_name = { ", 'first_name = { references = "dim_design", '))
    with pytest.raises(ConfigurationError, match=r"circle.*(dim_staff|dim_design)"):
        load_with(
            "star/dim_design.toml", "file_name = { ", 'file_name = { references = "dim_staff", '
        )


@pytest.mark.parametrize("name", ["batch", "change", "totes_reason", "Design_Name"])
def test_columns_are_not_named_as_ours_are(load_with: Break, name: str) -> None:
    """A column may not have the name of one that Totes adds, nor two columns one name."""
    with pytest.raises(ConfigurationError, match=name.lower()):
        load_with("star/dim_design.toml", "file_name = { ", f"{name} = {{ ")


@pytest.mark.parametrize("name", ["manifests", "checkpoints", "quarantine"])
@pytest.mark.parametrize("kind", ["source/staff.toml", "star/dim_staff.toml", "reference/x.csv"])
def test_no_table_is_named_like_a_folder_of_the_lake(folder: Path, kind: str, name: str) -> None:
    """A table of any kind whose files would mingle with the lake's own is refused by name."""
    template = folder / kind
    if template.suffix == ".csv":
        template.write_text("code\n")
    for path in template.parent.glob(f"{template.stem}.*"):
        shutil.copy(path, path.with_stem(name))
    with pytest.raises(ConfigurationError, match=f"{name} is a folder of the lake"):
        DataModel.load(folder)


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    """A folder that is no data model is named, with the setting that may be at fault."""
    with pytest.raises(ConfigurationError, match=re.escape(str(tmp_path))) as caught:
        DataModel.load(tmp_path)
    assert caught.value.hint is not None
    assert "TOTES_MODEL" in caught.value.hint


def test_a_star_without_sql_is_named(folder: Path) -> None:
    """A star contract whose SELECT is missing is an error that names the SELECT's file."""
    (folder / "star/dim_staff.sql").unlink()
    with pytest.raises(ConfigurationError, match=r"dim_staff\.sql"):
        DataModel.load(folder)


def test_a_select_that_nothing_describes_is_named(folder: Path) -> None:
    """A SELECT of the star without a contract, which would never be run, is an error."""
    (folder / "star/dim_stuff.sql").write_text("select 1")
    with pytest.raises(ConfigurationError, match=r"dim_stuff\.sql has no dim_stuff\.toml"):
        DataModel.load(folder)


def test_all_that_is_wrong_with_a_contract_is_told(load_with: Break) -> None:
    """A word that is spelled wrongly is told together with the one that is missing for it."""
    told = r"dim_staff\.toml: kind: missing, and must not be; knid: there is no such entry"
    with pytest.raises(ConfigurationError, match=told):
        load_with("star/dim_staff.toml", "kind", "knid")


def test_a_file_s_stem_is_its_table_s_name(load_with: Break) -> None:
    """A contract cannot give its table another name than its file has."""
    with pytest.raises(ConfigurationError, match=r"staff\.toml"):
        load_with("source/staff.toml", "grain", 'name = "stuff"\ngrain')


def test_a_contract_in_another_encoding_is_named(folder: Path) -> None:
    """A contract that is not UTF-8 is an error that names its file."""
    (folder / "source/staff.toml").write_bytes(b'grain = "\xe9"')
    with pytest.raises(ConfigurationError, match=r"staff\.toml"):
        DataModel.load(folder)


# --- the order of tables ---


def test_built_after_what_is_needed(shipped: DataModel) -> None:
    """Tables are built after those that drive them and those that they must find a row in."""
    order = [star.name for star in shipped.build_order]
    assert sorted(order) == sorted(shipped.stars)
    for star in shipped.stars.values():
        for needed in (*shipped.built_from(star), *shipped.awaited(star).values()):
            assert order.index(needed) < order.index(star.name), (star.name, needed)


def test_a_calendar_is_not_awaited(shipped: DataModel) -> None:
    """A reference to a table that is made from the fact itself holds no row back; others do."""
    sales = shipped.stars["fact_sales_order"]
    assert "dim_date" not in shipped.awaited(sales).values()
    assert shipped.awaited(sales)["design_id"] == "dim_design"
    assert shipped.build_order[-1].name == "dim_date"


def referred_first(model: DataModel) -> bool:
    order = [star.name for star in model.load_order]
    return all(
        order.index(column.references) < order.index(star.name)
        for star in model.stars.values()
        for column in star.columns.values()
        if column.references
    )


def test_loaded_after_what_is_referred_to(shipped: DataModel) -> None:
    """The warehouse receives every table after all those that it refers to: dimensions first."""
    assert len(shipped.load_order) == 11
    assert referred_first(shipped)
    kinds = [star.is_fact for star in shipped.load_order]
    assert kinds == sorted(kinds)


def test_a_dimension_of_any_name_is_loaded_before_facts(load_with: Break, folder: Path) -> None:
    """A dimension whose name comes after a fact's is loaded before it all the same."""
    for suffix in ("toml", "sql"):
        shutil.copy(folder / f"star/dim_design.{suffix}", folder / f"star/the_design.{suffix}")
    assert referred_first(load_with(SALES, '"dim_design"', '"the_design"'))


def test_a_dimension_is_loaded_after_one_that_it_refers_to(load_with: Break) -> None:
    """A dimension that refers to another comes after it, whatever their names."""
    model = load_with(
        "star/dim_counterparty.toml",
        'counterparty_id = { type = "integer"',
        'counterparty_id = { references = "dim_location", type = "integer"',
    )
    assert referred_first(model)


# --- fingerprints ---


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        (SALES, "numeric(10,2)", "numeric(10,3)"),
        (SALES, '"dim_staff"', '"dim_design"'),
        (SALES, 'key = ["sales_order_id"]', 'key = ["design_id"]'),
        (SALES, 'units_sold = { type = "integer"', 'units_sold = { null = true, type = "integer"'),
        (SALES, "created_time = {", 'created_time = { when_deleted = "seen",'),
        ("star/fact_sales_order.sql", "    units_sold,", "    units_sold + 0 as units_sold,"),
    ],
)
def test_a_fingerprint_changes_with_what_data_depends_on(
    load_with: Break, shipped: DataModel, file: str, old: str, new: str
) -> None:
    """Another type, key, reference, NULL or SELECT is another fingerprint, of that table only."""
    assert changed(shipped.stars, load_with(file, old, new).stars) == {"fact_sales_order"}


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        (SALES, "how many bags", "the number of bags"),
        (SALES, 'unit = "bags"', 'unit = "pieces"'),
        (SALES, "one row per version", "a row for each version"),
        (SALES, "[columns]", "# a comment\n[columns]"),
    ],
)
def test_a_fingerprint_does_not_change_with_prose(
    load_with: Break, shipped: DataModel, file: str, old: str, new: str
) -> None:
    """Other words for the same table are the same fingerprint."""
    assert changed(shipped.stars, load_with(file, old, new).stars) == set()


@pytest.mark.parametrize("line", ['table = "employee"', 'schema = "hr"'])
def test_a_source_s_fingerprint_changes_with_its_table(
    load_with: Break, shipped: DataModel, line: str
) -> None:
    """A contract that looks at another table of the source is another contract."""
    model = load_with("source/staff.toml", "grain", f"{line}\ngrain")
    prints = {name: c.fingerprint for name, c in model.sources.items()}
    before = {name: c.fingerprint for name, c in shipped.sources.items()}
    assert {name for name in prints if prints[name] != before[name]} == {"staff"}


def changed(before: dict[str, StarContract], after: dict[str, StarContract]) -> set[str]:
    return {name for name in before if before[name].fingerprint != after[name].fingerprint}


# --- the model that ships ---


def test_the_shipped_model_is_whole(shipped: DataModel) -> None:
    """Eleven operational tables, and eleven star tables of which three are facts."""
    assert len(shipped.sources) == len(shipped.stars) == 11
    assert len([star for star in shipped.stars.values() if star.is_fact]) == 3
    assert {path.stem for path in shipped.folder.glob("star/*.sql")} == set(shipped.stars)


@pytest.mark.parametrize("path", sorted(shipped_model().rglob("*.sql")), ids=lambda path: path.stem)
def test_shipped_sql_is_short_and_in_lower_case(path: Path) -> None:
    """A SELECT is of at most 80 lines, in lower case, and a model's has its columns written out."""
    lines = path.read_text().splitlines()
    assert len(lines) <= 80
    code = " ".join(re.sub(r"--.*|'[^']*'", "", line) for line in lines)
    assert code == code.lower()
    assert path.parent.name == "views" or not re.search(r"(select|,)\s+(\w+\.)?\*", code)


def test_every_column_says_what_it_means(shipped: DataModel) -> None:
    """Every table has a grain and every column a meaning, and amounts have a unit."""
    for contract in [*shipped.sources.values(), *shipped.stars.values()]:
        assert contract.grain.startswith("one row per ")
        for name, column in contract.columns.items():
            assert column.meaning.strip(), f"{contract.name}.{name}"
            assert column.unit or column.type.name != "numeric", f"{contract.name}.{name}"


def test_currency_names_are_iso_4217() -> None:
    """The names of currencies that ship are those of pycountry, and all of them."""
    with (shipped_model() / "reference/iso_4217.csv").open(encoding="utf-8", newline="") as file:
        shipped = {row["code"]: row["name"] for row in csv.DictReader(file)}
    assert shipped == {currency.alpha_3: currency.name for currency in pycountry.currencies}
