"""Stage 1: rows out of the operational database, in one snapshot, over a read-only login.

`source` opens the snapshot, `catalog` compares the tables with their contracts, `capture` reads
what is new since a cursor, and finds what is gone.
"""

from totes.extract.capture import Captured, Known, capture, read_whole
from totes.extract.catalog import FoundTable, check_tables
from totes.extract.source import Source, open_source, take_snapshot

__all__ = [
    "Captured",
    "FoundTable",
    "Known",
    "Source",
    "capture",
    "check_tables",
    "open_source",
    "read_whole",
    "take_snapshot",
]
