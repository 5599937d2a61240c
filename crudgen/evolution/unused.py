"""Options that change nothing in a database. Reason to change: when an option has an effect.

A command may run again after it had its effect, and on a new database. So an option without effect
is only noted if no existing table changes. Otherwise it is a mistake, as is a name that is similar
to an existing one.
"""

import shlex
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from crudgen.errors import DatabaseError

from .changes import Changes, TableChange
from .choices import Choices
from .hints import Hints
from .internal import is_internal
from .pairing import Fold
from .spec_names import quoted_names, similar

_SIMILAR = 0.8
"""How similar a name to drop is to another one, at least, if it is a mistake."""


class UnusedOptionError(DatabaseError):
    """An option has no effect on this database."""


@dataclass(frozen=True, slots=True)
class LiveNames:
    """The names in a database."""

    kinds: Mapping[str, str]
    """The kind of each object: table, view, index."""
    used: Mapping[str, str]
    """The names of live tables that become those of the spec, each with its new name."""
    parts: Collection[str]
    """Tables that belong to a virtual table or an extension."""
    fold: Fold


def unused_options(choices: Choices, changes: Changes, live: LiveNames, hints: Hints) -> list[str]:
    """Return which options have no effect, a line each. Raises UnusedOptionError for mistakes."""
    return list(_UnusedOptions(choices, changes, live, hints).unused())


class _UnusedOptions:
    """Finds the options of a run that have no effect."""

    def __init__(self, choices: Choices, changes: Changes, live: LiveNames, hints: Hints) -> None:
        self._choices = choices
        self._changes = {one.expected.name: one for one in changes.tables}
        self._dropped = {live.fold(one.found.name) for one in changes.dropped}
        self._live = live
        self._hints = hints

    def unused(self) -> Iterator[str]:
        """Yield a line for each option without effect."""
        for table, column in self._choices.fills:
            if reason := self._why_no_fill(self._changes[table], column):
                yield f"--fill {self._hints.name(table, column)}: {reason}"
        for table, column in self._choices.integers:
            found = {one.expected.name: one for one in self._changes[table].columns}.get(column)
            if found is None or found.found.type != "BIGINT":
                yield f"--integers {self._hints.name(table, column)}: the column is no BIGINT"
        for table, dropped in sorted(self._choices.drops, key=str):
            reason = (
                self._why_no_table(table)
                if dropped is None
                else self._why_no_column(table, dropped)
            )
            if reason:
                yield f"--drop {shlex.quote(self._option_value(table, dropped))}: {reason}"

    def _option_value(self, table: str, column: str | None) -> str:
        """Return a table or a column to drop, as `--drop` names it."""
        return table if column is None else f"{self._hints.name(table)}.{column}"

    def _why_no_fill(self, change: TableChange, column: str) -> str:
        """Return why no row needs a value, or nothing."""
        if change.is_new:
            return "its table is new, and has no rows"
        changed = {one.expected.name: one for one in change.columns}.get(column)
        if changed is None or changed.becomes_required:
            return ""
        if changed.expected.nullable:
            return "the field is optional, and existing rows keep what they have"
        return "all rows have a value"

    def _why_no_column(self, table: str, column: str) -> str:
        """Return why there is no such column to drop, or nothing."""
        change, fold = self._changes[table], self._live.fold
        if fold(column) in {fold(one.name) for one in change.dropped}:
            return ""
        for one in change.columns:
            if fold(one.found.name) == fold(column):
                new = self._hints.name(table, one.expected.name)
                self._raise_unused_drop(
                    table, column, f"the column is that of {new}, which is in the spec"
                )
        if change.is_new:
            return "its table is new"
        left = [one.name for one in (*change.released, *change.kept)]
        if there := similar(column, left, _SIMILAR):
            remedy = f"did you mean {shlex.quote(self._option_value(table, there))}?"
            self._raise_unused_drop(table, column, "there is no such column", remedy)
        options = quoted_names(self._option_value(table, one) for one in left)
        known = f"; these can be dropped: {options}" if left else ""
        return f"there is no such column{known}"

    def _why_no_table(self, name: str) -> str:
        """Return why there is no such table to drop, or nothing."""
        live, folded = self._live, self._live.fold(name)
        if folded in self._dropped:
            return ""
        if folded in live.parts:
            self._raise_unused_drop(
                name, None, "the table belongs to an extension or a virtual table"
            )
        if folded in live.used:
            self._raise_unused_drop(
                name, None, f"it becomes the table {live.used[folded]} of the spec"
            )
        kind = live.kinds.get(folded)
        if kind is not None and kind != "table":
            article = "an" if kind == "index" else "a"
            self._raise_unused_drop(name, None, f"this is {article} {kind}, not a table")
        tables = [
            one
            for one, kind in sorted(live.kinds.items())
            if kind == "table"
            and one not in {*live.used, *live.parts, *self._dropped}
            and not is_internal(one)
        ]
        table, dot, _ = name.partition(".")
        if dot and live.fold(table) in tables:
            remedy = f"--drop {shlex.quote(table)} drops all of it"
            self._raise_unused_drop(
                name, None, f"the spec has no entity {table}, so no column is dropped", remedy
            )
        known = [*tables, *self._droppable_columns(name)]
        if there := similar(name, known, _SIMILAR):
            remedy = f"did you mean {shlex.quote(there)}?"
            self._raise_unused_drop(name, None, "there is no such table", remedy)
        options = f"; these can be dropped: {quoted_names(tables)}" if tables else ""
        return f"there is no such table{options}"

    def _droppable_columns(self, name: str) -> Iterator[str]:
        """Yield names of columns that the spec does not have, if a name may be one."""
        if "." in name:
            for table, change in self._changes.items():
                yield from (
                    self._option_value(table, one.name) for one in (*change.released, *change.kept)
                )

    def _raise_unused_drop(
        self, table: str, column: str | None, what: str, remedy: str = ""
    ) -> None:
        option = shlex.quote(self._option_value(table, column))
        remedy = remedy or "remove the option"
        raise UnusedOptionError(f"--drop {option}: {what}\n  {remedy}")
