"""Source of an entity's handlers. Reason to change: the signature of a handler."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from crudgen.codegen.code import Code, annotated, identifier, join, literal, name, raw
from crudgen.codegen.imports import Imports
from crudgen.codegen.layout import INDENT, Bracket, call, keyword, statement, subscript
from crudgen.language.api import EtagUse
from crudgen.language.hooks import Hook
from crudgen.language.operations import CHANGING, Operation
from crudgen.language.schema import Entity, KeyKind

from .access import actions_required_by, caller_type, hidden_row_status
from .bodies import (
    BODIES,
    create_alone_suffix,
    create_suffix,
    update_by_id_suffix,
    update_suffix,
    write_response_suffix,
)
from .collections import creates_together, writes_keys
from .exports import export_formats
from .hooks import called_hooks
from .references import Entities
from .referrers import changes_reference, sets_reference
from .relation_nodes import has_related
from .variables import Variables

DEFAULT_STATUS = 200
"""The status of a response with a new row, unless the spec says otherwise."""
_BODY = 413, 415, 422, 503
_MANY = (Operation.UPDATE_MANY, Operation.DELETE_MANY)


@dataclass(frozen=True, slots=True)
class HandlerView:
    """The source of a handler: its documented responses, its signature and its body."""

    responses: Code
    signature: Code
    body: Code


def requires_etag(entity: Entity) -> bool:
    """Return whether updating or deleting a row requires If-Match."""
    changing = CHANGING & {*entity.api.operations}
    return bool(changing) and entity.api.etag is EtagUse.REQUIRED


class Handlers:
    """Builds the handlers of an entity, and collects their imports."""

    def __init__(
        self,
        entity: Entity,
        entities: Entities,
        variables: Variables,
        imports: Imports,
        *,
        is_kept: bool,
    ) -> None:
        self._entity = entity
        self._entities = entities
        self._is_kept = is_kept
        self._called = called_hooks(entity, entities)
        self._variables = variables
        self._imports = imports
        self._key_type = name(entity.name, suffix="Id")
        self._db = annotated(raw("db"), imports.name("..kit.database", "DatabaseDep"))

    def _request_parameter(self) -> Code:
        return annotated(raw("request"), self._imports.name("fastapi", "Request"))

    def _import_model(self, suffix: str) -> Code:
        """Import a model of the entity, and return its name."""
        model = name(self._entity.name, suffix=suffix)
        self._imports.use(".bodies" if suffix in BODIES else ".models", model)
        return model

    def create(self) -> HandlerView:
        """Return the source of the handler that creates a row."""
        created = self._import_model(create_suffix(self._entity))
        return self._create_handler(
            name(self._entity.singular, prefix="create_"),
            Operation.CREATE,
            annotated(self._variables.payload, created),
            self._variables.payload,
        )

    def create_many(self) -> HandlerView:
        """Return the source of the handler that creates several rows."""
        created = self._import_model(create_alone_suffix(self._entity))
        return self._create_handler(
            name(self._entity.plural, prefix="create_"),
            Operation.CREATE_MANY,
            self._bulk_parameter(self._variables.created, created),
            self._variables.created,
        )

    def _bulk_parameter(self, sent: Code, kind: Code) -> Bracket:
        """Return a parameter of a bulk request: `new_heroes: Many[HeroCreate]`."""
        many = self._imports.name("..kit.types.many", "Many")
        return subscript(annotated(sent, many), (kind,))

    def _create_handler(
        self, function: Code, verb: Operation, body: Bracket | Code, sent: Code
    ) -> HandlerView:
        parameters = [body, self._request_parameter(), self._db, *self._caller_parameter(verb)]
        arguments = [raw("db"), raw("request"), sent]
        if self._entity.api.idempotency:
            header = self._imports.name("..kit.rows.idempotency", "IdempotencyKey")
            parameters.append(annotated(raw("idempotency_key"), header) + raw(" = None"))
            arguments.append(raw("idempotency_key"))
        return HandlerView(
            responses=self._responses(verb, *self._conflict_status(creates=True), *_BODY),
            signature=self._signature(function, parameters),
            body=self._return_statement(verb, arguments),
        )

    def update_many(self) -> HandlerView:
        """Return the source of the handler that updates several rows."""
        changes = self._import_model(update_by_id_suffix(self._entity))
        sent = self._variables.changed
        return HandlerView(
            responses=self._responses(Operation.UPDATE_MANY, 404, 409, 412, *_BODY),
            signature=self._signature(
                name(self._entity.plural, prefix="update_"),
                [
                    self._bulk_parameter(sent, changes),
                    self._request_parameter(),
                    self._db,
                    *self._caller_parameter(Operation.UPDATE_MANY),
                ],
            ),
            body=self._return_statement("update_many", [raw("db"), raw("request"), sent]),
        )

    def delete_many(self) -> HandlerView:
        """Return the source of the handler that deletes several rows."""
        ids = annotated(raw("ids"), name(self._entity.name, suffix="Ids"))
        return HandlerView(
            responses=self._responses(Operation.DELETE_MANY, 404, 409, 412, 422, 503),
            signature=self._signature(
                name(self._entity.plural, prefix="delete_"),
                [
                    ids,
                    self._request_parameter(),
                    self._db,
                    *self._caller_parameter(Operation.DELETE_MANY),
                ],
            ),
            body=self._return_statement("delete_many", [raw("db"), raw("request"), raw("ids")]),
        )

    def list(self) -> HandlerView:
        """Return the source of the handler that lists rows."""
        query = annotated(raw("query"), name(self._entity.name, suffix="Query"))
        return HandlerView(
            responses=self._responses(Operation.LIST, 404, 422, 503),
            signature=self._signature(
                name(self._entity.plural, prefix="read_"),
                [
                    self._request_parameter(),
                    self._db,
                    *self._caller_parameter(Operation.LIST),
                    query,
                ],
            ),
            body=self._return_statement("list", [raw("db"), raw("request"), raw("query")]),
        )

    def read(self) -> HandlerView:
        """Return the source of the handler that reads a row."""
        errors = self._responses(Operation.READ, 304, 404, 422, 503)
        return self._one_row_handler(Operation.READ, errors)

    def update(self) -> HandlerView:
        """Return the source of the handler that updates a row."""
        changes = self._import_model(update_suffix(self._entity))
        conflict = self._conflict_status(creates=False)
        statuses = (404, *conflict, 412, 413, 415, 422, *self._missing_etag_status(), 503)
        errors = self._responses(Operation.UPDATE, *statuses)
        return self._one_row_handler(Operation.UPDATE, errors, changes)

    def replace(self) -> HandlerView:
        """Return the source of the handler that replaces a row."""
        body = self._import_model(create_alone_suffix(self._entity))
        statuses = (
            404,
            *self._conflict_status(creates=True),
            412,
            413,
            415,
            422,
            *self._missing_etag_status(),
        )
        created = self._creates_by_replacing()
        errors = self._responses(Operation.REPLACE, *statuses, 503, created=created)
        return self._one_row_handler(Operation.REPLACE, errors, body)

    def delete(self) -> HandlerView:
        """Return the source of the handler that deletes a row."""
        conflict = (409,) if self._is_kept or self._has_hook(Hook.DELETE) else ()
        statuses = (404, *conflict, 412, 422, *self._missing_etag_status(), 503)
        errors = self._responses(Operation.DELETE, *statuses)
        return self._one_row_handler(Operation.DELETE, errors)

    def _creates_by_replacing(self) -> bool:
        """Return whether a replacement has another status if it creates the row."""
        is_client = self._entity.key_kind is KeyKind.CLIENT
        return is_client and self._entity.api.created != DEFAULT_STATUS

    def _missing_etag_status(self) -> tuple[int, ...]:
        """Return the status for a request without If-Match, if the entity requires it."""
        return (428,) if requires_etag(self._entity) else ()

    def _one_row_handler(
        self, verb: Operation, errors: Code, body: Code | None = None
    ) -> HandlerView:
        parameters: list[Bracket | Code] = [annotated(self._variables.key, self._key_type)]
        arguments = [raw("db"), self._variables.key]
        if verb is not Operation.READ:
            arguments.insert(1, raw("request"))
        if body is not None:
            parameters.append(annotated(self._variables.payload, body))
            arguments.append(self._variables.payload)
        if verb is not Operation.READ:
            parameters.append(self._request_parameter())
        parameters += [self._db, *self._caller_parameter(verb)]
        if verb is Operation.READ and has_related(self._entity):
            parameters.append(annotated(raw("query"), name(self._entity.name, suffix="Included")))
            arguments.append(raw("query"))
        function = name(self._entity.singular, prefix=f"{verb}_")
        return HandlerView(
            responses=errors,
            signature=self._signature(function, parameters),
            body=self._return_statement(verb, arguments),
        )

    def _conflict_status(self, *, creates: bool) -> tuple[int, ...]:
        """Return the status for a duplicate value or a missing target, if there can be one."""
        unique = any(field.unique for field in self._entity.fields)
        together = any(index.unique for index in self._entity.indexes)
        key = creates and self._entity.key_kind is KeyKind.CLIENT
        refers = sets_reference if creates else changes_reference
        creates_others = writes_keys(self._entity) or (creates and creates_together(self._entity))
        calls = self._has_hook(Hook.UPDATE) or (creates and self._has_hook(Hook.CREATE))
        can_conflict = unique or together or key or creates_others or refers(self._entity)
        return (409,) if can_conflict or calls else ()

    def _has_hook(self, hook: Hook) -> bool:
        """Return whether the entity has a hook, whose function can conflict with any row."""
        return any(one.hook is hook for one in self._entity.api.hooks)

    def _caller_parameter(self, operation: Operation) -> Iterator[Bracket | Code]:
        """Yield the parameter `me: Reader`, if the API has callers."""
        if self._entity.access is not None:
            kind = caller_type(operation, self._entity, {*map(str, self._entities)})
            yield annotated(raw("me"), self._imports.own(".access", kind))

    def _responses(
        self, operation: Operation | None, *statuses: int, created: bool = False
    ) -> Code:
        """Return the error responses of an operation, or of an action, which calls a function."""
        entity, actions = self._entity, actions_required_by(operation, self._entity)
        if entity.access is not None:
            hidden = hidden_row_status(entity, self._entities, actions)
            others = (one for one in statuses if one < 400)
            statuses = (*dict.fromkeys((*hidden, *others, 401, 403, *statuses)),)
        arguments: list[Bracket | Code] = [literal(status) for status in statuses]
        if created:
            suffix = write_response_suffix(self._entity)
            arguments.append(keyword("created", self._import_model(suffix)))
        called = call(self._imports.name("..kit.errors", "errors"), arguments)
        more = [self._imports.name("..kit.rows.bulk", "BULK_ERRORS")] if operation in _MANY else []
        if operation is Operation.LIST:
            more += export_formats(entity, self._imports)
        if operation is None or any(hook.value in actions for hook in self._called):
            own = self._imports.name("..kit.hooks.responses", "function_errors")
            return statement(raw("responses="), call(own, [called, *more]), INDENT, raw(","))
        tail = join(raw(""), [*(raw(" | ") + one for one in more), raw(",")])
        return statement(raw("responses="), called, INDENT, tail)

    def _signature(self, function: Code, parameters: Sequence[Bracket | Code]) -> Code:
        head = raw("async def ") + function
        tail = raw(" -> ") + self._imports.name("fastapi", "Response") + raw(":")
        return statement(head, call(raw(""), parameters), tail=tail)

    def _return_statement(self, verb: str, arguments: Sequence[Bracket | Code]) -> Code:
        rows = self._variables.resource
        if self._entity.access is not None:
            rows += raw(".view(me)")
        method = rows + raw(".") + identifier(verb)
        return statement(raw("return await "), call(method, arguments), 4)
