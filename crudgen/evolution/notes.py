"""Notes of a plan: what is kept, and what may be a mistake. Reason to change: what users miss."""

import shlex
from collections.abc import Collection, Iterable, Iterator, Mapping

from crudgen.kit.database.catalogue import ForeignKey, TableDefinition
from crudgen.kit.database.catalogue.explain import quoted

from .changes import TableChange
from .hints import Hints
from .internal import LOGINS, USER_ROW_COLUMN, is_internal
from .ownership import is_from_spec
from .pairing import Fold, Pair
from .plan import Note
from .renames import renamed_tables
from .spec_words import spec_type
from .unknown import UnknownTable

_CLEARS = {"SET NULL": "sets {} to NULL", "SET DEFAULT": "sets {} to its default"}


def notes_of(change: TableChange, kept: Iterable[str], hints: Hints) -> Iterator[Note]:
    """Yield notes of the columns, constraints, indexes and triggers that are kept."""
    table = change.expected.name
    name = hints.names.get((table, None), table)
    for column in (*change.released, *change.kept):
        option = shlex.quote(f"{name}.{column.name}")
        yield Note(
            table,
            column.name,
            f"is not in the spec and is kept; --drop {option} drops it",
        )
    for what in kept:
        yield Note(table, None, f"{what} is not in the spec and is kept")
    if table == LOGINS:
        yield from _note_user_keys(change, hints)


def note_foreign_keys(
    change: TableChange, kept: Iterable[ForeignKey], hints: Hints, dialect: str
) -> Iterator[Note]:
    """Yield notes of foreign keys that are kept: they still have an effect on deletions."""
    table = change.expected.name
    name = hints.names.get((table, None), table)
    left = {column.name: column for column in (*change.released, *change.kept)}
    for key in kept:
        removed = "SQLite cannot drop it: create the table again without it"
        if left.keys() >= {*key.columns}:
            drops = " ".join(f"--drop {name}.{column}" for column in key.columns)
            fields = ", ".join(f"{one}: {spec_type(left[one].type)}?" for one in key.columns)
            other = f"`{fields}` in the spec removes it and keeps them"
            removed = f"{drops} removes it with its values"
            removed += "" if is_internal(table) else f", {other}"
        may_be_ours = is_from_spec(key, "fk", {table, change.live_name})
        yield Note(
            table,
            None,
            f"{_effect(key)}; {_removal_hint(table, key, dialect) or removed}",
            is_warning=may_be_ours and left.keys() >= {*key.columns},
        )


def _note_user_keys(change: TableChange, hints: Hints) -> Iterator[Note]:
    """Yield a warning if stored values of `me` are no longer those of the same users."""
    row, number = f"`{LOGINS}.{USER_ROW_COLUMN}`", f"`{LOGINS}.id`"
    if any(one.expected.name == USER_ROW_COLUMN for one in change.added):
        text = f"`me` was {number}, and becomes {row}: link each user to the row with this number"
    elif any(one.name == USER_ROW_COLUMN for one in (*change.released, *change.kept)):
        text = f"`me` was {row}, and becomes {number}: change stored values where they differ"
    elif targets := _other_table_of_users(change, hints):
        old, new = (hints.names.get((one, None), one) for one in targets)
        text = (
            f"`me` was the key of a row of {old}, and becomes that of a row of {new}:"
            f" link each user to a row of {new}, and change stored values where they differ"
        )
    else:
        return
    yield Note(change.expected.name, None, text, is_warning=True)


def _other_table_of_users(change: TableChange, hints: Hints) -> tuple[str, str] | None:
    """Return the former and the new table of the users' rows, if these are not the same rows."""
    both = (change.old_foreign_keys, change.new_foreign_keys)
    old, new = ({one.target for one in keys if USER_ROW_COLUMN in one.columns} for keys in both)
    for table in new - old:
        for former in old.difference(hints.tables.get(table, ())):
            return former, table
    return None


def _effect(key: ForeignKey) -> str:
    """Return what a foreign key does that is not in the spec."""
    columns = ", ".join(key.columns)
    if key.on_delete == "CASCADE":
        effect = f"deleting a row of {key.target} deletes the rows that refer to it"
    elif key.on_delete in _CLEARS:
        effect = f"deleting a row of {key.target} {_CLEARS[key.on_delete].format(columns)}"
    else:
        effect = f"a row of {key.target} cannot be deleted while a row refers to it"
    name = f", {key.name}," if key.name else ""
    return f"foreign key ({columns}) → {key.target}{name} is not in the spec and is kept: {effect}"


