"""Stage 1: rows out of the operational database, in one snapshot, over a read-only login.

`source` opens the snapshot, `catalog` compares the tables with their contracts, `fingerprint` notes
what the catalogue adds to their values. `capture` finds what is new, and what is gone: `cursor`
says whether that can be told, `table` looks at one table, whose rows are read by `rows`, and
`readers` look at several at once. `infer` makes contracts for a database that has none.
"""

from totes.extract.capture import capture, read_whole
from totes.extract.catalog import CatalogTable, FoundTable, all_tables, check_tables
from totes.extract.cursor import Known
from totes.extract.fingerprint import with_catalogue
from totes.extract.infer import infer
from totes.extract.server import lacking
from totes.extract.source import Source, join_snapshot, open_source, take_snapshot
from totes.extract.table import Captured, Wishes

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
    "join_snapshot",
    "lacking",
    "open_source",
    "read_whole",
    "take_snapshot",
    "with_catalogue",
]
