"""Any quarantine: rows that break and are mended at random, against a plain model of what waits.

Orders get impossible dates and references to what is not there; designs and a department come and
go; orders are deleted, made anew and moved to other keys. Between all that Totes runs, or all that
is in quarantine is tried again. After each batch the star's history and the quarantine must be just
what the model says: each order's newest version is in the one or in the other, and never in both.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import psycopg
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule
from psycopg.rows import dict_row

from tests.world import World, made_databases
from totes import pipeline
from totes.demo.postgres import PostgresServer
from totes.report import Report

INSERT = """
    insert into sales_order (
        sales_order_id, created_at, last_updated, design_id, staff_id, counterparty_id, units_sold,
        unit_price, currency_id, agreed_delivery_date, agreed_payment_date,
        agreed_delivery_location_id
    ) values ({key}, '2023-05-01', '2023-05-01', {design}, {staff}, 1, 7, 2.50, 1, '2023-05-03',
        '{date}', 2)
    on conflict do nothing
"""
UPDATE = "update sales_order set {} where sales_order_id ="
MOVE = """
    update sales_order set sales_order_id = {1} where sales_order_id = {0}
    and not exists (select from sales_order where sales_order_id = {1})
"""
DESIGN = """
    insert into design values ({}, 'a', 'b', 'c', '2023-01-01', '2023-01-01')
    on conflict do nothing
"""
DEPARTMENT = """
    insert into department values ('2023-01-01', 'Four', null, null, '2023-01-01', 4)
    on conflict do nothing
"""
HISTORY = """
    select sales_order_id, batch, change, units_sold, design_id, sales_staff_id,
        agreed_payment_date::text
    from fact_sales_order order by sales_order_id, batch
"""
CURRENT = """
    select sales_order_id, units_sold, design_id, sales_staff_id, agreed_payment_date::text
    from current_sales_order
"""
GOOD = ("2023-05-04", "2023-06-01")
BAD = ("2023-02-30", "soon")
DEPENDENT = 3  # the one member of staff in department 4

keys = st.integers(1, 4)
dates = st.sampled_from(GOOD + BAD)
designs = st.sampled_from([8, 8, 77, 78])  # 77 and 78 are not there at first
staff = st.sampled_from([DEPENDENT, 11])

ORDERS = (
    st.builds(INSERT.format, key=keys, date=dates, design=designs, staff=staff),
    st.builds("delete from sales_order where sales_order_id = {}".format, keys),
    st.builds(f"{UPDATE.format('agreed_payment_date = {0!r}')} {{1}}".format, dates, keys),
    st.builds(f"{UPDATE.format('design_id = {0}')} {{1}}".format, designs, keys),
    st.builds(f"{UPDATE.format('units_sold = {0}')} {{1}}".format, st.integers(7, 8), keys),
    st.builds(MOVE.format, keys, keys),
)
MENDS = st.builds(
    f"{UPDATE.format('design_id = 8, staff_id = 11, agreed_payment_date = {0!r}')} {{1}}".format,
    st.sampled_from(GOOD),
    keys,
)
PARENTS = (
    st.builds(DESIGN.format, designs),
    st.builds("delete from design where design_id = {}".format, designs),
    st.just(DEPARTMENT),
    st.just("delete from department where department_id = 4"),
)
changes = st.lists(st.one_of(*ORDERS, *PARENTS, MENDS, MENDS, MENDS), max_size=6)
inserts = st.lists(ORDERS[0], min_size=2, max_size=4)

Shown = tuple[int, int, int, str]  # units, design, staff, date of payment
Key = tuple[str, int]  # model, source key


@dataclass
class Expected:
    """What star and quarantine should hold, told batch by batch what the source held."""

    designs: set[int] = field(default_factory=set)  # all that ever were: dimensions keep what goes
    staff: set[int] = field(default_factory=set)
    star: dict[int, Shown] = field(default_factory=dict)
    versions: list[tuple[Any, ...]] = field(default_factory=list)
    waiting: dict[Key, tuple[int, str, bool]] = field(default_factory=dict)  # since, reason, older

    def follow(self, batch: int, source: Source) -> None:
        """Note what a batch should make of the source as it is now."""
        before, self.waiting = self.waiting, {}

        def wait(model: str, key: int, reason: str, older: bool) -> None:
            since = before[model, key][0] if (model, key) in before else batch
            self.waiting[model, key] = since, reason, older

        self.designs |= source.designs
        if not source.department:
            reason = "department_name: missing, and must not be"
            wait("dim_staff", DEPENDENT, reason, DEPENDENT in self.staff)
        self.staff |= {11, DEPENDENT} if source.department else {11}
        for key, row in source.orders.items():
            shown = shown_of(row)
            if reason := self.refused(*shown[1:]):
                wait("fact_sales_order", key, reason, key in self.star)
            elif self.star.get(key) != shown:
                change = "update" if key in self.star else "insert"
                self.versions.append((key, batch, change, *shown))
                self.star[key] = shown
        for key in self.star.keys() - source.orders.keys():
            self.versions.append((key, batch, "delete", *self.star.pop(key)))

    def refused(self, design: int, member: int, date: str) -> str:
        """Why an order cannot enter the star; nothing if it can."""
        reasons = {
            f"sales_staff_id: {member} is not in dim_staff": member not in self.staff,
            f"design_id: {design} is not in dim_design": design not in self.designs,
            f"agreed_payment_date: {date} is no date": date in BAD,
        }
        return "; ".join(reason for reason, holds in reasons.items() if holds)


@dataclass(frozen=True)
class Source:
    """What the source holds of what matters here."""

    orders: dict[int, dict[str, Any]]
    designs: set[int]
    department: bool

    @classmethod
    def now(cls, dsn: str) -> Source:
        with psycopg.connect(dsn, row_factory=dict_row) as connection:

            def rows(query: str) -> list[dict[str, Any]]:
                return connection.execute(query).fetchall()

            orders = {row["sales_order_id"]: row for row in rows("select * from sales_order")}
            designs = {row["design_id"] for row in rows("select design_id from design")}
            return cls(
                orders, designs, bool(rows("select from department where department_id = 4"))
            )


def shown_of(row: dict[str, Any]) -> Shown:
    """What the star shows of an order."""
    return row["units_sold"], row["design_id"], row["staff_id"], row["agreed_payment_date"]


def as_json(row: dict[str, Any]) -> dict[str, Any]:
    """A source row as the quarantine's JSON has it."""
    return {name: value if isinstance(value, int) else str(value) for name, value in row.items()}


