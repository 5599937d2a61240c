"""Source of the handlers under a row. Reason to change: the signature of one of them."""

from collections.abc import Sequence
from dataclasses import dataclass

from crudgen.codegen.code import (
    Code,
    annotated,
    attribute_name,
    docstring,
    identifier,
    literal,
    name,
    raw,
    words,
)
from crudgen.codegen.imports import Imports
from crudgen.codegen.layout import (
    INDENT,
    Bracket,
    call,
    keyword,
    long_statement,
    statement,
    subscript,
)
from crudgen.language.access import Action
from crudgen.language.hooks import Hook
from crudgen.language.relations import Link
from crudgen.language.schema import Entity

from .access import hidden_row_status
from .articles import a_row
from .bodies import (
    BODIES,
    create_response_suffix,
    create_suffix,
    owned_body_model,
    writes_several_tables,
)
from .collections import Collection
from .exports import with_export_formats
from .handlers import DEFAULT_STATUS
from .hooks import called_hooks, is_hooked
from .key_types import body_key_type, path_key_type
from .nested_guards import NestedGuards, module_of
from .references import Entities
from .relation_nodes import PUBLIC, has_related
from .variables import Variables


@dataclass(frozen=True, slots=True)
class RouteSource:
    """The source of a route: its decorator, its signature, its docstring and its body."""

    decorator: Code
    signature: Code
    summary: Code
    body: Code


def _path(one: Collection) -> Code:
    return literal(f"/{{{one.key}}}/{one.segment}/")


def _plural(one: Collection) -> Code:
    return words(one.relation.attribute)


def _docstring(text: str) -> Code:
    return docstring(text, INDENT)


