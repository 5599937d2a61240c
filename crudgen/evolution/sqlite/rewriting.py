"""CREATE TABLE with other clauses. Reason to change: another kind of edit of the text.

Edits are positions in the text and what replaces them, so that everything else stays word for word.
"""

from collections.abc import Sequence
from itertools import pairwise

from crudgen.kit.database.catalogue.tokens import Token, tokenize

from .create_table import Clause, CreateTable, Item

_SPACE = frozenset(" \t\n\v\f\r")
_BEFORE, _AFTER = _SPACE | {"(", ","}, _SPACE | {"(", ")", ",", ";"}
"""Characters before and after which a word needs no space."""
_ORDER = ("TYPE", "NOT NULL", "COLLATE", "DEFAULT")
"""The order in which SQLAlchemy writes the clauses of a column."""


class Rewriting:
    """Edits of one text, and the text that results."""

    def __init__(self, table: CreateTable) -> None:
        self._table = table
        self._ends = {token.end for token in tokenize(table.sql)}
        self._edits: list[tuple[int, int, str]] = []
        self._removed: set[Clause | Item] = set()
        self._added_columns: list[str] = []
        self._added_constraints: list[str] = []

    def rename_table(self, name: str) -> None:
        """Give the table another name, quoted. Rules refer to its columns without its name."""
        self._replace(self._table.name.start, self._table.name.end, name)
        former = self._table.name.name.lower()
        for clause in self._table.clauses("CHECK", "GENERATED"):
            self._unqualify(clause.tokens, former)

    def _unqualify(self, tokens: Sequence[Token], table: str) -> None:
        """Remove the table's name before the names of its columns."""
        for one, following in pairwise(tokens):
            is_name = one.kind in {"word", "quoted"} and one.name.lower() == table
            if is_name and following.keyword == ".":
                self._edits.append((one.start, following.end, ""))
        for token in tokens:
            self._unqualify(token.inner, table)

    def set_clause(self, item: Item, kind: str, text: str | None) -> None:
        """Replace the clause of a kind in a column; add it if it is missing; None removes it."""
        kinds = (kind, "NULL") if kind == "NOT NULL" and text else (kind,)
        found = [clause for clause in item.of_kind(*kinds) if clause not in self._removed]
        for clause in found[1:] if text else found:
            self.remove(clause)
        if text and found:
            start = found[0].start if found[0].name is None else found[0].body
            self._replace(start, found[0].end, text)
        elif text:
            before = _ORDER[: _ORDER.index(kind)]
            ends = [clause.end for clause in item.of_kind(*before)]
            at = max([item.name.end, *ends])
            self._replace(at, at, text)

    def add_clause(self, item: Item, text: str) -> None:
        """Add a clause at the end of a column."""
        self._replace(item.end, item.end, text)

    def replace(self, clause: Clause, text: str) -> None:
        """Replace a clause."""
        self._removed.add(clause)
        self._replace(clause.start, clause.end, text)

    def name_constraint(self, clause: Clause, name: str) -> None:
        """Give a constraint another name, quoted, unless it has none."""
        if clause.name is not None:
            self._replace(clause.name.start, clause.name.end, name)

    def remove(self, clause: Clause) -> None:
        """Remove a clause of a column, or a constraint of the table with its comma."""
        if clause in self._removed:
            return
        self._removed.add(clause)
        item = self._table.owner(clause)
        if item.column is None and self._removed.issuperset(item.clauses):
            self._removed.add(item)
        self._replace(self._space_before(clause.start), clause.end, "")

    def remove_column(self, item: Item) -> None:
        """Remove a column with its clauses and its comma."""
        self._removed.update((item, *item.clauses))
        self._edits = [
            edit for edit in self._edits if not item.start <= edit[0] <= edit[1] <= item.end
        ]
        self._replace(self._space_before(item.start), item.end, "")

    def add_column(self, text: str) -> None:
        """Add a column after the others."""
        self._added_columns.append(text)

    def add_constraint(self, text: str) -> None:
        """Add a constraint of the table at the end."""
        self._added_constraints.append(text)

    def text(self) -> str:
        """Return the edited text."""
        separator = self._separator()
        last_column, last = self._table.columns[-1].end, self._table.items[-1].end
        edits = [*self._edits, *self._removed_commas()]
        edits += [(last_column, last_column, separator + text) for text in self._added_columns]
        edits += [(last, last, separator + text) for text in self._added_constraints]
        parts, at = [], 0
        for start, end, text in sorted(edits, key=lambda edit: edit[:2]):
            parts += [self._table.sql[at:start], text]
            at = max(at, end)
        return "".join([*parts, self._table.sql[at:]])

    def _removed_commas(self) -> list[tuple[int, int, str]]:
        """Return the edits that leave one comma between each two items that stay."""
        items, commas = self._table.items, self._table.commas
        first = next(index for index, item in enumerate(items) if item not in self._removed)
        return [
            (comma.start, comma.end, "")
            for index, comma in enumerate(commas, start=1)
            if items[index] in self._removed or index <= first
        ]

    def _separator(self) -> str:
        """Return a comma and the white space that the text has after its last one."""
        if not self._table.commas:
            return ", "
        comma = self._table.commas[-1]
        gap = self._table.sql[comma.end : self._table.items[-1].start]
        space = gap[len(gap.rstrip()) :]
        return f",{space}" if "\n" in space else ", "

    def _space_before(self, at: int) -> int:
        """Return the start of the white space before a position; after a comment, the position."""
        start = len(self._table.sql[:at].rstrip())
        return start if start in self._ends else at

    def _replace(self, start: int, end: int, text: str) -> None:
        """Replace text, with spaces where words would be joined."""
        sql = self._table.sql
        is_separate = sql[start - 1] in _BEFORE
        if text and not is_separate:
            text = f" {text}"
        if sql[end] not in _AFTER and (text or not is_separate):
            text = f"{text} "
        self._edits.append((start, end, text))
