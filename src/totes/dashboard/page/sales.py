"""Sales: what was sold, when, where, by whom and to whom."""

from __future__ import annotations

from totes.dashboard.page import trade

TRADE = trade.Trade(
    page="sales",
    noun="Sales",
    countries="Country of delivery",
    by={
        "country": "country of delivery",
        "design": "design",
        "staff": "member of staff",
        "counterparty": "counterparty",
    },
    ids={"design": "design_id", "staff": "staff_id", "counterparty": "counterparty_id"},
)


def sales() -> None:
    trade.show(TRADE, "Sales", "What was sold, when, where to, by whom and to whom.")
