"""View of actions in `clients/provider.ts`. Reason to change: the method of an action."""

from collections.abc import Iterator
from dataclasses import dataclass

from crudgen.codegen.code import Code, identifier, join, raw, typescript, words
from crudgen.language.schema import Entity, Field, RowAction, Schema, TypeName

from .articles import a_row

_TYPES = {
    TypeName.INT: raw("number"),
    TypeName.FLOAT: raw("number"),
    TypeName.BOOL: raw("boolean"),
    TypeName.JSON: raw("unknown"),
}
"""The types of values in JSON that are not strings."""
_METHODS = frozenset(
    {
        *("create", "createMany", "custom", "delete", "deleteMany", "deleteOne", "getApiUrl"),
        *("getList", "getMany", "getManyReference", "getOne", "supportAbortSignal"),
        *("update", "updateMany"),
    }
)
"""The names of the other methods of the providers."""


@dataclass(frozen=True, slots=True)
class ActionMethodView:
    """The method of an action: `promoteHero({ id, data })`."""

    name: Code
    a_row: Code
    words: Code
    resource: Code
    action: Code
    body: Code | None
    """A line for each property of the body, with its type; None without a body."""


def action_methods(schema: Schema) -> Iterator[ActionMethodView]:
    """Yield the methods of the actions of all entities. No two have the same name."""
    taken = {*_METHODS}
    for entity in schema.entities:
        for action in entity.actions:
            name = _method_name(entity, action)
            while name in taken:
                name += "_"
            taken.add(name)
            yield ActionMethodView(
                name=identifier(name),
                a_row=a_row(entity),
                words=words(action.name),
                resource=typescript(str(entity.plural)),
                action=typescript(str(action.name)),
                body=join(raw("\n"), map(_property_line, action.takes)) if action.takes else None,
            )


def _method_name(entity: Entity, action: RowAction) -> str:
    first, *rest = str(action.name).split("_")
    return first + "".join(map(str.capitalize, rest)) + str(entity.name)


def _property_line(field: Field) -> Code:
    return raw("        ") + _property_source(field) + raw(";")


def _property_source(field: Field) -> Code:
    """Return `"reason": string`, or `"on"?: string | null | undefined`."""
    kind = _TYPES.get(field.type, raw("string"))
    if field.type is TypeName.ENUM:
        kind = join(raw(" | "), [typescript(word) for word in field.words])
    may_be_null = raw(" | null") if field.optional and field.type is not TypeName.JSON else raw("")
    if field.optional or field.default is not None:
        return (
            typescript(str(field.json_name)) + raw("?: ") + kind + may_be_null + raw(" | undefined")
        )
    return typescript(str(field.json_name)) + raw(": ") + kind