class AnyQuarantine(RuleBasedStateMachine):
    """One world; the class counts, over all of them, the rows that were seen to wait, to come back,
    and to wait beside an older version."""

    server: ClassVar[PostgresServer]
    template: ClassVar[str]
    waited: ClassVar[int] = 0
    came_back: ClassVar[int] = 0
    beside_older: ClassVar[int] = 0

    def __init__(self) -> None:
        super().__init__()
        self.stack = ExitStack()
        folder = Path(tempfile.mkdtemp(prefix="totes-quarantine-"))
        self.stack.callback(shutil.rmtree, folder)
        dsns = self.stack.enter_context(made_databases(self.server, self.template))
        self.world = World(*dsns, folder, {"deletion_limit": 1})  # of four rows half are soon gone
        self.world.change("truncate payment, transaction, purchase_order, sales_order")
        self.expected = Expected()
        self.seen: Source | None = None

    def teardown(self) -> None:
        self.run()
        self.stack.close()

    @initialize(department=st.booleans(), orders=inserts)
    def begin(self, department: bool, orders: list[str]) -> None:
        if not department:
            self.world.change("delete from department where department_id = 4")
        self.world.change(*orders)
        self.run()

    @rule(statements=changes)
    def change_and_run(self, statements: list[str]) -> None:
        self.world.change(*statements)
        self.run()

    @rule(statements=changes)
    def change_and_retry(self, statements: list[str]) -> None:
        self.world.change(*statements)
        self.retry()

    def run(self) -> None:
        source = Source.now(self.world.source)
        self.followed(source, self.world.run())

    def retry(self) -> None:
        source = Source.now(self.world.source)
        tried = set(self.expected.waiting)
        retried = pipeline.retry(self.world.settings)
        assert retried.tried == len(tried)
        if tried:
            assert retried.reports[0].batches, "a retry with something to try makes a batch"
            self.followed(source, retried.reports)
            out = tried - set(self.expected.waiting)
            orders = {key for model, key in out if model == "fact_sales_order"}
            assert retried.gone == len(orders - source.orders.keys())
            assert retried.back == len(out) - retried.gone
            assert retried.left == len(self.expected.waiting)

    def followed(self, source: Source, reports: list[Report]) -> None:
        """Compare all that there is with what should be after a run that saw this source."""
        waited = {key for key in self.expected.waiting if key[0] == "fact_sales_order"}
        if reports[0].batches:
            self.expected.follow(reports[0].batches[0], source)
        else:
            assert self.seen == source, "a run that wrote nothing missed something"
        self.seen = source
        assert self.world.ask(HISTORY) == sorted(self.expected.versions)
        self.check_quarantine(source)
        self.check_never_both(source)
        AnyQuarantine.waited += len(self.expected.waiting.keys() - waited)
        back = waited - self.expected.waiting.keys()
        AnyQuarantine.came_back += len({key for _, key in back} & source.orders.keys())
        AnyQuarantine.beside_older += any(older for *_, older in self.expected.waiting.values())

    def check_quarantine(self, source: Source) -> None:
        """The quarantine holds what should wait, since and because, and each row as it is now."""
        found = pipeline.quarantined_rows(self.world.settings)
        waiting, rows = {}, {}
        for row in found.rows:
            ((_, key),) = json.loads(row.key).items()
            waiting[row.model, key] = row.since, row.reason, row.older_version_stands
            if row.model == "fact_sales_order":
                rows[key] = json.loads(row.row)
        assert waiting == self.expected.waiting
        assert rows == {key: as_json(source.orders[key]) for key in rows}
        assert found.total == len(found.rows) == len(waiting)

    def check_never_both(self, source: Source) -> None:
        """Each order's newest version is current in the star, or else its key is in quarantine."""
        current = {key: tuple(shown) for key, *shown in self.world.ask(CURRENT)}
        waiting = {key for model, key in self.expected.waiting if model == "fact_sales_order"}
        assert waiting <= source.orders.keys()
        for key, row in source.orders.items():
            assert (current.get(key) == shown_of(row)) != (key in waiting)
