"""Stage 4: history kept in PostgreSQL, exactly once.

`schema` makes tables and views of the contracts, `load` applies batches in order, each in one
transaction with its row in the ledger, `rebuild` makes it all anew, `ledger` knows what was applied
and how fresh the warehouse is, `reconcile` counts.
"""

from totes.warehouse.ledger import Applied, freshness, last_applied, vouch
from totes.warehouse.load import REBUILD_HINT, Batch, apply, open_warehouse, rebuild
from totes.warehouse.reconcile import live_rows, versions

__all__ = [
    "REBUILD_HINT",
    "Applied",
    "Batch",
    "apply",
    "freshness",
    "last_applied",
    "live_rows",
    "open_warehouse",
    "rebuild",
    "versions",
    "vouch",
]
