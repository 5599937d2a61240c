"""A parser that converts SQL expressions to a canonical form, to compare their meaning.

`age BETWEEN 0 AND 150` and `((age >= 0) AND (age <= 150))` give equal tuples, and so do
`mood IN ('calm', 'wild')` and
`((mood)::text = ANY ((ARRAY['calm'::character varying, 'wild'::character varying])::text[]))`.
Expressions with equal tuples are equivalent. Expressions with different tuples may be equivalent.
"""

from collections.abc import Iterator, Mapping, Sequence

from .canonical import compare, joined, literal, negated, negated_if, number
from .definitions import Expression
from .tokens import END, QUOTED, SIGN, STRING, WORD, Token, TokenReader, UnreadableError

_COMPARISONS = {
    "=": "=",
    "==": "=",
    "<>": "<>",
    "!=": "<>",
    "<": "<",
    "<=": "<=",
    ">": ">",
    ">=": ">=",
}
_OPERATORS = {"||": 3, "->": 3, "->>": 3, "*": 2, "/": 2, "%": 2, "+": 1, "-": 1, "&": 1, "|": 1}
_OTHER_COMPARISONS = frozenset({"LIKE", "ILIKE", "GLOB", "REGEXP", "MATCH", "SIMILAR"})
_SIGNS = frozenset({"~", "!~", "~*", "!~*", "~~", "!~~", "~~*", "!~~*"})
_TEXT = frozenset({"text", "character varying", "varchar", "bpchar"})
_FRACTIONS = frozenset({"numeric", "decimal", "double precision", "real", "float"})
_INTEGERS = frozenset({"bigint", "integer", "smallint", "int"})
_MORE_OF_A_TYPE = frozenset({"VARYING", "PRECISION", "WITH", "WITHOUT", "TIME", "ZONE"})


def meaning(tokens: Sequence[Token], columns: Mapping[str, str], dialect: str) -> Expression:
    """Return the canonical form of an expression. `columns` maps lower-case names to types.

    An expression that cannot be parsed is returned as its tokens.
    """
    parser = _Parser(tokens, columns, dialect)
    try:
        return parser.parse()
    except (UnreadableError, RecursionError):
        return ("tokens", *((token.kind == STRING, token.value) for token in tokens))


def names_in(expression: Expression) -> Iterator[str]:
    """Yield the names of the columns in an expression, in lower case."""
    if expression[0] == "name":
        yield expression[1]
    elif expression[0] == "tokens":
        yield from (value.lower() for is_string, value in expression[1:] if not is_string)
    for part in expression[1:]:
        if isinstance(part, tuple) and part and isinstance(part[0], str):
            yield from names_in(part)
        elif isinstance(part, frozenset):
            for one in part:
                yield from names_in(one)


