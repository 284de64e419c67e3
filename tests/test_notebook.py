"""The notebook: what it reads from the lake alone is what the warehouse says."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.world import World
from totes.lake import checkpoint

NOTEBOOK = Path(__file__).resolve().parent.parent / "docs" / "notebooks" / "questions.py"

SALES = """
    select to_char(created_date, 'YYYY-MM'), currency_code, count(*), sum(units_sold),
        sum(units_sold * unit_price)
    from current_sales_order join dim_currency using (currency_id)
    group by 1, 2 order by 1 desc, 2
"""
OWED = """
    select payment_type_name, currency_code, count(*), sum(payment_amount),
        coalesce(sum(payment_amount) filter (where payment_date < true_at::date), 0)
    from current_payment
    join dim_currency using (currency_id) join dim_payment_type using (payment_type_id)
    cross join totes.state
    where not paid
    group by 1, 2 order by 1, 2
"""
CHANGED = """
    with first as (
        select distinct on (sales_order_id) * from fact_sales_order order by sales_order_id, batch
    ),
    last as (
        select distinct on (sales_order_id) *
        from fact_sales_order order by sales_order_id, batch desc
    )
    select currency_code, count(*) filter (where last.change <> 'delete'),
        count(*) filter (where last.change = 'delete'), sum(first.units_sold * first.unit_price),
        coalesce(
            sum(last.units_sold * last.unit_price) filter (where last.change <> 'delete'), 0
        )
    from first join last using (sales_order_id)
    join dim_currency on dim_currency.currency_id = last.currency_id
    where first.batch < last.batch
    group by 1 order by 1
"""


def answers(folder: Path) -> Mapping[str, Any]:
    """What the notebook defines once it has run over a lake."""
    spec = importlib.util.spec_from_file_location("questions", NOTEBOOK)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    _, defined = module.app.run(defs={"folder": str(folder)})
    found: Mapping[str, Any] = defined
    return found


@pytest.mark.slow
def test_the_lake_alone_answers_as_the_warehouse_does(
    ran: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each question's answer, to the penny, is the warehouse's: after corrections, deletions, and
    so many batches that files have been folded into checkpoints."""
    monkeypatch.setattr(checkpoint, "LIMIT", 2)
    for units in (2000, 2001):
        ran.change(f"update sales_order set units_sold = {units} where sales_order_id = 90")
        ran.run()
    ran.change(
        "update payment set paid = false",
        "delete from payment where payment_id = 4",
        "update sales_order set unit_price = 3.99 where sales_order_id = 14",
    )
    ran.run()
    assert list(ran.folder.glob("processed/checkpoints/fact_sales_order/*/*.parquet"))
    given = answers(ran.folder / "processed")
    for name, query in (("sales", SALES), ("owed", OWED), ("changed", CHANGED)):
        expected = ran.ask(query)
        assert expected
        assert [tuple(row.values()) for row in given[name]] == expected, name


def test_a_folder_without_a_lake_is_said(tmp_path: Path) -> None:
    """Where there is no lake the notebook stops at that, and answers nothing."""
    assert "sales" not in answers(tmp_path)