class NestedHandlers:
    """Builds the handlers under a row of an entity, and collects their imports."""

    def __init__(self, entity: Entity, entities: Entities, imports: Imports) -> None:
        self._entity = entity
        self._entities = entities
        self._imports = imports
        self._guards = NestedGuards(entity, entities, imports)
        self.aliases: dict[str, Code] = {}
        """The aliases of the types of keys in a path, by name."""

    def model(self, entity: Entity, suffix: str) -> Code:
        """Return a model of an entity."""
        module = self._module(entity, "bodies" if suffix in BODIES else "models")
        return self._imports.own(module, f"{entity.name}{suffix}")

    def _module(self, entity: Entity, module: str) -> str:
        return module_of(entity, module, self._entity)

    def resource(self, one: Collection) -> Code:
        """Return `hero_powers = LinkedResource(Hero, powers, HeroPowerLink, by=…, to=…)`."""
        routes = self._module(one.target, "routes")
        rows = guarded = self._imports.own(routes, Variables(one.target).resource)
        if is_hooked(one.target, self._entities) and not self._guards.calls_function(one):
            rows = guarded = rows + raw(".rows")
        if self._entity.access is not None:
            rows = guarded + raw(".unguarded")
        arguments: list[Bracket | Code] = [self.model(self._entity, ""), rows]
        near, far, link = one.relation.near, one.relation.far, one.relation.link
        module, kind = "..kit.rows.nested", "NestedResource"
        if link is not None and near is not None and far is not None:
            module, kind = "..kit.rows.linked", "LinkedCollection"
            if one.can_change_links:
                module, kind = "..kit.rows.links", "LinkedResource"
            by, to = attribute_name(near.attribute), attribute_name(far.attribute)
            arguments += [self._link_model(link), keyword("by", by), keyword("to", to)]
        elif one.reference is not None:
            arguments.append(keyword("by", attribute_name(one.reference.attribute)))
            if self._guards.calls_function(one):
                module, kind = "..kit.hooks.nested", "HookedNested"
        if one.can_create:
            arguments += [
                keyword("create", self.model(one.target, create_suffix(one.target))),
                keyword("path", literal(str(self._entity.path))),
                keyword("rows_path", literal(str(one.target.path))),
            ]
        value = call(self._imports.name(module, kind), arguments)
        if self._entity.access is not None:
            value = self._guards.guarded_collection(one, value, guarded)
        return long_statement(one.resource + raw(" = "), value)

    def list(self, one: Collection) -> RouteSource:
        """Return the source of the handler that lists rows."""
        query = self._imports.own(self._module(one.target, "routes"), f"{one.target.name}Query")
        rows = keyword(
            "response_model", subscript(self._imports.builtin("list"), [self._row_model(one)])
        )
        errors = with_export_formats(self._responses(404, 422, 503), one.target, self._imports)
        name = f"list_{one.resource}"
        return RouteSource(
            self._decorator("get", [_path(one), rows], name, errors),
            self._signature(
                name,
                one,
                [*self._common_parameters(one, "lister"), annotated(raw("query"), query)],
            ),
            _docstring(
                f"List the {_plural(one)} of {a_row(one.owner)}, filtered, sorted and paginated."
            ),
            self._return_statement(one, "list", [raw("request"), raw("query")]),
        )

    def create(self, one: Collection) -> RouteSource:
        """Return the source of the handler that creates a row."""
        payload = Variables(one.target).payload
        module = self._module(
            one.target, "bodies" if writes_several_tables(one.target) else "models"
        )
        parameters: list[Bracket | Code] = [
            annotated(payload, self._imports.own(module, owned_body_model(one))),
            *self._common_parameters(one, "creator"),
        ]
        arguments = [raw("request"), payload]
        if one.target.api.idempotency:
            header = self._imports.name("..kit.rows.idempotency", "IdempotencyKey")
            parameters.append(annotated(raw("idempotency_key"), header) + raw(" = None"))
            arguments.append(raw("idempotency_key"))
        unseen = hidden_row_status(one.target, self._entities, {Action.CREATE})
        name, errors = f"add_{one.row}", self._responses(*unseen, 404, 409, 413, 415, 422, 503)
        if Hook.CREATE in called_hooks(one.target, self._entities):
            errors = statement(
                raw(""),
                call(self._imports.name("..kit.hooks.responses", "function_errors"), [errors]),
            )
        created = self.model(one.target, create_response_suffix(one.target))
        response = [_path(one), keyword("response_model", created)]
        if (status := one.target.api.created) != DEFAULT_STATUS:
            response.append(keyword("status_code", literal(status)))
        return RouteSource(
            self._decorator("post", response, name, errors),
            self._signature(name, one, parameters),
            _docstring(f"Create {a_row(one.target)} of {a_row(one.owner)}."),
            self._return_statement(one, "create", arguments),
        )

    def replace(self, one: Collection) -> RouteSource:
        """Return the source of the handler that replaces all links of a row."""
        keys = self._imports.name("..kit.types.many", "ManyOrNone")
        body = subscript(annotated(raw("keys"), keys), (body_key_type(one.target, self._imports),))
        name, errors = f"set_{one.resource}", self._responses(404, 409, 413, 415, 422, 503)
        return RouteSource(
            self._decorator(
                "put", [_path(one), self._response_model()], name, self._link_errors(errors)
            ),
            self._signature(
                name,
                one,
                [body, *self._common_parameters(one, "linker")],
            ),
            _docstring(
                f"Replace the {_plural(one)} of {a_row(one.owner)}: link these, and no others."
            ),
            self._return_statement(one, "replace", [raw("request"), raw("keys")]),
        )

    def add(self, one: Collection) -> RouteSource:
        """Return the source of the handler that adds a link."""
        summary = _docstring(
            f"Link {a_row(one.target)} to {a_row(one.owner)}, unless it is linked already."
        )
        return self._link_route(one, "put", "add", summary)

    def remove(self, one: Collection) -> RouteSource:
        """Return the source of the handler that removes a link."""
        summary = _docstring(f"Remove the link of {a_row(one.target)} to {a_row(one.owner)}.")
        return self._link_route(one, "delete", "remove", summary)

    def _link_route(self, one: Collection, method: str, verb: str, summary: Code) -> RouteSource:
        key, name = identifier(one.linked_row_parameter), f"{verb}_{one.row}"
        path = literal(f"/{{{one.key}}}/{one.segment}/{{{one.linked_row_parameter}}}")
        errors = self._link_errors(self._responses(404, 422, 503))
        parameters = [
            annotated(key, self._key_type(one.target)),
            *self._common_parameters(one, "linker"),
        ]
        return RouteSource(
            self._decorator(method, [path, self._response_model()], name, errors),
            self._signature(name, one, parameters),
            summary,
            self._return_statement(one, verb, [raw("request"), key]),
        )

    def _row_model(self, one: Collection) -> Code:
        """Return the model of a row of the list."""
        if not has_related(one.target):
            return self.model(one.target, "Public")
        module = self._module(one.target, "related")
        return self._imports.own(module, f"{one.target.name}{PUBLIC}")

    def _response_model(self) -> Bracket | Code:
        return keyword("response_model", self._imports.name("..kit.rows.links", "LinksChanged"))

    def _decorator(
        self, method: str, response: Sequence[Bracket | Code], operation: str, errors: Code
    ) -> Code:
        """Return `@router.get("/{hero_id}/powers/", response_model=…, …)`.

        `response` are the path, the model of the response and, if it is not 200, its status.
        """
        last = keyword("operation_id", literal(operation)), keyword("responses", errors)
        return statement(raw("@router.") + identifier(method), call(raw(""), [*response, *last]))

    def _key_type(self, entity: Entity) -> Code:
        """Return the alias of the type of a key in a path: `HeroId`."""
        alias = name(entity.name, suffix="Id")
        if alias not in self.aliases:
            description = literal(f"Primary key of the {words(entity.singular)}.")
            path = call(
                self._imports.name("fastapi", "Path"), [keyword("description", description)]
            )
            annotation = subscript(
                self._imports.name("typing", "Annotated"),
                (path_key_type(entity, self._imports), path),
            )
            self.aliases[alias] = statement(alias + raw(" = "), annotation)
        return alias

    def _common_parameters(self, one: Collection, kind: str) -> Sequence[Bracket | Code]:
        """Return `request`, `db` and, if the API has callers, `me` of this kind."""
        request = annotated(raw("request"), self._imports.name("fastapi", "Request"))
        db = annotated(raw("db"), self._imports.name("..kit.database", "DatabaseDep"))
        return [request, db, *self._guards.caller_parameter(one, kind)]

    def _responses(self, *statuses: int) -> Code:
        if self._entity.access is not None:
            statuses = (*sorted({401, 403, *statuses}),)
        errors = call(self._imports.name("..kit.errors", "errors"), map(literal, statuses))
        return statement(raw(""), errors)

    def _link_errors(self, errors: Code) -> Code:
        """Return the source of error responses, joined with `LINK_ERRORS`."""
        return errors + raw(" | ") + self._imports.name("..kit.rows.links", "LINK_ERRORS")

    def _signature(
        self, function: str, one: Collection, parameters: Sequence[Bracket | Code]
    ) -> Code:
        head = raw("async def ") + identifier(function)
        tail = raw(" -> ") + self._imports.name("fastapi", "Response") + raw(":")
        key = annotated(identifier(one.key), self._key_type(self._entity))
        return statement(head, call(raw(""), [key, *parameters]), tail=tail)

    def _return_statement(self, one: Collection, verb: str, arguments: Sequence[Code]) -> Code:
        rows = one.resource
        if self._entity.access is not None:
            rows += raw(".view(me)")
        method = rows + raw(".") + identifier(verb)
        given = [raw("db"), arguments[0], identifier(one.key), *arguments[1:]]
        return long_statement(raw("return "), call(raw("await ") + method, given), INDENT)

    def _link_model(self, link: Link) -> Code:
        """Return the model of a link table."""
        if link.via:
            return self.model(self._entities[link.name], "")
        declaring = self._entities[link.ends[0].entity]
        return self._imports.own(self._module(declaring, "links"), link.name)
