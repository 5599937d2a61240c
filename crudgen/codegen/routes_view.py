"""What the template of an entity's routes prints: every decision is made here."""

from collections.abc import Sequence
from dataclasses import dataclass

from crudgen.language.api import filterable, sortable
from crudgen.language.schema import CHANGING, Entity, EtagUse, KeyKind, Operation, Page, TypeName

from .code import (
    Bracket,
    Code,
    annotated,
    call,
    keyword,
    literal,
    name,
    raw,
    statement,
    subscript,
    words,
)
from .imports import Imports

_DB = raw("db: DatabaseDep")
_REQUEST = raw("request: Request")


@dataclass(frozen=True, slots=True)
class HandlerView:
    """One operation: the errors that it declares, its signature and its one statement."""

    errors: Code
    signature: Code
    answer: Code


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


def routes_view(entity: Entity) -> RoutesView:
    """Decide what the routes of an entity are."""
    imports = Imports()
    imports.use("fastapi", "Response")
    imports.use("..kit.database", "DatabaseDep")
    imports.use("..kit.errors", "errors")
    imports.use("..kit.resource", "Resource")
    imports.use("..kit.routing", "Router")
    imports.use(".models", entity.name, f"{entity.name}Public")
    handlers = _Handlers(entity, imports)
    offered = {
        Operation.CREATE: handlers.create,
        Operation.LIST: handlers.list,
        Operation.READ: handlers.read,
        Operation.UPDATE: handlers.update,
        Operation.REPLACE: handlers.replace,
        Operation.DELETE: handlers.delete,
    }
    views = {operation: offered[operation]() for operation in entity.operations}
    return RoutesView(
        singular=name(entity.singular),
        plural=name(entity.plural),
        one=words(entity.singular),
        many=words(entity.plural),
        public=name(entity.name, suffix="Public"),
        router=handlers.router(),
        resource=handlers.resource(),
        key_path=literal(f"/{{{entity.singular}_id}}"),
        aliases=handlers.aliases(),
        create=views.get(Operation.CREATE),
        list=views.get(Operation.LIST),
        read=views.get(Operation.READ),
        update=views.get(Operation.UPDATE),
        replace=views.get(Operation.REPLACE),
        delete=views.get(Operation.DELETE),
        imports=imports.code(),
    )


