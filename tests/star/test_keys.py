"""Keys that the source and the star hold in different types, or that are written in several ways:
a row is the same row whatever its key's spelling, and no other."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.own_model import add_source, add_star, create, insert, own_world, quarantined
from tests.world import World
from totes import pipeline
from totes.demo.postgres import PostgresServer
from totes.errors import ConfigurationError

FACTS = "select id, said, batch, change from facts order by record"


@pytest.fixture
def own(server: PostgresServer, tmp_path: Path) -> Iterator[World]:
    """A world without a data model yet."""
    with own_world(server, tmp_path) as world:
        yield world


def add_things(world: World, source: str, star: str) -> None:
    """A table `things` with a key of one type, and `facts` and `members`, with one of another."""
    create(world, "things", {"id": source, "said": "text"}, key=["id"])
    add_source(world, "things", {"id": source, "said": "text"})
    for name, fact in (("facts", True), ("members", False)):
        columns = {"id": star, "said": "varchar(9)"}
        query = "select id, said from things"
        add_star(world, name, columns, query, driven_by="things", fact=fact)


def deleted_from_things(world: World) -> None:
    world.change("delete from things where said <> 'other'")
    pipeline.run(world.settings, confirmed=["things"])


@pytest.mark.parametrize(
    ("source", "star", "spelled", "anew"),
    [
        ("numeric", "integer", "1", "1.0"),
        ("numeric", "numeric", "1.0", "1"),
        ("numeric", "numeric(10,2)", "0", "0.00"),
        ("double precision", "double precision", "0", "-0"),
        ("double precision", "integer", "0", "-0"),
        ("real", "real", "-0", "0"),
    ],
)
def test_key_spelled_otherwise_is_the_same_row(
    own: World, source: str, star: str, spelled: str, anew: str
) -> None:
    """A key that is written in another way for the same value deletes nothing; a row that changes
    with it is an update; and when it is deleted, it is gone."""
    add_things(own, source, star)
    insert(own, "things", {"id": spelled, "said": "old"}, {"id": "7", "said": "other"})
    own.run()
    ((key, *_),) = own.ask("select id from facts where said = 'old'")
    own.change(f"update things set id = '{anew}' where id = 0 or id = 1")
    own.run()
    assert own.ask(FACTS) == [(key, "old", 1, "insert"), (7, "other", 1, "insert")]
    own.change(f"update things set id = '{spelled}', said = 'new' where id = 0 or id = 1")
    own.run()
    assert own.ask(FACTS)[2:] == [(key, "new", 3, "update")]
    assert own.ask("select id, said from members order by id") == [(key, "new"), (7, "other")]
    assert pipeline.verify(own.settings).is_well
    deleted_from_things(own)
    assert own.ask(FACTS)[3:] == [(key, "new", 4, "delete")]
    assert pipeline.verify(own.settings).is_well


@pytest.mark.parametrize("kind", ["double precision", "real"])
def test_zero_that_becomes_negative_is_not_a_change(own: World, kind: str) -> None:
    """A floating-point 0 that becomes -0, or is one again, makes no version: they are equal."""
    columns = {"id": "integer", "n": kind}
    create(own, "things", columns, key=["id"])
    add_source(own, "things", columns)
    for name, fact in (("facts", True), ("members", False)):
        add_star(own, name, columns, "select id, n from things", driven_by="things", fact=fact)
    insert(own, "things", {"id": 1, "n": "0"}, {"id": 2, "n": "-0"})
    own.run()
    own.change("update things set n = -n")
    own.run()
    assert own.ask("select id, n::text, batch from facts order by id") == [
        (1, "0", 1),
        (2, "-0", 1),
    ]
    assert own.ask("select id, n::text from members order by id") == [(1, "0"), (2, "-0")]
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


@pytest.mark.parametrize("key", ["1.4", "0.6", "NaN", "9" * 40])
def test_key_that_is_none_of_the_star_s_concerns_no_row_of_it(own: World, key: str) -> None:
    """A row that waits because its key is none of the star's type is no other row's newer version,
    and takes none with it when it is deleted."""
    add_things(own, "numeric", "integer")
    insert(own, "things", {"id": "1", "said": "other"}, {"id": key, "said": "bad"})
    own.run()
    assert [row.older_version_stands for row in pipeline.quarantined_rows(own.settings).rows] == [
        False,
        False,
    ]
    assert pipeline.verify(own.settings).is_well
    deleted_from_things(own)
    assert quarantined(own) == []
    assert own.ask(FACTS) == [(1, "other", 1, "insert")]
    assert pipeline.verify(own.settings).is_well


@pytest.mark.parametrize("fact", [True, False])
def test_rows_that_would_be_one_wait(own: World, fact: bool) -> None:
    """Rows of the source to which the star gives one key wait, and the others enter; once there is
    but one of them, it follows."""
    columns, key = {"id": "text", "part": "integer"}, ["id", "part"]
    create(own, "things", columns, key=key)
    add_source(own, "things", columns, key=key)
    star = {"id": "integer", "part": "integer"}
    query = "select id, part from things"
    add_star(own, "stars", star, query, driven_by="things", key=key, fact=fact)
    for name in ("1", "01", "2"):
        insert(own, "things", {"id": name, "part": 5})
    own.run()
    assert own.ask("select id, part from stars") == [(2, 5)]
    said = "id, part: 1, 5 is the key of more than one row"
    assert [reason for *_, reason in quarantined(own)] == [said, said]
    assert pipeline.verify(own.settings).is_well
    own.change("delete from things where id = '01'")
    own.run()
    assert quarantined(own) == []
    assert own.ask("select id, part from stars order by id") == [(1, 5), (2, 5)]


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
