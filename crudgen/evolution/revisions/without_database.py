"""Changes on PostgreSQL without a database. Reason to change: what its catalogue says.

Whoever writes a revision may have no PostgreSQL. SQLAlchemy describes the former and the present
models in the same notation, so they can be compared.
"""

import re
from collections.abc import Iterator
from dataclasses import replace
from functools import partial

from sqlalchemy import Dialect, MetaData, Table
from sqlalchemy.dialects.postgresql import psycopg

from crudgen.evolution.changes import Changes, DroppedTable, TableChange
from crudgen.evolution.choices import Choices
from crudgen.evolution.conversions import conversion
from crudgen.evolution.difference import Difference, retyped_columns
from crudgen.evolution.hints import Hints
from crudgen.evolution.pairing import Pair, pair_tables
from crudgen.evolution.scope import ImpossibleChange
from crudgen.kit.database.catalogue import Column, KeyGenerator, TableDefinition
from crudgen.kit.database.catalogue.models import declared_types, definitions

_NAMES = {"varchar": "character varying", "float": "double precision"}
"""Types in the catalogue that CREATE TABLE calls otherwise."""
_QUOTED = re.compile(r"""'(?:[^']|'')*'|"((?:[^"]|"")*)\"""")


def dialect() -> Dialect:
    """Return the dialect of PostgreSQL, without a driver."""
    made: Dialect = psycopg.dialect()  # type: ignore[no-untyped-call]
    return made


class PostgresqlChanges:
    """The changes from the tables of former models to those of the present ones."""

    def __init__(self, former: MetaData, present: MetaData, hints: Hints, choices: Choices) -> None:
        self._present = present.sorted_tables
        self._hints = hints
        self._choices = choices
        self._dialect = dialect()
        self._found = self._table_definitions(former.sorted_tables)
        self.impossible: list[tuple[str, ImpossibleChange]] = []
        """What prevents the changes, each with its table."""

    def changes(self) -> Changes:
        """Return the changes of all tables."""
        pairs = pair_tables(self._found, self._table_definitions(self._present), self._hints, str)
        return Changes(tuple(self._table_changes(pairs)), tuple(self._dropped_tables(pairs)))

    def _table_changes(self, pairs: dict[str, Pair]) -> Iterator[TableChange]:
        retyped = retyped_columns(pairs.values())
        convert = partial(conversion, "postgresql")
        for table in self._present:
            one = pairs[table.name]
            if one.found is None or one.renamed is None:
                yield TableChange(table, one.expected)
                continue
            renamed = _with_comparable_checks(one.renamed)
            both = Pair(_with_comparable_checks(one.expected), one.found, renamed, one.live)
            difference = Difference(
                both, renamed, one.found, self._hints, self._choices, convert, "postgresql"
            )
            yield difference.change(table, retyped)
            self.impossible += [(table.name, reason) for reason in difference.impossible]

    def _dropped_tables(self, pairs: dict[str, Pair]) -> Iterator[DroppedTable]:
        used = {one.found.name for one in pairs.values() if one.found}
        for name, column in sorted(self._choices.drops, key=str):
            if column is None and name in self._found and name not in used:
                yield DroppedTable(self._found[name])

    def _table_definitions(self, tables: list[Table]) -> dict[str, TableDefinition]:
        types = {kind: _catalogue_name(kind) for kind in declared_types(tables, self._dialect)}
        found = definitions(tables, self._dialect, types)
        return {
            name: replace(table, columns=tuple(map(_with_default, table.columns)))
            for name, table in found.items()
        }


def _catalogue_name(kind: str) -> str:
    """Return the name of a type in PostgreSQL's catalogue."""
    name, bracket, digits = kind.lower().partition("(")
    return f"{_NAMES.get(name, name)}{bracket}{digits.replace(', ', ',')}"


def _with_default(column: Column) -> Column:
    """Return a column as the catalogue shows it: a sequence is a default."""
    is_sequence = column.generator is KeyGenerator.SEQUENCE
    return replace(column, has_default=True) if is_sequence else column


def _with_comparable_checks(table: TableDefinition) -> TableDefinition:
    """Return a definition whose rules do not depend on which names are quoted."""
    checks = (
        replace(check, normalized=_QUOTED.sub(lambda one: one[1] or one[0], check.sql))
        for check in table.checks
    )
    return replace(table, checks=tuple(checks))
