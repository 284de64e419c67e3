"""TerrificTotes is founded like the real one, and trades as its habits are."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from psycopg import sql

from tests.world import made_database
from totes.demo.company import found
from totes.demo.postgres import PostgresServer
from totes.demo.trading import Company, Day
from totes.errors import DemoError

UNTIL = datetime(2024, 11, 5, 13, 2, 3, 456_789)
NOW = UNTIL + timedelta(hours=1)
TABLES = (
    "address",
    "counterparty",
    "currency",
    "department",
    "design",
    "payment",
    "payment_type",
    "purchase_order",
    "sales_order",
    "staff",
    "transaction",
)


@contextmanager
def undone(dsn: str) -> Iterator[psycopg.Connection]:
    """Yield a connection, and undo in the end what was done on it."""
    with (
        psycopg.connect(dsn, autocommit=True) as connection,
        connection.transaction(force_rollback=True),
    ):
        yield connection


@pytest.fixture(scope="module")
def template(server: PostgresServer) -> Iterator[str]:
    """The connection string of the company at scale 1, which stays as it was founded."""
    with made_database(server, "founded") as dsn:
        with psycopg.connect(dsn) as connection:
            found(connection, until=UNTIL)
        yield dsn


@pytest.fixture(scope="module")
def founded(template: str) -> Iterator[psycopg.Connection]:
    """The company at scale 1; read only, because all tests share it."""
    with psycopg.connect(template, autocommit=True) as connection:
        connection.read_only = True
        yield connection


@pytest.fixture
def books(template: str) -> Iterator[psycopg.Connection]:
    """The company at scale 1, to be changed: nobody else sees it, and it is undone."""
    with undone(template) as connection:
        yield connection


@pytest.fixture(scope="module")
def blank(server: PostgresServer) -> Iterator[str]:
    """The connection string of a database that stays empty."""
    with made_database(server, "unfounded") as dsn:
        yield dsn


@pytest.fixture
def empty(blank: str) -> Iterator[psycopg.Connection]:
    """An empty database; what is founded in it is undone."""
    with undone(blank) as connection:
        yield connection


def value(connection: psycopg.Connection, query: str) -> Any:
    """The only value that a query returns."""
    ((only,),) = connection.execute(query.encode()).fetchall()
    return only


def contents(connection: psycopg.Connection) -> dict[str, bytes]:
    """Every table as the bytes that COPY gives, in the order in which rows were written."""
    tables = {}
    for table in TABLES:
        statement = sql.SQL("copy {} to stdout").format(sql.Identifier(table))
        with connection.cursor() as cursor, cursor.copy(statement) as copy:
            tables[table] = b"".join(copy)
    return tables


def history(empty: psycopg.Connection, **options: int) -> dict[str, bytes]:
    """What a smaller company consists of, which is undone again."""
    with empty.transaction(force_rollback=True):
        found(empty, scale=0.1, until=UNTIL, **options)
        return contents(empty)


class TestFounding:
    def test_a_company_has_the_size_of_the_real_one(self, founded: psycopg.Connection) -> None:
        sizes = {table: value(founded, f"select count(*) from {table}") for table in TABLES}
        assert sizes == {
            "address": 30,
            "counterparty": 20,
            "currency": 3,
            "department": 8,
            "design": 473,
            "payment": 15_836,
            "payment_type": 4,
            "purchase_order": 4_649,
            "sales_order": 11_187,
            "staff": 20,
            "transaction": 15_836,
        }

    def test_orders_multiply_by_the_scale_and_people_do_not(
        self, empty: psycopg.Connection
    ) -> None:
        found(empty, scale=0.1, until=UNTIL)
        assert value(empty, "select count(*) from sales_order") == 1_119
        assert value(empty, "select count(*) from payment") == 1_119 + 465
        assert value(empty, "select count(*) from staff") == 20

    def test_the_same_seed_gives_the_same_bytes(self, empty: psycopg.Connection) -> None:
        assert history(empty) == history(empty)

    def test_another_seed_gives_another_history(self, empty: psycopg.Connection) -> None:
        assert history(empty)["sales_order"] != history(empty, seed=7)["sales_order"]

    @pytest.mark.slow
    def test_founding_twice_fails_and_changes_nothing(self, books: psycopg.Connection) -> None:
        before = contents(books)
        with pytest.raises(psycopg.errors.DuplicateTable):
            found(books, until=UNTIL)
        assert contents(books) == before

    @pytest.mark.parametrize(
        "until",
        [
            datetime(2024, 3, 2, 12),  # a Saturday
            datetime(2024, 2, 29, 3),  # before work
            datetime(2024, 2, 29, 8, 0, 0, 5_000),  # work has just begun
        ],
    )
    def test_nothing_happens_after_the_end_whenever_that_is(
        self, empty: psycopg.Connection, until: datetime
    ) -> None:
        found(empty, scale=0.1, until=until)
        assert value(empty, "select max(last_updated) from payment") < until
        assert value(empty, "select min(created_at) from address") > until - timedelta(days=734)

    def test_a_time_with_a_time_zone_is_refused(self, empty: psycopg.Connection) -> None:
        with pytest.raises(ValueError, match="naive time in UTC"):
            found(empty, until=UNTIL.astimezone())


class TestHabits:
    def test_61_percent_of_the_payments_are_paid_and_most_of_the_old_ones(
        self, founded: psycopg.Connection
    ) -> None:
        paid = "select avg(paid::int)::float from payment"
        assert value(founded, paid) == pytest.approx(0.61, abs=0.0001)
        assert value(founded, f"{paid} where created_at < '2023-05-01'") > 0.9
        assert value(founded, f"{paid} where created_at > '2024-10-01'") < 0.25

    def test_a_payment_was_updated_when_it_was_paid(self, founded: psycopg.Connection) -> None:
        assert value(founded, "select bool_and(paid = (last_updated > created_at)) from payment")

    @pytest.mark.parametrize("table", ["sales_order", "purchase_order", "transaction", "payment"])
    def test_ids_have_gaps_and_do_not_follow_time(
        self, founded: psycopg.Connection, table: str
    ) -> None:
        step = f"{table}_id - lag({table}_id) over by_id"
        late = "created_at < lag(created_at) over by_id"
        query = f"""
            select count(*) filter (where step > 1)::float / count(*),
                   count(*) filter (where late)::float / count(*)
            from (select {step} as step, {late} as late from {table} window by_id as
                  (order by {table}_id)) as pairs
        """
        ((gaps, backwards),) = founded.execute(query.encode()).fetchall()
        assert 0.02 < gaps < 0.2
        assert 0.01 < backwards < 0.4

    def test_times_have_milliseconds_and_lie_in_working_hours(
        self, founded: psycopg.Connection
    ) -> None:
        assert value(
            founded,
            """
            select bool_and(moment = date_trunc('milliseconds', moment)
                            and extract(hour from moment) between 8 and 17
                            and extract(isodow from moment) < 6)
            from (select created_at from payment union all
                  select last_updated from payment) as every (moment)
            """,
        )
        assert value(
            founded,
            "select count(distinct extract(milliseconds from created_at)) > 900 from payment",
        )

    def test_orders_span_two_years_up_to_the_end(self, founded: psycopg.Connection) -> None:
        ((first, last),) = founded.execute(
            "select min(created_at), max(created_at) from payment"
        ).fetchall()
        assert UNTIL - timedelta(days=730) < first < UNTIL - timedelta(days=722)
        assert UNTIL - timedelta(hours=3) < last < UNTIL

    def test_numbers_lie_in_the_ranges_of_the_real_ones(self, founded: psycopg.Connection) -> None:
        ((least, most, cheapest, dearest),) = founded.execute(
            "select min(units_sold), max(units_sold), min(unit_price), max(unit_price)"
            " from sales_order"
        ).fetchall()
        assert 1_001 <= least < 1_100
        assert 99_000 < most <= 99_973
        assert (cheapest, dearest) == (Decimal("2.00"), Decimal("4.00"))
        ((smallest, largest),) = founded.execute(
            "select min(payment_amount), max(payment_amount) from payment"
        ).fetchall()
        assert smallest >= Decimal("65.78")
        assert largest <= Decimal("981451.44")

    def test_money_has_two_decimals(self, founded: psycopg.Connection) -> None:
        assert value(founded, "select bool_and(scale(unit_price) = 2) from sales_order")
        assert value(founded, "select bool_and(scale(item_unit_price) = 2) from purchase_order")
        assert value(founded, "select bool_and(scale(payment_amount) = 2) from payment")

    def test_each_order_has_one_transaction_and_one_payment_of_its_amount(
        self, founded: psycopg.Connection
    ) -> None:
        assert value(
            founded,
            """
            select count(distinct payment_id) = 11187
                and bool_and(payment_amount = units_sold * unit_price)
                and bool_and(payment_date = agreed_payment_date)
                and bool_and(transaction_type = 'SALE')
                and count(distinct sales_order_id) = 11187
            from payment join transaction using (transaction_id)
            join sales_order using (sales_order_id)
            """,
        )
        assert value(
            founded,
            """
            select count(*) = 4649 and bool_and(payment_amount = item_quantity * item_unit_price)
                and bool_and(transaction_type = 'PURCHASE')
            from payment join transaction using (transaction_id)
            join purchase_order using (purchase_order_id)
            """,
        )

    def test_a_design_is_older_than_the_orders_for_it(self, founded: psycopg.Connection) -> None:
        assert value(
            founded,
            "select bool_and(design.created_at <= sales_order.created_at)"
            " from sales_order join design using (design_id)",
        )

    def test_dates_are_text_of_the_form_yyyy_mm_dd(self, founded: psycopg.Connection) -> None:
        for table, column in (
            ("sales_order", "agreed_delivery_date"),
            ("sales_order", "agreed_payment_date"),
            ("purchase_order", "agreed_delivery_date"),
            ("purchase_order", "agreed_payment_date"),
            ("payment", "payment_date"),
        ):
            query = f"select bool_and({column}::date::text = {column}) from {table}"
            assert value(founded, query), (table, column)

    def test_a_few_orders_have_been_corrected(self, founded: psycopg.Connection) -> None:
        share = "select avg((last_updated > created_at)::int)::float from sales_order"
        assert 0.01 < value(founded, share) < 0.02

    def test_text_holds_what_trips_up_the_careless(self, founded: psycopg.Connection) -> None:
        everything = b"".join(contents(founded).values()).decode()
        assert all(mark in everything for mark in ("O'Malley", "Books, Maps", "Łódź", "İzmir"))
        assert value(founded, "select count(*) from address where address_line_2 = ''") == 4
        assert value(founded, "select count(*) from address where address_line_2 is null") > 4
        assert value(founded, "select count(*) from department where location is null") == 1

    def test_foreign_keys_are_enforced(self, books: psycopg.Connection) -> None:
        assert value(
            books,
            "select count(*) from pg_constraint where contype = 'f' and convalidated",
        ) == 17  # fmt: skip
        for change in ("delete from design", "update payment set transaction_id = -1"):
            with pytest.raises(psycopg.errors.ForeignKeyViolation), books.transaction():
                books.execute(change.encode())


class TestTrading:
    def test_a_spell_of_trading_does_what_it_says(self, books: psycopg.Connection) -> None:
        before = contents(books)
        newest = {
            table: value(books, f"select max({table}_id) from {table}")
            for table in ("sales_order", "purchase_order", "transaction", "payment")
        }
        day = Company(books).trade(NOW)

        def new(table: str) -> Any:
            return value(books, f"select count(*) from {table} where {table}_id > {newest[table]}")

        assert day == Day(sales_orders=16, purchase_orders=6, payments_made=13, corrections=2)
        assert (new("sales_order"), new("purchase_order")) == (16, 6)
        assert (new("transaction"), new("payment")) == (22, 22)
        touched = f"last_updated = timestamp '{NOW:%Y-%m-%d %H:%M:%S}.456'"
        paid = (
            f"select count(*) from payment where paid and {touched} and created_at < last_updated"
        )
        assert value(books, paid) == 13
        corrected = [
            value(books, f"select count(*) from {table} where {touched}")
            for table in ("sales_order", "purchase_order")
        ]
        assert sum(corrected) == 2
        after = contents(books)
        assert {table for table in TABLES if before[table] != after[table]} == set(newest)

    def test_what_is_new_looks_like_what_was_there(self, books: psycopg.Connection) -> None:
        Company(books).trade(NOW, orders=500)
        assert value(
            books,
            f"""
            select count(*) > 340 and bool_and(payment_amount = units_sold * unit_price)
                and bool_and(sales_order.agreed_payment_date::date::text = payment_date)
                and bool_and(sales_order.created_at = payment.created_at)
                and bool_and(payment.created_at = date_trunc('milliseconds', payment.created_at))
                and bool_and(payment.created_at < '{NOW}')
            from payment join transaction using (transaction_id)
            join sales_order using (sales_order_id) where payment.created_at > '{UNTIL}'
              and sales_order.last_updated = sales_order.created_at
            """,
        )
        gaps = "select max(sales_order_id) - min(sales_order_id) + 1 > count(*) from sales_order"
        assert value(books, f"{gaps} where created_at > '{UNTIL}'")

    def test_more_orders_than_the_company_ever_had_may_come_in(
        self, empty: psycopg.Connection
    ) -> None:
        found(empty, scale=0.001, until=UNTIL)
        day = Company(empty).trade(NOW, orders=200)
        assert (day.sales_orders, day.purchase_orders) == (141, 59)
        assert value(empty, "select count(*) from payment") == 11 + 5 + 200

    def test_another_company_goes_on_where_one_stopped(self, books: psycopg.Connection) -> None:
        Company(books).trade(NOW)
        Company(books).trade(NOW + timedelta(minutes=1))
        assert value(books, "select count(*) from sales_order") == 11_187 + 32

    def test_the_same_seed_trades_alike(self, books: psycopg.Connection) -> None:
        became = []
        for _ in range(2):
            with books.transaction(force_rollback=True):
                company = Company(books, seed=5)
                company.trade(NOW)
                company.delete_one(NOW)
                company.trade(NOW + timedelta(seconds=5), orders=3)
                rows = {table: text.splitlines() for table, text in contents(books).items()}
                became.append({table: sorted(lines) for table, lines in rows.items()})
        assert became[0] == became[1]

    def test_it_commits_on_a_connection_that_does_not_by_itself(
        self, server: PostgresServer
    ) -> None:
        with made_database(server, "committed") as dsn, psycopg.connect(dsn) as connection:
            found(connection, scale=0.001, until=UNTIL)
            connection.commit()
            Company(connection).trade(NOW, orders=2)
            assert connection.info.transaction_status == psycopg.pq.TransactionStatus.IDLE
            with psycopg.connect(dsn) as other:
                assert value(other, "select count(*) from payment") == 11 + 5 + 2

    def test_no_orders_change_nothing(self, books: psycopg.Connection) -> None:
        before = contents(books)
        assert Company(books).trade(NOW, orders=0) == Day(0, 0, 0, 0)
        assert contents(books) == before

    def test_deleting_takes_an_order_with_its_payment_and_transaction(
        self, books: psycopg.Connection
    ) -> None:
        order_id = Company(books).delete_one(NOW)
        assert (
            value(books, f"select count(*) from sales_order where sales_order_id = {order_id}") == 0
        )
        sizes = [
            value(books, f"select count(*) from {table}")
            for table in ("sales_order", "transaction", "payment", "purchase_order")
        ]
        assert sizes == [11_186, 15_835, 15_835, 4_649]

    def test_deleting_never_frees_the_greatest_ids(self, empty: psycopg.Connection) -> None:
        found(empty, scale=0.001, until=UNTIL)
        greatest = "select max(sales_order_id) from sales_order"
        newest, company = value(empty, greatest), Company(empty)
        while value(empty, "select count(*) from sales_order") > 3:
            company.delete_one(NOW)
        assert value(empty, greatest) == newest

    def test_a_correction_changes_units_and_price_and_the_time(
        self, founded: psycopg.Connection, books: psycopg.Connection
    ) -> None:
        order_id = Company(books).correct_one(NOW)
        query = b"select * from sales_order where sales_order_id = %s"
        (was,) = founded.execute(query, [order_id]).fetchall()
        (now,) = books.execute(query, [order_id]).fetchall()
        changed = [at for at, pair in enumerate(zip(was, now, strict=True)) if pair[0] != pair[1]]
        assert changed == [2, 6, 7]  # last_updated, units_sold, unit_price
        assert now[2] == NOW.replace(microsecond=456_000)

    def test_a_department_moves_to_another_place(self, books: psycopg.Connection) -> None:
        places = b"select department_name, location from department"
        before: dict[str, str] = dict(books.execute(places).fetchall())
        name = Company(books).move_department(NOW)
        after: dict[str, str] = dict(books.execute(places).fetchall())
        assert {each for each in after if before[each] != after[each]} == {name}

    def test_an_empty_company_cannot_trade(self, books: psycopg.Connection) -> None:
        books.execute("truncate sales_order cascade")
        with pytest.raises(DemoError, match="sales_order"):
            Company(books).trade(NOW)
