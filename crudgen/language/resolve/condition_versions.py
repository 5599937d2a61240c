"""A field before and after an update. Reason to change: how a condition names them."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from crudgen.language.conditions.tokens import ConditionError, Kind, Token
from crudgen.language.names import VersionName
from crudgen.language.schema import Field
from crudgen.language.yaml.problems import quoted, suggest

from .condition_caller import CallerNames
from .condition_types import Operand

VERSIONS = ("old", "new")
"""The words for the row before an update, and for the row after it."""


def version_operand(
    tokens: Sequence[Token], fields: Mapping[str, Field], entity: str, caller: CallerNames
) -> Operand:
    """Return the operand `old.status`, which the first three tokens are. Raises ConditionError."""
    word, dot = tokens[:2]
    if not caller.has_versions:
        problem = f"{word.text!r} is only for rules of 'update'"
        remedy = "leave it out: without an update, there is one version of the row"
        raise ConditionError(problem, remedy, word.start, word.end)
    if dot.text != "." or dot.kind is not Kind.SIGN or tokens[2].kind is not Kind.NAME:
        problem = f"expected a field after {word.text!r}"
        field = next(iter(fields))
        raise ConditionError(problem, f"such as '{word.text}.{field}'", word.start, word.end)
    name = tokens[2]
    if name.text not in fields:
        problem = f"{entity} has no field {quoted(name.text)}"
        raise ConditionError(problem, suggest(name.text, fields), name.start, name.end)
    whole = Token(Kind.NAME, f"{word.text}.{name.text}", word.start, name.end)
    return Operand(whole, replace(fields[name.text], name=VersionName(whole.text)))
