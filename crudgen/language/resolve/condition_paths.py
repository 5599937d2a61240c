"""Paths over relations in conditions. Reason to change: how a condition names related rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from crudgen.language.conditions.tokens import ConditionError, Kind, Token
from crudgen.language.names import ClassName, PathName
from crudgen.language.relations import Relation
from crudgen.language.schema import Entity
from crudgen.language.yaml.problems import quoted, suggest

from .condition_types import Operand

MAX_STEPS = 3
"""Maximum number of relations of a path."""


class UnknownPathError(ConditionError):
    """A path names a relation or a field that its entity does not have."""


@dataclass(frozen=True, slots=True)
class ResolvedEntities:
    """The entities that conditions can be about."""

    by_name: Mapping[ClassName, Entity]
    are_complete: bool
    """False if entities, fields or relations are missing because they have errors."""


@dataclass(frozen=True, slots=True)
class Paths:
    """The relations that the conditions of an entity can follow."""

    entity: Entity
    entities: Mapping[ClassName, Entity]

    def path_operand(
        self, tokens: Sequence[Token], *, to_many: bool = False
    ) -> tuple[Operand, int]:
        """Return the field that the path at the first token leads to, and the number of its tokens.

        The path must lead to several rows with `to_many`, else to one. Raises ConditionError.
        """
        entity, position, is_optional, is_many = self.entity, 0, False, False
        while _starts_with_dot(tokens[position + 1 : position + 2]):
            relation = self._find_relation(entity, tokens[position])
            if position == 2 * MAX_STEPS:
                problem = f"the path has more than {MAX_STEPS} relations"
                raise _error_between(problem, "follow fewer relations", tokens[0], tokens[position])
            is_many = is_many or relation.is_many
            is_optional = is_optional or _may_be_missing(entity, relation)
            entity = self.entities[relation.target]
            position += 2
        last, path = tokens[position], "".join(one.text for one in tokens[: position + 1])
        fields = {str(one.name): one for one in entity.fields}
        if last.kind is not Kind.NAME or last.text not in fields:
            problem = f"{entity.name} has no field {quoted(last.text)}"
            raise UnknownPathError(problem, suggest(last.text, fields), last.start, last.end)
        if is_many != to_many:
            problem = f"{path!r} has {'several values' if is_many else 'one value'}"
            remedy = f"write 'me.id in {path}'" if is_many else f"write 'me.id = {path}'"
            raise _error_between(problem, remedy, tokens[0], last)
        field = fields[last.text]
        found = replace(field, name=PathName(path), optional=field.optional or is_optional)
        return Operand(Token(Kind.NAME, path, tokens[0].start, last.end), found), position + 1

    def _find_relation(self, entity: Entity, token: Token) -> Relation:
        relations = {str(one.name): one for one in entity.relations}
        found = relations.get(token.text)
        if found is None:
            by_reference = {str(one.by): name for name, one in relations.items() if not one.is_many}
            remedy = suggest(token.text, relations) if relations else "write a field of this entity"
            if token.text in by_reference:
                remedy = f"write '{by_reference[token.text]}', the name of the relation"
            problem = f"{entity.name} has no relation {quoted(token.text)}"
            raise UnknownPathError(problem, remedy, token.start, token.end)
        if found.link is not None:
            problem = f"a condition cannot follow the link {token.text!r}"
            raise _error_between(
                problem, "write an entity with two references instead", token, token
            )
        return found


def _starts_with_dot(tokens: Sequence[Token]) -> bool:
    return bool(tokens) and tokens[0].text == "." and tokens[0].kind is Kind.SIGN


def _may_be_missing(entity: Entity, relation: Relation) -> bool:
    """Return whether a relation may lead to no row."""
    by = next((one for one in entity.fields if one.name == relation.by), None)
    return by is None or by.reference is None or by.optional


def _error_between(problem: str, remedy: str, first: Token, last: Token) -> ConditionError:
    return ConditionError(problem, remedy, first.start, last.end)
