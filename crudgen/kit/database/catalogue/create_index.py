"""A parser for CREATE INDEX."""

from collections.abc import Sequence

from .definitions import Index
from .tokens import END, QUOTED, STRING, WORD, Token, TokenReader, tokenize


def read_create_index(sql: str, dialect: str) -> Index:
    """Parse a CREATE INDEX. Raises UnreadableError for any other statement."""
    reader = TokenReader(tokenize(sql, dialect))
    folded = dialect != "sqlite"
    reader.expect("CREATE")
    is_unique = reader.accept("UNIQUE")
    reader.expect("INDEX")
    reader.accept("CONCURRENTLY")
    reader.accept("IF", "NOT", "EXISTS")
    name = reader.name(folded=folded)
    if reader.accept("."):
        name = reader.name(folded=folded)
    reader.expect("ON")
    reader.accept("ONLY")
    reader.name(folded=folded)
    if reader.accept("."):
        reader.name(folded=folded)
    if reader.accept("USING"):
        reader.name()
    items = TokenReader(reader.parenthesised()).separated()
    columns = tuple(indexed(item, folded=folded) for item in items)
    while reader.peek().kind != END and not reader.at("WHERE"):
        if reader.accept("NULLS", "NOT", "DISTINCT"):
            columns = (*columns, "nulls not distinct")
        else:
            reader.take()
    where = sql[reader.peek(1).start :].strip() if reader.at("WHERE") else None
    return Index(name, columns, is_unique, where)


def indexed(item: Sequence[Token], *, folded: bool) -> str:
    """Return the name of an indexed column, without ASC or DESC, or the text of an expression."""
    if item and (item[-1].is_("ASC") or item[-1].is_("DESC")):
        item = item[:-1]
    if len(item) == 1 and item[0].kind in {WORD, QUOTED, STRING}:
        value = item[0].value
        return value.lower() if folded and item[0].kind == WORD else value
    return " ".join(token.value for token in item)
