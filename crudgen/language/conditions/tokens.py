"""Text of conditions → tokens. Reason to change: the characters and words of conditions."""

import re
from dataclasses import dataclass
from enum import Enum, auto

MAX_TOKENS = 200
"""Maximum number of tokens of a condition."""
KEYWORDS = frozenset(
    {"and", "or", "not", "in", "is", "null", "true", "false", "now", "today", "me", "old", "new"}
)
"""Words with a meaning of their own. As values of an enum, they need quotes."""

_TOKEN = re.compile(
    r"""
    (?P<TEXT> '(?:[^']|'')*' | "(?:[^"]|"")*" )
  | (?P<NUMBER> -?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?(?![\w.]) )
  | (?P<NAME> [^\W\d]\w* )
  | (?P<SIGN> [(),.] | (?:<=|>=|!=|[=<>])(?![=<>!&|]) )
    """,
    re.VERBOSE,
)
_OTHER = re.compile(r"[=<>!&|]+|[0-9][\w.]*|.", re.DOTALL)
_SPACE = re.compile(r"\s*")
_REMEDIES = {
    **dict.fromkeys(("==", "==="), "write '='"),
    **dict.fromkeys(("<>", "!==", "≠"), "write '!='"),
    **dict.fromkeys(("=<", "≤"), "write '<='"),
    **dict.fromkeys(("=>", "≥"), "write '>='"),
    **dict.fromkeys(("&&", "&"), "write 'and'"),
    **dict.fromkeys(("||", "|"), "write 'or'"),
    "!": "write 'not'",
    **dict.fromkeys("+-*/%", "a condition cannot calculate, only compare"),
    **dict.fromkeys("[]{}", "write parentheses"),
    **dict.fromkeys("'\"", "close the text with the same quote"),
    "`": "write the name without quotes",
    ";": "remove it",
}
"""What to write instead of signs of other languages."""


class Kind(Enum):
    """The kind of a token."""

    NAME = auto()
    NUMBER = auto()
    TEXT = auto()
    SIGN = auto()
    END = auto()


@dataclass(frozen=True, slots=True)
class Token:
    """A part of a condition, and where it is: from `start` to `end`, in characters."""

    kind: Kind
    text: str
    start: int
    end: int

    @property
    def keyword(self) -> str:
        """The text of a keyword or a sign; "" for other tokens."""
        is_keyword = self.kind is Kind.SIGN or self.text in KEYWORDS
        return self.text if is_keyword and self.kind is not Kind.TEXT else ""

    @property
    def content(self) -> str:
        """The text without its quotes."""
        quote = self.text[0]
        return self.text[1:-1].replace(quote * 2, quote)


class ConditionError(Exception):
    """A condition is invalid; has the problem, the remedy, and the position in the text."""

    def __init__(self, problem: str, remedy: str, start: int, end: int) -> None:
        super().__init__(problem)
        self.problem, self.remedy, self.start, self.end = problem, remedy, start, end


def tokenize(text: str) -> list[Token]:
    """Return the tokens of a condition, and one for its end. Raises ConditionError."""
    tokens: list[Token] = []
    position = _end_of_space(text, 0)
    while position < len(text):
        found = _TOKEN.match(text, position)
        if found is None:
            raise _unexpected_text_error(text, position)
        if len(tokens) == MAX_TOKENS:
            problem = f"the condition has more than {MAX_TOKENS} words and signs"
            raise ConditionError(problem, "write several conditions", position, found.end())
        tokens.append(Token(Kind[str(found.lastgroup)], found[0], position, found.end()))
        position = _end_of_space(text, found.end())
    end = len(text.rstrip())
    return [*tokens, Token(Kind.END, "", end, end + 1)]


def _end_of_space(text: str, position: int) -> int:
    found = _SPACE.match(text, position)
    return found.end() if found else position


def _unexpected_text_error(text: str, position: int) -> ConditionError:
    found = _OTHER.match(text, position)
    sign = found[0] if found else text[position]
    remedy = _REMEDIES.get(sign) or _REMEDIES.get(sign[0], "")
    if sign[0].isdigit():
        remedy = f"quote it if it is a text: '{sign[:40]}'"
    end = position + len(sign)
    what = "the text is not closed" if sign in {"'", '"'} else f"unexpected {sign[:40]!r}"
    return ConditionError(what, remedy, position, end)
