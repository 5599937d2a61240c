"""The text of SQLite's CREATE TABLE: what a rebuilt table keeps that no revision knows."""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise

_TOKEN = re.compile(
    r"(?P<space>--[^\n]*|/\*.*?(?:\*/|\Z)|\s+)"
    r"""|'(?:[^']|'')*'|"(?:[^"]|"")*"|`(?:[^`]|``)*`|\[[^\]]*\]|[\w$]+|.""",
    re.DOTALL,
)
_CLAUSES = {
    *("CONSTRAINT", "PRIMARY", "NOT", "NULL", "UNIQUE", "CHECK", "DEFAULT", "COLLATE"),
    *("REFERENCES", "FOREIGN", "GENERATED", "AS"),
}
"""The first words of clauses."""
_CONSTRAINTS = ("UNIQUE", "CHECK", "FOREIGN")
_OF_TABLE = {"CONSTRAINT", "PRIMARY", *_CONSTRAINTS}
_WITHIN = {
    *(("SET", "NULL"), ("SET", "DEFAULT"), ("NOT", "NULL"), ("DEFAULT", "NULL")),
    ("ALWAYS", "AS"),
}
"""Pairs of words within a clause: the second one does not start another clause."""
_RULE_OF_SPEC = re.compile("ck_.+_(?:length|range|words)")
_NAME_LIKE_SPEC = re.compile("(?:ck|fk|pk|uq)_")
"""The prefixes of constraints from a spec. A user may have chosen such a name, too."""


class LostError(Exception):
    """A rebuild would lose what the table has."""


@dataclass(frozen=True, slots=True)
class _Token:
    text: str
    start: int
    end: int
    depth: int
    """The number of open parentheses."""

    @property
    def keyword(self) -> str:
        """The word in upper case; empty for what is within nested parentheses."""
        return self.text.upper() if self.depth == 1 else ""

    @property
    def name(self) -> str:
        """The token for comparison. All but strings are in lower case and without quotes."""
        quote = self.text[-1]
        if self.text[0] in {'"', "`"}:
            return self.text[1:-1].replace(quote * 2, quote).lower()
        if self.text[0] == "[":
            return self.text[1:-1].lower()
        return self.text if quote == "'" else self.text.lower()


@dataclass(frozen=True, slots=True)
class Clause:
    """A constraint of a table, or a clause of a column."""

    column: str
    """The column, in lower case; empty for a constraint of the table."""
    kind: str
    """The first word: CHECK, UNIQUE, FOREIGN, DEFAULT, COLLATE, NOT, …"""
    name: str
    """The name of a constraint, in lower case."""
    text: str
    """The SQL. The constraint of a column is written as one of the table."""
    words: tuple[str, ...]
    """The same for comparison, without the name."""

    @property
    def has_conflict_clause(self) -> bool:
        """Whether it says what happens to rows that violate it."""
        return "conflict" in self.words

    @property
    def is_from_spec(self) -> bool:
        """Whether its name is that of a constraint with its columns that follows from a spec."""
        if self.kind == "CHECK":
            return _RULE_OF_SPEC.fullmatch(self.name) is not None
        columns = self.words[self.words.index("(") + 1 : self.words.index(")")]
        ending = "_".join(one for one in columns if one != ",")
        start = "fk_" if self.kind == "FOREIGN" else "uq_"
        return self.name.startswith(start) and self.name.endswith(f"_{ending}")


class TableText:
    """CREATE TABLE, or the part after the name."""

    def __init__(self, sql: str) -> None:
        self.sql = sql
        self.ends: dict[str, int] = {}
        """Where the text of each column ends, by its name in lower case."""
        self.clauses: list[Clause] = []
        tokens = list(_tokens(sql))
        first = next(at for at, one in enumerate(tokens) if one.text == "(")
        last = next(at for at, one in enumerate(tokens) if one.text == ")" and not one.depth)
        self.end = tokens[last - 1].end
        """Where the last column or constraint ends."""
        self.options = [one.text.upper() for one in tokens[last + 1 :] if one.text != ";"]
        """What follows the columns: WITHOUT ROWID, STRICT."""
        for item in _split_items(tokens[first + 1 : last]):
            self._read(item)

    def of_kind(self, *kinds: str) -> list[Clause]:
        """Return the clauses of these kinds."""
        return [one for one in self.clauses if one.kind in kinds]

    def constraints_without(self, other: "TableText") -> list[Clause]:
        """Return the constraints that another table has neither by name nor by content."""
        others = other.of_kind(*_CONSTRAINTS)
        names, contents = {one.name for one in others} - {""}, {one.words for one in others}
        return [
            one
            for one in self.of_kind(*_CONSTRAINTS)
            if one.words not in contents and (one.name not in names or one.has_conflict_clause)
        ]

    def _read(self, item: list[_Token]) -> None:
        column = None if item[0].keyword in _OF_TABLE else item[0]
        if column:
            self.ends[column.name] = item[-1].end
        starts = list(_clause_starts(item, 1 if column else 0))
        for start, end in pairwise([*starts, len(item)]):
            if item[start].keyword != "CONSTRAINT":
                self.clauses.append(self._read_clause(column, None, item[start:end]))
            elif end - start > 2:  # SQLite accepts a name without a constraint
                self.clauses.append(
                    self._read_clause(column, item[start + 1], item[start + 2 : end])
                )

    def _read_clause(
        self, column: _Token | None, name: _Token | None, tokens: list[_Token]
    ) -> Clause:
        kind = tokens[0].keyword
        text = self.sql[tokens[0].start : tokens[-1].end]
        words = [one.name for one in tokens]
        if column and kind == "UNIQUE":
            text = f"UNIQUE ({column.text}){text[len(kind) :]}"
            words = ["unique", "(", column.name, ")", *words[1:]]
        elif column and kind == "REFERENCES":
            kind, text = "FOREIGN", f"FOREIGN KEY ({column.text}) {text}"
            words = ["foreign", "key", "(", column.name, ")", *words]
        if name:
            text = f"CONSTRAINT {name.text} {text}"
        of = column.name if column else ""
        return Clause(of, kind, name.name if name else "", text, tuple(words))


