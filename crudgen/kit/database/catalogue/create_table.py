"""A parser for CREATE TABLE."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from .create_index import indexed
from .definitions import Check, Column, ForeignKey, Key, KeyGenerator, TableDefinition
from .expressions import meaning
from .tokens import END, Token, TokenReader, UnreadableError, tokenize

TypeReader = Callable[[Sequence[Token]], tuple[str, KeyGenerator]]
"""A function from the tokens of a type to its name in the catalogue and its key generator."""

_CONSTRAINTS = frozenset({"CONSTRAINT", "PRIMARY", "UNIQUE", "CHECK", "FOREIGN"})
_AFTER_TYPE = frozenset(
    {
        *("CONSTRAINT", "PRIMARY", "NOT", "NULL", "UNIQUE", "CHECK", "DEFAULT", "COLLATE"),
        *("REFERENCES", "GENERATED", "AS", "DEFERRABLE", "INITIALLY", ",", ")"),
    }
)
_DEFERRING = frozenset({"DEFERRABLE", "INITIALLY"})


@dataclass
class _Read:
    """The parsed parts of a table. CHECKs are parsed at the end, when all columns are known."""

    columns: list[Column] = field(default_factory=list)
    key: Key | None = None
    key_is_descending: bool = False
    is_autoincrement: bool = False
    uniques: list[Key] = field(default_factory=list)
    checks: list[tuple[str | None, Sequence[Token]]] = field(default_factory=list)
    foreign_keys: list[ForeignKey] = field(default_factory=list)


def read_create_table(sql: str, dialect: str, type_reader: TypeReader) -> TableDefinition:
    """Parse a CREATE TABLE. Raises UnreadableError for any other statement."""
    reader = TokenReader(tokenize(sql, dialect))
    reader.expect("CREATE")
    _ = reader.accept("TEMP") or reader.accept("TEMPORARY")
    reader.expect("TABLE")
    reader.accept("IF", "NOT", "EXISTS")
    statement = _Statement(reader, dialect, type_reader)
    return statement.table(sql)


class _Statement:
    def __init__(self, reader: TokenReader, dialect: str, type_reader: TypeReader) -> None:
        self._reader = reader
        self._dialect = dialect
        self._type_reader = type_reader
        self._read = _Read()

    def table(self, sql: str) -> TableDefinition:
        name = self._name()
        if self._reader.accept("."):
            name = self._name()
        self._reader.expect("(")
        while not self._reader.at_any(_CONSTRAINTS):
            self._column()
            if not self._reader.accept(","):
                break
        while not self._reader.accept(")"):
            self._constraint()
            self._reader.accept(",")  # SQLite does not need it between constraints
        options = set()
        while self._reader.peek().kind != END:
            token = self._reader.take()
            word = token.value.upper()
            if word == "WITHOUT":
                word = f"{word} {self._reader.take().value.upper()}"
            if not token.is_(","):
                options.add(word)
        return self._definition(name, sql, frozenset(options))

    def _definition(self, name: str, sql: str, options: frozenset[str]) -> TableDefinition:
        read = self._read
        key = set(map(str.lower, read.key.columns)) if read.key else set()
        columns = [self._as_key(column, key, options) for column in read.columns]
        types = {column.name.lower(): column.type.lower() for column in columns}
        checks = [
            Check(
                label, sql[tokens[0].start : tokens[-1].end], meaning(tokens, types, self._dialect)
            )
            for label, tokens in read.checks
        ]
        return TableDefinition(
            name=name,
            columns=tuple(columns),
            key=read.key,
            uniques=tuple(read.uniques),
            checks=tuple(checks),
            foreign_keys=tuple(read.foreign_keys),
            options=options,
            sql=sql,
        )

    def _as_key(self, column: Column, key: set[str], options: frozenset[str]) -> Column:
        """Add the properties that a column has as a part of the primary key."""
        if column.name.lower() not in key:
            return column
        if self._dialect != "sqlite" or "WITHOUT ROWID" in options:
            return replace(column, nullable=False)
        if len(key) > 1 or column.type != "INTEGER" or self._read.key_is_descending:
            return column
        generator = (
            KeyGenerator.AUTOINCREMENT if self._read.is_autoincrement else KeyGenerator.ROWID
        )
        return replace(column, nullable=False, generator=generator)

    def _column(self) -> None:
        reader = self._reader
        name = self._name()
        words: list[Token] = []
        while not reader.at_any(_AFTER_TYPE) and reader.peek().kind != END:
            words.append(reader.take())
            if words[-1].is_("("):
                while not words[-1].is_(")"):
                    words.append(reader.take())
        kind, generator = self._type_reader(words)
        at = (words[0].start, words[-1].end) if words else None
        column = Column(
            name,
            kind,
            generator=generator,
            has_default=generator is not KeyGenerator.NONE,
            type_at=at,
        )
        while not (reader.at(",") or reader.at(")")):
            column = self._of_column(column)
        self._read.columns.append(column)

    def _of_column(self, column: Column) -> Column:
        """Parse one constraint of a column."""
        reader = self._reader
        name = self._name() if reader.accept("CONSTRAINT") else None
        if reader.accept("NOT", "NULL"):
            return replace(column, nullable=False, on_conflict=self._on_conflict())
        if reader.accept("DEFAULT"):
            return replace(column, has_default=self._default())
        if reader.accept("COLLATE"):
            return replace(column, collation=self._name())
        if reader.at("GENERATED") or reader.at("AS"):
            return self._generated(column)
        self._rule_of_column(name, column.name)
        return column

    def _generated(self, column: Column) -> Column:
        reader = self._reader
        always = reader.accept("GENERATED", "ALWAYS")
        if not always:
            reader.accept("GENERATED", "BY", "DEFAULT")
        reader.expect("AS")
        if not reader.accept("IDENTITY"):
            reader.parenthesised()
            _ = reader.accept("STORED") or reader.accept("VIRTUAL")
            return replace(column, is_generated=True)
        if reader.at("("):
            reader.parenthesised()
        generator = KeyGenerator.IDENTITY_ALWAYS if always else KeyGenerator.IDENTITY
        return replace(column, generator=generator, has_default=True)

    def _rule_of_column(self, name: str | None, column: str) -> None:
        reader = self._reader
        if reader.accept("PRIMARY", "KEY"):
            self._read.key_is_descending = reader.accept("DESC")
            reader.accept("ASC")
            self._read.key = Key(name, (column,), self._options())
            self._read.is_autoincrement = reader.accept("AUTOINCREMENT")
        elif reader.accept("NULL"):
            self._on_conflict()
        elif reader.accept("UNIQUE"):
            self._read.uniques.append(Key(name, (column,), self._options()))
        elif reader.accept("CHECK"):
            self._read.checks.append((name, reader.parenthesised()))
            self._on_conflict()
        elif reader.at("REFERENCES"):
            self._read.foreign_keys.append(self._reference(name, (column,)))
        elif reader.at("NOT") or reader.at_any(_DEFERRING):
            self._deferrable()
        elif name is None or not (reader.at(",") or reader.at(")")):
            raise UnreadableError(reader.peek().value)

    def _default(self) -> bool:
        """Parse a default; return whether it is not NULL."""
        reader = self._reader
        if reader.at("("):
            return [token.value.upper() for token in reader.parenthesised()] != ["NULL"]
        first = reader.take()
        depth = 0
        while depth or not (reader.at_any(_AFTER_TYPE) or reader.peek().kind == END):
            depth += {"(": 1, ")": -1}.get(reader.take().value, 0)
        return not first.is_("NULL")

    def _constraint(self) -> None:
        """Parse one constraint of the table."""
        reader = self._reader
        name = self._name() if reader.accept("CONSTRAINT") else None
        if reader.accept("PRIMARY", "KEY"):
            items = TokenReader(reader.parenthesised()).separated()
            if items and items[-1] and items[-1][-1].is_("AUTOINCREMENT"):
                self._read.is_autoincrement = True
                items[-1] = items[-1][:-1]
            self._read.key = Key(name, self._items(items), self._options())
        elif reader.accept("UNIQUE"):
            before = "NULLS NOT DISTINCT" if reader.accept("NULLS", "NOT", "DISTINCT") else ""
            columns = self._items(TokenReader(reader.parenthesised()).separated())
            options = " ".join(filter(None, [before, self._options()]))
            self._read.uniques.append(Key(name, columns, options))
        elif reader.accept("CHECK"):
            self._read.checks.append((name, reader.parenthesised()))
            self._options()
        elif reader.accept("FOREIGN", "KEY"):
            columns = self._items(TokenReader(reader.parenthesised()).separated())
            self._read.foreign_keys.append(self._reference(name, columns))
        else:
            raise UnreadableError(reader.peek().value)

    def _reference(self, name: str | None, columns: tuple[str, ...]) -> ForeignKey:
        reader = self._reader
        reader.expect("REFERENCES")
        target = self._name()
        if reader.accept("."):
            target = self._name()
        found: tuple[str, ...] = ()
        if reader.at("("):
            found = self._items(TokenReader(reader.parenthesised()).separated())
        actions = {"DELETE": "NO ACTION", "UPDATE": "NO ACTION"}
        while reader.at("ON") or reader.at("MATCH"):
            word = reader.take()
            if word.is_("MATCH"):
                self._name()
                continue
            what = reader.take().value.upper()
            action = reader.take().value.upper()
            if action in {"SET", "NO"}:
                action = f"{action} {reader.take().value.upper()}"
            actions[what] = action
        self._deferrable()
        return ForeignKey(name, columns, target, found, actions["DELETE"], actions["UPDATE"])

    def _items(self, items: list[Sequence[Token]]) -> tuple[str, ...]:
        return tuple(indexed(item, folded=self._dialect != "sqlite") for item in items)

    def _options(self) -> str:
        return self._deferrable() or self._on_conflict()

    def _on_conflict(self) -> str:
        if not self._reader.accept("ON", "CONFLICT"):
            return ""
        word = self._reader.take().value.upper()
        return "" if word == "ABORT" else f"ON CONFLICT {word}"

    def _deferrable(self) -> str:
        reader = self._reader
        negated = reader.accept("NOT", "DEFERRABLE")
        found = not negated and reader.accept("DEFERRABLE")
        if reader.accept("INITIALLY"):
            reader.take()
        return "DEFERRABLE" if found else ""

    def _name(self) -> str:
        return self._reader.name(folded=self._dialect != "sqlite")
