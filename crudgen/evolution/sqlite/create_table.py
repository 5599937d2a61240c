"""The text of SQLite's CREATE TABLE, and its clauses. Reason to change: SQLite's grammar.

Clauses are replaced by position. All other text is kept: the notation of the user, comments, and
columns and constraints that no model has.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from crudgen.kit.database.catalogue.tokens import Token, nested_tokens, split_at_commas

_OF_TABLE = {"CONSTRAINT", "PRIMARY", "UNIQUE", "CHECK", "FOREIGN"}
_STARTS = {
    *("CONSTRAINT", "PRIMARY", "NOT", "NULL", "UNIQUE", "CHECK", "DEFAULT", "COLLATE"),
    *("REFERENCES", "FOREIGN", "GENERATED", "AS", "DEFERRABLE", "INITIALLY"),
}
_KINDS = {
    ("NOT", "NULL"): ("NOT NULL", 2),
    ("NULL", ""): ("NULL", 1),
    ("CHECK", ""): ("CHECK", 1),
    ("UNIQUE", ""): ("UNIQUE", 1),
    ("PRIMARY", "KEY"): ("PRIMARY KEY", 2),
    ("GENERATED", "ALWAYS"): ("GENERATED", 3),
    ("AS", ""): ("GENERATED", 1),
}
"""The kinds of clauses by their first words, with the number of words before parentheses."""
_OPTIONS = {
    *("ON", "CONFLICT", "ROLLBACK", "ABORT", "FAIL", "IGNORE", "REPLACE"),
    *("ASC", "DESC", "AUTOINCREMENT", "STORED", "VIRTUAL"),
}
"""Words after the main part of a clause."""
_OPTIONS_OF_REFERENCES = {
    *("ON", "DELETE", "UPDATE", "INSERT", "SET", "NULL", "DEFAULT", "CASCADE", "RESTRICT"),
    *("NO", "ACTION", "NOT", "DEFERRABLE", "INITIALLY", "DEFERRED", "IMMEDIATE"),
}


@dataclass(frozen=True, slots=True)
class Clause:
    """A clause of a column, or a constraint of the table."""

    kind: str
    """`TYPE`, `NOT NULL`, `NULL`, `CHECK`, `DEFAULT`, `COLLATE`, `PRIMARY KEY`, `UNIQUE`,
    `FOREIGN KEY`, `GENERATED`, or empty for anything else."""
    start: int
    """The position of CONSTRAINT, if the clause has a name."""
    end: int
    tokens: Sequence[Token] = field(compare=False, repr=False)
    """The tokens after CONSTRAINT and the name."""
    name: Token | None = field(default=None, compare=False)
    columns: tuple[str, ...] = ()
    """The names of the columns of a key, in lower case."""

    @property
    def target(self) -> str:
        """The table that a foreign key refers to, in lower case."""
        return self.tokens[self._references_index + 1].name.lower()

    @property
    def body(self) -> int:
        """The position of the clause after its name, and after FOREIGN KEY and its columns."""
        at = self._references_index if self.kind == "FOREIGN KEY" else 0
        return self.tokens[at].start

    @property
    def _references_index(self) -> int:
        """The index of the token REFERENCES."""
        return next(
            index for index, token in enumerate(self.tokens) if token.keyword == "REFERENCES"
        )


@dataclass(frozen=True, slots=True)
class Item:
    """What stands between two commas: a column, or constraints of the table."""

    column: str | None
    start: int
    end: int
    clauses: tuple[Clause, ...]
    name: Token = field(compare=False)
    """The name of the column; the first token of constraints."""

    def of_kind(self, *kinds: str) -> list[Clause]:
        """Return the clauses of these kinds."""
        return [clause for clause in self.clauses if clause.kind in kinds]


class CreateTable:
    """The text of CREATE TABLE."""

    def __init__(self, sql: str) -> None:
        self.sql = sql
        tokens = nested_tokens(sql)
        at = next(index for index, token in enumerate(tokens) if token.kind == "group")
        self.name = tokens[at - 1]
        self.body = tokens[at]
        self.items = tuple(map(_parse_item, split_at_commas(self.body.inner)))
        self.commas = [token for token in self.body.inner if token.keyword == ","]
        """The comma before each item but the first."""

    def text(self, one: Clause | Item | Token) -> str:
        """Return the text of a part."""
        return self.sql[one.start : one.end]

    def column(self, name: str) -> Item:
        """Return the column of a name, whose case is ignored."""
        folded = name.lower()
        return next(item for item in self.items if (item.column or "").lower() == folded)

    @property
    def columns(self) -> list[Item]:
        """The columns, in order. SQLite requires them before the constraints of the table."""
        return [item for item in self.items if item.column is not None]

    def clauses(self, *kinds: str) -> list[Clause]:
        """Return the clauses of these kinds in the order of the text."""
        return [clause for item in self.items for clause in item.of_kind(*kinds)]

    def owner(self, clause: Clause) -> Item:
        """Return the item with a clause."""
        return next(item for item in self.items if clause in item.clauses)

    @property
    def has_rowid(self) -> bool:
        """Whether the table has a rowid."""
        rest = nested_tokens(self.sql[self.body.end :])
        return not any(token.keyword == "WITHOUT" for token in rest)

    @property
    def is_autoincrement(self) -> bool:
        """Whether keys of deleted rows are not used again."""
        return any(
            token.keyword == "AUTOINCREMENT"
            for clause in self.clauses("PRIMARY KEY")
            for token in _all_tokens(clause.tokens)
        )


def _all_tokens(tokens: Iterable[Token]) -> Iterator[Token]:
    for token in tokens:
        yield token
        yield from _all_tokens(token.inner)


def _parse_item(tokens: list[Token]) -> Item:
    first, last = tokens[0], tokens[-1]
    if first.keyword in _OF_TABLE:
        return Item(None, first.start, last.end, tuple(_parse_clauses(tokens, 0, None)), first)
    at = 1
    while at < len(tokens) and tokens[at].keyword not in _STARTS:
        at += 1
    declared = tokens[1:at]
    clauses = [*_parse_clauses(tokens, at, first.name)]
    if declared:
        clauses.insert(0, Clause("TYPE", declared[0].start, declared[-1].end, declared))
    return Item(first.name, first.start, last.end, tuple(clauses), first)


def _parse_clauses(tokens: Sequence[Token], at: int, column: str | None) -> Iterator[Clause]:
    while at < len(tokens):
        start, name = at, None
        if tokens[at].keyword == "CONSTRAINT" and at + 1 < len(tokens):
            name, at = tokens[at + 1], at + 2
        kind, end = _clause_extent(tokens, at)
        own = tokens[at:end]
        yield Clause(
            kind,
            tokens[start].start,
            tokens[end - 1].end,
            own,
            name,
            _key_columns(kind, own, column),
        )
        at = end


def _key_columns(kind: str, own: Sequence[Token], column: str | None) -> tuple[str, ...]:
    if kind not in {"PRIMARY KEY", "UNIQUE", "FOREIGN KEY"}:
        return ()
    if column is not None:
        return (column.lower(),)
    group = next(token for token in own if token.kind == "group")
    return tuple(part[0].name.lower() for part in split_at_commas(group.inner))


def _clause_extent(tokens: Sequence[Token], at: int) -> tuple[str, int]:
    """Return the kind of the clause at a position, and the position after it."""
    first, second, *_ = *(token.keyword for token in tokens[at : at + 2]), "", ""
    if first == "CONSTRAINT":
        return "", at  # SQLite accepts a name without a constraint
    if first in {"FOREIGN", "REFERENCES"}:
        return "FOREIGN KEY", _position_after_references(
            tokens, at + 3 if first == "FOREIGN" else at
        )
    if first == "COLLATE":
        return first, min(at + 2, len(tokens))
    if first == "DEFAULT":
        at += 1
        while at < len(tokens) and tokens[at].keyword in {"+", "-"}:
            at += 1
        return first, min(at + 1, len(tokens))
    kind, words = _KINDS.get((first, second)) or _KINDS.get((first, "")) or ("", 1)
    at = _position_after_group(tokens, min(at + words, len(tokens)))
    while at < len(tokens) and tokens[at].keyword in _OPTIONS:
        at += 1
    return kind, at


def _position_after_group(tokens: Sequence[Token], at: int) -> int:
    return at + 1 if at < len(tokens) and tokens[at].kind == "group" else at


def _position_after_references(tokens: Sequence[Token], at: int) -> int:
    at = _position_after_group(tokens, at + 2)
    while at < len(tokens):
        word = tokens[at].keyword
        following = tokens[at + 1].keyword if at + 1 < len(tokens) else ""
        if word == "MATCH":
            at += 2
        elif word in _OPTIONS_OF_REFERENCES and not _starts_clause(tokens, at, word, following):
            at += 1
        else:
            break
    return at


def _starts_clause(tokens: Sequence[Token], at: int, word: str, following: str) -> bool:
    """Return whether a word after REFERENCES belongs to the next clause."""
    if word == "NOT":
        return following != "DEFERRABLE"
    return word in {"NULL", "DEFAULT"} and tokens[at - 1].keyword != "SET"
