"""Text of conditions → trees. Reason to change: the grammar of conditions.

`not` binds more tightly than `and`, and `and` more tightly than `or`. Types are checked while the
text is parsed.
"""

from collections.abc import Mapping
from itertools import chain

from crudgen.language.conditions.tokens import ConditionError, Kind, Token, tokenize
from crudgen.language.conditions.tree import And, Condition, Not, Operator, Or
from crudgen.language.schema import Field, TypeName
from crudgen.language.yaml.problems import quoted, suggest

from .condition_caller import CallerNames
from .condition_lists import in_claim_condition
from .condition_paths import Paths
from .condition_types import (
    NULLS,
    Operand,
    among_condition,
    bool_condition,
    comparison,
    null_condition,
    one_of_condition,
)
from .condition_versions import VERSIONS, version_operand
from .condition_words import (
    FOREIGN_WORDS,
    IMPOSSIBLE_IN_CHECKS,
    NOT_IN_CHECKS,
    is_foreign_word,
    is_upper_keyword,
)

MAX_LEVELS = 16
"""Maximum depth of parentheses and 'not'."""
_COMPARISONS = {str(operator) for operator in Operator}


def parse_condition(
    text: str, fields: Mapping[str, Field], entity: str, caller: CallerNames | None = None
) -> Condition:
    """Parse a condition about the fields of an entity. Raises ConditionError.

    `caller` has what a rule can say of the caller; None for a check, which has no caller.
    """
    return _Parser(text, fields, entity, caller).parse()