@dataclass(frozen=True, slots=True)
class NewTable:
    """The definition that a rebuild gives a table, and the values that it copies."""

    name: str
    definition: str
    """What follows the name in CREATE TABLE."""
    values: Mapping[str, str]
    """SQL for the values of the columns."""
    dropped: Collection[str] = ()
    """The columns whose values are lost."""
    removed: Collection[str] = ()
    """The constraints that the table does not have any more."""


def removed_constraints(live: str, table: NewTable) -> list[str]:
    """Return the constraints that a revision has to name, since it removes them.

    The names of rules show that they are from a spec. Other constraints keep their names in a
    database in which a column was renamed, so they are recognized by their content.
    """
    old, new = TableText(live), TableText(table.definition)
    contents = {one.words for one in new.of_kind(*_CONSTRAINTS)}
    gone = {name.lower() for name in table.dropped}
    return [
        " ".join(one.text.split())
        for one in old.of_kind(*_CONSTRAINTS)
        if one.words not in contents and one.column not in gone
        if one.kind != "CHECK" or not one.is_from_spec
    ]


def with_kept(live: str, table: NewTable) -> tuple[str, list[str]]:
    """Return the definition with what the live table has and no revision knows.

    Also return the defaults that are not kept, because the values of their columns change. Raises
    LostError for what cannot be kept.
    """
    old, new = TableText(live), TableText(table.definition)
    kept = _unknown_constraints(old, table)
    lost = [one for one in kept if _NAME_LIKE_SPEC.match(one.name)]
    there = {(one.column, one.words) for one in new.clauses}
    lost += [
        one
        for one in old.of_kind("NOT", "PRIMARY")
        if one.has_conflict_clause and (one.column, one.words) not in there
    ]
    if lost:
        raise LostError(", ".join(" ".join(one.text.split()) for one in lost))
    has = {(one.column, one.kind) for one in new.clauses}
    clauses = [
        one
        for one in old.of_kind("DEFAULT", "COLLATE")
        if one.column in new.ends and (one.column, one.kind) not in has
    ]
    same = {
        name.lower() for name, sql in table.values.items() if _token_names(sql) == [name.lower()]
    }
    without_meaning = [one for one in clauses if one.kind == "DEFAULT" and one.column not in same]
    inserts = dict.fromkeys((*new.ends.values(), new.end), "")
    for one in clauses:
        inserts[new.ends[one.column]] += "" if one in without_meaning else f" {one.text}"
    inserts[new.end] += "".join(f", {one.text}" for one in kept)
    text = new.sql
    for at in sorted(inserts, reverse=True):
        text = text[:at] + inserts[at] + text[at:]
    return text + _more_options(old, new), [f"{one.column}: {one.text}" for one in without_meaning]


def _unknown_constraints(old: TableText, table: NewTable) -> list[Clause]:
    """Return the constraints of a live table that no revision knows."""
    left = old.constraints_without(TableText(table.definition))
    if table.removed:
        known = old.constraints_without(TableText(f"({', '.join(table.removed)})"))
        left = [one for one in left if one in known]
    gone = {name.lower() for name in table.dropped}
    is_ours = [one.is_from_spec and not one.has_conflict_clause for one in left]
    return [
        one for one, ours in zip(left, is_ours, strict=True) if not ours and one.column not in gone
    ]


def _more_options(old: TableText, new: TableText) -> str:
    """Return the options of one table that another one lacks."""
    more = [one for one in ("WITHOUT ROWID", "STRICT") if one.split()[-1] in old.options]
    more = [one for one in more if one.split()[-1] not in new.options]
    comma = ", " if new.options and more else " " if more else ""
    return comma + ", ".join(more)


def _tokens(sql: str) -> Iterator[_Token]:
    depth = 0
    for match in _TOKEN.finditer(sql):
        if match["space"]:
            continue
        text = match.group()
        depth -= text == ")"
        yield _Token(text, match.start(), match.end(), depth)
        depth += text == "("


def _token_names(sql: str) -> list[str]:
    return [one.name for one in _tokens(sql)]


def _split_items(tokens: Iterable[_Token]) -> list[list[_Token]]:
    """Return the columns and constraints, which commas separate."""
    items: list[list[_Token]] = [[]]
    for one in tokens:
        if one.keyword == ",":
            items.append([])
        else:
            items[-1].append(one)
    return [item for item in items if item]


def _clause_starts(item: list[_Token], at: int) -> Iterator[int]:
    """Yield the positions at which clauses start."""
    words = ["", "", *(one.keyword for one in item), ""]
    clause = ""
    for index in range(at, len(item)):
        before, previous, word, following = words[index : index + 4]
        if "CONSTRAINT" in {before, previous} or (previous, word) in _WITHIN:
            clause = word if before == "CONSTRAINT" else clause
        elif (
            word in _CLAUSES
            and (word, following) != ("NOT", "DEFERRABLE")
            and (clause, word) != ("FOREIGN", "REFERENCES")
        ):
            clause = word
            yield index
