"""Keys that the source and the star hold in different types, or that are written in several ways:
a row is the same row whatever its key's spelling, and no other."""

from __future__ import annotations

from typing import Any

import pytest

from tests.own_model import (
    add_source,
    add_star,
    add_things,
    create,
    insert,
    quarantined,
)
from tests.world import World
from totes import pipeline
from totes.errors import ConfigurationError

FACTS = "select id, said, batch, change from facts order by record"


# Type at the source, type in the star, a key, and how else its value may be spelled.
SPELLED = [
    ("numeric", "integer", "1", "1.0"),
    ("numeric", "numeric", "1.0", "1"),
    ("numeric", "numeric(10,2)", "0", "0.00"),
    ("double precision", "double precision", "0", "-0"),
    ("double precision", "integer", "0", "-0"),
    ("real", "real", "-0", "0"),
]


@pytest.mark.slow
def test_key_spelled_otherwise_is_the_same_row(own: World) -> None:
    """A key that is written in another way for the same value deletes nothing; a row that changes
    with it is an update; and when it is deleted, it is gone."""
    cases = {f"_{n}": case for n, case in enumerate(SPELLED)}
    keys = {}
    for also, (source, star, spelled, _) in cases.items():
        add_things(own, source, star, also)
        rows = {"id": spelled, "said": "old"}, {"id": "7", "said": "other"}
        insert(own, f"things{also}", *rows)
    own.run()
    for also in cases:
        ((keys[also],),) = own.ask(f"select id from facts{also} where said = 'old'")

    def versions() -> dict[str, list[tuple[Any, ...]]]:
        query = "select id, said, batch, change from facts{} order by record"
        return {also: own.ask(query.format(also)) for also in cases}

    own.change(
        *(
            f"update things{also} set id = '{other}' where id <> 7"
            for also, (*_, other) in cases.items()
        )
    )
    own.run()
    first = {
        also: [(key, "old", 1, "insert"), (7, "other", 1, "insert")] for also, key in keys.items()
    }
    assert versions() == first
    own.change(
        *(
            f"update things{also} set id = '{spelled}', said = 'new' where id <> 7"
            for also, (*_, spelled, _) in cases.items()
        )
    )
    own.run()
    second = {also: [*first[also], (key, "new", 3, "update")] for also, key in keys.items()}
    assert versions() == second
    for also, key in keys.items():
        members = own.ask(f"select id, said from members{also} order by id")
        assert (also, members) == (also, [(key, "new"), (7, "other")])
    assert pipeline.verify(own.settings).is_well
    own.change(*(f"delete from things{also} where said <> 'other'" for also in cases))
    pipeline.run(own.settings, confirmed=[f"things{also}" for also in cases])
    third = {also: [*second[also], (key, "new", 4, "delete")] for also, key in keys.items()}
    assert versions() == third
    assert pipeline.verify(own.settings).is_well


def test_zero_that_becomes_negative_is_not_a_change(own: World) -> None:
    """A floating-point 0 that becomes -0, or is one again, makes no version: they are equal."""
    kinds = {"double": "double precision", "single": "real"}
    for also, kind in kinds.items():
        columns = {"id": "integer", "n": kind}
        create(own, also, columns, key=["id"])
        add_source(own, also, columns)
        for name, fact in ((f"facts_{also}", True), (f"members_{also}", False)):
            add_star(own, name, columns, f"select id, n from {also}", driven_by=also, fact=fact)
        insert(own, also, {"id": 1, "n": "0"}, {"id": 2, "n": "-0"})
    own.run()
    own.change(*(f"update {also} set n = -n" for also in kinds))
    own.run()
    for also in kinds:
        facts = own.ask(f"select id, n::text, batch from facts_{also} order by id")
        assert (also, facts) == (also, [(1, "0", 1), (2, "-0", 1)])
        members = own.ask(f"select id, n::text from members_{also} order by id")
        assert (also, members) == (also, [(1, "0"), (2, "-0")])
    assert pipeline.verify(own.settings).is_well


