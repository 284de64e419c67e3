"""Refusals: what is in quarantine after a batch, in short."""

from __future__ import annotations

from dataclasses import dataclass

from totes import changes, duck, lake, star

FIRST = 3  # of each model's rows that are told


@dataclass(frozen=True)
class Refusals:
    """How many rows of one model are in quarantine; and of those that wait longest the key, which
    is JSON, and the reason."""

    rows: int
    first: list[tuple[str, str]]


def refusals(
    processed: lake.Lake, head: lake.Manifest, work: duck.Workspace, first: int = FIRST
) -> dict[str, Refusals]:
    """What is in quarantine after a batch, by model, with the reasons of the `first` rows of each.

    The engine is opened only if there is something.
    """
    table = head.tables.get(star.QUARANTINE)
    if not table or not table.rows:
        return {}
    needed = {"model": "VARCHAR", "key": "VARCHAR", "reason": "VARCHAR", "since": "BIGINT"}
    rows = changes.current(processed.layers(table.state), star.QUARANTINE_KEY, needed)
    # a longer key is a greater number; a top of few needs no room, where a sort of all would
    oldest = "{'since': since, 'length': length(key), 'key': key}"
    listed = work.engine.execute(
        f"select model, count(*), min_by({{'key': key, 'reason': reason}}, {oldest}, {first}) "
        f"from ({rows}) group by model order by model"
    )
    return {
        model: Refusals(count, [(one["key"], one["reason"]) for one in told])
        for model, count, told in listed.fetchall()
    }
