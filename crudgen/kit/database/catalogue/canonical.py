"""The canonical form of expressions, in which equivalent expressions are equal."""

from collections.abc import Sequence
from decimal import Decimal

from .definitions import Expression
from .tokens import Token, UnreadableError

_FLIPPED = {"=": "=", "<>": "<>", "<": ">", "<=": ">=", ">": "<", ">=": "<="}
_OPPOSITES = {"<": ">=", ">=": "<", ">": "<=", "<=": ">"}


def literal(token: Token) -> Expression | None:
    """Return the expression of a literal; None for any other token."""
    match token.kind:
        case "string":
            return ("string", token.value)
        case "number":
            return ("number", number(token.value))
        case "blob":
            return ("blob", token.value[2:-1].lower())
    return None


def number(text: str) -> Decimal:
    """Parse a number in any notation. Raises UnreadableError."""
    if text[:2].lower() == "0x":
        return Decimal(int(text, 16))
    try:
        found = Decimal(text)
    except ArithmeticError:
        raise UnreadableError(text) from None
    if not found.is_finite():
        raise UnreadableError(text)
    return found


def compare(sign: str, left: Expression, right: Expression) -> Expression:
    """Return a comparison with the literal on the right; `x = 1` becomes `x IN (1)`."""
    literals = {"string", "number", "blob"}
    if left[0] in literals and right[0] not in literals:
        sign, left, right = _FLIPPED[sign], right, left
    if sign in {"=", "<>"} and right[0] in literals:
        found = ("in", left, frozenset({right}))
        return found if sign == "=" else ("not", found)
    return (sign, left, right)


def joined(word: str, terms: Sequence[Expression]) -> Expression:
    """Join terms with AND or OR, without an order; `x = 1 OR x IN (2, 3)` becomes one list."""
    flat: set[Expression] = set()
    listed: dict[Expression, frozenset[Expression]] = {}
    for term in terms:
        for one in term[1] if term[0] == word else {term}:
            if word == "or" and one[0] == "in":
                listed[one[1]] = listed.get(one[1], frozenset()) | one[2]
            else:
                flat.add(one)
    flat |= {("in", left, items) for left, items in listed.items()}
    return (word, frozenset(flat)) if len(flat) > 1 else next(iter(flat))


def negated_if(is_not: bool, found: Expression) -> Expression:
    """Negate an expression if `is_not` is true."""
    return negated(found) if is_not else found


def negated(found: Expression) -> Expression:
    """Negate an expression: `a > 1` becomes `a <= 1`."""
    if found[0] in _OPPOSITES:
        return (_OPPOSITES[found[0]], *found[1:])
    return found[1] if found[0] == "not" else ("not", found)
