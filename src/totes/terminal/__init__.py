"""How what Totes has to tell looks, on a terminal and as JSON."""

from totes.terminal.basics import length, progress, size, table, waiting
from totes.terminal.contracts import (
    contract_check_document,
    inferred_document,
    show_contract_check,
    show_inferred,
)
from totes.terminal.reports import show_reports
from totes.terminal.status import show_status, status_document
from totes.terminal.verification import show_verification, verification_document

__all__ = [
    "contract_check_document",
    "inferred_document",
    "length",
    "progress",
    "show_contract_check",
    "show_inferred",
    "show_reports",
    "show_status",
    "show_verification",
    "size",
    "status_document",
    "table",
    "verification_document",
    "waiting",
]
