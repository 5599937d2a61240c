"""View of an entity's routes. Reason to change: the code of generated routes."""

from collections.abc import Sequence
from dataclasses import dataclass

from crudgen.codegen.code import Code, identifier, json_name, literal, name, raw, words
from crudgen.codegen.imports import Imports
from crudgen.codegen.layout import Bracket, call, keyword, statement, subscript
from crudgen.language.operations import CHANGING, Operation
from crudgen.language.resolve.schema_names import body_name
from crudgen.language.schema import Entity, KitForm

from .actions import ActionHandlers, ActionView
from .articles import a_row
from .bodies import BODIES, create_response_suffix, write_response_suffix, writes_several_tables
from .composite import composite_names
from .computed import import_table_model
from .handlers import DEFAULT_STATUS, HandlerView
from .key_types import path_key_type
from .references import Entities
from .related_resource import related_names
from .relation_nodes import EMBEDDED, PUBLIC, Nodes, has_related, uses_relations
from .resource import ResourcePrinter, combined_class, resource_classes
from .variables import Variables

_WRITING = {
    Operation.UPDATE,
    Operation.REPLACE,
    Operation.CREATE_MANY,
    Operation.UPDATE_MANY,
}
"""Operations whose responses contain rows as they are written alone."""
DELETING = frozenset({Operation.DELETE, Operation.DELETE_MANY})


@dataclass(frozen=True, slots=True)
class RoutesView:
    """The router, the resource and the handlers of an entity; None for missing operations."""

    singular: Code
    plural: Code
    a_singular: Code
    plural_words: Code
    listed_type: Code
    """The type of a page of the list."""
    read_type: Code
    """The type of a row that is read."""
    created_type: Code
    """The type of a row that is created."""
    written_type: Code
    """The type of a row that is written alone."""
    rows_type: Code
    """The type of several rows that are written."""
    deletion_type: Code
    imports: Code
    router: Code
    resource_class: Code | None
    """The class of the resource, if it combines several classes of the kit."""
    resource: Code
    key_path: Code
    aliases: tuple[Code, ...]
    created_status: Code | None
    """The status of create operations, if it is not the default."""
    create: HandlerView | None
    list: HandlerView | None
    read: HandlerView | None
    update: HandlerView | None
    replace: HandlerView | None
    delete: HandlerView | None
    create_many: HandlerView | None
    update_many: HandlerView | None
    delete_many: HandlerView | None
    actions: tuple[ActionView, ...]


def routes_view(
    entity: Entity,
    entities: Entities,
    nodes: Nodes,
    kit: KitForm = KitForm.VENDORED,
    *,
    is_kept: bool = False,
) -> RoutesView:
    """Return the view of the routes of an entity.

    `nodes` are the relations that its API uses. `is_kept` says whether the database may refuse to
    delete a row.
    """
    variables = Variables(entity)
    classes = resource_classes(entity, is_kept=is_kept)
    imports = Imports(kit, defined=_defined_names(entity, entities, nodes, variables, classes))
    import_table_model(entity, entities, imports)
    imports.use(".models", f"{entity.name}Public")
    handlers = ActionHandlers(entity, entities, variables, imports, is_kept=is_kept)
    head = _ModuleHead(entity, variables, imports)
    resource = ResourcePrinter(entity, entities, nodes, imports, classes)
    printers = {
        Operation.CREATE: handlers.create,
        Operation.LIST: handlers.list,
        Operation.READ: handlers.read,
        Operation.UPDATE: handlers.update,
        Operation.REPLACE: handlers.replace,
        Operation.DELETE: handlers.delete,
        Operation.CREATE_MANY: handlers.create_many,
        Operation.UPDATE_MANY: handlers.update_many,
        Operation.DELETE_MANY: handlers.delete_many,
    }
    creates = Operation.CREATE in entity.api.operations
    writes = not _WRITING.isdisjoint(entity.api.operations)
    views = {operation: printers[operation]() for operation in entity.api.operations}
    actions = tuple(handlers.actions())
    return RoutesView(
        singular=name(entity.singular),
        plural=name(entity.plural),
        a_singular=a_row(entity),
        plural_words=words(entity.plural),
        listed_type=head.rows_type(head.list_suffix),
        read_type=head.model(head.read_suffix),
        created_type=head.model(create_response_suffix(entity) if creates else "Public"),
        written_type=head.model(write_response_suffix(entity) if writes else "Public"),
        rows_type=head.rows_type(write_response_suffix(entity) if writes else "Public"),
        deletion_type=head.deletion_type() if DELETING & views.keys() else raw(""),
        router=head.router(),
        resource_class=resource.resource_class(),
        resource=resource.resource(variables.resource),
        key_path=literal(f"/{{{entity.singular}_id}}"),
        aliases=head.aliases(),
        created_status=_created_status(entity),
        create=views.get(Operation.CREATE),
        list=views.get(Operation.LIST),
        read=views.get(Operation.READ),
        update=views.get(Operation.UPDATE),
        replace=views.get(Operation.REPLACE),
        delete=views.get(Operation.DELETE),
        create_many=views.get(Operation.CREATE_MANY),
        update_many=views.get(Operation.UPDATE_MANY),
        delete_many=views.get(Operation.DELETE_MANY),
        actions=actions,
        imports=imports.code(),
    )


