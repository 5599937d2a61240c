"""View of `clients/provider.ts`. Reason to change: what the provider knows of an entity."""

from dataclasses import dataclass

from crudgen.codegen.code import Code, typescript
from crudgen.language.operations import Operation
from crudgen.language.schema import Entity, Schema, TypeName

from .handlers import requires_etag


@dataclass(frozen=True, slots=True)
class ResourceView:
    """What the provider knows of an entity, as literals of TypeScript."""

    name: Code
    path: Code
    key: Code
    has_numeric_key: Code
    filters_by_key: Code
    requires_etag: Code
    page_size: Code
    operations: Code


@dataclass(frozen=True, slots=True)
class ProviderView:
    """The resources of the provider."""

    resources: tuple[ResourceView, ...]


def provider_view(schema: Schema) -> ProviderView:
    """Return the view of the provider of a schema."""
    return ProviderView(tuple(_resource(entity) for entity in schema.entities))


def _resource(entity: Entity) -> ResourceView:
    api, key = entity.api, entity.key
    return ResourceView(
        name=typescript(str(entity.plural)),
        path=typescript(f"{entity.path}/"),
        key=typescript(str(key.json_name)),
        has_numeric_key=typescript(key.type is TypeName.INT),
        filters_by_key=typescript(Operation.LIST in api.operations and key.name in api.filter),
        requires_etag=typescript(requires_etag(entity)),
        page_size=typescript(api.page.max),
        operations=typescript([str(operation) for operation in api.operations]),
    )
