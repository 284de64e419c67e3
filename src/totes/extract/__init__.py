"""Stage 1: rows out of the operational database, in one snapshot, over a read-only login.

`source` opens the snapshot, `catalog` compares the tables with their contracts, `rows` reads a
table, `cursor` says whether what is new can be told, `capture` finds it, and what is gone, `infer`
makes contracts for a database that has none.
"""

from totes.extract.capture import Captured, Wishes, capture, read_whole
from totes.extract.catalog import CatalogTable, FoundTable, all_tables, check_tables
from totes.extract.cursor import Known
from totes.extract.infer import infer
from totes.extract.source import Source, open_source, take_snapshot

__all__ = [
    "Captured",
    "CatalogTable",
    "FoundTable",
    "Known",
    "Source",
    "Wishes",
    "all_tables",
    "capture",
    "check_tables",
    "infer",
    "open_source",
    "read_whole",
    "take_snapshot",
]
