"""Connections to PostgreSQL: defaults that override nothing, errors without secrets."""

from __future__ import annotations

import configparser
import ipaddress
import os
import re
import ssl
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import psycopg
from psycopg import pq
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from totes.errors import ConfigurationError, TotesError, TransientError
from totes.postgres import one_line
from totes.profiling import measured

# The default of each connection option that the user has not set anywhere.
DEFAULTS: dict[str, str | int | None] = {
    "connect_timeout": 10,
    "application_name": "totes",
    # a peer that vanishes without a word is noticed within a minute, not within two hours
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 60_000,
}
REFUSED = re.compile(
    r"authentication failed|no password supplied|does not exist|no pg_hba\.conf|not permitted"
    r"|definition of service"
    r"|could not translate host(?!.*Temporary failure)|Name or service not known"
    r"|does not support SSL|certificate"
    r"|invalid \w+ (number|value|option)|invalid value|not supported|invalid command-line"
)


@measured("connect")
def connect(dsn: str, *, setting: str) -> psycopg.Connection:
    """Open a connection. A remote server must speak TLS, unless the user has chosen an `sslmode`.

    No default of Totes overrides the connection string, a service file or libpq's environment
    variables. `setting` is the name of the setting that holds `dsn`, for messages, which never
    contain a password. Raises ConfigurationError for what a person must fix, TransientError for
    the rest.
    """
    given = _parsed(dsn, setting)
    known = _resolved(given)
    defaults = {name: value for name, value in DEFAULTS.items() if name not in known}
    if not ("sslmode" in known or _sets_sslmode(given) or _is_local(known)):
        defaults["sslmode"] = "require"
    settings = {**given, **defaults, **_system_certificates(known), "client_encoding": "UTF8"}
    try:
        # no statement is prepared, so that a pooler may stand between
        return psycopg.connect(make_conninfo("", **settings), prepare_threshold=None)
    except (psycopg.OperationalError, psycopg.ProgrammingError) as error:
        raise _unreachable(error, known, setting) from error


def _parsed(dsn: str, setting: str) -> dict[str, str | int | None]:
    """The parts of a connection string. Raises ConfigurationError, never quoting it."""
    try:
        parts = conninfo_to_dict(dsn)
    except psycopg.ProgrammingError:
        # not `from` it: libpq's own message quotes the DSN, password and all
        raise ConfigurationError(
            f"{setting} is not a connection string",
            hint=f"{setting}=postgresql://USER:PASSWORD@HOST:PORT/DATABASE",
        ) from None
    ports = str(parts.get("port", "")).split(",")
    if _is_ambiguous(dsn) or not all(port == "" or port.isdigit() for port in ports):
        raise ConfigurationError(
            f"{setting} has a host, a port or a database name that is not valid",
            hint="in the password, and in each name, write @ as %40, / as %2F, : as %3A, # as %23 "
            "and % as %25",
        )
    return parts


def _is_ambiguous(dsn: str) -> bool:
    """Whether a URL has an @ that may be part of an unescaped password.

    libpq would take the rest of the password for a host or a database, and messages contain these.
    """
    scheme, _, rest = dsn.strip().partition("://")
    login, at, place = rest.partition("@")
    if scheme not in {"postgresql", "postgres"} or not at:
        return False
    _, slash, path = login.partition("/")  # a / in front of the first @ ends the host
    return "@" in place.partition("?")[0] or (bool(slash) and "?" not in path)


def _resolved(given: Mapping[str, str | int | None]) -> dict[str, str]:
    """The options that libpq takes from the connection string, a service file and the environment.

    libpq resolves them before it connects. An impossible option makes it stop there. Its own
    defaults are left out.
    """
    impossible = make_conninfo("", **{**given, "channel_binding": "impossible"})
    resolved = pq.PGconn.connect_start(impossible.encode())
    try:
        return {
            option.keyword.decode(): option.val.decode(errors="replace")
            for option in resolved.info
            if option.val and option.val != option.compiled
        }
    finally:
        resolved.finish()


def _sets_sslmode(given: Mapping[str, str | int | None]) -> bool:
    """Whether the user has set `sslmode`, even to libpq's own default, which _resolved() hides."""
    if "sslmode" in given or {"PGSSLMODE", "PGREQUIRESSL"} & os.environ.keys():
        return True
    service = given.get("service") or os.environ.get("PGSERVICE")
    if not service:
        return False
    files = configparser.RawConfigParser(strict=False, delimiters="=", comment_prefixes="#")
    home, system = Path.home() / ".pg_service.conf", os.environ.get("PGSYSCONFDIR", "")
    with suppress(configparser.Error, UnicodeDecodeError):
        for file in (os.environ.get("PGSERVICEFILE", home), Path(system) / "pg_service.conf"):
            files.read(file)
            if files.has_section(str(service)):
                return files.has_option(str(service), "sslmode")
    return False


def _system_certificates(known: Mapping[str, str]) -> dict[str, str]:
    """For `sslrootcert=system`: the file with the system's certificates, checked as strictly.

    The OpenSSL in psycopg's binary package may search a folder that this system does not have.
    """
    file = ssl.get_default_verify_paths().cafile
    if known.get("sslrootcert") != "system" or not file:
        return {}
    return {"sslrootcert": file, "sslmode": "verify-full"}


def _is_local(known: Mapping[str, str]) -> bool:
    """Whether every host is certainly this machine."""
    hosts = known.get("hostaddr") or known.get("host") or ""
    return all(map(_is_loopback, hosts.split(",")))


def _is_loopback(host: str) -> bool:
    if not host or host == "localhost" or host.startswith(("/", "@")):  # the latter are sockets
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _unreachable(error: psycopg.Error, parts: Mapping[str, object], setting: str) -> TotesError:
    where = ":".join(str(parts[part]) for part in ("host", "port") if part in parts)
    reason = one_line(error).rpartition("failed: ")[2]
    message = f"cannot connect to {setting} ({where or 'the default server'}): {reason}"
    if isinstance(error, psycopg.ProgrammingError) or REFUSED.search(reason):
        return ConfigurationError(
            message, hint=f"check host, database, user and password of {setting}"
        )
    return TransientError(message, hint="is the server up, and reachable from here? then run again")
