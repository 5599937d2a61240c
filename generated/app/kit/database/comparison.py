"""Comparison of the tables of the database with those of the models."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from .catalogue import (
    Column,
    ForeignKey,
    Index,
    Key,
    KeyGenerator,
    TableDefinition,
)

_SEQUENCES = frozenset({KeyGenerator.SEQUENCE, KeyGenerator.IDENTITY, KeyGenerator.IDENTITY_ALWAYS})


@dataclass(frozen=True, slots=True)
class Finding:
    """One difference between a table and its model: it prevents the start, or is only a note."""

    text: str
    prevents_start: bool = True
    remedy: tuple[int, str] | None = None
    """The position of the difference in CREATE TABLE, and an SQL statement that removes it."""


def compare(found: TableDefinition, expected: TableDefinition) -> list[Finding]:
    """Return the differences between a table and its model.

    A difference prevents the start if it causes wrong responses, or errors for valid requests.
    Harmless additions to the table, such as triggers and nullable columns, are notes.
    """
    if found.kind != expected.kind:
        return [Finding(f"{found.kind} in the database, {expected.kind} in the models")]
    return list(_Comparison(found, expected).findings())


def missing_indexes(found: TableDefinition, expected: TableDefinition) -> list[Index]:
    """Return the indexes of the model that the table lacks, under their name or any other."""
    names = {index.name.lower() for index in found.indexes}
    uniques = {frozenset(rule.columns) for rule in found.unique_keys}
    plain = {rule.columns for rule in found.unique_keys} | {
        index.columns for index in found.indexes if index.is_valid and index.where is None
    }

    def exists(index: Index) -> bool:
        if index.name.lower() in names:
            return True
        if index.where is not None:
            return False
        return frozenset(index.columns) in uniques if index.is_unique else index.columns in plain

    return [index for index in expected.indexes if not exists(index)]


def same_collation(found: Column, expected: Column, *, is_sqlite: bool) -> bool:
    """Return whether two columns have the same collation."""
    default, other = ("", "BINARY") if is_sqlite else ("C", "POSIX")
    names = [(column.collation or "").upper() for column in (found, expected)]
    one, two = (default if name == other else name for name in names)
    return one == two


def same_generator(found: Column, expected: Column, key: Key | None) -> bool:
    """Return whether the database generates the values of a column as the model expects.

    `key` is the primary key of the model.
    """
    if expected.generator in _SEQUENCES:
        return found.generator in _SEQUENCES
    if expected.generator is not KeyGenerator.NONE:
        return found.generator in {expected.generator, KeyGenerator.AUTOINCREMENT}
    if key is not None and expected.name in key.columns:
        return found.generator is KeyGenerator.NONE
    # Any other default is allowed.
    return found.generator is not KeyGenerator.IDENTITY_ALWAYS


class _Comparison:
    """The comparison of one table with its model."""

    def __init__(self, found: TableDefinition, expected: TableDefinition) -> None:
        self._found = found
        self._expected = expected
        self._is_sqlite = bool(found.sql)
        self._known = {self._comparable_name(column.name) for column in expected.columns}

    def findings(self) -> Iterator[Finding]:
        """Yield the differences."""
        yield from self._column_findings()
        yield from self._key_findings()
        yield from self._unique_findings()
        yield from self._check_findings()
        yield from self._foreign_key_findings()
        for name in self._found.triggers:
            yield Finding(f"trigger {name}", prevents_start=False)
        yield from self._index_findings()

    def _comparable_name(self, name: str) -> str:
        """Return a name for comparison: SQLite ignores case."""
        return name.lower() if self._is_sqlite else name

    def _column_findings(self) -> Iterator[Finding]:
        there = {self._comparable_name(column.name): column for column in self._found.columns}
        for expected in self._expected.columns:
            found = there.pop(self._comparable_name(expected.name), None)
            what = f"column {expected.name}"
            if found is None:
                yield Finding(f"{what}: missing from the database, {expected} in the models")
            elif not self._is_same_column(found, expected):
                text = f"{what}: {found} in the database, {expected} in the models"
                yield Finding(text, remedy=self._bigint_to_decimal_remedy(found, expected))
        for found in there.values():
            what = f"column {found.name}: {found}"
            if found.nullable or found.has_default or found.is_generated:
                yield Finding(what, prevents_start=False)
            else:
                yield Finding(f"{what} in the database, missing from the models, without a default")

    def _is_same_column(self, found: Column, expected: Column) -> bool:
        same = (
            found.type == expected.type
            and found.nullable == expected.nullable
            and found.is_generated == expected.is_generated
            and found.on_conflict == expected.on_conflict
            and same_collation(found, expected, is_sqlite=self._is_sqlite)
        )
        return same and same_generator(found, expected, self._expected.key)

    def _bigint_to_decimal_remedy(self, found: Column, expected: Column) -> tuple[int, str] | None:
        """Return the remedy for a decimal that an old version declared as BIGINT, or None."""
        is_decimal = expected.type.startswith("DECIMAL_AS_INT(")
        if not is_decimal or found.type != "BIGINT" or found.type_at is None:
            return None
        start, end = found.type_at
        table, old = self._found.name.replace("'", "''"), self._found.sql[start:end]
        words = [
            "UPDATE sqlite_master SET sql =",
            f"substr(sql, 1, {start}) || '{expected.type}' || substr(sql, {end + 1})",
            f"WHERE type = 'table' AND name = '{table}'",
            f"AND substr(sql, {start + 1}, {end - start}) = '{old}';",
        ]
        return start, " ".join(words)

    def _key_findings(self) -> Iterator[Finding]:
        found, expected = self._found.key, self._expected.key
        if self._comparable_key(found) != self._comparable_key(expected):
            there, here = _key_text(found), _key_text(expected)
            yield Finding(f"primary key: {there} in the database, {here} in the models")

    def _comparable_key(self, key: Key | None) -> tuple[frozenset[str], str] | None:
        return (frozenset(map(self._comparable_name, key.columns)), key.options) if key else None

    def _unique_findings(self) -> Iterator[Finding]:
        there = {self._comparable_key(unique) for unique in self._found.unique_keys}
        here = {self._comparable_key(unique) for unique in self._expected.unique_keys}
        for unique in self._expected.uniques:
            if self._comparable_key(unique) not in there:
                what = f"unique {_key_text(unique)}"
                yield Finding(f"{what}: missing from the database")
        for unique in self._found.unique_keys:
            if self._comparable_key(unique) in here | {self._comparable_key(self._expected.key)}:
                continue
            what = f"unique {_key_text(unique)}"
            if self._is_from_model(unique.name, "uq", unique.columns):
                yield Finding(f"{what}: missing from the models")
            else:
                yield Finding(what, prevents_start=False)

    def _check_findings(self) -> Iterator[Finding]:
        extra = [one for one in self._found.checks if one not in self._expected.checks]
        for expected in self._expected.checks:
            if expected in self._found.checks:
                continue
            found = next((one for one in extra if one.name == expected.name), None)
            if found:
                extra.remove(found)
            actual = f"({found.sql}) in the database" if found else "missing from the database"
            yield Finding(f"check {expected.name}: {actual}, ({expected.sql}) in the models")
        for found in extra:
            what = f"check {found.name or ''}".rstrip()
            if self._is_from_model(found.name, "ck", found.columns):
                yield Finding(f"{what}: ({found.sql}) in the database, missing from the models")
            else:
                yield Finding(f"{what} ({found.sql})", prevents_start=False)

    def _index_findings(self) -> Iterator[Finding]:
        expected = {index.name.lower(): index for index in self._expected.indexes}
        for index in self._found.indexes:
            if not index.is_valid:
                text = f"index {index.name} is not valid: REINDEX INDEX CONCURRENTLY {index.name}"
                yield Finding(text, prevents_start=False)
            elif (own := expected.get(index.name.lower())) is None:
                continue
            elif (own.columns, own.where is None) != (index.columns, index.where is None):
                there, here = ", ".join(index.columns), ", ".join(own.columns)
                text = f"index {index.name}: ({there}) in the database, ({here}) in the models"
                yield Finding(text, prevents_start=False)

    def _foreign_key_findings(self) -> Iterator[Finding]:
        extra = list(self._found.foreign_keys)
        for expected in self._expected.foreign_keys:
            same = [one for one in extra if self._same_target(one, expected)]
            equal = [one for one in same if one.actions == expected.actions]
            what = f"foreign key ({', '.join(expected.columns)}) → {expected.target}"
            if not same:
                what = f"{what} {expected.actions}".rstrip()
                yield Finding(f"{what}: missing from the database")
                continue
            found = (equal or same)[0]
            extra.remove(found)
            if not equal:
                there, here = (one.actions or "no action" for one in (found, expected))
                yield Finding(f"{what}: {there} in the database, {here} in the models")
            elif not found.is_valid:
                text = f"{what} is not valid for all rows: VALIDATE CONSTRAINT {found.name}"
                yield Finding(text, prevents_start=False)
        for found in extra:
            what = f"foreign key ({', '.join(found.columns)}) → {found.target}"
            if self._is_from_model(found.name, "fk", found.columns):
                yield Finding(f"{what}: missing from the models")
            else:
                yield Finding(what, prevents_start=False)

    def _same_target(self, one: ForeignKey, other: ForeignKey) -> bool:
        """Return whether two foreign keys have the same columns and refer to the same ones."""

        def content(key: ForeignKey) -> tuple[object, ...]:
            return tuple(map(self._comparable_name, (*key.columns, key.target)))

        targets = [tuple(map(self._comparable_name, key.target_columns)) for key in (one, other)]
        return content(one) == content(other) and (targets[0] == targets[1] or () in targets)

    def _is_from_model(self, name: str | None, kind: str, columns: Iterable[str]) -> bool:
        """Return whether a constraint was created by an earlier version of the model."""
        prefix = f"{kind}_{self._expected.name}_"[:50]
        return (
            bool(name)
            and str(name).startswith(prefix)
            and not {self._comparable_name(column) for column in columns}.isdisjoint(self._known)
        )


def _key_text(key: Key | None) -> str:
    if key is None:
        return "none"
    text = f"({', '.join(key.columns)})"
    return f"{text} {key.options}" if key.options else text
