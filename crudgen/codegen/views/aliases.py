"""Names of type aliases. Reason to change: which types of fields get an alias, or its name."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import chain, count
from typing import TypeAlias

from crudgen.codegen.code import Code, literal, name, raw
from crudgen.codegen.layout import INDENT, WIDTH
from crudgen.language.names import ClassName, FieldName
from crudgen.language.resolve.schema_names import body_names, class_names, message_names
from crudgen.language.schema import Entity, Field, TypeName
from crudgen.language.webhooks import Webhook

Aliases: TypeAlias = Mapping[FieldName, Code]
_WITH_ARGUMENTS = {TypeName.ENUM, TypeName.DECIMAL, TypeName.BYTES}
"""Types of fields for which an alias is generated."""


def type_aliases(
    entities: Iterable[Entity],
    webhooks: Iterable[Webhook] = (),
    taken: Iterable[str] = (),
) -> dict[ClassName, Aliases]:
    """Return the names of type aliases by entity and field: `HeroMood`.

    If that name is used or too long, the alias is `HeroMoodValue` or `Type3`. Enums are schemas in
    OpenAPI, so no two entities use the same name. `taken` are other names that are used.
    """
    entities = tuple(entities)
    if not any(map(_has_alias, chain.from_iterable(map(_fields_and_computed, entities)))):
        return {entity.name: {} for entity in entities}
    names = [*class_names(entities), *body_names(entities)]
    names += [found for webhook in webhooks for found in message_names(webhook)]
    used = {name for name, _ in names}.union(taken)
    return {entity.name: dict(_entity_aliases(entity, used)) for entity in entities}


def _entity_aliases(entity: Entity, taken: set[str]) -> Iterator[tuple[FieldName, Code]]:
    """Yield the aliases of an entity, and add them to the names that are taken."""
    for number, field in enumerate(_fields_and_computed(entity)):
        if _has_alias(field):
            candidates = _alias_candidates(entity, field, number)
            alias = next(alias for alias in candidates if _is_usable_alias(alias, field, taken))
            taken.add(alias)
            yield field.name, alias


def _fields_and_computed(entity: Entity) -> tuple[Field, ...]:
    return (*entity.fields, *entity.computed)


def _has_alias(field: Field) -> bool:
    return field.type in _WITH_ARGUMENTS or field.as_sent or field.controls


def _alias_candidates(entity: Entity, field: Field, number: int) -> Iterator[Code]:
    camel = "".join(part.capitalize() for part in field.name.split("_"))
    yield name(entity.name, suffix=camel)
    yield name(entity.name, suffix=f"{camel}Value")
    yield from (raw("Type") + literal(other) for other in count(number))


def _is_usable_alias(alias: Code, field: Field, taken: set[str]) -> bool:
    line = f"{field.attribute}: {alias} | None = Field("
    return alias not in taken and INDENT + len(line) <= WIDTH
