"""The changes of a table in the words of a plan. Reason to change: what `plan` prints of a change.

Both databases have the same words, risks and effects on running servers for the same change.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from itertools import chain

from crudgen.kit.database.catalogue import Check, Column, ForeignKey, Key
from crudgen.language.schema import Now

from .changes import SAME, AddedColumn, ColumnChange, TableChange
from .plan import CREATES, Lock, Risk, Step
from .spec_words import limit_of, rule_change_text, rule_text, spec_type, spec_types


class Kind(Enum):
    """The kinds of changes of a table."""

    TABLE_ADDED = auto()
    TABLE_RENAMED = auto()
    TABLE_DROPPED = auto()
    COLUMN_RENAMED = auto()
    TYPE = auto()
    WORDS = auto()
    REQUIRED = auto()
    OPTIONAL = auto()
    COLLATION = auto()
    GENERATOR = auto()
    COLUMN_ADDED = auto()
    COLUMN_RELEASED = auto()
    COLUMN_DROPPED = auto()
    KEY = auto()
    CHECK_ADDED = auto()
    CHECK_REMOVED = auto()
    UNIQUE_ADDED = auto()
    UNIQUE_REMOVED = auto()
    FOREIGN_KEY_ADDED = auto()
    FOREIGN_KEY_REMOVED = auto()
    INDEX_ADDED = auto()
    INDEX_REMOVED = auto()


_RUNNING = {
    **dict.fromkeys(
        [Kind.TABLE_RENAMED, Kind.COLUMN_RENAMED, Kind.TYPE, Kind.KEY], "requests fail"
    ),
    **dict.fromkeys([Kind.TABLE_DROPPED, Kind.COLUMN_DROPPED], "requests that use it fail"),
    **dict.fromkeys([Kind.OPTIONAL, Kind.COLUMN_RELEASED, Kind.WORDS], "reads may fail"),
    **dict.fromkeys([Kind.COLUMN_ADDED, Kind.GENERATOR], "creates fail"),
    **dict.fromkeys(
        [Kind.REQUIRED, Kind.CHECK_ADDED, Kind.UNIQUE_ADDED, Kind.FOREIGN_KEY_ADDED],
        "writes may fail",
    ),
}
"""What happens to requests to servers with the former spec, if a change breaks any."""


@dataclass(frozen=True, slots=True)
class Item:
    """One line of a plan. What is added starts with `+ `, and what is removed with `- `."""

    kind: Kind
    table: str
    column: str | None
    what: str
    risk: Risk
    subject: object
    """The ColumnChange, AddedColumn, Column, Check, Key, ForeignKey or Index that changes."""
    breaks_running: bool = False

    def step(self, lock: Lock, *sql: str, seconds: float | None = None) -> Step:
        """Return the step that makes this change."""
        return Step(
            self.table,
            self.column,
            self.what,
            self.risk,
            lock,
            sql,
            breaks_running=self.breaks_running,
            running=_RUNNING.get(self.kind, "requests may fail") if self.breaks_running else "",
            seconds=seconds,
        )


def change_items(change: TableChange) -> Iterator[Item]:
    """Yield the changes of a table: renames first, indexes last."""
    table = change.expected.name
    if change.is_new:
        yield Item(Kind.TABLE_ADDED, table, None, CREATES, Risk.SAFE, change)
        return
    yield from _rename_items(change)
    for one in change.columns:
        for kind, what, risk, breaks in _column_changes(one):
            yield Item(kind, table, one.expected.name, what, risk, one, breaks)
    yield from _added_and_dropped_columns(change)
    if change.key_changed and change.found is not None:
        what = (
            f"primary key {_columns_text(change.found.key)} → {_columns_text(change.expected.key)}"
        )
        yield Item(Kind.KEY, table, None, what, Risk.NARROWS, change, True)
    yield from _rule_items(change)
    yield from _foreign_key_items(change)
    yield from _index_items(change)


def _rename_items(change: TableChange) -> Iterator[Item]:
    table = change.expected.name
    if change.is_renamed:
        what = f"was {change.live_name}"
        yield Item(Kind.TABLE_RENAMED, table, None, what, Risk.SAFE, change, True)
    for one in change.columns:
        if one.is_renamed:
            name, what = one.expected.name, f"was {one.found.name}"
            yield Item(Kind.COLUMN_RENAMED, table, name, what, Risk.SAFE, one, True)


def _added_and_dropped_columns(change: TableChange) -> Iterator[Item]:
    """Yield the changes of columns that only the live table or only the model has."""
    table = change.expected.name
    for added in change.added:
        is_required = not added.expected.nullable
        has_default = added.is_filled and not isinstance(added.fill, Now)
        breaks = is_required and not has_default
        name, what = added.expected.name, _added_text(added)
        yield Item(Kind.COLUMN_ADDED, table, name, what, Risk.SAFE, added, breaks)
    for column in change.released:
        what = "not in the spec: becomes optional"
        yield Item(Kind.COLUMN_RELEASED, table, column.name, what, Risk.SAFE, column, True)
    for column in change.dropped:
        what = f"- {spec_type(column.type)}"
        yield Item(Kind.COLUMN_DROPPED, table, column.name, what, Risk.DROPS, column, True)


def _index_items(change: TableChange) -> Iterator[Item]:
    table, names = change.expected.name, _new_column_names(change)
    for index in change.new_indexes:
        what = f"+ {'unique ' if index.is_unique else ''}index ({', '.join(index.columns)})"
        risk = Risk.NARROWS if index.is_unique else Risk.SAFE
        yield Item(Kind.INDEX_ADDED, table, _single_column(index.columns), what, risk, index)
    for index in change.old_indexes:
        what = f"- index {index.name} ({', '.join(index.columns)})"
        column = _single_column([names.get(one, one) for one in index.columns])
        yield Item(Kind.INDEX_REMOVED, table, column, what, Risk.SAFE, index)


def _column_changes(change: ColumnChange) -> Iterator[tuple[Kind, str, Risk, bool]]:
    found, expected = change.found, change.expected
    if change.changes_type or change.conversion != SAME:
        there, here = spec_types(found.type, expected.type)
        is_converted = change.conversion != SAME
        risk = Risk.CONVERTS if is_converted else Risk.SAFE
        yield Kind.TYPE, f"{there} → {here}", risk, is_converted
    if change.words:
        words = [f"'{old}' → '{new}'" for old, new in change.words.items()]
        yield Kind.WORDS, ", ".join(words), Risk.CONVERTS, True
    if change.becomes_required:
        fill = "" if change.fill is None else f", {_value_text(change.fill)} for missing values"
        risk = Risk.NARROWS if change.fill is None else Risk.FILLS
        yield Kind.REQUIRED, f"required{fill}", risk, True
    if change.becomes_optional:
        yield Kind.OPTIONAL, "optional", Risk.SAFE, True
    if change.changes_collation:
        there, here = (one.collation or "default" for one in (found, expected))
        yield Kind.COLLATION, f"order of text: {there} → {here}", Risk.SAFE, False
    if change.changes_generator:
        what = f"key: {found.generator.value} → {expected.generator.value}"
        yield Kind.GENERATOR, what, Risk.SAFE, True


def _rule_items(change: TableChange) -> Iterator[Item]:
    table, names = change.expected.name, _new_column_names(change)
    live = change.found.columns if change.found else ()
    old = {
        check: [names.get(one, one) for one in _check_columns(check, live)]
        for check in change.old_checks
    }
    for check in change.new_checks:
        columns = _check_columns(check, change.expected.columns)
        former = _replaced_rule(check, columns, old)
        if former is not None:
            del old[former]
        what = (
            rule_change_text(former, check, change) if former else f"+ {rule_text(check, change)}"
        )
        is_safe = check in change.widened_checks or _are_added(change, columns)
        risk = Risk.SAFE if is_safe else Risk.NARROWS
        yield Item(Kind.CHECK_ADDED, table, _single_column(columns), what, risk, check, not is_safe)
    for check, columns in old.items():
        what = f"- {rule_text(check, change)}"
        yield Item(Kind.CHECK_REMOVED, table, _single_column(columns), what, Risk.SAFE, check)
    for key in change.new_uniques:
        what = f"+ unique {_columns_text(key)}"
        column, breaks = _single_column(key.columns), not _are_added(change, key.columns)
        yield Item(Kind.UNIQUE_ADDED, table, column, what, Risk.NARROWS, key, breaks)
    for key in change.old_uniques:
        column = _single_column([names.get(one, one) for one in key.columns])
        what = f"- unique {_columns_text(key)}"
        yield Item(Kind.UNIQUE_REMOVED, table, column, what, Risk.SAFE, key)


def _replaced_rule(
    check: Check, columns: list[str], old: Mapping[Check, list[str]]
) -> Check | None:
    """Return the rule that a new one replaces: of the same columns, or with the same name."""
    limit = limit_of(check)
    same = (one for one, found in old.items() if limit_of(one) == limit and found == columns)
    named = (one for one in old if limit == "check" and one.name == check.name)
    return next(chain(named, same), None)


def _foreign_key_items(change: TableChange) -> Iterator[Item]:
    table, names = change.expected.name, _new_column_names(change)
    old = {
        tuple(names.get(one, one) for one in key.columns): key for key in change.old_foreign_keys
    }
    for key in change.new_foreign_keys:
        former = old.pop(key.columns, None)
        what = (
            f"{_foreign_key_text(former)} → {_foreign_key_text(key)}"
            if former
            else f"+ {_foreign_key_text(key)}"
        )
        column, breaks = _single_column(key.columns), not _are_added(change, key.columns)
        risk = Risk.NARROWS if breaks else Risk.SAFE
        yield Item(Kind.FOREIGN_KEY_ADDED, table, column, what, risk, key, breaks)
    for columns, key in old.items():
        column, what = _single_column(columns), f"- {_foreign_key_text(key)}"
        yield Item(Kind.FOREIGN_KEY_REMOVED, table, column, what, Risk.SAFE, key)


def _are_added(change: TableChange, columns: Sequence[str]) -> bool:
    """Return whether columns are added: servers of the version before do not write them."""
    return {*columns} <= {one.expected.name for one in change.added}


def _added_text(added: AddedColumn) -> str:
    what = f"+ {spec_type(added.expected.type)}" + ("?" if added.expected.nullable else "")
    return f"{what} = {_value_text(added.fill)}" if added.is_filled else what


def _value_text(value: object) -> str:
    return (
        "now" if isinstance(value, Now) else repr(value) if isinstance(value, str) else str(value)
    )


def _new_column_names(change: TableChange) -> dict[str, str]:
    return {live: new for new, live in change.live_columns.items()}


def _check_columns(check: Check, columns: Sequence[Column]) -> list[str]:
    return [column.name for column in columns if column.name.lower() in check.columns]


def _single_column(columns: Sequence[str]) -> str | None:
    return columns[0] if len(columns) == 1 else None


def _columns_text(key: Key | None) -> str:
    return f"({', '.join(key.columns)})" if key else "none"


def _foreign_key_text(key: ForeignKey) -> str:
    return f"foreign key {key.target} {key.actions}".rstrip()