class _Parser:
    """Parses one condition, from left to right."""

    def __init__(
        self, text: str, fields: Mapping[str, Field], entity: str, caller: CallerNames | None
    ) -> None:
        self._tokens = tokenize(text)
        self._fields = fields
        self._entity = entity
        self._caller = caller
        self._position = 0
        self._level = 0

    def parse(self) -> Condition:
        """Return the tree. Raises ConditionError."""
        if len(self._tokens) == 1:
            raise self._syntax_error("the condition is empty", "write one, such as 'a < b'")
        condition = self._parse_or()
        if self._next_token.kind is not Kind.END:
            raise self._unexpected_token_error()
        return condition

    @property
    def _next_token(self) -> Token:
        return self._tokens[self._position]

    def _take_token(self) -> Token:
        token = self._next_token
        self._position += 1
        return token

    def _take_if(self, keyword: str) -> bool:
        """Take a keyword or sign, if it is the next token; return whether it is."""
        is_next = self._next_token.keyword == keyword
        self._position += is_next
        return is_next

    def _parse_or(self) -> Condition:
        parts = [self._parse_and()]
        while self._take_if("or"):
            parts.append(self._parse_and())
        nested = [one.conditions if isinstance(one, Or) else (one,) for one in parts]
        return Or(tuple(chain.from_iterable(nested))) if len(parts) > 1 else parts[0]

    def _parse_and(self) -> Condition:
        parts = [self._parse_not()]
        while self._take_if("and"):
            parts.append(self._parse_not())
        nested = [one.conditions if isinstance(one, And) else (one,) for one in parts]
        return And(tuple(chain.from_iterable(nested))) if len(parts) > 1 else parts[0]

    def _parse_not(self) -> Condition:
        token = self._next_token
        if token.keyword not in {"not", "("}:
            return self._parse_comparison()
        self._level += 1
        if self._level > MAX_LEVELS:
            problem = f"the condition has more than {MAX_LEVELS} levels"
            raise self._syntax_error(problem, "write several conditions")
        self._take_token()
        if token.keyword == "not":
            inner: Condition = self._parse_not()
            condition = inner.condition if isinstance(inner, Not) else Not(inner)
        else:
            condition = self._parse_or()
            self._parse_closing_parenthesis(token)
        self._level -= 1
        return condition

    def _parse_closing_parenthesis(self, opened: Token) -> None:
        if self._next_token.kind is Kind.END:
            remedy = "write ')', or quote the condition: a comma ends it in a list in brackets"
            problem = "the parenthesis is not closed"
            raise ConditionError(problem, remedy, opened.start, opened.end)
        if not self._take_if(")"):
            raise self._unexpected_token_error()

    def _parse_comparison(self) -> Condition:
        left = self._parse_operand()
        token = self._next_token
        if token.text in _COMPARISONS and token.kind is Kind.SIGN:
            sign, right = self._take_token(), self._parse_operand()
            self._check_unknown_words(left, right)
            return comparison(left, sign, right)
        if token.keyword == "is":
            return self._parse_is(left, self._take_token())
        if token.keyword == "in":
            return self._parse_in(left)
        if token.keyword == "not" and self._tokens[self._position + 1].keyword == "in":
            self._take_token()
            return Not(self._parse_in(left))
        if token.kind is Kind.NAME and is_foreign_word(token.text):
            raise self._unexpected_token_error()
        return bool_condition(left)

    def _parse_in(self, left: Operand) -> Condition:
        word, caller = self._take_token(), self._caller
        if caller is not None and self._next_token.text == "me":
            return in_claim_condition(left, word, self._parse_claim(caller, many=True))
        if caller is None or caller.paths is None or self._next_token.kind is not Kind.NAME:
            return one_of_condition(left, word, self._parse_list())
        return among_condition(left, word, self._parse_path(caller.paths, to_many=True))

    def _parse_path(self, paths: Paths, *, to_many: bool = False) -> Operand:
        operand, count = paths.path_operand(self._tokens[self._position :], to_many=to_many)
        self._position += count
        return operand

    def _parse_is(self, left: Operand, word: Token) -> Condition:
        negated = self._take_if("not")
        if not self._take_if("null"):
            name = left.token.text
            remedy = "write 'is null' or 'is not null'"
            if self._next_token.text.lower() in NULLS:
                remedy = "write 'null'"
            elif self._next_token.keyword in {"true", "false"}:
                remedy = f"write '{name}' or 'not {name}'"
            elif self._next_token.kind is not Kind.END:
                remedy = f"write '{name} {'!=' if negated else '='} {self._next_token.text}'"
            raise self._syntax_error(f"expected 'null' after '{word.text}'", remedy)
        condition = null_condition(left, word)
        return Not(condition) if negated else condition

    def _parse_list(self) -> list[Token]:
        """Return the tokens of constants in parentheses."""
        opened = self._next_token
        if not self._take_if("("):
            raise self._syntax_error("expected '(' after 'in'", "such as 'in (1, 2)'")
        values: list[Token] = []
        while True:
            token = self._next_token
            if token.kind in {Kind.END, Kind.SIGN}:
                break
            values.append(self._take_token())
            if not self._take_if(","):
                break
        if values and self._next_token.kind in {Kind.NUMBER, Kind.TEXT, Kind.NAME}:
            raise self._syntax_error(
                f"unexpected {quoted(self._next_token.text)}", "write ',' before it"
            )
        if self._next_token.keyword == ")" and not values:
            raise self._syntax_error("the list is empty", "write values, such as 'in (1, 2)'")
        self._parse_closing_parenthesis(opened)
        return values

    def _parse_operand(self) -> Operand:
        token = self._next_token
        if token.kind in {Kind.NUMBER, Kind.TEXT}:
            return Operand(self._take_token())
        if token.kind is not Kind.NAME:
            raise self._unexpected_token_error()
        follower = self._tokens[self._position + 1]
        if token.text == "me" and self._caller is not None:
            return self._parse_claim(self._caller)
        if token.text in VERSIONS and self._caller is not None:
            rest, self._position = self._tokens[self._position :], self._position + 3
            return version_operand(rest, self._fields, self._entity, self._caller)
        self._check_allowed_word(token)
        if follower.text == "." and follower.kind is Kind.SIGN:
            if self._caller is not None and self._caller.paths is not None:
                return self._parse_path(self._caller.paths)
            problem = f"a path over relations is not possible: {NOT_IN_CHECKS}"
            raise ConditionError(problem, "write a field of this entity", token.start, follower.end)
        if token.text in self._fields:
            return Operand(self._take_token(), self._fields[token.text])
        if token.keyword and token.keyword not in {"null", "true", "false"}:
            raise self._unexpected_token_error()
        return self._parse_constant()

    def _check_allowed_word(self, token: Token) -> None:
        """Raise ConditionError for a word that this kind of condition cannot have."""
        if token.text in self._fields and self._caller is None:
            return
        if self._caller is None and token.text in IMPOSSIBLE_IN_CHECKS:
            problem, remedy = IMPOSSIBLE_IN_CHECKS[token.text]
            raise self._syntax_error(f"'{token.text}' is not possible: {problem}", remedy)
        if self._caller is not None and token.text in {"now", "today"}:
            problem = f"'{token.text}' is not supported in this version"
            raise self._syntax_error(problem, "compare with a field, or with a constant")

    def _parse_claim(self, caller: CallerNames, *, many: bool = False) -> Operand:
        """Return `me`, or `me.org`."""
        token, name = self._take_token(), None
        if self._take_if("."):
            name = self._next_token
        field = caller.claim_for(token, name, many=many)
        if name is None:
            return Operand(token, field)
        self._take_token()
        whole = Token(Kind.NAME, f"me.{name.text}", token.start, name.end)
        return Operand(whole, field)

    def _parse_constant(self) -> Operand:
        """Return a word that is no field: a value of an enum, `true`, `false` or `null`."""
        token, follower = self._next_token, self._tokens[self._position + 1]
        before = self._tokens[self._position - 1].text if self._position else ""
        is_compared = before in _COMPARISONS or follower.text in _COMPARISONS
        if not token.keyword and not is_compared:
            raise self._unknown_field_error(token)
        return Operand(self._take_token())

    def _check_unknown_words(self, *operands: Operand) -> None:
        """Check that a word that is not a field is compared with an enum."""
        for operand, other in zip(operands, reversed(operands), strict=True):
            token, field = operand.token, other.field
            is_name = operand.field is None and token.kind is Kind.NAME and not token.keyword
            if not is_name or token.text.lower() in NULLS:
                continue
            if field is None or field.type not in {TypeName.ENUM, TypeName.BOOL}:
                raise self._unknown_field_error(token, field)

    def _unknown_field_error(self, token: Token, other: Field | None = None) -> ConditionError:
        word = token.text
        problem = f"{self._entity} has no field {quoted(word)}"
        remedy = FOREIGN_WORDS.get(word.lower()) or suggest(word, self._fields)
        if is_upper_keyword(word):
            problem, remedy = f"unexpected {word!r}", f"write '{word.lower()}'"
        elif other is not None and "did you mean" not in remedy:
            remedy = f"quote it if it is a value: '{word[:40]}'"
        return ConditionError(problem, remedy, token.start, token.end)

    def _unexpected_token_error(self) -> ConditionError:
        token = self._next_token
        if token.kind is Kind.END:
            return self._syntax_error("the condition is not complete", "write what is compared")
        word = token.text.lower()
        if token.kind is Kind.NAME and is_upper_keyword(token.text):
            other = "is null" if word == "is" else word
            return self._syntax_error(f"unexpected {token.text!r}", f"write '{other}'")
        remedy = FOREIGN_WORDS.get(word, "")
        if token.keyword in {"and", "or", "in", "is"}:
            remedy = "write the part before it"
        if not remedy and token.kind in {Kind.NAME, Kind.NUMBER, Kind.TEXT}:
            remedy = "write 'and', 'or' or a comparison before it"
        return self._syntax_error(f"unexpected {quoted(token.text)}", remedy or "remove it")

    def _syntax_error(self, problem: str, remedy: str) -> ConditionError:
        return ConditionError(problem, remedy, self._next_token.start, self._next_token.end)
