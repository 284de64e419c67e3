"""What the stages that write batches have in common."""

from __future__ import annotations

from totes import lake
from totes.contract import DataModel
from totes.errors import ConfigurationError, TakenError, TransientError
from totes.report import Report, TableReport

ANEW = "name an empty TOTES_PROCESSED, run totes process, then totes rebuild --yes"
EMPTY = lake.Table(contract="")  # a table that no batch has seen yet


def table_report(table: lake.Table) -> TableReport:
    """What a batch did to a table, for the report."""
    written = sum(file.bytes for file in table.changes)
    return TableReport(table.inserted, table.updated, table.deleted, written)


def check_still_there(kind: lake.Lake, head: lake.Manifest | None, report: Report) -> None:
    """Raise TransientError if a lake in which an attempt before found batches is empty now."""
    if head is None and report.at:
        raise TransientError(
            f"{kind.store.url} held batch {report.at}, and now holds none",
            hint="is its disk mounted? then run again",
        )


def check_made_of(model: DataModel, head: lake.Manifest | None) -> None:
    """Raise ConfigurationError if a processed lake was made with another data model than this."""
    if head is None:
        return
    hint = f"is TOTES_MODEL the right data model? then {ANEW}"
    for contract in model.stars.values():
        table = head.tables.get(contract.name)
        if table is None:
            raise ConfigurationError(
                f"the processed lake was made before the data model had {contract.name}", hint=hint
            )
        if table.contract != contract.fingerprint:
            raise ConfigurationError(
                f"the processed lake was made with another {contract.name} than the data model's",
                hint=hint,
            )


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
