"""What the stages that write batches have in common."""

from __future__ import annotations

from totes import lake
from totes.errors import TakenError
from totes.report import Report, TableReport


def table_report(table: lake.Table) -> TableReport:
    """What a batch did to a table, for the report."""
    written = sum(file.bytes for file in table.changes)
    return TableReport(table.inserted, table.updated, table.deleted, written)


def commit(draft: lake.Draft, report: Report, source: lake.Manifest | None) -> bool:
    """Commit a batch; False, said in the report, where another run was faster."""
    try:
        draft.commit(source)
    except TakenError as taken:
        report.note = str(taken)
        return False
    report.batches.append(draft.batch)
    report.at = draft.batch
    return True
