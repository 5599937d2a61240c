"""View of `clients/provider.ts`. Reason to change: what the provider knows of an entity."""

from dataclasses import dataclass

from crudgen.codegen.code import Code, typescript
from crudgen.language.names import NamingConventions
from crudgen.language.operations import Operation
from crudgen.language.properties import count_property, more_property
from crudgen.language.relations import NestedWrite
from crudgen.language.schema import Entity, Json, Schema, TypeName

from .collections import Collection
from .data_provider_actions import ActionMethodView, action_methods
from .handlers import requires_etag
from .references import Entities, by_name


@dataclass(frozen=True, slots=True)
class DataProviderRelations:
    """What the provider knows of the relations of an entity, as literals of TypeScript."""

    names: Code
    added: Code
    """The properties of responses that are not part of a row."""
    created: Code
    """Those of them that a request to create a row can contain."""
    lists: Code
    """The paths of the lists under a row of another entity."""


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
    relations: DataProviderRelations | None


@dataclass(frozen=True, slots=True)
class ProviderView:
    """The resources of the provider."""

    resources: tuple[ResourceView, ...]
    actions: tuple[ActionMethodView, ...]
    has_replica: bool


def provider_view(schema: Schema) -> ProviderView:
    """Return the view of the provider of a schema."""
    entities = by_name(schema.entities)
    return ProviderView(
        tuple(_resource_view(entity, entities, schema.names) for entity in schema.entities),
        tuple(action_methods(schema)),
        schema.read_replica,
    )


def _resource_view(
    entity: Entity, entities: Entities, conventions: NamingConventions
) -> ResourceView:
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
        relations=_relations_view(entity, entities, conventions) if entity.relations else None,
    )


def _relations_view(
    entity: Entity, entities: Entities, conventions: NamingConventions
) -> DataProviderRelations:
    write = dict(entity.api.write)
    added, created = [], []
    for one in entity.relations:
        names = [more_property(one)] if one.is_many else []
        names += [count_property(one)] if one.name in entity.api.counts else []
        added += [str(one.json_name), *map(conventions.json.convert, names)]
        if write.get(one.name) is NestedWrite.CREATE:
            created.append(str(one.json_name))
    collections = [
        Collection(owner, relation, entity)
        for owner in entities.values()
        for relation in owner.relations
        if relation.target == entity.name
    ]
    lists: dict[str, Json] = {
        f"{one.owner.plural}/{one.segment}": f"{one.owner.path}/{{id}}/{one.segment}/"
        for one in collections
        if one.can_list
    }
    return DataProviderRelations(
        names=typescript([str(one.json_name) for one in entity.relations]),
        added=typescript([*added]),
        created=typescript([*created]),
        lists=typescript(lists),
    )
