"""The files of the kit that a project needs. Reason to change: another module of the kit."""

from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable

from crudgen.language.operations import BULK, Operation
from crudgen.language.schema import KeyKind, KitForm, Schema, TypeName

from .views.admin import kit_conditions_of_admin
from .views.collections import collections_of, creates_together, writes_keys
from .views.events import kit_conditions_of_events
from .views.hooks import creates_by_function
from .views.references import by_name
from .views.referrers import has_references
from .views.relation_nodes import uses_relations
from .views.rule_conditions import follows_relations
from .views.telemetry import kit_conditions_of_telemetry
from .views.users import kit_conditions_of_users


@dataclass(frozen=True, slots=True)
class FromKit:
    """A file that is copied from the kit."""

    path: str
    kit_file: Traversable


def kit_files(schema: Schema) -> Iterator[FromKit]:
    """Yield the files of the kit that a project needs."""
    is_emitted = _conditions_of_kit_files(schema)
    for path, file in _python_files(files("crudgen") / "kit"):
        if is_emitted.get(path, True) and is_emitted.get(path.split("/")[0], True):
            yield FromKit(f"app/kit/{path}", file)


def _conditions_of_kit_files(schema: Schema) -> dict[str, bool]:
    """Return whether a project needs each of the optional files and folders of the kit."""
    entities = schema.entities
    fields = [each for one in entities for each in (*one.fields, *one.computed)]
    taken = [field for entity in entities for one in entity.actions for field in one.takes]
    types = {one.type for one in (*taken, *fields)}
    operations = {operation for entity in entities for operation in entity.api.operations}
    dates = not types.isdisjoint({TypeName.DATE, TypeName.TIME, TypeName.DATETIME})
    decimals, uuids = TypeName.DECIMAL in types, TypeName.UUID in types
    related = any(map(uses_relations, entities))
    by_related = any(entity.api.related for entity in entities)
    bulk = not operations.isdisjoint(BULK)
    idempotent = [entity for entity in entities if entity.api.idempotency]
    references = related or any(map(has_references, entities))
    named = by_name(entities)
    collections = [one for entity in entities for one in collections_of(entity, named)]
    created = [one.target for one in collections if one.can_create]
    nested_functions = any(creates_by_function(one, named) for one in created)
    by_keys = [entity for entity in entities if writes_keys(entity)]
    keys, written = bool(by_keys), {one for entity in by_keys for one in entity.api.operations}
    keys_of_many = not written.isdisjoint({Operation.CREATE_MANY, Operation.UPDATE_MANY})
    link_routes = any(one.can_change_links for one in collections)
    links = keys or link_routes
    linked = keys or any(one.relation.link for one in collections)
    composite = any(map(creates_together, entities))
    nested = any(one.relation.link is None for one in collections)
    return {
        "access": schema.auth is not None,
        **kit_conditions_of_users(schema.auth),
        **kit_conditions_of_admin(schema),
        "access/collections.py": bool(collections),
        **dict.fromkeys(("access/link_changes.py", "access/links.py"), link_routes),
        "access/lists.py": schema.auth is not None and any(one.many for one in schema.auth.me),
        **kit_conditions_of_events(schema),
        **kit_conditions_of_telemetry(schema),
        "access/paths.py": any(follows_relations(entity.access) for entity in entities),
        "hooks/guarded.py": schema.auth is not None,
        "hooks/guarded_nested.py": schema.auth is not None and nested_functions,
        "hooks/nested.py": nested_functions,
        **dict.fromkeys(
            ("database/snapshots.py", "export"), any(entity.api.export for entity in entities)
        ),
        "fast": schema.kit is not KitForm.PLAIN,
        "mcp": schema.mcp is not None,
        "migrations": False,  # the files are in the project's folder `migrations`
        **dict.fromkeys(("database/blocking_rows.py", "database/foreign_keys.py"), references),
        "database/computed.py": any(entity.computed for entity in entities),
        "database/migrations.py": schema.migrations,
        "database/row_rules.py": any(entity.checks for entity in entities),
        "fast/included_json.py": related,
        "replica": schema.read_replica,
        "query/related_columns.py": by_related,
        "query/related_conditions.py": by_related,
        "query/related_order.py": by_related,
        "query/related_parameters.py": related,
        "query/related_paths.py": by_related,
        "query/related_rows.py": related,
        "query/related_statements.py": related,
        "query/relations.py": related,
        "query/visibility.py": related or linked or schema.auth is not None,
        "rows/bulk.py": bulk,
        "rows/bulk_responses.py": bulk,
        "rows/bulk_deletion.py": bulk,
        "rows/added_properties.py": composite or keys or related,
        **dict.fromkeys(("rows/key_writes.py", "rows/link_batches.py"), keys),
        "rows/linking.py": keys,
        "rows/linking_bulk.py": keys_of_many,
        "rows/linking_replacement.py": keys and Operation.REPLACE in written,
        **dict.fromkeys(("rows/link_statements.py", "rows/links.py"), links),
        "rows/linked.py": linked,
        "rows/owner_reference.py": nested or composite,
        "rows/nested.py": nested,
        "rows/subcollection.py": keys or bool(collections),
        "rows/composite.py": composite,
        "rows/write_lock.py": bulk or links or composite,
        "rows/idempotency.py": bool(idempotent),
        "rows/idempotent_bulk.py": any(BULK & set(one.api.operations) for one in idempotent),
        **dict.fromkeys(("rows/reference_locks.py", "rows/references.py"), references),
        "rows/included.py": related,
        "rows/included_parts.py": related,
        "rows/related.py": related,
        "rows/related_listing.py": related,
        "rows/related_lists.py": by_related,
        "rows/replacement.py": Operation.REPLACE in operations,
        "types/addresses.py": not types.isdisjoint({TypeName.EMAIL, TypeName.URL}),
        "types/binary.py": TypeName.BYTES in types,
        "types/dates.py": dates,
        "types/decimal_expressions.py": decimals,
        "types/decimals.py": decimals,
        "types/json_number.py": decimals,
        "types/json_value.py": TypeName.JSON in types,
        "types/keys.py": any(
            (one.can_change_links or one.is_written_by_keys) and one.target.key.type is TypeName.INT
            for one in collections
        ),
        "types/many.py": bulk or links or composite,
        "types/text_form.py": dates or decimals or uuids,
        "types/text_key.py": any(entity.key.type is TypeName.STR for entity in entities),
        "types/uuid7.py": any(entity.key_kind is KeyKind.UUID for entity in entities),
        "types/uuids.py": uuids,
    }


def _python_files(folder: Traversable, above: str = "") -> Iterator[tuple[str, Traversable]]:
    for entry in folder.iterdir():
        if entry.is_dir() and entry.name != "__pycache__":
            yield from _python_files(entry, f"{above}{entry.name}/")
        elif entry.name.endswith(".py"):
            yield f"{above}{entry.name}", entry
