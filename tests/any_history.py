"""Any history: random transactions at the source, interleaved with runs, against a plain model.

Several sessions are open at once; they insert, update, touch and delete rows, move them to other
keys, truncate, set, release and go back to savepoints, change two tables at once, commit and roll
back, as hypothesis has it. Two rules go straight for what is rare by chance: a commit that comes
late, and a key that comes back. Others change what rows print without writing any: a column is
dropped and added again, columns exchange their names, a label is renamed, a virtual column gets
another expression, child tables are exchanged. And the server, which is the warehouse's as well,
crashes, so that commits are lost that were not on its disk yet. Whenever Totes runs, the model
notes what a plain SELECT sees. In the end the history must be just what the model saw.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, ClassVar

import duckdb
import psycopg
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from tests.clusters import crash
from tests.world import Stock, World, folder_for_servers, let_in_fast
from totes import pipeline
from totes.demo.postgres import PostgresServer

SESSIONS = range(3)
COLUMNS = (
    "sales_order_id, created_at, last_updated, design_id, staff_id, counterparty_id, units_sold, "
    "unit_price, currency_id, agreed_delivery_date, agreed_payment_date, "
    "agreed_delivery_location_id"
)
INSERT = (
    f"insert into sales_order ({COLUMNS}) values ({{}}, '2023-05-01', '2023-05-01', 8, 3, 1, {{}}, "
    "2.50, 1, '2023-05-03', '2023-05-04', 2)"
)
DESIGN = """
    insert into design (design_id, design_name, file_location, file_name, created_at, last_updated)
    values ({}, '{}', '/', 'x.json', '2023-05-01', '2023-05-01')
    on conflict (design_id) do update set design_name = excluded.design_name
"""
CHANGE = "update sales_order set units_sold = {} where sales_order_id = {}"
SEEN = "select sales_order_id, units_sold, last_updated::text, xmin::text from sales_order"
# Columns of designs that no contract has: the lake holds what they print, the warehouse does not.
PRINTED = ("first", "second", "mood", "times")
DESIGNS = (
    f"select design_id, design_name, {', '.join(f'{name}::text' for name in PRINTED)}, xmin::text "
    "from design"
)
ADDED = (
    "add first text default 'a', add second text default 'b', add mood mood default '0', "
    "add times int generated always as (design_id * 2) virtual"
)
BEGIN = (
    "create table one_child (like design)",
    "insert into one_child select * from design where design_id = 8",
    "create table other_child (like design)",
    "insert into other_child select * from one_child",
    "update one_child set design_id = 951",
    "update other_child set design_id = 952",
    "create type mood as enum ('0')",
    *(f"alter table {table} {ADDED}" for table in ("design", "one_child", "other_child")),
    "alter table one_child inherit design",
)
MADE = """
    select sales_order_id, batch, change, units_sold,
        (last_updated_date + last_updated_time)::text
    from fact_sales_order order by sales_order_id, batch
