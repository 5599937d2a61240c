"""What revisions record of the tables of users. Reason to change: the form of a record.

A record has a line for each column that refers to rows: `row_id: User`, or `row_id: none` if users
are no rows, and `login_id: _login`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from crudgen.evolution.internal import CREDENTIALS, LOGINS, USER_ROW_COLUMN

USER_TABLES = (LOGINS, CREDENTIALS)
"""The keys of `AFTER` for the tables of users: what they refer to."""
_NONE = "none"

Targets = Mapping[str, str]
"""What the columns of a table refer to: an entity, or the table of users."""


@dataclass(frozen=True, slots=True)
class WrongLine:
    """A line of a record that does not fit the spec of revisions."""

    text: str
    entity: str
    """The entity that the spec lacks; empty if another part is wrong."""
    remedy: str


def targets_of(record: str) -> dict[str, str]:
    """Return what a valid record says."""
    lines = (line.partition(": ") for line in record.splitlines())
    return {column: target for column, _, target in lines if target != _NONE}


def record_of(targets: Targets) -> str:
    """Return the record of a table."""
    lines = {USER_ROW_COLUMN: _NONE} | {**targets}
    return "".join(f"{column}: {target}\n" for column, target in lines.items())


def example(table: str, entity: str = _NONE) -> str:
    r"""Return an item of `AFTER`: `"_login": "row_id: none\n"`."""
    return rf'`"{table}": "{USER_ROW_COLUMN}: {entity}\n"`'


def wrong_lines(record: str, texts: Mapping[str, str]) -> Iterator[WrongLine]:
    """Yield the lines of a record that do not fit a spec; `texts` are its entities by name."""
    for line in record.splitlines():
        column, _, target = line.partition(": ")
        if column == USER_ROW_COLUMN and target:
            is_entity = target[0].isupper()
            if target != _NONE and not (is_entity and target in texts):
                remedy = f"write the name of an entity, or `{USER_ROW_COLUMN}: {_NONE}`"
                yield WrongLine(line, target if is_entity else "", remedy)
        elif not (column and target in USER_TABLES and target in texts):
            remedy = f"write `{USER_ROW_COLUMN}: {_NONE}`, or `{USER_ROW_COLUMN}:` and an entity"
            yield WrongLine(line, "", remedy)
