"""A tokenizer for SQLite's SQL. White space and comments are dropped, parentheses nested."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

_TOKENS = re.compile(
    r"""
    (?P<space> [ \t\n\v\f\r]+ | --[^\n]* | /\*.*?(?:\*/|\Z) )
  | (?P<string> [xX]?'[^']*(?:''[^']*)*' )
  | (?P<quoted> "[^"]*(?:""[^"]*)*" | `[^`]*(?:``[^`]*)*` | \[[^\]]*\] )
  | (?P<number> 0[xX][0-9a-fA-F]+ | (?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)? )
  | (?P<word> [A-Za-z_\x80-\U0010ffff][A-Za-z0-9_$\x80-\U0010ffff]* )
  | (?P<sign> \|\| | <= | >= | <> | != | == | << | >> | ->> | -> | . )
    """,
    re.VERBOSE | re.DOTALL,
)


@dataclass(slots=True)
class Token:
    """One token, or a pair of parentheses with the tokens between them."""

    kind: str
    """`string`, `quoted`, `number`, `word`, `sign` or `group`."""
    text: str
    start: int
    end: int
    inner: "list[Token]" = field(default_factory=list)

    @property
    def keyword(self) -> str:
        """The keyword or sign, in upper case; empty for a quoted name, a string or a group."""
        return self.text.upper() if self.kind in {"word", "sign"} else ""

    @property
    def name(self) -> str:
        """The name or string without its quotes."""
        if self.kind not in {"quoted", "string"}:
            return self.text
        quote = self.text[-1]
        return self.text[1:-1].replace(quote * 2, quote) if quote != "]" else self.text[1:-1]


def tokenize(sql: str) -> Iterator[Token]:
    """Yield the tokens of a statement; parentheses are tokens like others."""
    for match in _TOKENS.finditer(sql):
        kind = str(match.lastgroup)
        if kind != "space":
            yield Token(kind, match.group(), match.start(), match.end())


def normalized(sql: str) -> str:
    """Return an expression without differences of case, white space and quotes of names."""
    return " ".join(
        token.text if token.kind == "string" else token.name.lower() for token in tokenize(sql)
    )


def nested_tokens(sql: str) -> list[Token]:
    """Return the tokens of a statement, with each pair of parentheses as a group."""
    groups = [Token("group", "", 0, len(sql))]
    for token in tokenize(sql):
        if token.keyword == "(":
            groups.append(Token("group", "", token.start, token.end))
        elif token.keyword == ")" and len(groups) > 1:
            group = groups.pop()
            group.end = token.end
            groups[-1].inner.append(group)
        else:
            groups[-1].inner.append(token)
    return groups[0].inner


def split_at_commas(tokens: Sequence[Token]) -> list[list[Token]]:
    """Return the tokens in parts, split at the commas."""
    parts: list[list[Token]] = [[]]
    for token in tokens:
        if token.keyword == ",":
            parts.append([])
        else:
            parts[-1].append(token)
    return parts