class _Handlers:
    """Prints the handlers of one entity, and notes what the module has to import."""

    def __init__(self, entity: Entity, imports: Imports) -> None:
        self._entity = entity
        self._imports = imports
        self._body = name(entity.singular)
        self._key = name(entity.singular, suffix="_id")
        self._key_type = name(entity.name, suffix="Id")

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
        entity = self._entity
        arguments: list[Bracket | Code] = [
            name(entity.name),
            keyword("public", name(entity.name, suffix="Public")),
        ]
        for key, size, usual in (
            ("default_limit", entity.page.default, Page().default),
            ("max_limit", entity.page.max, Page().max),
        ):
            if size != usual:
                arguments.append(keyword(key, literal(size)))
        for key, listed, all_of_them in (
            ("filter_by", entity.filter, filterable(entity.fields)),
            ("sort_by", entity.sort, sortable(entity.fields)),
            ("search_in", entity.search, ()),
        ):
            if Operation.LIST in entity.operations and listed != all_of_them:
                items = tuple(literal(str(field)) for field in listed)
                arguments.append(keyword(key, Bracket("[", items, "]")))
        unchanged = [field for field in entity.fields if field.immutable and not field.read_only]
        if unchanged and Operation.REPLACE in entity.operations:
            names = tuple(literal(str(field.name)) for field in unchanged)
            arguments.append(keyword("immutable", Bracket("[", names, "]")))
        if self._must_match():
            arguments.append(raw("etag_required=True"))
        return statement(name(entity.plural) + raw(" = "), call(raw("Resource"), arguments))

    def aliases(self) -> tuple[Code, ...]:
        """Print the types of the parameters that differ from entity to entity."""
        operations = set(self._entity.operations)
        aliases = []
        if operations & {Operation.READ, *CHANGING}:
            described = keyword(
                "description", literal(f"The key of one {words(self._entity.singular)}.")
            )
            aliases.append(self._alias(self._key_type, self._key_kind(), "Path", [described]))
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
        if self._entity.key.type is TypeName.UUID:
            return self._imports.name("..kit.types", "UuidText")
        return raw("int") if self._entity.key.type is TypeName.INT else raw("str")

    def _alias(
        self, alias: Code, kind: Code, place: str, arguments: Sequence[Bracket | Code]
    ) -> Code:
        items = (kind, call(self._imports.name("fastapi", place), arguments))
        annotated_kind = subscript(self._imports.name("typing", "Annotated"), items)
        return statement(alias + raw(" = "), annotated_kind)

    def create(self) -> HandlerView:
        """Insert a row."""
        self._imports.use("fastapi", "Request")
        created = name(self._entity.name, suffix="Create")
        self._imports.use(".models", created)
        return HandlerView(
            errors=self._errors(*self._conflict(takes_key=True), 413, 415, 422, 503),
            signature=self._signature(
                name(self._entity.singular, prefix="create_"),
                [annotated(self._body, created), _REQUEST, _DB],
            ),
            answer=self._answer("create", [raw("db"), raw("request"), self._body]),
        )

    def list(self) -> HandlerView:
        """Read a page."""
        self._imports.use("fastapi", "Request")
        self._imports.use("..kit.query", "SparseRow")
        query = annotated(raw("query"), name(self._entity.name, suffix="Query"))
        return HandlerView(
            errors=self._errors(404, 422, 503),
            signature=self._signature(
                name(self._entity.plural, prefix="read_"),
                [_REQUEST, _DB, query],
            ),
            answer=self._answer("list", [raw("db"), raw("request"), raw("query")]),
        )

    def read(self) -> HandlerView:
        """Read one row."""
        return self._keyed("read", self._errors(304, 404, 422, 503))

    def update(self) -> HandlerView:
        """Change one row."""
        changes = name(self._entity.name, suffix="Update")
        self._imports.use(".models", changes)
        conflict = self._conflict(takes_key=False)
        errors = self._errors(404, *conflict, 412, 413, 415, 422, *self._missing_match(), 503)
        return self._keyed("update", errors, changes)

    def replace(self) -> HandlerView:
        """Write all of one row."""
        created = name(self._entity.name, suffix="Create")
        self._imports.use(".models", created)
        conflict = self._conflict(takes_key=True)
        errors = self._errors(404, *conflict, 412, 413, 415, 422, *self._missing_match(), 503)
        return self._keyed("replace", errors, created)

    def delete(self) -> HandlerView:
        """Delete one row."""
        self._imports.use("..kit.errors", "Deleted")
        return self._keyed("delete", self._errors(404, 412, 422, *self._missing_match(), 503))

    def _must_match(self) -> bool:
        writes = CHANGING & {*self._entity.operations}
        return bool(writes) and self._entity.etag is EtagUse.REQUIRED

    def _missing_match(self) -> tuple[int, ...]:
        return (428,) if self._must_match() else ()

    def _keyed(self, verb: str, errors: Code, body: Code | None = None) -> HandlerView:
        parameters = [annotated(self._key, self._key_type)]
        arguments = [raw("db"), self._key]
        if verb != "read":
            arguments.insert(1, raw("request"))
        if body is not None:
            parameters.append(annotated(self._body, body))
            arguments.append(self._body)
        if verb != "read":
            self._imports.use("fastapi", "Request")
            parameters.append(_REQUEST)
        function = name(self._entity.singular, prefix=f"{verb}_")
        return HandlerView(
            errors=errors,
            signature=self._signature(function, [*parameters, _DB]),
            answer=self._answer(verb, arguments),
        )

    def _conflict(self, *, takes_key: bool) -> tuple[int, ...]:
        unique = any(field.unique for field in self._entity.fields)
        together = any(index.unique for index in self._entity.indexes)
        key = takes_key and self._entity.key_kind is KeyKind.CLIENT
        return (409,) if unique or together or key else ()

    def _errors(self, *statuses: int) -> Code:
        return statement(raw(""), call(raw("errors"), [literal(status) for status in statuses]))

    def _signature(self, function: Code, parameters: Sequence[Code]) -> Code:
        head = raw("async def ") + function
        return statement(head, call(raw(""), parameters), tail=" -> Response:")

    def _answer(self, verb: str, arguments: Sequence[Code]) -> Code:
        called = name(self._entity.plural, suffix=f".{verb}")
        return statement(raw("return await "), call(called, arguments), 4)
