"""Stage 2: batches. Immutable Parquet, and the manifest that commits it.

`keys` spells every object's name, `store` writes and reads objects, `manifest` says what a batch
is, `lake` commits batches and finds them, `checkpoint` keeps current rows cheap to read, `audit`
walks the chain.
"""

from totes.lake.audit import Audit, audit
from totes.lake.lake import Draft, Lake
from totes.lake.manifest import File, Manifest, Problem, Table

__all__ = ["Audit", "Draft", "File", "Lake", "Manifest", "Problem", "Table", "audit"]
