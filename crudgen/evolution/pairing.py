"""Which live tables and columns become those of the models. Reason to change: how they are found.

A live table is also described by the names that it will have, to compare it with the models.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, replace

from crudgen.kit.database.catalogue import ForeignKey, Index, Key, TableDefinition
from crudgen.kit.database.catalogue.explain import quoted
from crudgen.kit.database.catalogue.tokens import Token, normalized, tokenize

from .hints import Hints
from .renames import renamed_columns, renamed_tables

Fold = Callable[[str], str]
"""Returns a name for comparison: SQLite ignores case."""


_OPERATORS = {"AND", "BETWEEN", "CASE", "CAST", "IN", "IS", "LIKE", "NOT", "NULL", "OR"}
"""Words of rules. A column of such a name is quoted."""


@dataclass(frozen=True, slots=True)
class Pair:
    """A table of the models, and the live one that becomes it."""

    expected: TableDefinition
    found: TableDefinition | None
    """The live table; None if the table is new."""
    renamed: TableDefinition | None
    """The live table with the names that it will have. Its items have the same order."""
    live: Mapping[str, str]
    """The live names of the columns that both have, by those of the models."""


def fold_of(dialect: str) -> Fold:
    """Return the function that makes names comparable."""
    return str.lower if dialect == "sqlite" else str


def former_names(hints: Hints) -> set[str]:
    """Return all former names of tables."""
    return {name for names in hints.tables.values() for name in names}


def pair_tables(
    found: Mapping[str, TableDefinition],
    expected: Mapping[str, TableDefinition],
    hints: Hints,
    fold: Fold,
) -> dict[str, Pair]:
    """Return the pair of each table of the models, by its name. `found` are live tables."""
    tables = _SpelledNames(found, (*expected, *former_names(hints)), fold)
    columns = {
        tables.spec_name(name): [column.name for column in table.columns]
        for name, table in found.items()
    }
    moved = renamed_tables(hints, columns)
    taken = set(moved.values())
    sources = {name: name for name in expected if name in columns and name not in taken} | {
        new: old for new, old in moved.items() if new in expected
    }
    live_tables = {new: found[tables.live_name(old)] for new, old in sources.items()}
    live_columns = {
        name: _database_column_names(live_tables[name], expected[name], hints, fold)
        for name in sources
    }
    renaming = _Renaming(live_tables, live_columns, fold)
    return {
        name: Pair(
            definition,
            live_tables.get(name),
            renaming.renamed(name) if name in live_tables else None,
            live_columns.get(name, {}),
        )
        for name, definition in expected.items()
    }


class _SpelledNames:
    """Names of the database in the spelling of the spec."""

    def __init__(self, live: Collection[str], known: Collection[str], fold: Fold) -> None:
        spelled = {fold(name): name for name in known}
        self._live = {
            name if name in known else spelled.get(fold(name), name): name for name in live
        }
        self._canonical = {name: known for known, name in self._live.items()}

    def spec_name(self, live: str) -> str:
        return self._canonical[live]

    def live_name(self, canonical: str) -> str:
        return self._live[canonical]

    def __iter__(self) -> Iterator[str]:
        return iter(self._live)


def _database_column_names(
    found: TableDefinition, expected: TableDefinition, hints: Hints, fold: Fold
) -> dict[str, str]:
    """Return the live names of the columns that both tables have, by those of the models."""
    former = {name for names in hints.columns.get(expected.name, {}).values() for name in names}
    wanted = [column.name for column in expected.columns]
    names = _SpelledNames([column.name for column in found.columns], (*former, *wanted), fold)
    there = list(names)
    moved = renamed_columns(hints, expected.name, there)
    taken = set(moved.values())
    kept = {name: name for name in wanted if name in there and name not in taken}
    return {new: names.live_name(old) for new, old in (kept | moved).items() if new in wanted}


class _Renaming:
    """Describes live tables by the names that they will have."""

    def __init__(
        self,
        tables: Mapping[str, TableDefinition],
        columns: Mapping[str, Mapping[str, str]],
        fold: Fold,
    ) -> None:
        self._tables = tables
        self._fold = fold
        self._new_tables = {fold(table.name): name for name, table in tables.items()}
        self._new_columns = {
            name: {fold(live): new for new, live in renamed.items()}
            for name, renamed in columns.items()
        }

    def renamed(self, name: str) -> TableDefinition:
        """Return the definition of a live table, with its names replaced by those of the models."""
        table, names = self._tables[name], self._new_columns[name]

        def new_name(column: str) -> str:
            return names.get(self._fold(column), column)

        def renamed_key(one: Key) -> Key:
            return replace(one, columns=tuple(map(new_name, one.columns)))

        def renamed_index(one: Index) -> Index:
            columns = tuple(
                new_name(part) if self._fold(part) in names else self._renamed_sql(part, names)
                for part in one.columns
            )
            return replace(
                one, columns=columns, where=one.where and self._renamed_sql(one.where, names)
            )

        checks = []
        for check in table.checks:
            sql = self._renamed_sql(check.sql, names)
            same = check.normalized if sql == check.sql else normalized(sql)
            if not table.sql:  # PostgreSQL prints them in one notation
                same = sql
            used = frozenset(new_name(column).lower() for column in check.columns)
            checks.append(replace(check, sql=sql, normalized=same, columns=used))
        return replace(
            table,
            name=name,
            columns=tuple(replace(one, name=new_name(one.name)) for one in table.columns),
            key=table.key and renamed_key(table.key),
            uniques=tuple(map(renamed_key, table.uniques)),
            checks=tuple(checks),
            foreign_keys=tuple(
                self._renamed_foreign_key(one, new_name) for one in table.foreign_keys
            ),
            indexes=tuple(map(renamed_index, table.indexes)),
        )

    def _renamed_foreign_key(self, one: ForeignKey, new_name: Fold) -> ForeignKey:
        target = self._new_tables.get(self._fold(one.target), one.target)
        names = self._new_columns.get(target, {})
        return replace(
            one,
            columns=tuple(map(new_name, one.columns)),
            target=target,
            target_columns=tuple(names.get(self._fold(part), part) for part in one.target_columns),
        )

    def _renamed_sql(self, sql: str, names: Mapping[str, str]) -> str:
        """Return an expression with the new names of its columns."""
        changed = {old: new for old, new in names.items() if old != self._fold(new)}
        return with_columns(sql, {old: quoted(new) for old, new in changed.items()}, self._fold)


def with_columns(sql: str, texts: Mapping[str, str], fold: Fold) -> str:
    """Return an expression whose columns are replaced by other texts; keys are folded names."""
    tokens = list(tokenize(sql))
    result, end = [], 0
    for index, token in enumerate(tokens):
        text = texts.get(fold(token.name)) if _may_be_column(tokens, index) else None
        result.append(sql[end : token.start])
        result.append(token.text if text is None else text)
        end = token.end
    return "".join(result) + sql[end:]


def _may_be_column(tokens: list[Token], index: int) -> bool:
    """Return whether a token may name a column: not a keyword, function, type or string."""
    if tokens[index].kind == "quoted":
        return True
    following = tokens[index + 1].keyword if index + 1 < len(tokens) else ""
    preceding = tokens[index - 1].keyword if index else ""
    is_keyword = tokens[index].keyword in _OPERATORS
    return tokens[index].kind == "word" and not is_keyword and following != "(" and preceding != ":"
