"""How what Totes has to tell looks: on a terminal, as JSON, as metrics and as a page.

The last two, `metrics` and `page`, are imported by who needs them.
"""

from totes.terminal.basics import length, progress, size, table, waiting
from totes.terminal.contracts import (
    contract_check_document,
    inferred_document,
    show_contract_check,
    show_inferred,
)
from totes.terminal.lineage import lineage_document, show_lineage
from totes.terminal.quarantine import (
    LISTED,
    quarantine_document,
    retried_document,
    show_quarantine,
    show_retried,
)
from totes.terminal.rates import rates_document, show_rates
from totes.terminal.reports import show_reports
from totes.terminal.status import show_status, status_document
from totes.terminal.verification import show_verification, verification_document

__all__ = [
    "LISTED",
    "contract_check_document",
    "inferred_document",
    "length",
    "lineage_document",
    "progress",
    "quarantine_document",
    "rates_document",
    "retried_document",
    "show_contract_check",
    "show_inferred",
    "show_lineage",
    "show_quarantine",
    "show_rates",
    "show_reports",
    "show_retried",
    "show_status",
    "show_verification",
    "size",
    "status_document",
    "table",
    "verification_document",
    "waiting",
]
