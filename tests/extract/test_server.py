"""What a server does not tell, or a login may not ask, is done without; or the error says so."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.extract.test_readers import dropped, reading_as
from tests.world import World
from totes import extract, pipeline
from totes.config import Settings
from totes.errors import ConfigurationError, TotesError

# All functions of the server that are asked at the source for more than what rows there are.
FUNCTIONS = [
    *("pg_control_system()", "pg_control_checkpoint()", "pg_postmaster_start_time()"),
    *("pg_is_in_recovery()", "pg_walfile_name(pg_lsn)", "pg_current_wal_lsn()"),
    *("pg_current_wal_insert_lsn()", "pg_current_wal_flush_lsn()", "pg_last_wal_replay_lsn()"),
    *(
        "pg_last_xact_replay_timestamp()",
        "pg_export_snapshot()",
        "pg_stat_get_bgwriter_stat_reset_time()",
    ),
]
NAMED = {  # by `contract check`, on a primary
    *("pg_control_system", "pg_control_checkpoint", "pg_postmaster_start_time"),
    *("pg_current_wal_insert_lsn", "pg_current_wal_flush_lsn", "pg_export_snapshot"),
}


def revoked(function: str) -> list[str]:
    return [f"revoke execute on function {function} from public"]


def renamed(function: str) -> list[str]:
    return [f"alter function {function} rename to without_{function.partition('(')[0]}"]


def answering(sqlstate: str) -> Callable[[str], list[str]]:
    """A server that has the function, and does not answer it: as Aurora has some of them."""

    def answer(function: str) -> list[str]:
        name = function.partition("(")[0]
        return [
            f"do $do$ declare f oid := 'pg_catalog.{function}'::regprocedure; "
            f"arguments text := pg_get_function_arguments(f); "
            f"returned text := pg_get_function_result(f); begin "
            f"alter function pg_catalog.{function} rename to without_{name}; "
            f"execute format('create function pg_catalog.{name}(%s) returns %s language plpgsql "
            f"as %L', arguments, returned, "
            f"'begin raise exception ''not here'' using errcode = ''{sqlstate}''; end'); end $do$"
        ]

    return answer


KINDS = {
    "not allowed": revoked,
    "not there": renamed,
    "not in this state": answering("55000"),
    "not supported": answering("0A000"),
}
SOLD = "update sales_order set units_sold = {}"


def assert_captured(world: World, reader: Settings, units: int) -> None:
    """A change is captured, by what is new alone; a run after that finds nothing."""
    world.change(SOLD.format(units))
    report = pipeline.ingest(reader)
    assert {name: (t.updated, t.note) for name, t in report.tables.items()} == {
        "sales_order": (4, None)
    }
    assert pipeline.ingest(reader).batches == []


@pytest.mark.parametrize("kind", KINDS)
def test_a_server_that_answers_none_of_them_is_read(world: World, kind: str) -> None:
    """Without any of these functions, everything is read over one session, what changes is found,
    and `contract check` lists what each would be good for."""
    reader, role = reading_as(world, "")
    with dropped(world, role):
        for function in FUNCTIONS:
            world.change(*KINDS[kind](function))
        assert pipeline.ingest(reader).tables["sales_order"].inserted == 4
        assert_captured(world, reader, 7)
        check = pipeline.check_contracts(reader)
    assert check.is_well
    named = {function.partition("(")[0] for function in FUNCTIONS if function in str(check.lacking)}
    assert named >= NAMED - ({"pg_export_snapshot"} if "state" in kind or "supp" in kind else set())


@pytest.mark.slow
def test_each_function_is_done_without_by_itself(ran: World) -> None:
    """Whichever function a login may not call, the next change is captured like any other."""
    reader, role = reading_as(ran, "")
    with dropped(ran, role):
        for units, function in enumerate(FUNCTIONS):
            ran.change(*revoked(function))
            try:
                pipeline.ingest(reader)  # may compare everything: the server looks like another
                assert_captured(ran, reader, units)
            except (AssertionError, TotesError) as error:
                raise AssertionError(f"without {function}") from error
            ran.change(f"grant execute on function {function} to public")


def test_without_a_snapshot_nothing_is_tried_again(ran: World) -> None:
    """The one function that cannot be done without is named, as what a person must fix."""
    ran.change("alter function pg_current_snapshot() rename to not_there")
    with pytest.raises(ConfigurationError, match="pg_current_snapshot") as raised:
        ran.run()
    assert "run again" not in str(raised.value.hint)


def test_limits_are_set_where_settings_are_not_shown(ran: World) -> None:
    """A login that may not read pg_settings gets the time limits that nobody has set."""
    reader, role = reading_as(ran, "")
    with dropped(ran, role):
        ran.change("revoke select on pg_settings from public")
        with extract.open_source(reader.dsn("source")) as connection:
            shown = "select current_setting('statement_timeout')"
            assert connection.execute(shown).fetchall() == [("12h",)]
        ran.change(f"alter role {role} set statement_timeout = '5min'")
        with extract.open_source(reader.dsn("source")) as connection:
            assert connection.execute(shown).fetchall() == [("5min",)]
