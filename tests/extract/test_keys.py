"""Keys that the catalogue calls unique, and are not: each is named, and stops its table alone."""

from __future__ import annotations

import pytest

from tests.world import World
from totes import pipeline
from totes.errors import ContractError

TWIN = "insert into design select * from design where design_id = 8"
UNINDEXED = "update pg_index set indisready = {} where indexrelid = 'design_pkey'::regclass"
CASES = {
    # as after the system's collations were another version's
    "an index that is damaged": (
        [UNINDEXED.format("false"), TWIN, UNINDEXED.format("true")],
        ["delete from design where ctid in (select max(ctid) from design where design_id = 8)"],
        "the key design_id = 8 is there more than once",
    ),
    # whose index does not reach into its children
    "a parent by inheritance": (
        ["create table more () inherits (design)", TWIN.replace("into design", "into more")],
        ["delete from more"],
        "the key design_id = 8 is there more than once",
    ),
    # which PostgreSQL 18 has, and calls NOT NULL
    "a constraint that is not valid yet": (
        [
            "alter table design drop constraint design_pkey cascade",
            "alter table design alter design_id drop not null",
            "insert into design (design_id, created_at, last_updated, design_name, "
            "file_location, file_name) select null, created_at, last_updated, design_name, "
            "file_location, file_name from design where design_id = 8",
            "create unique index on design (design_id)",
            "alter table design add constraint there not null design_id not valid",
        ],
        ["delete from design where design_id is null"],
        "the key design_id = NULL is there and is no key",
    ),
    "no index at all": (
        ["alter table design drop constraint design_pkey cascade", TWIN],
        ["delete from design where ctid in (select max(ctid) from design where design_id = 8)"],
        "the key design_id = 8 is there more than once",
    ),
}
OTHERS = "update payment set paid = true where payment_id = 8"


@pytest.mark.parametrize("case", CASES)
def test_a_key_that_is_none_stops_its_table_until_it_is_mended(ran: World, case: str) -> None:
    """Rows of one key that come later: the message names it, every other table goes on, and once
    the source is mended the next run goes on with this one, too."""
    broken, mended, said = CASES[case]
    ran.change(*broken)
    ran.change(OTHERS)
    report = ran.run()[0]
    assert {name: str(problem) for name, problem in report.problems.items()} == {
        "design": f"design: {said}"
    }
    assert report.tables["payment"].updated == 1
    ran.run()
    ran.change(*mended)
    assert not ran.run()[0].problems
    assert pipeline.verify(ran.settings).is_well


@pytest.mark.parametrize("case", CASES)
def test_a_key_that_is_none_is_named_at_the_first_capture(world: World, case: str) -> None:
    """Where it is there from the beginning, nothing is archived until it is mended."""
    broken, mended, said = CASES[case]
    world.change(*broken)
    with pytest.raises(ContractError, match=said):
        pipeline.ingest(world.settings)
    world.change(*mended)
    assert not world.run()[0].problems


def test_a_key_that_was_archived_twice_is_mended_by_the_next_run(
    ran: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A lake that has a key twice, as one of an older version may, is compared with the source, and
    the table is archived anew."""
    broken, mended, _ = CASES["an index that is damaged"]
    ran.change(*broken)
    with monkeypatch.context() as patch:
        patch.setattr("totes.extract.rows.Rows.check_fetched", lambda *_: None)
        pipeline.ingest(ran.settings)
    ran.change(*mended, "update design set design_name = 'again' where design_id = 472")
    ran.run()
    assert pipeline.verify(ran.settings).is_well


def test_a_key_that_is_checked_when_a_transaction_ends_is_a_key(ran: World) -> None:
    """A deferrable primary key is unique whenever a transaction has ended, and no more is seen."""
    ran.change(
        "alter table design drop constraint design_pkey cascade",
        "alter table design add primary key (design_id) deferrable initially deferred",
        "update design set design_id = case design_id when 8 then 472 else 8 end",
    )
    report = ran.run()[0]
    assert not report.problems
    assert report.tables["design"].updated == 2
    assert pipeline.verify(ran.settings).is_well
