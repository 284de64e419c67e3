"""Exchange rates: handed in as a file, held for every day, and kept through a rebuild."""

from __future__ import annotations

import json
import shutil
import zipfile
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.own_model import add_things
from tests.world import World
from totes import pipeline
from totes.cli import cli
from totes.contract import shipped_model
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


def test_rate_holds_until_the_next_for_a_week_at_most(ran: World) -> None:
    """A day without a rate has that of the latest working day, if it is of the seven before."""
    taken = pipeline.take_rates(ran.settings, file_of(ran))
    assert (taken.days, taken.currencies) == (3, 3)
    assert (taken.first, taken.last) == (date(2023, 3, 3), date(2023, 3, 20))
    yen, dollar = held(ran, "JPY"), held(ran, "USD")
    assert yen[4] == yen[5] == (Decimal("144.62"), 3)
    assert yen[6] == yen[13] == (Decimal("144.76"), 6)
    assert sorted(yen) == [*range(3, 14), *range(20, 28)]
    assert dollar[6] == dollar[10] == (Decimal("1.0615"), 3)
    assert sorted(dollar) == [*range(3, 11), *range(20, 28)]
    assert {rate for rate, _ in held(ran, "EUR").values()} == {1}
    assert taken.changed == sum(len(held(ran, code)) for code in ("USD", "JPY", "GBP", "EUR"))


def test_pounds_by_hand(ran: World) -> None:
    """A value in pounds is the amount, through the euro, at the rates of the day of the order;
    without a rate it is NULL, and pounds are pounds."""
    pounds = "select sales_order_id, order_value_gbp, unit_price_gbp from sales order by 1"
    assert ran.ask(pounds) == [
        (2, None, None),
        (14, None, None),
        (90, Decimal("399892.00"), Decimal("4.00")),
        (91, None, None),
    ]
    pipeline.take_rates(ran.settings, file_of(ran))
    # of 4 March, a Saturday: 5,000 bags at 2.50 dollars, 1.0615 a euro, of which one is 0.884 £
    worth = round(Decimal(12500) / Decimal("1.0615") * Decimal("0.884"), 2)
    assert worth == Decimal("10409.80")
    each = round(Decimal("2.5") / Decimal("1.0615") * Decimal("0.884"), 4)
    assert ran.ask(pounds)[3] == (91, worth, each)
    assert ran.ask("select payment_amount_gbp from payments where payment_id = 31") == [(worth,)]
    assert ran.ask(pounds)[1] == (14, None, None)  # of 1 March, before the first rate


def test_later_file_adds_and_corrects(ran: World) -> None:
    """Another file adds days and corrects those it has; what it has not stays, and taking it again
    changes nothing. `N/A` takes no rate away."""
    pipeline.take_rates(ran.settings, file_of(ran))
    before = held(ran, "USD")
    later = "Date,USD,GBP\n2023-03-07,1.0665,0.88\n2023-03-03,1.06,N/A\n"
    # the dollar: 3 to 10 March are corrected, 11 to 14 new; the pound: of the 7th on to the 14th;
    # the euro: the same, as it has a rate on each day that any has
    assert pipeline.take_rates(ran.settings, file_of(ran, later)).changed == 12 + 8 + 8
    dollar = held(ran, "USD")
    assert dollar[3] == dollar[6] == (Decimal("1.06"), 3)
    assert dollar[7] == dollar[14] == (Decimal("1.0665"), 7)
    assert {day: rate for day, rate in dollar.items() if day > 14} == {
        day: rate for day, rate in before.items() if day > 14
    }
    assert held(ran, "GBP")[3] == (Decimal("0.88400"), 3)
    assert held(ran, "JPY")[13] == (Decimal("144.76"), 6)
    assert pipeline.take_rates(ran.settings, file_of(ran, later)).changed == 0


def test_order_of_files_does_not_matter(ran: World) -> None:
    """Days taken in any order give the same table."""
    header, *lines = RATES.splitlines()
    for line in (lines[1], lines[0], lines[2]):
        pipeline.take_rates(ran.settings, file_of(ran, f"{header}\n{line}\n"))
    by_line = ran.ask("select * from dim_exchange_rate order by 1, 2")
    ran.change("truncate dim_exchange_rate", warehouse=True)
    pipeline.take_rates(ran.settings, file_of(ran))
    assert ran.ask("select * from dim_exchange_rate order by 1, 2") == by_line


