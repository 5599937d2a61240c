"""Source of an entity's resource. Reason to change: a class or an argument of resources."""

from collections.abc import Iterator, Sequence

from crudgen.codegen.code import Code, attribute_name, literal, name, raw
from crudgen.codegen.imports import Imports
from crudgen.codegen.layout import Bracket, call, keyword, statement
from crudgen.language.api import Page
from crudgen.language.operations import BULK, Operation
from crudgen.language.resolve.api import filterable_fields, sortable_fields
from crudgen.language.schema import Entity, Field, KeyKind

from .collections import creates_together, writes_keys
from .composite import composite_arguments
from .handlers import DEFAULT_STATUS, requires_etag
from .hooks import hooked_resource, is_hooked
from .references import Entities
from .referrers import has_references
from .related_resource import RelatedArguments
from .relation_nodes import Nodes, has_related, uses_relations


def resource_classes(entity: Entity, *, is_kept: bool) -> list[tuple[str, str]]:
    """Return the module in the kit and the name of each class that a resource combines."""
    operations, kinds = set(entity.api.operations), []
    if creates_together(entity):
        kinds.append(("rows.composite", "CompositeResource"))
    if writes_keys(entity):
        kinds += _linking_classes(operations)
    elif Operation.REPLACE in operations:
        kinds.append(("rows.replacement", "ReplaceableResource"))
    if BULK & operations and entity.api.idempotency:
        kinds.append(("rows.idempotent_bulk", "IdempotentBulkResource"))
    elif BULK & operations and ("rows.linking_bulk", "LinkingBulkResource") not in kinds:
        kinds.append(("rows.bulk", "BulkResource"))
    elif entity.api.idempotency:
        kinds.append(("rows.idempotency", "IdempotentResource"))
    if entity.api.export:
        kinds.append(("export.resource", "ExportResource"))
    kinds += _relation_classes(entity, is_kept=is_kept)
    return kinds or [("rows.resource", "Resource")]


def _relation_classes(entity: Entity, *, is_kept: bool) -> list[tuple[str, str]]:
    """Return the class of a resource whose rows refer to others, or are referred to."""
    if entity.api.related:
        return [("rows.related_lists", "RelatedListResource")]
    if writes_keys(entity):
        return []
    if has_related(entity):
        return [("rows.related", "RelatedResource")]
    return [("rows.references", "ReferencingResource")] if is_kept or has_references(entity) else []


def _linking_classes(operations: set[Operation]) -> list[tuple[str, str]]:
    """Return the classes of a resource whose request bodies contain keys."""
    kinds = []
    if {Operation.CREATE_MANY, Operation.UPDATE_MANY} & operations:
        kinds.append(("rows.linking_bulk", "LinkingBulkResource"))
    if Operation.REPLACE in operations:
        kinds.append(("rows.linking_replacement", "LinkingReplaceableResource"))
    return kinds or [("rows.linking", "LinkingResource")]


def combined_class(entity: Entity) -> Code:
    """Return the name of the class that combines classes of the kit."""
    return raw("ResourceOperations") if entity.name == "Resource" else raw("Resource")


class ResourcePrinter:
    """Builds the resource of an entity, and collects its imports."""

    def __init__(
        self,
        entity: Entity,
        entities: Entities,
        nodes: Nodes,
        imports: Imports,
        classes: Sequence[tuple[str, str]],
    ) -> None:
        self._entity = entity
        self._entities = entities
        self._nodes = nodes
        self._imports = imports
        self._classes = [imports.name(f"..kit.{module}", kind) for module, kind in classes]

    def resource_class(self) -> Code | None:
        """Return `class Resource(ReplaceableResource, BulkResource):`, or None for one class."""
        if len(self._classes) == 1:
            return None
        combined = call(combined_class(self._entity), self._classes)
        return statement(raw("class "), combined, tail=":")

    def resource(self, variable: Code) -> Code:
        """Return `heroes = Resource(Hero, public=HeroPublic)`."""
        entity, api = self._entity, self._entity.api
        arguments: list[Bracket | Code] = [
            name(entity.name),
            keyword("public", name(entity.name, suffix="Public")),
        ]
        if uses_relations(entity):
            related = RelatedArguments(entity, self._entities, self._nodes, self._imports)
            arguments += related.arguments()
        arguments += composite_arguments(entity, self._entities, self._imports)
        arguments += _list_arguments(entity)
        immutable = [field for field in entity.fields if _is_kept_by_put(field)]
        if immutable and Operation.REPLACE in api.operations:
            items = tuple(attribute_name(field.attribute) for field in immutable)
            arguments.append(keyword("immutable", Bracket("[", items, "]")))
        if requires_etag(entity):
            arguments.append(raw("etag_required=True"))
        if api.created != DEFAULT_STATUS:
            arguments.append(keyword("created_status", literal(api.created)))
        if _writes_several_unique_values(entity):
            arguments.append(raw("serialized=True"))
        one = len(self._classes) == 1
        kind = self._classes[0] if one else combined_class(entity)
        return statement(variable + raw(" = "), self._guarded(variable, call(kind, arguments)))

    def _guarded(self, variable: Code, rows: Bracket) -> Bracket:
        """Return `Guarded(Resource(…), access)`, if the API has callers."""
        if self._entity.access is None:
            return self._with_functions(variable, rows)
        access = raw("access")
        if variable == access:
            access = raw("access_rules")
            self._imports.use(".access", "access as access_rules")
        else:
            self._imports.use(".access", "access")
        guarded = call(self._imports.name("..kit.access.views", "Guarded"), [rows, access])
        return self._with_functions(variable, guarded)

    def _with_functions(self, variable: Code, rows: Bracket) -> Bracket:
        """Return `Hooked(…)`, if operations call functions or write events; else the resource."""
        if not is_hooked(self._entity, self._entities):
            return rows
        return hooked_resource(self._entity, self._entities, rows, variable, self._imports)


def _list_arguments(entity: Entity) -> Iterator[Bracket | Code]:
    """Yield the arguments about the list that differ from the defaults."""
    api, properties = entity.api, (*entity.fields, *entity.computed)
    for key, size, default in (
        ("default_limit", api.page.default, Page().default),
        ("max_limit", api.page.max, Page().max),
    ):
        if size != default:
            yield keyword(key, literal(size))
    for key, names, default_names in (
        ("filter_by", api.filter, filterable_fields(properties)),
        ("sort_by", api.sort, sortable_fields(properties)),
        ("search_in", api.search, ()),
    ):
        if Operation.LIST in api.operations and names != default_names:
            items = tuple(attribute_name(entity.field(field).attribute) for field in names)
            yield keyword(key, Bracket("[", items, "]"))
    if api.export:
        yield keyword("export", Bracket("[", [literal(str(one)) for one in api.export], "]"))


def _is_kept_by_put(field: Field) -> bool:
    """Return whether a PUT keeps a value that it would set in a new row."""
    return field.preset is not None if field.read_only else field.immutable


def _writes_several_unique_values(entity: Entity) -> bool:
    """Return whether one request can write unique values of several rows, which can deadlock."""
    operations = set(entity.api.operations)
    fields = any(field.unique for field in entity.fields)
    unique = fields or any(index.unique for index in entity.indexes)
    keys = entity.key_kind is KeyKind.CLIENT
    return (unique and Operation.UPDATE_MANY in operations) or (
        (unique or keys) and Operation.CREATE_MANY in operations
    )
