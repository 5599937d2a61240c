"""The session of a connection to PostgreSQL: what it is set to, and whether it is a pooler's.

Whatever the database, the role or the environment set, values are read and written in one way.
Behind a pooler, what one client sets another one gets: there nothing is set, but looked at.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..errors import StartupError

_WAY_OF_VALUES = {
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
"""How PostgreSQL reads and writes values and definitions."""
_HARMFUL: Mapping[str, Callable[[str], bool]] = {
    "datestyle": lambda value: not value.startswith("ISO"),
    "extra_float_digits": lambda value: int(value) < 1,
    "standard_conforming_strings": lambda value: value != "on",
    "transform_null_equals": lambda value: value != "off",
}
"""Of these, what would change an answer; behind a pooler nothing of it can be set."""

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
    """What the session of each connection is set to."""

    statement_seconds: float
    lock_seconds: float
    read_only: bool = False

    @property
    def timeouts(self) -> dict[str, str]:
        """What the server bounds; where the URL or PGOPTIONS sets one of them, that stays."""
        return {
            "statement_timeout": _milliseconds(self.statement_seconds),
            "lock_timeout": _milliseconds(self.lock_seconds),
            "idle_in_transaction_session_timeout": _milliseconds(2 * self.statement_seconds),
        }

    @property
    def statement(self) -> Statement:
        """What sets the session of a direct connection, in one round trip."""
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
        settings = _WAY_OF_VALUES | kept
        return _SET, {
            "names": list(settings),
            "values": list(settings.values()),
            "kept": list(kept),
        }

    @property
    def question(self) -> Statement:
        """What asks how the session of a pooler is set."""
        return _SHOW, {"names": [*_HARMFUL, *self.timeouts]}

    def missing_timeouts(self, found: Sequence[tuple[str, str]]) -> list[str]:
        """List what somebody should set for the role, since a pooler lets nobody else do so."""
        values = dict(found)
        return [name for name in self.timeouts if values.get(name, "0") == "0"]

    def set_for(self, role: str, names: Sequence[str]) -> str:
        """Write the statements that set the timeouts of a role."""
        quoted = '"' + role.replace('"', '""') + '"'
        wanted = self.timeouts
        return "; ".join(f"ALTER ROLE {quoted} SET {name} = '{wanted[name]}'" for name in names)


def check_way_of_values(found: Sequence[tuple[str, str]]) -> None:
    """Raise StartupError if the session of a pooler would change an answer."""
    for name, value in _harmful(found):
        raise StartupError(
            f"database: behind the pooler, {name} is {value!r}, which changes how values are read\n"
            f"  ALTER ROLE … SET {name} = '{_WAY_OF_VALUES[name]}', and let the pooler reconnect"
        )


def check_options(options: str) -> None:
    """Raise StartupError if options were sent, since a pooler keeps them from the session."""
    if options.strip():
        raise StartupError(
            "database: a pooler stands before PostgreSQL, and drops the options of the URL or of"
            f" PGOPTIONS: {options.strip()}\n"
            "  leave them out, and set what they set with ALTER ROLE … SET"
        )


def _harmful(found: Sequence[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    for name, value in found:
        if name in _HARMFUL and _HARMFUL[name](value):
            yield name, value


def _milliseconds(seconds: float) -> str:
    return f"{max(int(seconds * 1000), 1)}ms"
