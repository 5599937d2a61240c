"""View of the actions of an entity. Reason to change: the code of their bodies or handlers."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from crudgen.codegen.code import Code, annotated, identifier, join, literal, name, raw, words
from crudgen.codegen.imports import Imports
from crudgen.codegen.layout import Bracket, call, keyword, statement
from crudgen.language.access import Action
from crudgen.language.names import ClassName
from crudgen.language.resolve.schema_names import body_name
from crudgen.language.schema import Entity, KitForm, RowAction

from .access import action_caller
from .aliases import type_aliases
from .bodies import write_response_suffix
from .handlers import Handlers
from .hooks import action_doc, functions_module
from .models import body_lines
from .references import Entities


@dataclass(frozen=True, slots=True)
class BodyView:
    """The model of the request body of an action."""

    head: Code
    action: Code
    lines: Code


@dataclass(frozen=True, slots=True)
class ActionBodiesView:
    """The request bodies of the actions of an entity."""

    a_plural: Code
    imports: Code
    aliases: tuple[Code, ...]
    bodies: tuple[BodyView, ...]


@dataclass(frozen=True, slots=True)
class ActionView:
    """The source of the handler of an action."""

    path: Code
    response_type: Code
    operation_id: Code
    responses: Code
    signature: Code
    doc: Code
    body: Code


def actions_with_body(entity: Entity) -> tuple[tuple[RowAction, Entity], ...]:
    """Return the actions with a request body, each with an entity made of its fields."""
    return tuple(
        (
            one,
            replace(
                entity,
                name=ClassName(body_name(entity.name, one)),
                fields=one.takes,
                relations=(),
                links=(),
            ),
        )
        for one in entity.actions
        if one.takes
    )


def action_bodies_view(entity: Entity, entities: Entities, kit: KitForm) -> ActionBodiesView:
    """Return the view of the request bodies of an entity's actions."""
    bodies = actions_with_body(entity)
    own = type_aliases([entity])[entity.name].values()
    aliases = type_aliases((body for _, body in bodies), taken=map(str, own))
    defined = {str(body.name) for _, body in bodies}
    defined |= {str(alias) for found in aliases.values() for alias in found.values()}
    attributes = {field.attribute for one, _ in bodies for field in one.takes}
    imports = Imports(kit, defined=defined, attributes=attributes)
    model = imports.name("..kit.models", "Model")
    views: list[BodyView] = []
    lines: list[Code] = []
    for one, body in bodies:
        more, fields = body_lines(body, imports, aliases[body.name], entities)
        lines += more
        head = statement(raw("class ") + name(body.name), call(raw(""), [model]), tail=":")
        views.append(BodyView(head, words(one.name), join(raw("\n    "), fields)))
    return ActionBodiesView(words(entity.plural), imports.code(), tuple(lines), tuple(views))


class ActionHandlers(Handlers):
    """Builds the handlers of an entity with those of its actions."""

    def actions(self) -> Iterator[ActionView]:
        """Yield the handlers of the actions."""
        for action in self._entity.actions:
            yield self._action_handler(action)

    def _action_handler(self, action: RowAction) -> ActionView:
        entity = self._entity
        handler = identifier(f"{action.name}_{entity.singular}")
        parameters: list[Bracket | Code] = [annotated(self._variables.key, self._key_type)]
        module = functions_module(self._variables.resource)
        function = module + raw(".") + identifier(action.name)
        arguments: list[Bracket | Code] = [raw("db"), raw("request"), self._variables.key, function]
        verb, statuses = "act", [404, 409, 412]
        if action.takes:
            model = self._imports.own(".actions", body_name(entity.name, action))
            parameters.append(annotated(raw("sent"), model))
            arguments.append(raw("sent"))
            verb = "act_with_body"
            statuses += [413, 415]
        if action.access is Action.READ:
            arguments.append(raw("reads=True"))
        parameters += [self._request_parameter(), self._db]
        if entity.access is not None:
            if action.access is None:
                arguments.append(keyword("rules", literal(str(action.name))))
            caller = action_caller(action, {*map(str, self._entities)})
            parameters.append(annotated(raw("me"), self._imports.own(".access", caller)))
            statuses.insert(0, 204)
        return ActionView(
            path=literal(f"/{{{entity.singular}_id}}/{action.name}"),
            response_type=self._import_model(write_response_suffix(entity)),
            operation_id=literal(f"{action.name}_{entity.singular}"),
            responses=self._responses(None, *statuses, 422, *self._missing_etag_status(), 503),
            signature=self._signature(handler, parameters),
            doc=action_doc(entity, action),
            body=self._return_statement(verb, arguments),
        )
