"""Lists of the caller in conditions. Reason to change: what `in me.teams` means."""

from crudgen.language.conditions.tokens import ConditionError, Token
from crudgen.language.conditions.tree import FieldValue, InClaim
from crudgen.language.schema import Field, TypeName

from .condition_types import Operand

_TEXTS = {TypeName.STR, TypeName.TEXT}


def in_claim_condition(operand: Operand, word: Token, claim: Operand) -> InClaim:
    """Return the condition `team_id in me.teams`. Raises ConditionError if the types differ."""
    field, other = operand.field, claim.field
    start, end = operand.token.start, claim.token.end
    if field is None or other is None:
        problem = f"'{operand.token.text}' is not a field"
        remedy = f"write a field before '{word.text}'"
        raise ConditionError(problem, remedy, start, operand.token.end)
    if not _have_same_type(field, other):
        names = f"{str(field.name)!r} is a field of type {field.type}"
        problem = f"{names}, and {str(other.name)!r} a list of type {other.type}"
        raise ConditionError(problem, "compare what is of the same type", start, end)
    return InClaim(FieldValue(field.name), FieldValue(other.name))


def _have_same_type(field: Field, other: Field) -> bool:
    return field.type is other.type or {field.type, other.type} <= _TEXTS