def test_version_that_waits_under_another_spelling_lets_the_older_one_stand(own: World) -> None:
    """A row whose key is spelled otherwise and which is now refused keeps its older version, until
    it is mended."""
    add_things(own, "numeric", "integer")
    insert(own, "things", {"id": "1", "said": "old"}, {"id": "7", "said": "other"})
    own.run()
    own.change("update things set id = 1.0, said = 'much too long' where id = 1")
    own.run()
    assert [key for _, key, _ in quarantined(own)] == ['{"id":"1.0"}'] * 2
    assert own.ask(FACTS) == [(1, "old", 1, "insert"), (7, "other", 1, "insert")]
    assert pipeline.verify(own.settings).is_well
    own.change("update things set id = 1.00, said = 'short' where id = 1")
    own.run()
    assert quarantined(own) == []
    assert own.ask(FACTS)[2:] == [(1, "short", 3, "update")]


def test_key_that_is_none_of_the_star_s_concerns_no_row_of_it(own: World) -> None:
    """A row that waits because its key is none of the star's type is no other row's newer version,
    and takes none with it when it is deleted."""
    add_things(own, "numeric", "integer")
    insert(own, "things", {"id": "1", "said": "other"}, {"id": "2", "said": "other"})
    bad = ["0.6", "2.4", "9" * 40, "NaN"]  # cast to an integer, the first two would be 1 and 2
    insert(own, "things", *({"id": key, "said": "bad"} for key in bad))
    own.run()
    rows = pipeline.quarantined_rows(own.settings).rows
    assert {(row.model, row.key): row.older_version_stands for row in rows} == {
        (model, f'{{"id":"{key}"}}'): False for model in ("facts", "members") for key in bad
    }
    assert pipeline.verify(own.settings).is_well
    own.change("delete from things where said = 'bad'")
    pipeline.run(own.settings, confirmed=["things"])
    assert quarantined(own) == []
    assert own.ask(FACTS) == [(1, "other", 1, "insert"), (2, "other", 1, "insert")]
    assert pipeline.verify(own.settings).is_well


def test_rows_that_would_be_one_wait(own: World) -> None:
    """Rows of the source to which the star gives one key wait, and the others enter; once there is
    but one of them, it follows."""
    columns, key = {"id": "text", "part": "integer"}, ["id", "part"]
    create(own, "things", columns, key=key)
    add_source(own, "things", columns, key=key)
    star = {"id": "integer", "part": "integer"}
    query = "select id, part from things"
    for name, fact in (("facts", True), ("members", False)):
        add_star(own, name, star, query, driven_by="things", key=key, fact=fact)
    for number in ("1", "01", "2"):
        insert(own, "things", {"id": number, "part": 5})
    own.run()
    for name in ("facts", "members"):
        assert (name, own.ask(f"select id, part from {name}")) == (name, [(2, 5)])
    said = "id, part: 1, 5 is the key of more than one row"
    waiting = [(model, reason) for model, _, reason in quarantined(own)]
    assert waiting == [("facts", said)] * 2 + [("members", said)] * 2
    assert pipeline.verify(own.settings).is_well
    own.change("delete from things where id = '01'")
    own.run()
    assert quarantined(own) == []
    for name in ("facts", "members"):
        rows = own.ask(f"select id, part from {name} order by id")
        assert (name, rows) == (name, [(1, 5), (2, 5)])


def test_key_in_another_order_is_refused(own: World) -> None:
    """A model whose key is its source's in another order would delete another row: it is refused
    before anything is written."""
    columns = {"book": "integer", "copy": "integer", "said": "text"}
    create(own, "things", columns, key=["book", "copy"])
    add_source(own, "things", columns, key=["book", "copy"])
    turned = {"copy": "integer", "book": "integer", "said": "text"}
    add_star(
        own,
        "facts",
        turned,
        "select copy, book, said from things",
        driven_by="things",
        key=["copy", "book"],
    )
    with pytest.raises(ConfigurationError, match="the key is copy, book, and that of things"):
        own.run()
    assert own.objects() == {}
