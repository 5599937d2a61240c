"""The names of tables and columns in options. Reason to change: what a name can mean.

Everything here is known without a database.
"""

import shlex
from collections.abc import Iterable
from difflib import get_close_matches

from crudgen.errors import ArgumentError
from crudgen.language.schema import Entity, Field, Schema

from .hints import Hints
from .internal import LOGINS, USER_ROW_COLUMN, is_internal, table_of_user_row_column

_MAX_NAMES = 10
"""Number of names that a message lists."""

_DROP_REMEDY = "write --drop hero.code for a column, or --drop log for a table"


class ChoiceError(ArgumentError):
    """An option names something that the spec does not have, or has an invalid value."""


def choice_error(option: str, value: str, problem: str, remedy: str) -> ChoiceError:
    """Return the error of an option: what was found, and what to do."""
    return ChoiceError(f"{option} {shlex.quote(value)}: {problem}\n  {remedy}")


def quoted_names(names: Iterable[str]) -> str:
    """Return names for a message, each quoted for a shell."""
    found = [shlex.quote(name) for name in names]
    more = [f"and {len(found) - _MAX_NAMES} more"] if len(found) > _MAX_NAMES else []
    return ", ".join([*found[:_MAX_NAMES], *more])


def similar(name: str, known: Iterable[str], cutoff: float = 0.6) -> str | None:
    """Return the known name that is most similar to another one, ignoring case."""
    folded = {one.lower(): one for one in known}
    found = get_close_matches(name.lower(), folded, 1, cutoff)
    return folded[found[0]] if found else None


class SpecNames:
    """The names that a spec gives to tables and columns."""

    def __init__(self, schema: Schema, hints: Hints) -> None:
        self._entities = {str(one.singular): one for one in schema.entities}
        self._tables = {str(one.table): one for one in schema.entities}
        self._auth = schema.auth
        self._called = {
            name: table for (table, column), name in hints.names.items() if column is None
        }

    def field(self, option: str, name: str, value: str) -> tuple[str, Field]:
        """Return the table and the field of a name such as `hero.level`. Raises ChoiceError."""
        singular, _, key = name.partition(".")
        entity = self._entities.get(singular)
        if entity is None:
            there = self._similar_entity(singular)
            remedy = f"the entities: {quoted_names(self._entities)}"
            remedy = f"did you mean {there}.{key or 'FIELD'}?" if there else remedy
            raise choice_error(option, value, f"the spec has no entity {singular}", remedy)
        fields = {str(one.name): one for one in entity.fields}
        if key in fields:
            return str(entity.table), fields[key]
        there = _similar_field(key, entity)
        remedy = (
            f"did you mean {singular}.{there}?" if there else f"its fields: {quoted_names(fields)}"
        )
        what = f"{singular} has no field {key}" if key else f"no field of {singular} is named"
        raise choice_error(option, value, what, remedy)

    def dropped_table_and_column(self, name: str) -> tuple[str, str | None]:
        """Return the table and the column of `--drop`. Raises ChoiceError.

        If no entity has the name before a dot, all of it may be the name of a table.
        """
        if not name.strip("."):
            raise choice_error("--drop", name, "no name of a table or column", _DROP_REMEDY)
        if name.startswith("."):
            raise choice_error("--drop", name, "no name of a table before the dot", _DROP_REMEDY)
        if name.endswith("."):
            raise choice_error("--drop", name, "no name of a column after the dot", _DROP_REMEDY)
        if (users := table_of_user_row_column(name)) and self._has_users(users):
            return users, USER_ROW_COLUMN
        if is_internal(name):
            raise internal_table_error(name)
        self._reject_table(name)
        owners = [one for one in self._called if name.startswith(f"{one}.")]
        if not owners:
            return name, None
        owner = max(owners, key=len)
        column = name.removeprefix(f"{owner}.")
        if owner in self._entities:
            _reject_field(name, column, self._entities[owner])
        return self._called[owner], column

    def _has_users(self, table: str) -> bool:
        """Return whether the spec has this table of users or keys, and users are no rows."""
        auth = self._auth
        if auth is None or auth.user_entity is not None:
            return False
        return auth.users or (auth.keys and table != LOGINS)

    def _reject_table(self, name: str) -> None:
        entity = self._entities.get(name) or self._tables.get(name)
        if entity is not None:
            what = f"it is the table of {entity.name} ({entity.file})"
            raise choice_error("--drop", name, what, "remove the entity from the spec first")
        if name in self._called:
            what = "it is the table of a link in the spec"
            raise choice_error("--drop", name, what, "remove the link from the spec first")

    def _similar_entity(self, name: str) -> str | None:
        entity = self._tables.get(name)
        return str(entity.singular) if entity else similar(name, self._entities)


def internal_table_error(name: str) -> ChoiceError:
    """Return the error of `--drop` with a table that is not of the user."""
    what = "crudgen, the database or a tool needs this table"
    return choice_error("--drop", name, what, "remove the option: crudgen does not drop it")


def _reject_field(name: str, column: str, entity: Entity) -> None:
    for one in entity.fields:
        if column in {str(one.name), str(one.column)}:
            what = f"{entity.singular}.{one.name} is in the spec ({entity.file}:{one.line})"
            raise choice_error("--drop", name, what, "remove the field there first")


def _similar_field(name: str, entity: Entity) -> str | None:
    """Return the field that has a similar name, or that has this name elsewhere."""
    for one in entity.fields:
        if name in {str(one.column), str(one.json_name), str(one.attribute)}:
            return str(one.name)
    return similar(name, [str(one.name) for one in entity.fields])
