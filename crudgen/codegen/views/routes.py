"""What the template of an entity's routes prints: every decision is made here."""

from collections.abc import Sequence
from dataclasses import dataclass

from crudgen.codegen.code import (
    Bracket,
    Code,
    call,
    keyword,
    literal,
    name,
    raw,
    statement,
    subscript,
    words,
)
from crudgen.codegen.imports import Imports
from crudgen.language.resolve.api import filterable, sortable
from crudgen.language.schema import CHANGING, Entity, KeyKind, KitForm, Operation, Page, TypeName

from .handlers import Handlers, HandlerView, must_match


@dataclass(frozen=True, slots=True)
class RoutesView:
    """The routes of one entity; an operation that it does not offer is None."""

    singular: Code
    plural: Code
    one: Code
    many: Code
    public: Code
    imports: Code
    router: Code
    resource: Code
    key_path: Code
    aliases: tuple[Code, ...]
    create: HandlerView | None
    list: HandlerView | None
    read: HandlerView | None
    update: HandlerView | None
    replace: HandlerView | None
    delete: HandlerView | None
    create_many: HandlerView | None
    update_many: HandlerView | None
    delete_many: HandlerView | None


def routes_view(entity: Entity, kit: KitForm = KitForm.VENDORED) -> RoutesView:
    """Decide what the routes of an entity are."""
    imports = Imports(kit)
    imports.use("fastapi", "Response")
    imports.use("..kit.database", "DatabaseDep")
    imports.use("..kit.errors", "errors")
    imports.use("..kit.rows.resource", "Resource")
    imports.use("..kit.http.routing", "Router")
    imports.use(".models", entity.name, f"{entity.name}Public")
    handlers, head = Handlers(entity, imports), _Head(entity, imports)
    offered = {
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
    views = {operation: offered[operation]() for operation in entity.api.operations}
    return RoutesView(
        singular=name(entity.singular),
        plural=name(entity.plural),
        one=words(entity.singular),
        many=words(entity.plural),
        public=name(entity.name, suffix="Public"),
        router=head.router(),
        resource=head.resource(),
        key_path=literal(f"/{{{entity.singular}_id}}"),
        aliases=head.aliases(),
        create=views.get(Operation.CREATE),
        list=views.get(Operation.LIST),
        read=views.get(Operation.READ),
        update=views.get(Operation.UPDATE),
        replace=views.get(Operation.REPLACE),
        delete=views.get(Operation.DELETE),
        create_many=views.get(Operation.CREATE_MANY),
        update_many=views.get(Operation.UPDATE_MANY),
        delete_many=views.get(Operation.DELETE_MANY),
        imports=imports.code(),
    )


class _Head:
    """Prints what stands before the handlers, and notes what the module has to import."""

    def __init__(self, entity: Entity, imports: Imports) -> None:
        self._entity = entity
        self._imports = imports

    def router(self) -> Code:
        """`router = Router(prefix="/heroes", tags=["heroes"])`."""
        tags = Bracket("[", (literal(str(self._entity.plural)),), "]")
        arguments = [
            keyword("prefix", literal(str(self._entity.path))),
            keyword("tags", tags),
        ]
        return statement(raw("router = "), call(raw("Router"), arguments))

    def resource(self) -> Code:
        """`heroes = Resource(Hero, public=HeroPublic)`."""
        entity, api = self._entity, self._entity.api
        arguments: list[Bracket | Code] = [
            name(entity.name),
            keyword("public", name(entity.name, suffix="Public")),
        ]
        for key, size, usual in (
            ("default_limit", api.page.default, Page().default),
            ("max_limit", api.page.max, Page().max),
        ):
            if size != usual:
                arguments.append(keyword(key, literal(size)))
        for key, listed, all_of_them in (
            ("filter_by", api.filter, filterable(entity.fields)),
            ("sort_by", api.sort, sortable(entity.fields)),
            ("search_in", api.search, ()),
        ):
            if Operation.LIST in api.operations and listed != all_of_them:
                items = tuple(literal(str(field)) for field in listed)
                arguments.append(keyword(key, Bracket("[", items, "]")))
        unchanged = [field for field in entity.fields if field.immutable and not field.read_only]
        if unchanged and Operation.REPLACE in api.operations:
            names = tuple(literal(str(field.name)) for field in unchanged)
            arguments.append(keyword("immutable", Bracket("[", names, "]")))
        if must_match(entity):
            arguments.append(raw("etag_required=True"))
        if api.idempotency:
            arguments.append(raw("idempotent=True"))
        if _writes_unique_values_together(entity):
            arguments.append(raw("serialized=True"))
        return statement(name(entity.plural) + raw(" = "), call(raw("Resource"), arguments))

    def aliases(self) -> tuple[Code, ...]:
        """Print the types of the parameters that differ from entity to entity."""
        operations = set(self._entity.api.operations)
        aliases = []
        if operations & {Operation.READ, *CHANGING}:
            description = literal(f"The key of one {words(self._entity.singular)}.")
            one = name(self._entity.name, suffix="Id")
            described = [keyword("description", description)]
            aliases.append(self._alias(one, self._key_kind(), "Path", described))
        if Operation.DELETE_MANY in operations:
            description = literal(f"The keys of {words(self._entity.plural)} to delete.")
            ids = name(self._entity.name, suffix="Ids")
            alias = keyword("alias", literal(str(self._entity.key.name)))
            described = [alias, keyword("description", description)]
            many = (
                self._imports.name("..kit.models", "Many") + raw("[") + self._key_kind() + raw("]")
            )
            aliases.append(self._alias(ids, many, "Query", described))
        if Operation.LIST in operations:
            asked = name(self._entity.plural, suffix=".query")
            annotated_query = subscript(
                self._imports.name("typing", "Annotated"),
                (self._imports.name("..kit.query", "ListQuery"), asked),
            )
            alias = name(self._entity.name, suffix="Query")
            aliases.append(statement(alias + raw(" = "), annotated_query))
        return tuple(aliases)

    def _key_kind(self) -> Code:
        key = self._entity.key
        if key.type is TypeName.STR:
            return raw("str") if key.as_sent else self._imports.name("..kit.text", "NfcText")
        kind = "IntText" if key.type is TypeName.INT else "UuidText"
        return self._imports.name("..kit.types", kind)

    def _alias(
        self, alias: Code, kind: Code, place: str, arguments: Sequence[Bracket | Code]
    ) -> Code:
        items = (kind, call(self._imports.name("fastapi", place), arguments))
        annotated_kind = subscript(self._imports.name("typing", "Annotated"), items)
        return statement(alias + raw(" = "), annotated_kind)


def _writes_unique_values_together(entity: Entity) -> bool:
    """Tell whether one request can write unique values of several rows."""
    operations = set(entity.api.operations)
    fields = any(field.unique for field in entity.fields)
    unique = fields or any(index.unique for index in entity.indexes)
    keys = entity.key_kind is KeyKind.CLIENT
    return (unique and Operation.UPDATE_MANY in operations) or (
        (unique or keys) and Operation.CREATE_MANY in operations
    )
