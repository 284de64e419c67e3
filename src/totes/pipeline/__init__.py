"""The story: ingest, process, load; and what there is, and whether it is what it should be.

The only place that sees all the stages. Each stage finds by itself where it is, takes all that is
pending, in order, and can be run again at any time: what is done already is found done.
"""

from __future__ import annotations

from totes.pipeline.comparison import Comparison
from totes.pipeline.contracts import ContractCheck, Inferred, check_contracts, infer_contracts
from totes.pipeline.exchange import RatesTaken, take_rates
from totes.pipeline.ingestion import ingest
from totes.pipeline.loading import load, rebuild
from totes.pipeline.processing import process
from totes.pipeline.quarantine import Quarantine, Retried, WaitingRow, quarantined_rows, retry
from totes.pipeline.repairing import repair
from totes.pipeline.running import run, stages
from totes.pipeline.status import Status, status
from totes.pipeline.verification import Verification, verify

__all__ = [
    "Comparison",
    "ContractCheck",
    "Inferred",
    "Quarantine",
    "RatesTaken",
    "Retried",
    "Status",
    "Verification",
    "WaitingRow",
    "check_contracts",
    "infer_contracts",
    "ingest",
    "load",
    "process",
    "quarantined_rows",
    "rebuild",
    "repair",
    "retry",
    "run",
    "stages",
    "status",
    "take_rates",
    "verify",
]