def _removal_hint(table: str, key: ForeignKey, dialect: str) -> str:
    """Return how a foreign key is removed, or nothing on SQLite, which has no statement for it."""
    if dialect == "sqlite" or key.name is None:
        return ""
    return f"ALTER TABLE {quoted(table)} DROP CONSTRAINT {quoted(key.name)} removes it"


def note_renames(change: TableChange, hints: Hints) -> Iterator[Note]:
    """Yield notes of new columns that may be former ones under another name."""
    table = change.expected.name
    for column in change.released + change.kept:
        for added in change.added:
            if added.expected.type == column.type:
                new = hints.names.get((table, added.expected.name), added.expected.name)
                place = hints.places.get((table, added.expected.name))
                where = f" ({place})" if place else ""
                yield Note(
                    table,
                    added.expected.name,
                    f"is new, and {column.name} is not in the spec: if {column.name} was renamed,"
                    f" write was({column.name}) at {new}{where}",
                    may_be=column.name,
                )


def note_former_columns(change: TableChange, hints: Hints, fold: Fold) -> Iterator[Note]:
    """Yield notes of former names that do nothing, since the table has the new column too."""
    table = change.expected.name
    entity = hints.names.get((table, None), table)
    left = {fold(column.name): column.name for column in (*change.released, *change.kept)}
    for one in change.columns:
        name = one.expected.name
        for former in hints.columns.get(table, {}).get(name, ()):
            if fold(former) in left and not one.is_renamed:
                old = left[fold(former)]
                copying = f"UPDATE {quoted(table)} SET {quoted(name)} = {quoted(old)}"
                yield Note(
                    table,
                    name,
                    f"has was({former}), but both columns exist, and {old} is not renamed: copy its"
                    f" values if you need them ({copying}), and drop it with --drop {entity}.{old}",
                    is_warning=True,
                )


def note_former_tables(
    pairs: Iterable[Pair],
    found: Mapping[str, TableDefinition],
    unknown: Collection[UnknownTable],
    hints: Hints,
    fold: Fold,
) -> Iterator[Note]:
    """Yield notes of former names that do nothing, since the new table exists too.

    `found` are live tables.
    """
    columns = {name: [column.name for column in table.columns] for name, table in found.items()}
    left = {fold(one.name): one.name for one in unknown}
    for pair in pairs:
        name = pair.expected.name
        if pair.found is None or fold(pair.found.name) != fold(name):
            continue
        others = {other: names for other, names in columns.items() if fold(other) != fold(name)}
        old = left.get(fold(renamed_tables(hints, others).get(name, "")))
        if old is not None:
            yield Note(
                name,
                None,
                f"has was: {old}, but both tables exist, and {old} is not renamed: copy its rows if"
                f" you need them, and drop it with --drop {old}; or drop {name} by hand, so that"
                f" {old} becomes {name}",
                is_warning=True,
            )


def note_new_tables(
    changes: Iterable[TableChange], unknown: Collection[UnknownTable], hints: Hints, fold: Fold
) -> Iterator[Note]:
    """Yield notes of new tables that may be former ones under another name."""
    for change in changes:
        columns = {fold(column.name) for column in change.expected.columns}
        for one in unknown if change.is_new else ():
            if {fold(column) for column in one.columns} == columns:
                table = change.expected.name
                text = possible_rename_note(table, one.name, hints)
                yield Note(table, None, text, may_be=one.name)


def possible_rename_note(table: str, former: str, hints: Hints) -> str:
    """Return the text of the note on a new table that may be a renamed former one."""
    place = hints.places.get((table, None))
    is_link = table in hints.links
    where = f" at {hints.names.get((table, None), table)}" if is_link else ""
    where += f" ({place})" if place and is_link else f" in {place.file}" if place else ""
    return (
        f"is new, and {former} is not in the spec: if {former} was renamed, write was: {former}"
        f"{where}"
    )


def note_unknown_tables(
    unknown: Iterable[UnknownTable], known: Collection[str], dialect: str
) -> Iterator[Note]:
    """Yield a note of each table that is not in the spec, and of its foreign keys.

    `known` are the live tables of the spec, in lower case.
    """
    for table in unknown:
        drop = f"--drop {shlex.quote(table.name)}"
        text = f"is not in the spec and is kept; {drop} drops it with its rows"
        yield Note(table.name, None, text)
        for key in table.foreign_keys:
            if key.target.lower() in known:
                removal = _removal_hint(table.name, key, dialect)
                text = f"{_effect(key)}; {removal or f'{drop} removes it with the table'}"
                blocks = key.on_delete in {"NO ACTION", "RESTRICT"}
                is_ours = is_from_spec(key, "fk", {table.name}) or not key.name
                yield Note(table.name, None, text, is_warning=blocks and is_ours)
