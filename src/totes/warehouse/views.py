"""The warehouse's views: made of the data model's SQL, and made anew when that has changed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg import errors, sql

from totes.contract import DataModel
from totes.errors import ConfigurationError, ModelError
from totes.postgres import one_line
from totes.view import ViewContract
from totes.warehouse.relations import SCHEMA, VIEW, commented, describe, kinds, misfit


def create(connection: psycopg.Connection, model: DataModel) -> None:
    """Create all views. Raises ModelError for one that is not what its contract says."""
    connection.execute("set local search_path = public")
    for view in model.view_order:
        _create(connection, view)


def _create(connection: psycopg.Connection, view: ViewContract) -> None:
    text = sql.SQL(view.sql)  # the data model's own SQL, shipped as a file
    place = sql.Identifier(SCHEMA, view.name)
    try:
        connection.execute(sql.SQL("create view {} as {}").format(place, text))
    except (errors.DuplicateTable, errors.InsufficientPrivilege):
        raise  # not the view's fault
    except psycopg.ProgrammingError as error:
        raise ModelError(
            f"{view.name}.sql: {one_line(error)}",
            hint=f"mend views/{view.name}.sql in the data model",
        ) from error
    if view.columns:
        if wrong := misfit(connection, view.name, view.columns):
            raise ModelError(wrong, hint=f"mend {view.name}.sql or {view.name}.toml in views/")
        describe(connection, "view", view.name, view.grain, commented(view.columns))


def renew(connection: psycopg.Connection, model: DataModel, made: list[str]) -> None:
    """Drop the views among what was `made`, and create those of the model; who might read a view
    of the same name may read it still.

    Raises ConfigurationError if others have built something on one.
    """
    old = [name for name, kind in kinds(connection, made).items() if kind == VIEW]
    granted = _grants(connection, old)
    with alone():
        drop(connection, [name for name in made if name in old])
    create(connection, model)
    for name, privilege, grantee, passed_on in granted:
        if name in model.views:
            grant = sql.SQL("grant {} on {} to {}{}").format(
                sql.SQL(privilege),
                sql.Identifier(SCHEMA, name),
                sql.Identifier(grantee) if grantee else sql.SQL("public"),
                sql.SQL(" with grant option" if passed_on else ""),
            )
            connection.execute(grant)


def _grants(
    connection: psycopg.Connection, names: list[str]
) -> list[tuple[str, str, str | None, bool]]:
    """What somebody may do with each view, but for its owner: name, privilege, role, passed on."""
    query = """
        select relname, granted.privilege_type, rolname, granted.is_grantable
        from pg_class
        cross join lateral aclexplode(relacl) as granted
        left join pg_roles as role on role.oid = granted.grantee
        where relnamespace = %s::regnamespace and relname = any(%s)
            and granted.grantee <> relowner
    """
    return connection.execute(query, [SCHEMA, names]).fetchall()


def drop(connection: psycopg.Connection, names: list[str]) -> None:
    """Drop tables and views, in this order, those that there are."""
    found = kinds(connection, names)
    for name in names:
        if name in found:
            statement = sql.SQL("drop view {}" if found[name] == VIEW else "drop table {}")
            connection.execute(statement.format(sql.Identifier(SCHEMA, name)))


@contextmanager
def alone() -> Iterator[None]:
    """Raise ConfigurationError if the block drops what others have built something on."""
    try:
        yield
    except errors.DependentObjectsStillExist as error:
        detail = (error.diag.message_detail or "").splitlines()
        raise ConfigurationError(
            f"{one_line(error)}: {detail[0] if detail else 'something was built on it'}",
            hint="drop it, rebuild, and make it anew; or name a new database in TOTES_WAREHOUSE",
        ) from error
