"""The session settings of connections to PostgreSQL.

They make the format of values independent of the database, the role and the environment. Behind a
pooler, clients share sessions, so the settings are only checked there.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..errors import DatabaseStartupError

_FORMATS = {
    "array_nulls": "on",
    "backslash_quote": "safe_encoding",
    "bytea_output": "hex",
    "datestyle": "ISO, MDY",
    "extra_float_digits": "1",
    "intervalstyle": "postgres",
    "quote_all_identifiers": "off",
    "standard_conforming_strings": "on",
    "timezone": "UTC",
    "transform_null_equals": "off",
}
"""The settings that determine how PostgreSQL parses and prints values and definitions."""
_HARMFUL: Mapping[str, Callable[[str], bool]] = {
    "datestyle": lambda value: not value.startswith("ISO"),
    "extra_float_digits": lambda value: int(value) < 1,
    "standard_conforming_strings": lambda value: value != "on",
    "transform_null_equals": lambda value: value != "off",
}
"""Values of these settings that would change responses; checked behind a pooler."""

PID = "SELECT pg_backend_pid()"
_SET = """
SELECT set_config(wanted.name, wanted.value, false)
FROM unnest(%(names)s::text[], %(values)s::text[]) AS wanted(name, value)
JOIN pg_settings AS found ON lower(found.name) = wanted.name
WHERE NOT (found.source = 'client' AND wanted.name = ANY (%(kept)s::text[]))
"""
_SHOW = """
SELECT lower(name), current_setting(name) FROM pg_settings
WHERE lower(name) = ANY (%(names)s::text[])
"""
Statement = tuple[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class SessionSettings:
    """The session settings of each connection."""

    statement_seconds: float
    lock_seconds: float
    read_only: bool = False

    @property
    def timeouts(self) -> dict[str, str]:
        """The timeouts of the server. Those set by the URL or PGOPTIONS have precedence."""
        return {
            "statement_timeout": _milliseconds(self.statement_seconds),
            "lock_timeout": _milliseconds(self.lock_seconds),
            "idle_in_transaction_session_timeout": _milliseconds(2 * self.statement_seconds),
        }

    @property
    def statement(self) -> Statement:
        """The statement that sets the session settings of a connection without a pooler."""
        kept = {
            **self.timeouts,
            "default_transaction_isolation": "read committed",
            "default_transaction_deferrable": "off",
            "exit_on_error": "off",
            "idle_session_timeout": "0",
            "transaction_timeout": "0",
        }
        if self.read_only:
            kept["default_transaction_read_only"] = "on"
        settings = _FORMATS | kept
        return _SET, {
            "names": list(settings),
            "values": list(settings.values()),
            "kept": list(kept),
        }

    @property
    def check_statement(self) -> Statement:
        """The statement that reads the session settings, to check them behind a pooler."""
        return _SHOW, {"names": [*_HARMFUL, *self.timeouts]}

    def missing_timeouts(self, found: Sequence[tuple[str, str]]) -> list[str]:
        """Return the timeouts that are not set behind a pooler."""
        values = dict(found)
        return [name for name in self.timeouts if values.get(name, "0") == "0"]

    def alter_role(self, role: str, names: Sequence[str]) -> str:
        """Return the ALTER ROLE statements that set the timeouts of a role."""
        quoted = '"' + role.replace('"', '""') + '"'
        timeouts = self.timeouts
        return "; ".join(f"ALTER ROLE {quoted} SET {name} = '{timeouts[name]}'" for name in names)


def check_session(found: Sequence[tuple[str, str]]) -> None:
    """Raise StartupError if the session settings behind a pooler would change responses."""
    for name, value in _harmful_settings(found):
        raise DatabaseStartupError(
            f"database: behind the pooler, {name} is {value!r}, which changes how values are read\n"
            f"  ALTER ROLE … SET {name} = '{_FORMATS[name]}', and let the pooler reconnect"
        )


def check_options(options: str) -> None:
    """Raise StartupError if the connection has options, because a pooler ignores them."""
    if options.strip():
        raise DatabaseStartupError(
            "database: PostgreSQL is behind a pooler, which ignores the options of the URL and of"
            f" PGOPTIONS: {options.strip()}\n"
            "  remove them, and use ALTER ROLE … SET instead"
        )


def _harmful_settings(found: Sequence[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """Yield the settings whose value would change responses."""
    for name, value in found:
        if name in _HARMFUL and _HARMFUL[name](value):
            yield name, value


def _milliseconds(seconds: float) -> str:
    return f"{max(int(seconds * 1000), 1)}ms"
