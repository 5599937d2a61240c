"""The changes of rules, keys and indexes of one table. Reason to change: how they are matched.

They are matched by their content first, and by their names second, so that a rename changes no
rule. Those of the user are kept.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from typing import TypeVar

from crudgen.kit.database.catalogue import Check, ForeignKey, Index, Key
from crudgen.kit.database.catalogue.tokens import tokenize

from .changes import TableChange
from .ownership import is_from_spec, is_index_from_spec, is_row_check
from .scope import ImpossibleChange, Scope

Item = TypeVar("Item", Check, Key, ForeignKey, Index)


class Constraints:
    """The constraints and indexes of an existing table."""

    def __init__(self, scope: Scope) -> None:
        self._found = scope.found
        self._renamed = scope.renamed
        self._expected = scope.expected
        self._scope = scope
        self._fold = scope.fold
        self.impossible: list[ImpossibleChange] = []
        """What prevents the change."""
        self.kept: list[str] = []
        """What the user created and the spec does not mention."""
        self.kept_foreign_keys: list[ForeignKey] = []
        """Those of `kept`, or what removed references have left."""

    def with_constraint_changes(
        self, change: TableChange, retyped: Mapping[str, Collection[str]]
    ) -> TableChange:
        """Return the change of a table with the changes of its constraints and indexes."""
        change = self._with_check_changes(change)
        change = self._with_unique_changes(change)
        change = self._with_foreign_key_changes(change, retyped)
        change = self._with_index_changes(change)
        return self._with_key_change(change)

    def _with_check_changes(self, change: TableChange) -> TableChange:
        pairs = list(zip(self._found.checks, self._renamed.checks, strict=True))
        new = [one for one in self._expected.checks if one not in self._renamed.checks]
        names = {one.name for one in new}
        old, renames, unvalidated = [], [], []
        for live, renamed in pairs:
            columns = renamed.columns
            same = [one for one in self._expected.checks if one == renamed]
            if not same:
                # It could prevent rows without values of columns that are kept.
                is_ours = self._is_ours(live, "ck", columns) or is_row_check(
                    live, self._scope.tables
                )
                if live.name in names or is_ours:
                    old.append(live)
                else:
                    self._note_kept(f"check {live.name or ''} ({live.sql})", live.name, columns)
                continue
            if same[0].name != live.name and self._is_ours(live, "ck", columns):
                renames.append((live, same[0]))
            if not live.is_valid and live.name:
                unvalidated.append(live.name)
        return replace(
            change,
            new_checks=tuple(new),
            old_checks=tuple(old),
            renamed_checks=tuple(renames),
            unvalidated=(*change.unvalidated, *unvalidated),
        )

    def _with_unique_changes(self, change: TableChange) -> TableChange:
        here = {self._comparable_key(key): key for key in self._expected.unique_keys}
        there = {self._comparable_key(key) for key in self._renamed.unique_keys}
        new = [key for key in self._expected.uniques if self._comparable_key(key) not in there]
        old, renames = [], []
        for live, renamed in zip(self._found.uniques, self._renamed.uniques, strict=True):
            same = here.get(self._comparable_key(renamed))
            is_ours = self._is_ours(live, "uq", renamed.columns)
            if same is None and is_ours:
                old.append(live)
            elif same is None:
                self._note_kept(f"unique ({', '.join(live.columns)})", live.name, renamed.columns)
            elif live.name and same.name and live.name != same.name and is_ours:
                renames.append((live.name, same.name))
        return replace(
            change,
            new_uniques=tuple(new),
            old_uniques=tuple(old),
            renamed_constraints=(*change.renamed_constraints, *renames),
        )

    def _with_foreign_key_changes(
        self, change: TableChange, retyped: Mapping[str, Collection[str]]
    ) -> TableChange:
        extra = list(zip(self._found.foreign_keys, self._renamed.foreign_keys, strict=True))
        new, old, renames, unvalidated = [], [], [], []
        for expected in self._expected.foreign_keys:
            same = [one for one in extra if self._same_target(one[1], expected)]
            equal = [one for one in same if one[1].actions == expected.actions]
            if not same:
                new.append(expected)
                continue
            live, renamed = pair = (equal or same)[0]
            extra.remove(pair)
            if not equal or self._changes_type(expected, renamed, retyped):
                old.append(live)
                new.append(expected)
            elif not live.is_valid and live.name:
                unvalidated.append(live.name)
            elif (
                live.name
                and expected.name
                and live.name != expected.name
                and self._is_ours(live, "fk", renamed.columns)
            ):
                renames.append((live.name, expected.name))
        for live, renamed in extra:
            if self._is_ours(live, "fk", renamed.columns):
                old.append(live)
            else:
                self.kept_foreign_keys.append(live)
                what = f"foreign key ({', '.join(live.columns)}) → {live.target}"
                self._refuse_drop(what, renamed.columns)
        return replace(
            change,
            new_foreign_keys=tuple(new),
            old_foreign_keys=tuple(old),
            renamed_constraints=(*change.renamed_constraints, *renames),
            unvalidated=(*change.unvalidated, *unvalidated),
        )

    def _changes_type(
        self, expected: ForeignKey, renamed: ForeignKey, retyped: Mapping[str, Collection[str]]
    ) -> bool:
        """Return whether a column of a foreign key, or one that it refers to, changes its type."""
        targets = expected.target_columns or renamed.target_columns
        return not (
            set(retyped.get(self._expected.name, ())).isdisjoint(expected.columns)
            and set(retyped.get(expected.target, ())).isdisjoint(targets)
        )

    def _same_target(self, one: ForeignKey, other: ForeignKey) -> bool:
        """Return whether two foreign keys have the same columns and refer to the same ones."""
        contents = [tuple(map(self._fold, (*key.columns, key.target))) for key in (one, other)]
        targets = [tuple(map(self._fold, key.target_columns)) for key in (one, other)]
        return contents[0] == contents[1] and (targets[0] == targets[1] or () in targets)

    def _with_index_changes(self, change: TableChange) -> TableChange:
        pairs = list(zip(self._found.indexes, self._renamed.indexes, strict=True))
        old = [live for live, renamed in pairs if self._is_removed(live, renamed)]
        left = [(live, renamed) for live, renamed in pairs if live not in old]
        new = self._missing_indexes(change, [renamed for _, renamed in left])
        names = {self._fold(index.name) for index in new}
        renames: list[tuple[str, str]] = []
        others: list[tuple[str, str]] = []
        for live, renamed in left:
            same = self._expected_index(renamed)
            if same is None and self._fold(live.name) in names:
                old.append(live)
            elif same is None:
                self._note_kept_index(live)
            elif live.name != same.name:
                is_ours = self._is_our_index(live, renamed)
                (renames if is_ours else others).append((live.name, same.name))
        return replace(
            change,
            new_indexes=tuple(new),
            old_indexes=tuple(old),
            renamed_indexes=tuple(renames),
            same_indexes=tuple(others),
        )

    def _expected_index(self, renamed: Index) -> Index | None:
        """Return the index of the models with the same content."""
        for index in self._expected.indexes:
            same = self._folded_names(index.columns) == self._folded_names(renamed.columns)
            if same and index.is_unique == renamed.is_unique and renamed.where is None:
                return index
        return None

    def _is_removed(self, live: Index, renamed: Index) -> bool:
        """Return whether an index is from the spec, and not in the models or not valid."""
        is_ours = self._is_our_index(live, renamed)
        if live.is_unique and live.where is None and live.is_valid:
            uniques = {self._comparable_key(key) for key in self._expected.unique_keys}
            is_ours = is_ours or self._is_ours(Key(live.name, ()), "uq", renamed.columns)
            is_ours = (
                is_ours and self._comparable_key(Key(live.name, renamed.columns)) not in uniques
            )
        return is_ours and (self._expected_index(renamed) is None or not live.is_valid)

    def _missing_indexes(self, change: TableChange, left: Iterable[Index]) -> list[Index]:
        """Return the indexes of the models that no live index or unique constraint replaces."""
        columns = {
            self._folded_names(renamed.columns)
            for live, renamed in zip(self._found.uniques, self._renamed.uniques, strict=True)
            if live not in change.old_uniques
        }
        uniques = {frozenset(parts) for parts in columns}
        for index in left:
            if index.is_valid and index.where is None:
                columns.add(self._folded_names(index.columns))
                if index.is_unique:
                    uniques.add(frozenset(self._folded_names(index.columns)))
        return [
            index
            for index in self._expected.indexes
            if (
                frozenset(self._folded_names(index.columns)) not in uniques
                if index.is_unique
                else self._folded_names(index.columns) not in columns
            )
        ]

    def _note_kept_index(self, live: Index) -> None:
        kind = "unique index" if live.is_unique else "index"
        columns = f" ({', '.join(live.columns)})" if "(expression)" not in live.columns else ""
        used = {token.name for part in live.columns for token in tokenize(part)}
        self._note_kept(f"{kind} {live.name}{columns}", live.name, used)

    def _is_our_index(self, live: Index, renamed: Index) -> bool:
        """Return whether an index is from the spec, and not kept because of kept columns.

        A unique index is kept only if all of its columns are: it could reject rows without values.
        """
        kept = [one for one in renamed.columns if not self._is_in_scope([one])]
        is_kept = len(kept) == len(renamed.columns) if live.is_unique else bool(kept)
        columns = (live.columns, renamed.columns)
        return not is_kept and is_index_from_spec(live, self._scope.tables, columns)

    def _with_key_change(self, change: TableChange) -> TableChange:
        found, expected = self._renamed.key, self._expected.key
        live, new = (key.name or "" if key else "" for key in (found, expected))
        if live.startswith("pk_") and new and live != new:
            renames = (*change.renamed_constraints, (live, new))
            change = replace(change, renamed_constraints=renames)
        if (found and self._comparable_key(found)) != (expected and self._comparable_key(expected)):
            there, here = (", ".join(key.columns) if key else "none" for key in (found, expected))
            self.impossible.append(
                ImpossibleChange(
                    None,
                    f"the primary key is ({there}) in the database, ({here}) in the spec",
                    "crudgen does not change it: undo this change of the spec, or create another"
                    " entity and copy the rows",
                )
            )
            return replace(change, key_changed=True)
        return change

    def _comparable_key(self, key: Key) -> tuple[frozenset[str], str]:
        return frozenset(map(self._fold, key.columns)), key.options

    def _folded_names(self, columns: Iterable[str]) -> tuple[str, ...]:
        return tuple(map(self._fold, columns))

    def _is_in_scope(self, columns: Iterable[str]) -> bool:
        """Return whether any of these columns is of the spec, or is dropped."""
        ours = {name.lower() for name in (*self._scope.known, *self._scope.dropped)}
        return not ours.isdisjoint(column.lower() for column in columns)

    def _is_ours(self, item: Check | Key | ForeignKey, kind: str, columns: Iterable[str]) -> bool:
        """Return whether a constraint is from the spec, and on a column of it or a dropped one."""
        return self._is_in_scope(columns) and is_from_spec(item, kind, self._scope.tables)

    def _note_kept(self, what: str, name: str | None, columns: Iterable[str]) -> None:
        """Note that the user's object is kept."""
        text = what if name is None or name in what else f"{what}, {name}"
        self.kept.append(" ".join(text.split()))
        self._refuse_drop(text, columns)

    def _refuse_drop(self, text: str, columns: Iterable[str]) -> None:
        """Refuse to drop a column that a kept object uses."""
        dropped = {name.lower() for name in self._scope.dropped}
        for column in columns:
            if column.lower() in dropped:
                self.impossible.append(
                    ImpossibleChange(
                        column, f"is used by {text}", "drop that first, then the column"
                    )
                )