def test_file_may_be_zipped(ran: World) -> None:
    """The file is taken as the bank gives it, zipped."""
    path = ran.folder / "eurofxref-hist.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("eurofxref-hist.csv", RATES)
    assert pipeline.take_rates(ran.settings, path).days == 3


def test_bad_file_changes_nothing(ran: World) -> None:
    """A file with a fault in its last line is refused whole."""
    with pytest.raises(ConfigurationError, match=r"csv, line 5, column USD: 'x' is no rate"):
        pipeline.take_rates(ran.settings, file_of(ran, f"{RATES}2023-03-02,x,1,1,\n"))
    assert ran.ask("select count(*) from dim_exchange_rate") == [(0,)]


def test_failure_in_the_middle_leaves_nothing(ran: World) -> None:
    """Rates are taken all or not at all."""
    ran.change(
        "alter table dim_exchange_rate add check (units_per_euro < 144.7 or day = published)",
        warehouse=True,
    )
    with pytest.raises(Exception, match="violates check constraint"):
        pipeline.take_rates(ran.settings, file_of(ran))
    assert ran.ask("select count(*) from dim_exchange_rate") == [(0,)]


def test_files_at_once_are_taken_one_after_the_other(ran: World) -> None:
    """Several at the same time do not disturb each other."""
    path = file_of(ran)
    with ThreadPoolExecutor(4) as pool:
        taken = list(pool.map(lambda _: pipeline.take_rates(ran.settings, path), range(4)))
    assert sorted(one.changed for one in taken)[:3] == [0, 0, 0]
    assert len(held(ran, "JPY")) == 19


@pytest.mark.parametrize(
    "dropped", ["", "drop view payments cascade", "drop table dim_date cascade"]
)
def test_rebuild_keeps_rates(ran: World, dropped: str) -> None:
    """Rates are not in the lake, so a rebuild keeps them, in place and from scratch; and who may
    read them may still."""
    pipeline.take_rates(ran.settings, file_of(ran))
    everything = "select * from dim_exchange_rate order by 1, 2"
    before = ran.ask(everything)
    ran.change("grant select on dim_exchange_rate to public", warehouse=True)
    if dropped:
        ran.change(dropped, warehouse=True)
    pipeline.rebuild(ran.settings)
    assert ran.ask(everything) == before
    assert ran.ask("select order_value_gbp from sales where sales_order_id = 91") == [
        (Decimal("10409.80"),)
    ]
    assert pipeline.verify(ran.settings).is_well


def test_rebuild_makes_the_table_good(ran: World) -> None:
    """A warehouse in which somebody dropped the table of rates has an empty one after a rebuild."""
    ran.change("drop table dim_exchange_rate cascade", warehouse=True)
    with pytest.raises(ConfigurationError, match="no table dim_exchange_rate") as caught:
        pipeline.take_rates(ran.settings, file_of(ran))
    assert "totes rebuild --yes" in str(caught.value.hint)
    pipeline.rebuild(ran.settings)
    assert pipeline.take_rates(ran.settings, file_of(ran)).changed > 0


def test_table_that_does_not_fit_is_named(own: World) -> None:
    """A table of that name which is not one of rates stops the first load, with what to do."""
    add_things(own)
    shutil.copytree(shipped_model() / "rates", own.folder / "model/rates")
    own.change("create table dim_exchange_rate (day date, rate float8)", warehouse=True)
    with pytest.raises(ConfigurationError, match="has the columns day, rate") as caught:
        own.run()
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


def test_command_tells_people_and_programs(ran: World) -> None:
    """`totes rates FILE` says in a line what it took; with --json in a document."""
    path = file_of(ran)
    first = CliRunner().invoke(cli, ["rates", str(path)], env=ran.environment)
    assert first.output == (
        "rates    3 days, 2023-03-03 to 2023-03-20, of 3 currencies: 73 rows of "
        "dim_exchange_rate are new or corrected\n"
    )
    again = CliRunner().invoke(cli, ["rates", str(path), "--json"], env=ran.environment)
    assert json.loads(again.output) == {
        "table": "dim_exchange_rate",
        "days": 3,
        "currencies": 3,
        "first": "2023-03-03",
        "last": "2023-03-20",
        "changed": 0,
    }