def _created_status(entity: Entity) -> Code | None:
    status = entity.api.created
    return None if status == DEFAULT_STATUS else literal(status)


def _defined_names(
    entity: Entity,
    entities: Entities,
    nodes: Nodes,
    variables: Variables,
    resource_classes: Sequence[tuple[str, str]],
) -> set[str]:
    """Return the names that the module defines, or imports from the entity's models."""
    classes = ("", "Create", "Update", "UpdateById", "Public", "Id", "Ids", "Query")
    names = {"router", variables.resource, *variables.functions}
    for action in entity.actions:
        names.add(body_name(entity.name, action))
    names.update(entity.name + suffix for suffix in classes)
    if uses_relations(entity):
        names |= {entity.name + suffix for suffix in (PUBLIC, EMBEDDED, "Included")}
        names.update(related_names(nodes))
    names |= composite_names(entity, entities)
    names |= {entity.name + suffix for suffix in BODIES if writes_several_tables(entity)}
    if len(resource_classes) > 1:
        names.add(combined_class(entity))
    return names


class _ModuleHead:
    """Builds the code before the handlers, and collects its imports."""

    def __init__(self, entity: Entity, variables: Variables, imports: Imports) -> None:
        self._entity = entity
        self.list_suffix = PUBLIC if has_related(entity) else "Public"
        self.read_suffix = EMBEDDED if entity.api.embed else self.list_suffix
        self._variables = variables
        self._imports = imports

    def rows_type(self, suffix: str) -> Code:
        """Return `list[HeroPublic]`, for the suffix `Public`."""
        return self._imports.builtin("list") + raw("[") + self.model(suffix) + raw("]")

    def model(self, suffix: str) -> Code:
        """Return the name of a model of the entity. Those of other modules are imported."""
        model = name(self._entity.name, suffix=suffix)
        if suffix in BODIES:
            self._imports.use(".bodies", model)
        elif suffix != "Public":
            self._imports.use(".related", model)
        return model

    def deletion_type(self) -> Code:
        """Return the model of the response to a deletion."""
        return self._imports.name("..kit.errors", "Deleted")

    def router(self) -> Code:
        """Return `router = Router(prefix="/heroes", tags=["heroes"], description="…")`."""
        tags = Bracket("[", (literal(str(self._entity.plural)),), "]")
        arguments = [
            keyword("prefix", literal(str(self._entity.path))),
            keyword("tags", tags),
        ]
        if self._entity.doc is not None:
            arguments.append(keyword("description", literal(self._entity.doc.strip())))
        router = self._imports.name("..kit.http.routing", "Router")
        return statement(raw("router = "), call(router, arguments))

    def aliases(self) -> tuple[Code, ...]:
        """Return the aliases of the handlers' parameter types, such as `HeroId`."""
        operations = set(self._entity.api.operations)
        aliases = []
        if operations & {Operation.READ, *CHANGING} or self._entity.actions:
            description = literal(f"Primary key of the {words(self._entity.singular)}.")
            one = name(self._entity.name, suffix="Id")
            described = [keyword("description", description)]
            aliases.append(self._parameter_alias(one, self._key_type(), "Path", described))
        if Operation.DELETE_MANY in operations:
            description = literal(f"Primary keys of the {words(self._entity.plural)} to delete.")
            ids = name(self._entity.name, suffix="Ids")
            alias = keyword("alias", json_name(self._entity.key.json_name))
            described = [alias, keyword("description", description)]
            many = (
                self._imports.name("..kit.types.many", "Many")
                + raw("[")
                + self._key_type()
                + raw("]")
            )
            aliases.append(self._parameter_alias(ids, many, "Query", described))
        if Operation.LIST in operations:
            aliases.append(self._query_alias("Query", "query"))
        if Operation.READ in operations and has_related(self._entity):
            aliases.append(self._query_alias("Included", "included"))
        return tuple(aliases)

    def _query_alias(self, suffix: str, parser: str) -> Code:
        """Return `HeroQuery = Annotated[ListQuery, heroes.query]`."""
        items = (
            self._imports.name("..kit.query", "ListQuery"),
            self._variables.resource + raw(".") + identifier(parser),
        )
        annotated_query = subscript(self._imports.name("typing", "Annotated"), items)
        return statement(name(self._entity.name, suffix=suffix) + raw(" = "), annotated_query)

    def _key_type(self) -> Code:
        return path_key_type(self._entity, self._imports)

    def _parameter_alias(
        self, alias: Code, kind: Code, parameter: str, arguments: Sequence[Bracket | Code]
    ) -> Code:
        items = (kind, call(self._imports.name("fastapi", parameter), arguments))
        annotated_kind = subscript(self._imports.name("typing", "Annotated"), items)
        return statement(alias + raw(" = "), annotated_kind)
