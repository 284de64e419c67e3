"""What the stages that write batches have in common."""

from __future__ import annotations

from totes import lake
from totes.report import Report, TableReport


def table_report(table: lake.Table) -> TableReport:
    written = sum(file.bytes for file in table.changes)
    return TableReport(table.inserted, table.updated, table.deleted, written)


def commit(draft: lake.Draft, report: Report, source: lake.Manifest | None) -> bool:
    """Commit a batch; False, said in the report, where another run was faster."""
    try:
        draft.commit(source)
    except lake.TakenError as taken:
        report.note = str(taken)
        return False
    report.batches.append(draft.batch)
    report.at = draft.batch
    return True
