"""Purchases: what was bought, when, from where, by whom and from whom."""

from __future__ import annotations

from totes.dashboard.page import trade

TRADE = trade.Trade(
    page="purchases",
    noun="Purchases",
    countries="Supplier's country",
    by={
        "country": "supplier's country",
        "item": "item",
        "staff": "member of staff",
        "counterparty": "counterparty",
    },
    ids={"item": "item_code", "staff": "staff_id", "counterparty": "counterparty_id"},
)


def purchases() -> None:
    trade.show(TRADE, "Purchases", "What was bought, when, where, by whom and from whom.")
