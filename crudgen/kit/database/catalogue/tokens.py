"""A tokenizer for SQL, which ignores white space and comments."""

import re
from collections.abc import Sequence
from typing import NamedTuple

WORD, QUOTED, STRING, NUMBER, BLOB, SIGN, END = (
    *("word", "quoted", "string", "number", "blob", "sign", "end"),
)
"""The kinds of tokens. Only a word can be a keyword."""

_PARTS = r"""
    (?P<space> [ \t\n\v\f\r]+ | --[^\n]* | /\*.*?(?:\*/|\Z) )
  | (?P<blob> [xX]'[0-9a-fA-F]*' )
  | (?P<string> '[^']*(?:''[^']*)*' )
  | (?P<quoted> "[^"]*(?:""[^"]*)*" {quotes} )
  | (?P<number> 0[xX][0-9a-fA-F]+ | (?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)? )
  | (?P<word> [A-Za-z_\x80-\U0010ffff][A-Za-z0-9_$\x80-\U0010ffff]* )
  | (?P<sign> :: | \|\| | <= | >= | <> | != | == | << | >> | ->> | -> | !~~\*? | ~~\*? | !~\*? | . )
"""
_OF_SQLITE = r"| `[^`]*(?:``[^`]*)*` | \[[^\]]*\]"
_TOKENS = {
    "sqlite": re.compile(_PARTS.replace("{quotes}", _OF_SQLITE), re.VERBOSE | re.DOTALL),
    "postgresql": re.compile(_PARTS.replace("{quotes}", ""), re.VERBOSE | re.DOTALL),
}


class UnreadableError(ValueError):
    """SQL that cannot be parsed."""


class Token(NamedTuple):
    """One token: its value without quotes, and its position in the text."""

    kind: str
    value: str
    start: int
    end: int

    def is_(self, word: str) -> bool:
        """Tell whether the token is this keyword or sign."""
        if self.kind == WORD:
            return self.value.upper() == word
        return self.kind == SIGN and self.value == word


def tokenize(sql: str, dialect: str) -> list[Token]:
    """Split SQL of `sqlite` or `postgresql` into tokens, without white space and comments."""
    tokens = []
    for match in _TOKENS[dialect].finditer(sql):
        kind = str(match.lastgroup)
        if kind == "space":
            continue
        value = match.group()
        if kind in {QUOTED, STRING}:
            quote = value[-1]
            value = value[1:-1] if quote == "]" else value[1:-1].replace(quote * 2, quote)
        tokens.append(Token(kind, value, match.start(), match.end()))
    return tokens


class TokenReader:
    """A reader of tokens. Its methods raise UnreadableError for an unexpected token."""

    def __init__(self, tokens: Sequence[Token]) -> None:
        self._tokens = tokens
        self._next = 0
        self._end = Token(END, "", tokens[-1].end if tokens else 0, -1)

    def peek(self, ahead: int = 0) -> Token:
        """Return a token without consuming it; END after the last one."""
        index = self._next + ahead
        return self._tokens[index] if index < len(self._tokens) else self._end

    def take(self) -> Token:
        """Consume any token."""
        token = self.peek()
        if token.kind == END:
            raise UnreadableError("unexpected end of the text")
        self._next += 1
        return token

    def at(self, *words: str) -> bool:
        """Tell whether the next tokens are these keywords and signs."""
        return all(self.peek(ahead).is_(word) for ahead, word in enumerate(words))

    def at_any(self, words: frozenset[str]) -> bool:
        """Tell whether the next token is one of these keywords and signs."""
        token = self.peek()
        return (token.value.upper() if token.kind == WORD else token.value) in words and (
            token.kind in {WORD, SIGN}
        )

    def accept(self, *words: str) -> bool:
        """Consume these keywords and signs if they are next; return whether they are."""
        if not self.at(*words):
            return False
        self._next += len(words)
        return True

    def expect(self, *words: str) -> None:
        """Consume these keywords and signs."""
        if not self.accept(*words):
            raise UnreadableError(f"expected {' '.join(words)}, found {self.peek().value!r}")

    def name(self, *, folded: bool = False) -> str:
        """Consume a name. SQLite accepts single quotes. `folded`: unquoted in lower case."""
        token = self.take()
        if token.kind not in {WORD, QUOTED, STRING}:
            raise UnreadableError(f"expected a name, found {token.value!r}")
        return token.value.lower() if folded and token.kind == WORD else token.value

    def parenthesised(self) -> Sequence[Token]:
        """Consume a pair of parentheses; return the tokens between them."""
        self.expect("(")
        first = self._next
        depth = 1
        while depth:
            token = self.take()
            if token.kind == SIGN:
                depth += {"(": 1, ")": -1}.get(token.value, 0)
        return self._tokens[first : self._next - 1]

    def separated(self) -> list[Sequence[Token]]:
        """Consume all remaining tokens; split them at commas outside of parentheses."""
        parts: list[list[Token]] = [[]]
        depth = 0
        while self.peek().kind != END:
            token = self.take()
            if token.kind == SIGN:
                depth += {"(": 1, "[": 1, ")": -1, "]": -1}.get(token.value, 0)
            if depth == 0 and token.is_(","):
                parts.append([])
            else:
                parts[-1].append(token)
        return list(parts)