"""

keys = st.integers(1, 5)
units = st.integers(1, 3)
sessions = st.sampled_from(SESSIONS)
often = st.sampled_from([True, True, False])
rarely = st.sampled_from([False, False, True])
State = dict[int, tuple[Any, ...]]  # key → the columns in SEEN or DESIGNS; xmin is the last


def first_run(world: World) -> None:
    """What every history begins with: three orders, which a run has seen."""
    world.change("truncate payment, transaction, sales_order", *BEGIN)
    world.change(*(INSERT.format(key, 1) for key in (1, 2, 3)))
    world.run()


@contextmanager
def server_that_crashes() -> Iterator[PostgresServer]:
    """A server that keeps commits in memory for ten seconds, and that nobody else uses."""
    folder = folder_for_servers("totes-history-")
    try:
        with PostgresServer(folder / "postgres", durable=False) as server:
            let_in_fast(server)
            with psycopg.connect(server.dsn(), autocommit=True) as connection:
                connection.execute("alter system set wal_writer_delay = '10s'")
                connection.execute("select pg_reload_conf()")
            yield server
    finally:
        shutil.rmtree(folder)


class AnyHistory(RuleBasedStateMachine):
    """One world, a copy from `stock`; `checked` counts, over all, the versions compared."""

    stock: ClassVar[Stock]
    server: ClassVar[PostgresServer]  # that of the stock
    checked: ClassVar[int] = 0
    runs: ClassVar[int] = 0
    crashes: ClassVar[int] = 0

    def __init__(self) -> None:
        super().__init__()
        self.stack = ExitStack()
        folder = Path(tempfile.mkdtemp(prefix="totes-history-"))
        self.stack.callback(shutil.rmtree, folder)
        self.world = self.stack.enter_context(self.stock.copied("any_history", first_run, folder))
        self.world.extra["deletion_limit"] = 1
        self.connect()
        self.child, self.other_child = "one_child", "other_child"
        self.labels = 0
        self.has_crashed = False
        # (batch, sales orders seen, designs seen)
        self.states: list[tuple[int, State, State]] = [(1, *self.seen())]
        self.full: list[tuple[int, str]] = []  # which tables were read in full by which batch

    def connect(self) -> None:
        """Open the sessions, which are at no savepoint."""
        self.open = [self.stack.enter_context(psycopg.connect(self.world.source)) for _ in SESSIONS]
        for session in self.open:
            session.execute("set lock_timeout = '20ms'")
            session.commit()
        self.savepoints = [0 for _ in SESSIONS]

    def teardown(self) -> None:
        with self.stack:  # whatever comes of it, as there can be one copy at a time
            for session in self.open:
                session.rollback()
            self.run()
            self.check()
            assert pipeline.verify(self.world.settings).is_well

    def say(self, session: int, statement: str, *, commits: bool = False) -> None:
        """Execute at the source; what fails (a lock, a duplicate key) rolls the session back."""
        try:
            self.open[session].execute(statement)
        except psycopg.Error:
            self.rollback(session)
        if commits:
            self.commit(session)

    @initialize(session=sessions, key=keys, nested=st.booleans())
    def begin(self, session: int, key: int, nested: bool) -> None:
        """Each history has one late commit at least, however short it is."""
        self.commit_late(session, key, nested)

    @rule(session=sessions, key=keys, units=units, commits=often)
    def insert(self, session: int, key: int, units: int, commits: bool) -> None:
        self.say(session, INSERT.format(key, units), commits=commits)

    @rule(session=sessions, key=keys, units=units, moves=st.booleans(), commits=often)
    def update(self, session: int, key: int, units: int, moves: bool, commits: bool) -> None:
        also = ", last_updated = clock_timestamp() at time zone 'UTC'" if moves else ""
        self.say(
            session,
            CHANGE.format(f"{units}{also}", key),
            commits=commits,
        )

    @rule(session=sessions, key=keys, commits=often)
    def touch(self, session: int, key: int, commits: bool) -> None:
        self.say(
            session,
            CHANGE.format("units_sold", key),
            commits=commits,
        )

    @rule(session=sessions, key=keys, commits=often)
    def delete(self, session: int, key: int, commits: bool) -> None:
        self.say(session, f"delete from sales_order where sales_order_id = {key}", commits=commits)

    @rule(session=sessions, key=keys, other=keys, commits=often)
    def move(self, session: int, key: int, other: int, commits: bool) -> None:
        self.say(
            session,
            f"update sales_order set sales_order_id = {other} where sales_order_id = {key}",
            commits=commits,
        )

    @rule(session=sessions, commits=often)
    def truncate(self, session: int, commits: bool) -> None:
        self.say(session, "truncate sales_order", commits=commits)

    @rule(session=sessions)
    def savepoint(self, session: int) -> None:
        self.savepoints[session] += 1
        self.say(session, f"savepoint s{self.savepoints[session]}")

    @rule(session=sessions)
    @precondition(lambda self: any(self.savepoints))
    def rollback_to_savepoint(self, session: int) -> None:
        if self.savepoints[session]:
            self.say(session, f"rollback to s{self.savepoints[session]}")
            self.savepoints[session] = max(0, self.savepoints[session] - 1)

    @rule(session=sessions)
    @precondition(lambda self: any(self.savepoints))
    def release_savepoint(self, session: int) -> None:
        if self.savepoints[session]:
            self.say(session, f"release s{self.savepoints[session]}")
            self.savepoints[session] = max(0, self.savepoints[session] - 1)

    @rule(session=sessions, key=keys, units=units, gone=st.booleans(), commits=often)
    def change_both(self, session: int, key: int, units: int, gone: bool, commits: bool) -> None:
        """Change a design, which no order is of, and an order, in one transaction."""
        design = 900 + key
        removed = f"delete from design where design_id = {design}"
        self.say(session, removed if gone else DESIGN.format(design, units))
        self.say(session, CHANGE.format(units, key), commits=commits)

    @rule(session=sessions, key=keys, nested=st.booleans())
    def commit_late(self, session: int, key: int, nested: bool) -> None:
        """A run sees the later one of two transactions, the next run the earlier one as well."""
        other = (session + 1) % len(SESSIONS)
        self.rollback(other)
        if nested:
            self.savepoint(session)
        self.say(
            session,
            INSERT.format(key, 1) + " on conflict (sales_order_id) do update set "
            "units_sold = sales_order.units_sold + 1",
        )
        self.say(other, CHANGE.format("units_sold + 1", key % 5 + 1))
        self.say(other, DESIGN.format(900 + key, "later"), commits=True)
        self.run()
        self.commit(session)
        self.run()

    @rule(session=sessions, key=keys, units=units, truncates=st.booleans())
    def come_back(self, session: int, key: int, units: int, truncates: bool) -> None:
        """A key is there, is gone, and is there again, and a run sees each of it."""
        gone = f"delete from sales_order where sales_order_id = {key}"
        self.say(session, "truncate sales_order" if truncates else gone, commits=True)
        self.run()
        self.say(session, INSERT.format(key, units), commits=True)
        self.run()

    def alter(self, *statements: str) -> bool:
        """Change the catalogue, in one transaction, unless somebody has a table locked."""
        with psycopg.connect(self.world.source) as connection:
            connection.execute("set lock_timeout = '20ms'")
            try:
                for statement in statements:
                    connection.execute(statement)
            except psycopg.errors.LockNotAvailable:
                connection.rollback()
                return False
        return True

    def alter_designs(self, *changes: str) -> None:
        """Change the columns of designs, also of the child table that is none at present."""
        tables = ("design", self.other_child)
        self.alter(*(f"alter table {table} {change}" for table in tables for change in changes))

    @rule(units=units)
    def add_again(self, units: int) -> None:
        """A column is dropped and added again: old rows have the new default."""
        self.alter_designs("drop first", f"add first text default '{units}'")

    @rule()
    def exchange_names(self) -> None:
        self.alter_designs(
            "rename first to third", "rename second to first", "rename third to second"
        )

    @rule()
    def rename_label(self) -> None:
        rename = f"alter type mood rename value '{self.labels}' to '{self.labels + 1}'"
        self.labels += self.alter(rename)

    @rule(units=units)
    def compute_otherwise(self, units: int) -> None:
        self.alter_designs(f"alter times set expression as (design_id * {units})")

    @rule()
    def exchange_children(self) -> None:
        gone, come = self.child, self.other_child
        leave, join = f"alter table {gone} no inherit design", f"alter table {come} inherit design"
        if self.alter(leave, join):
            self.child, self.other_child = come, gone

    @rule(table=st.sampled_from(["design", "sales_order"]))
    def vacuum(self, table: str) -> None:
        """All rows move, and none is another one."""
        with psycopg.connect(self.world.source, autocommit=True) as connection:
            connection.execute("set lock_timeout = '20ms'")
            with suppress(psycopg.errors.LockNotAvailable):
                connection.execute(f"vacuum full {table}".encode())

    @rule(session=sessions, key=keys, units=units)
    @precondition(lambda self: not self.has_crashed)
    def crash(self, session: int, key: int, units: int) -> None:
        """A run sees a commit that the server loses; its transaction id is assigned again."""
        self.has_crashed = True
        for each in self.open:
            each.rollback()
        with psycopg.connect(self.world.source, autocommit=True) as connection:
            connection.execute("checkpoint")
        self.say(session, CHANGE.format(units, key), commits=True)
        self.run()
        for each in self.open:
            each.close()
        crash(self.server)
        AnyHistory.crashes += 1
        self.connect()
        self.forget_what_was_lost()
        self.say(session, CHANGE.format(units + 1, key % 5 + 1), commits=True)
        self.run()

    def forget_what_was_lost(self) -> None:
        """Ask the source which child and which label it has: the change may be among the lost."""
        ((child,),) = self.world.ask(
            "select inhrelid::regclass::text from pg_inherits where inhparent = 'design'::regclass",
            source=True,
        )
        if child != self.child:
            self.child, self.other_child = self.other_child, self.child
        ((label,),) = self.world.ask("select enumlabel from pg_enum", source=True)
        self.labels = int(label)

    @rule(session=sessions)
    def commit(self, session: int) -> None:
        self.open[session].commit()
        self.savepoints[session] = 0

    @rule(session=sessions)
    def rollback(self, session: int) -> None:
        self.open[session].rollback()
        self.savepoints[session] = 0

    @rule(rebuilds=rarely)
    def run_and_go_on(self, rebuilds: bool) -> None:
        self.run()
        if rebuilds:
            self.rebuild()

    def run(self) -> None:
        """Let Totes run, and note what its snapshot must have seen: nothing is committed here."""
        if not self.readable():
            return
        sold, designs = self.seen()
        reports = self.world.run()
        AnyHistory.runs += 1
        assert not reports[0].problems
        if reports[0].batches:
            batch = reports[0].batches[0]
            self.states.append((batch, sold, designs))
            self.full += [(batch, name) for name, t in reports[0].tables.items() if t.note]
        else:
            assert self.states[-1][1:] == (sold, designs), (
                "a run that wrote nothing missed something"
            )

    def seen(self) -> tuple[State, State]:
        """The sales orders and the designs that a snapshot sees now."""
        orders, designs = (self.world.ask(query, source=True) for query in (SEEN, DESIGNS))
        return {row[0]: row[1:] for row in orders}, {row[0]: row[1:] for row in designs}

    def rebuild(self) -> None:
        before = self.world.ask(MADE)
        pipeline.rebuild(self.world.settings)
        assert self.world.ask(MADE) == before

    def readable(self) -> bool:
        """False while a TRUNCATE that is not committed yet locks every reader out."""
        with psycopg.connect(self.world.source) as connection:
            connection.execute("set lock_timeout = '20ms'")
            try:
                connection.execute("lock table sales_order in access share mode")
            except psycopg.errors.LockNotAvailable:
                return False
        return True

    def check(self) -> None:
        """The history is what the model saw: in the warehouse, in its views, and in the lake."""
        expected = self.expected()
        assert self.world.ask(MADE) == expected
        AnyHistory.checked += len(expected)
        current = self.world.ask("select sales_order_id, units_sold from current_sales_order")
        newest = self.states[-1][1]
        assert sorted(current) == sorted((key, row[0]) for key, row in newest.items())
        designs = dict(self.world.ask("select design_id, design_name from dim_design"))
        assert {key: designs[key] for key in self.states[-1][2]} == {
            key: row[0] for key, row in self.states[-1][2].items()
        }
        self.check_intervals()
        self.check_lake("sales_order", [(batch, sold) for batch, sold, _ in self.states])
        self.check_lake("design", [(batch, designs) for batch, _, designs in self.states])

    def expected(self) -> list[tuple[Any, ...]]:
        """What fact_sales_order should hold; a deletion's time is taken from the ledger."""
        seen_at = dict(self.world.ask("select batch, taken_at::text from totes.ledger"))
        versions = []
        before: State = {}
        for batch, state, _ in self.states:
            for key in before.keys() | state.keys():
                old, new = before.get(key), state.get(key)
                if new is None and old is not None:
                    versions.append((key, batch, "delete", old[0], seen_at[batch]))
                elif new is not None and (old is None or old[:2] != new[:2]):
                    change = "insert" if old is None else "update"
                    versions.append((key, batch, change, new[0], new[1]))
            before = state
        return sorted(versions)

    def check_intervals(self) -> None:
        gaps = self.world.ask(
            "select * from (select valid_from, valid_to, is_current, change, lead(valid_from) over "
            "(partition by sales_order_id order by batch) as next from sales_order_history) as h "
            "where valid_to is distinct from next or valid_to <= valid_from "
            "or is_current <> (next is null and change <> 'delete')"
        )
        assert gaps == []

    def check_lake(self, table: str, states: list[tuple[int, State]]) -> None:
        """Every version that a snapshot saw, and every deletion, is in the ingestion lake once, and
        nothing else is but rows that were only touched: where a table was read in full, these may
        be missing, or come with the next batch."""
        archived = self.archived(table)
        held: State = {}
        before: State = {}
        for batch, state in states:
            found = {(key, change): row for at, key, change, row in archived if at == batch}
            assert len(found) == sum(at == batch for at, *_ in archived), "a row is there twice"
            for key, row in state.items():
                version = found.pop((key, "update" if key in held else "insert"), None)
                if key not in held or held[key][:-1] != row[:-1]:
                    assert version == row, (batch, key)
                elif version is not None:
                    assert version == row, (batch, key)
                    assert held[key][-1] != row[-1], "the same version twice"
                elif (batch, table) not in self.full:
                    assert before[key][-1] == row[-1], "a touched row is missed"
                if version is not None:
                    held[key] = version
            for key in held.keys() - state.keys():
                # it repeats the last version, with the id of the transaction that wrote that
                assert found.pop((key, "delete")) == held.pop(key), (batch, key)
            assert not found, batch
            before = state

    def archived(self, table: str) -> list[tuple[int, int, str, tuple[Any, ...]]]:
        """(batch, key, change, row) of all that the lake has, a row as SEEN or DESIGNS has it."""
        columns = ("design_name", *PRINTED) if table == "design" else ("units_sold", "last_updated")
        found = []
        for path in self.world.folder.glob(f"ingestion/{table}/*/*.parquet"):
            printed = [f"{name}::varchar" if name != "units_sold" else name for name in columns]
            query = f"select {table}_id, _change, {', '.join(printed)}, _xid from '{path}'"
            for key, change, *row, xid in duckdb.execute(query).fetchall():
                found.append((int(path.parent.name), key, change, (*row, str(xid))))
        return found
