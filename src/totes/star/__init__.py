"""Stage 3: from change files of the source's tables to change files of the star's.

`inputs` lays out what a model's SELECT reads, `strict` turns what it returns into the contract's
types without bending a value, `quarantine` keeps the rows that cannot enter, `build` makes the
versions: what is new in each fact and dimension.
"""

from totes.star.build import Built, Held, build, layout
from totes.star.inputs import SourceTable
from totes.star.quarantine import KEY as QUARANTINE_KEY
from totes.star.quarantine import QUARANTINE, refused_keys, standing, there, waiting

__all__ = [
    "QUARANTINE",
    "QUARANTINE_KEY",
    "Built",
    "Held",
    "SourceTable",
    "build",
    "layout",
    "refused_keys",
    "standing",
    "there",
    "waiting",
]
