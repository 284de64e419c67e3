"""Exchange rates: handed in as a file, held for every day, and kept through a rebuild."""

from __future__ import annotations

import json
import zipfile
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.world import World
from totes import pipeline
from totes.cli import cli
from totes.errors import ConfigurationError

# A Friday, the Monday after, and a gap; the dollar has no rate on the Monday.
RATES = """Date,USD,JPY,GBP,
2023-03-20,1.0717,140.46,0.87503,
2023-03-06,N/A,144.76,0.88510,
2023-03-03,1.0615,144.62,0.88400,
"""
HELD = "select day, units_per_euro, published from dim_exchange_rate where currency_code = '{}'"


def file_of(world: World, text: str = RATES, name: str = "eurofxref-hist.csv") -> Path:
    path = world.folder / name
    path.write_text(text)
    return path


def held(world: World, currency: str) -> dict[int, tuple[Decimal, int]]:
    """Day of March → rate, and the day of March on which it was published."""
    rows = world.ask(HELD.format(currency))
    return {day.day: (rate, published.day) for day, rate, published in rows}


def test_rate_holds_until_the_next_for_a_week_at_most(world: World) -> None:
    """A day without a rate has that of the latest working day, if it is of the seven before."""
    world.run()
    taken = pipeline.take_rates(world.settings, file_of(world))
    assert (taken.days, taken.currencies) == (3, 3)
    assert (taken.first, taken.last) == (date(2023, 3, 3), date(2023, 3, 20))
    yen, dollar = held(world, "JPY"), held(world, "USD")
    assert yen[4] == yen[5] == (Decimal("144.62"), 3)
    assert yen[6] == yen[13] == (Decimal("144.76"), 6)
    assert sorted(yen) == [*range(3, 14), *range(20, 28)]
    assert dollar[6] == dollar[10] == (Decimal("1.0615"), 3)
    assert sorted(dollar) == [*range(3, 11), *range(20, 28)]
    assert {rate for rate, _ in held(world, "EUR").values()} == {1}
    assert taken.changed == sum(len(held(world, code)) for code in ("USD", "JPY", "GBP", "EUR"))


def test_pounds_by_hand(world: World) -> None:
    """A value in pounds is the amount, through the euro, at the rates of the day of the order;
    without a rate it is NULL, and pounds are pounds."""
    world.run()
    pounds = "select sales_order_id, order_value_gbp, unit_price_gbp from sales order by 1"
    assert world.ask(pounds) == [
        (2, None, None),
        (14, None, None),
        (90, Decimal("399892.00"), Decimal("4.00")),
        (91, None, None),
    ]
    pipeline.take_rates(world.settings, file_of(world))
    # of 4 March, a Saturday: 5,000 bags at 2.50 dollars, 1.0615 a euro, of which one is 0.884 £
    worth = round(Decimal(12500) / Decimal("1.0615") * Decimal("0.884"), 2)
    assert worth == Decimal("10409.80")
    each = round(Decimal("2.5") / Decimal("1.0615") * Decimal("0.884"), 4)
    assert world.ask(pounds)[3] == (91, worth, each)
    assert world.ask("select payment_amount_gbp from payments where payment_id = 31") == [(worth,)]
    assert world.ask(pounds)[1] == (14, None, None)  # of 1 March, before the first rate


def test_later_file_adds_and_corrects(world: World) -> None:
    """Another file adds days and corrects those it has; what it has not stays, and taking it again
    changes nothing. `N/A` takes no rate away."""
    world.run()
    pipeline.take_rates(world.settings, file_of(world))
    before = held(world, "USD")
    later = "Date,USD,GBP\n2023-03-07,1.0665,0.88\n2023-03-03,1.06,N/A\n"
    # the dollar: 3 to 10 March are corrected, 11 to 14 new; the pound: of the 7th on to the 14th;
    # the euro: the same, as it has a rate on each day that any has
    assert pipeline.take_rates(world.settings, file_of(world, later)).changed == 12 + 8 + 8
    dollar = held(world, "USD")
    assert dollar[3] == dollar[6] == (Decimal("1.06"), 3)
    assert dollar[7] == dollar[14] == (Decimal("1.0665"), 7)
    assert {day: rate for day, rate in dollar.items() if day > 14} == {
        day: rate for day, rate in before.items() if day > 14
    }
    assert held(world, "GBP")[3] == (Decimal("0.88400"), 3)
    assert held(world, "JPY")[13] == (Decimal("144.76"), 6)
    assert pipeline.take_rates(world.settings, file_of(world, later)).changed == 0


def test_order_of_files_does_not_matter(world: World) -> None:
    """Days taken in any order give the same table."""
    world.run()
    header, *lines = RATES.splitlines()
    for line in (lines[1], lines[0], lines[2]):
        pipeline.take_rates(world.settings, file_of(world, f"{header}\n{line}\n"))
    by_line = world.ask("select * from dim_exchange_rate order by 1, 2")
    world.change("truncate dim_exchange_rate", warehouse=True)
    pipeline.take_rates(world.settings, file_of(world))
    assert world.ask("select * from dim_exchange_rate order by 1, 2") == by_line