class _Parser:
    """A recursive descent parser: OR, AND, NOT, comparisons, operators, casts."""

    def __init__(self, tokens: Sequence[Token], columns: Mapping[str, str], dialect: str) -> None:
        self._reader = TokenReader(tokens)
        self._columns = columns
        self._dialect = dialect

    def parse(self) -> Expression:
        found = self._disjunction()
        if self._reader.peek().kind != END:
            raise UnreadableError(self._reader.peek().value)
        return found

    def _disjunction(self) -> Expression:
        terms = [self._conjunction()]
        while self._reader.accept("OR"):
            terms.append(self._conjunction())
        return joined("or", terms)

    def _conjunction(self) -> Expression:
        terms = [self._negation()]
        while self._reader.accept("AND"):
            terms.append(self._negation())
        return joined("and", terms)

    def _negation(self) -> Expression:
        if self._reader.accept("NOT"):
            return negated(self._negation())
        return self._comparison()

    def _comparison(self) -> Expression:
        left = self._operation()
        while True:
            found = self._compared(left)
            if found is None:
                return left
            left = found

    def _compared(self, left: Expression) -> Expression | None:
        """Parse the rest of a comparison; None if there is none."""
        reader = self._reader
        sign = reader.peek()
        if sign.kind == SIGN and sign.value in _COMPARISONS:
            reader.take()
            return self._right_of(left, _COMPARISONS[sign.value])
        if sign.kind == SIGN and sign.value in _SIGNS:
            reader.take()
            return (sign.value, left, self._operation())
        if reader.accept("IS"):
            is_not = reader.accept("NOT")
            return negated_if(is_not, self._after_is(left))
        for ending, is_not in (("ISNULL", False), ("NOTNULL", True)):
            if reader.accept(ending):
                return negated_if(is_not, ("null", left))
        is_not = reader.accept("NOT")
        found = self._predicate(left)
        if found is None and is_not:
            raise UnreadableError("NOT")
        return found and negated_if(is_not, found)

    def _after_is(self, left: Expression) -> Expression:
        """Parse the rest of an expression after IS."""
        if self._reader.accept("DISTINCT", "FROM"):
            return ("distinct", left, self._operation())
        if self._reader.accept("NULL"):
            return ("null", left)
        return ("is", left, self._operation())

    def _predicate(self, left: Expression) -> Expression | None:
        """Parse BETWEEN, IN, LIKE and similar predicates."""
        reader = self._reader
        if reader.accept("BETWEEN"):
            low = self._operation()
            reader.expect("AND")
            return joined("and", [compare(">=", left, low), compare("<=", left, self._operation())])
        if reader.accept("IN"):
            return ("in", left, frozenset(self._list("(", ")")))
        if reader.at_any(_OTHER_COMPARISONS):
            return (reader.take().value.lower(), left, self._operation())
        return None

    def _right_of(self, left: Expression, sign: str) -> Expression:
        for word, equal in (("ANY", "="), ("SOME", "="), ("ALL", "<>")):
            if sign == equal and self._reader.accept(word):
                array = self._parenthesised()
                if array[0] != "array":
                    return (sign, left, (word, array))
                found = ("in", left, frozenset(array[1:]))
                return found if sign == "=" else negated(found)
        return compare(sign, left, self._operation())

    def _operation(self, least: int = 1) -> Expression:
        left = self._prefixed()
        while True:
            sign = self._reader.peek()
            strength = _OPERATORS.get(sign.value, 0) if sign.kind == SIGN else 0
            if strength < least or not strength:
                return left
            self._reader.take()
            left = (sign.value, left, self._operation(strength + 1))

    def _prefixed(self) -> Expression:
        if self._reader.accept("+"):
            return self._prefixed()
        if self._reader.accept("-"):
            found = self._prefixed()
            return ("number", -found[1]) if found[0] == "number" else ("minus", found)
        found = self._primary()
        while True:
            if self._reader.accept("::"):
                found = self._cast(found, self._type())
            elif self._reader.accept("COLLATE"):
                found = ("collate", found, self._reader.name().lower())
            else:
                return found

    def _primary(self) -> Expression:
        reader = self._reader
        if reader.at("("):
            return self._parenthesised()
        token = reader.take()
        if (found := literal(token)) is not None:
            return found
        if token.is_("ARRAY"):
            return ("array", *self._list("[", "]"))
        if token.is_("CAST"):
            reader.expect("(")
            found = self._disjunction()
            reader.expect("AS")
            cast = self._cast(found, self._type())
            reader.expect(")")
            return cast
        if token.kind in {WORD, QUOTED} and reader.at("("):
            return ("call", token.value.lower(), *self._list("(", ")"))
        return self._name(token)

    def _name(self, token: Token) -> Expression:
        if token.kind not in {WORD, QUOTED}:
            raise UnreadableError(token.value)
        if self._reader.accept("."):
            token = self._reader.take()
        name = token.value.lower()
        is_text = token.kind == QUOTED and self._dialect == "sqlite" and name not in self._columns
        # SQLite accepts a text in double quotes if there is no column of that name.
        return ("string", token.value) if is_text else ("name", name)

    def _parenthesised(self) -> Expression:
        self._reader.expect("(")
        found = self._disjunction()
        self._reader.expect(")")
        return found

    def _list(self, first: str, last: str) -> list[Expression]:
        self._reader.expect(first)
        items: list[Expression] = []
        if self._reader.accept(last):
            return items
        while True:
            items.append(self._disjunction())
            if self._reader.accept(last):
                return items
            self._reader.expect(",")

    def _type(self) -> str:
        reader = self._reader
        words = [reader.name().lower()]
        while reader.at_any(_MORE_OF_A_TYPE):
            words.append(reader.take().value.lower())
        text = " ".join(words)
        if reader.at("("):
            text += f"({','.join(token.value for token in reader.parenthesised())})"
        return f"{text}[]" if reader.accept("[", "]") else text

    def _cast(self, found: Expression, to: str) -> Expression:
        """Return a cast, or only its operand if the cast changes nothing."""
        if found[0] == "number" and (
            to in _FRACTIONS or (to in _INTEGERS and found[1] == found[1].to_integral_value())
        ):
            return found
        if found[0] == "string" and to in _FRACTIONS | _INTEGERS:
            return ("number", number(found[1]))
        if to in _TEXT and self._is_text(found):
            return found
        is_array = found[0] == "array" and to.removesuffix("[]") in _TEXT
        if is_array and all(self._is_text(item) for item in found[1:]):
            return found
        return ("cast", found, to)

    def _is_text(self, found: Expression) -> bool:
        if found[0] == "name":
            return self._columns.get(found[1], "").partition("(")[0] in _TEXT
        return bool(found[0] == "string")
