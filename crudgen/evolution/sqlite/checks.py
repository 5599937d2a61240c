"""What no longer works after changes on SQLite. Reason to change: what can refer to a table."""

from collections.abc import Iterator, Mapping

from crudgen.evolution.changes import Changes
from crudgen.evolution.plan import Problem
from crudgen.kit.database.catalogue.tokens import tokenize

from .schema_copy import SchemaCopy


class BrokenObjects:
    """Finds what changes break. What was broken before them does not prevent a plan."""

    def __init__(self, schema: SchemaCopy) -> None:
        self._schema = schema
        self._views = schema.broken_views()
        self._trigger = schema.broken_trigger()
        self._foreign_key = schema.broken_foreign_key()

    def problems(self, changes: Changes) -> Iterator[Problem]:
        """Yield a problem for each object that the changes broke."""
        objects = self._schema.names
        for name, error in self._schema.broken_views().items():
            if name not in self._views:
                tables = _first_changed_table(objects[name.lower()].sql, changes)
                what = f"view {name} cannot be read afterwards: {error}"
                remedy = "drop the view first, and create it again afterwards"
                yield Problem(tables, None, what, remedy)
        error = self._schema.broken_trigger()
        if error and not self._trigger and not self._views:
            remedy = "drop it first, and create it again afterwards"
            yield Problem("", None, f"a trigger does not work afterwards: {error}", remedy)
        error = self._schema.broken_foreign_key()
        if error and not self._foreign_key:
            remedy = "a foreign key needs a primary key or a unique constraint to refer to"
            yield Problem("", None, error, remedy)


def _first_changed_table(sql: str, changes: Changes) -> str:
    """Return the first changed table that a statement names, or nothing."""
    names: Mapping[str, str] = {
        one.expected.name.lower(): one.expected.name for one in changes.tables if one.is_changed
    }
    found = (names.get(token.name.lower()) for token in tokenize(sql))
    return next(filter(None, found), "")