def test_file_may_be_zipped(world: World) -> None:
    """The file is taken as the bank gives it, zipped."""
    world.run()
    path = world.folder / "eurofxref-hist.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("eurofxref-hist.csv", RATES)
    assert pipeline.take_rates(world.settings, path).days == 3


def test_bad_file_changes_nothing(world: World) -> None:
    """A file with a fault in its last line is refused whole."""
    world.run()
    with pytest.raises(ConfigurationError, match=r"csv, line 5, column USD: 'x' is no rate"):
        pipeline.take_rates(world.settings, file_of(world, f"{RATES}2023-03-02,x,1,1,\n"))
    assert world.ask("select count(*) from dim_exchange_rate") == [(0,)]


def test_failure_in_the_middle_leaves_nothing(world: World) -> None:
    """Rates are taken all or not at all."""
    world.run()
    world.change(
        "alter table dim_exchange_rate add check (units_per_euro < 144.7 or day = published)",
        warehouse=True,
    )
    with pytest.raises(Exception, match="violates check constraint"):
        pipeline.take_rates(world.settings, file_of(world))
    assert world.ask("select count(*) from dim_exchange_rate") == [(0,)]


def test_files_at_once_are_taken_one_after_the_other(world: World) -> None:
    """Several at the same time do not disturb each other."""
    world.run()
    path = file_of(world)
    with ThreadPoolExecutor(4) as pool:
        taken = list(pool.map(lambda _: pipeline.take_rates(world.settings, path), range(4)))
    assert sorted(one.changed for one in taken)[:3] == [0, 0, 0]
    assert len(held(world, "JPY")) == 19


@pytest.mark.parametrize(
    "dropped", ["", "drop view payments cascade", "drop table dim_date cascade"]
)
def test_rebuild_keeps_rates(world: World, dropped: str) -> None:
    """Rates are not in the lake, so a rebuild keeps them, in place and from scratch; and who may
    read them may still."""
    world.run()
    pipeline.take_rates(world.settings, file_of(world))
    everything = "select * from dim_exchange_rate order by 1, 2"
    before = world.ask(everything)
    world.change("grant select on dim_exchange_rate to public", warehouse=True)
    if dropped:
        world.change(dropped, warehouse=True)
    pipeline.rebuild(world.settings)
    assert world.ask(everything) == before
    assert world.ask("select order_value_gbp from sales where sales_order_id = 91") == [
        (Decimal("10409.80"),)
    ]
    assert pipeline.verify(world.settings).is_well


def test_rebuild_makes_the_table_good(world: World) -> None:
    """A warehouse in which somebody dropped the table of rates has an empty one after a rebuild."""
    world.run()
    world.change("drop table dim_exchange_rate cascade", warehouse=True)
    with pytest.raises(ConfigurationError, match="no table dim_exchange_rate") as caught:
        pipeline.take_rates(world.settings, file_of(world))
    assert "totes rebuild --yes" in str(caught.value.hint)
    pipeline.rebuild(world.settings)
    assert pipeline.take_rates(world.settings, file_of(world)).changed > 0


def test_table_that_does_not_fit_is_named(world: World) -> None:
    """A table of that name which is not one of rates stops the first load, with what to do."""
    world.change("create table dim_exchange_rate (day date, rate float8)", warehouse=True)
    with pytest.raises(ConfigurationError, match="has the columns day, rate") as caught:
        world.run()
    assert "drop table dim_exchange_rate" in str(caught.value.hint)


def test_rates_before_the_first_load(world: World) -> None:
    """Without a warehouse there is nothing to put rates in, and the hint says what makes it."""
    with pytest.raises(ConfigurationError, match="has no table dim_exchange_rate") as caught:
        pipeline.take_rates(world.settings, file_of(world))
    assert "totes load" in str(caught.value.hint)


def test_model_without_rates(world: World) -> None:
    """A data model of one's own need not have exchange rates; then the command says so."""
    folder = world.folder / "model"
    (folder / "source").mkdir(parents=True)
    world.extra["model"] = folder
    with pytest.raises(ConfigurationError, match="no table of exchange rates"):
        pipeline.take_rates(world.settings, file_of(world))


def test_command_tells_people_and_programs(world: World) -> None:
    """`totes rates FILE` says in a line what it took; with --json in a document."""
    world.run()
    path = file_of(world)
    first = CliRunner().invoke(cli, ["rates", str(path)], env=world.environment)
    assert first.output == (
        "rates    3 days, 2023-03-03 to 2023-03-20, of 3 currencies: 73 rows of "
        "dim_exchange_rate are new or corrected\n"
    )
    again = CliRunner().invoke(cli, ["rates", str(path), "--json"], env=world.environment)
    assert json.loads(again.output) == {
        "table": "dim_exchange_rate",
        "days": 3,
        "currencies": 3,
        "first": "2023-03-03",
        "last": "2023-03-20",
        "changed": 0,
    }
