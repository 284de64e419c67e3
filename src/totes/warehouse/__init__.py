"""Stage 4: history kept in PostgreSQL, exactly once.

`schema` makes tables and views of the contracts, `load` applies batches in order, each in one
transaction with its row in the ledger, `rebuild` makes it all anew, `ledger` knows what was applied
and how fresh the warehouse is, `reading` reads it at one instant, to be compared with the lake,
`views` is what analysts ask, `rates` the exchange rates that people hand in, `own` the tables that
Totes keeps there for itself, `problems` what they say of stopped tables and of the quarantine.
"""

from totes.warehouse.counting import versions
from totes.warehouse.ledger import Applied, entries, freshness, last_applied, vouch
from totes.warehouse.load import REBUILD_HINT, Batch, apply, open_warehouse, rebuild
from totes.warehouse.problems import Refused, Stopped
from totes.warehouse.rates import put_in
from totes.warehouse.reading import comparable, held_still, read_table
from totes.warehouse.schema import columns_of

__all__ = [
    "REBUILD_HINT",
    "Applied",
    "Batch",
    "Refused",
    "Stopped",
    "apply",
    "columns_of",
    "comparable",
    "entries",
    "freshness",
    "held_still",
    "last_applied",
    "open_warehouse",
    "put_in",
    "read_table",
    "rebuild",
    "versions",
    "vouch",
]
