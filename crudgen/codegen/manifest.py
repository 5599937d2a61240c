"""The list of generated files: path, source and owner. Reason to change: another file."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from importlib.resources import files
from importlib.resources.abc import Traversable

from crudgen.language.former import entity_tables
from crudgen.language.operations import BULK, Operation
from crudgen.language.schema import Artifact, Entity, KeyKind, KitForm, Schema, TypeName

from .needs import Argument, KitImports, Need, Required, ServerProtocol, ToolTable, Variable
from .tree import Ownership
from .views.aliases import type_aliases
from .views.bodies import bodies_view, writes_more
from .views.collections import collections_of, creates_together, writes_keys
from .views.distribution import POSTGRES, requirements
from .views.links import links_view, own_links
from .views.models import models_view
from .views.nested import nested_view
from .views.nested_tests import nested_tests_view
from .views.project import ProjectView, project_view
from .views.provider import provider_view
from .views.references import Entities, by_name
from .views.referrers import possibly_kept, refers
from .views.related import related_view
from .views.relation_nodes import Nodes, has_related, relation_nodes, uses_relations
from .views.routes import routes_view
from .views.sample_rows import creatable, sample_rows_view
from .views.tables import has_relations, tables_view
from .views.tests import tests_view
from .views.variables import folder_name, free_name


@dataclass(frozen=True, slots=True)
class FromTemplate:
    """A file that is rendered from a template and, optionally, a view (a dataclass)."""

    path: str
    template: str
    view: object | None = None
    ownership: Ownership = Ownership.GENERATED
    needs: tuple[Need, ...] = ()
    """What the file must contain after the user edited it."""
    tables: tuple[str, ...] = ()
    """The table of the entity that the file belongs to, and its former names."""


@dataclass(frozen=True, slots=True)
class FromKit:
    """A file that is copied from the kit."""

    path: str
    kit_file: Traversable


_WIRING = (
    Argument("database", "Database", "preparing", "database_prepared"),
    Argument("database", "Database", "read_only", "database_read_only"),
    Argument("application", "Application", "root_path", "root_path"),
    Variable("app", "create_app"),
)
"""What an `app/main.py` must contain that does not call `build_application`."""
_ALEMBIC = ToolTable(
    "alembic", ('script_location = "%(here)s/migrations"', 'prepend_sys_path = ["%(here)s"]')
)


def manifest(schema: Schema) -> Iterator[FromTemplate | FromKit]:
    """Yield the files of the project that is generated for a schema."""
    once = Ownership.ONCE
    project = project_view(schema)
    protocol = (ServerProtocol(f"{project.kit}.http.protocol:HttpProtocol"),)
    main = (*_WIRING, KitImports(schema.kit, ".kit"))
    fixtures = (KitImports(schema.kit, "app.kit"),)
    yield FromTemplate("README.md", "README.md.jinja", project, once)
    yield FromTemplate(
        "pyproject.toml", "pyproject.toml.jinja", project, once, _needs_of_project(schema)
    )
    yield FromTemplate("app/__init__.py", "app.py.jinja")
    yield FromTemplate("Dockerfile", "Dockerfile.jinja", project, once, protocol)
    yield FromTemplate(".dockerignore", "dockerignore.jinja", ownership=once)
    yield FromTemplate(".env.example", "env.example.jinja", ownership=once)
    yield FromTemplate(".gitignore", "gitignore.jinja", ownership=once)
    yield FromTemplate("gunicorn.conf.py", "gunicorn.conf.py.jinja", project, once, protocol)
    yield FromTemplate("app/__main__.py", "__main__.py.jinja", project)
    yield FromTemplate("app/main.py", "main.py.jinja", project, once, main)
    yield FromTemplate("app/api.py", "api.py.jinja", project)
    yield FromTemplate("app/settings.py", "settings.py.jinja", project)
    entities = by_name(schema.entities)
    aliases = type_aliases(schema.entities)
    with_rows = creatable(entities)
    if has_relations(schema):
        yield FromTemplate("app/models.py", "tables.py.jinja", tables_view(schema))
    kept = possibly_kept(schema.entities)
    for entity in schema.entities:
        models = models_view(entity, aliases[entity.name], entities, schema.kit)
        nodes = relation_nodes(entity, entities)
        routes = routes_view(entity, entities, nodes, schema.kit, is_kept=entity.name in kept)
        tests = tests_view(entity, creates=entity.name in with_rows)
        folder = f"app/{folder_name(entity.plural)}"
        own = (
            FromTemplate(f"{folder}/__init__.py", "entity.py.jinja", models),
            FromTemplate(f"{folder}/models.py", "models.py.jinja", models),
            *_files_of_relations(entity, schema, entities, nodes),
            FromTemplate(f"{folder}/routes.py", "routes.py.jinja", routes),
            FromTemplate(f"tests/test_{entity.plural}.py", "test_entity.py.jinja", tests),
        )
        yield from (replace(file, tables=(entity.table, *entity_tables(entity))) for file in own)
    if (rows := sample_rows_view(entities)) is not None:
        yield FromTemplate("tests/sample_rows.py", "sample_rows.py.jinja", rows)
    if (nested_tests := nested_tests_view(entities)) is not None:
        file = free_name("nested", {str(entity.plural) for entity in schema.entities})
        yield FromTemplate(f"tests/test_{file}.py", "test_nested.py.jinja", nested_tests)
    yield FromTemplate("tests/conftest.py", "conftest.py.jinja", ownership=once, needs=fixtures)
    if schema.migrations:
        yield from _migrations(schema, project)
    if Artifact.PROVIDER in schema.emit:
        yield FromTemplate("clients/provider.ts", "provider.ts.jinja", provider_view(schema))
    if schema.kit is not KitForm.LIBRARY:
        yield from _kit_files(schema)


def _files_of_relations(
    entity: Entity, schema: Schema, entities: Entities, nodes: Nodes
) -> Iterator[FromTemplate]:
    """Yield the files that an entity has only if it has relations."""
    kit = schema.kit
    folder = f"app/{folder_name(entity.plural)}"
    if own_links(entity):
        links = links_view(entity, entities, kit)
        yield FromTemplate(f"{folder}/links.py", "links.py.jinja", links)
    if writes_more(entity):
        bodies = bodies_view(entity, entities, schema.names, kit)
        yield FromTemplate(f"{folder}/bodies.py", "bodies.py.jinja", bodies)
    if has_related(entity):
        related = related_view(entity, entities, nodes, schema.names, kit)
        yield FromTemplate(f"{folder}/related.py", "related.py.jinja", related)
    if (nested := nested_view(entity, entities, kit)) is not None:
        yield FromTemplate(f"{folder}/nested.py", "nested.py.jinja", nested)


def _migrations(schema: Schema, project: ProjectView) -> Iterator[FromTemplate | FromKit]:
    """Yield the environment of Alembic, and the test of the revisions."""
    yield FromTemplate("migrations/__init__.py", "migrations.py.jinja")
    yield FromTemplate("migrations/env.py", "migrations_env.py.jinja", project)
    yield FromTemplate("migrations/script.py.mako", "script.py.mako.jinja")
    for name in ("environment.py", "steps.py", "table_text.py", "transactions.py"):
        yield FromKit(f"migrations/{name}", files("crudgen") / "kit" / "migrations" / name)
    test = free_name("migrations", {str(entity.plural) for entity in schema.entities})
    yield FromTemplate(f"tests/test_{test}.py", "test_migrations.py.jinja", project)


def _needs_of_project(schema: Schema) -> tuple[Need, ...]:
    drivers = POSTGRES if schema.database.startswith("postgresql:") else ()
    return (
        *(Required(one) for one in requirements(schema)),
        *(Required(one, extra="postgres") for one in drivers),
        *((_ALEMBIC,) if schema.migrations else ()),
    )


def _kit_files(schema: Schema) -> Iterator[FromKit]:
    is_emitted = _conditions(schema)
    for path, file in _python_files(files("crudgen") / "kit"):
        if is_emitted.get(path, True) and is_emitted.get(path.split("/")[0], True):
            yield FromKit(f"app/kit/{path}", file)


def _conditions(schema: Schema) -> dict[str, bool]:
    """Return whether a project needs each of the optional files and folders of the kit."""
    entities = schema.entities
    types = {field.type for entity in entities for field in entity.fields}
    operations = {operation for entity in entities for operation in entity.api.operations}
    dates = not types.isdisjoint({TypeName.DATE, TypeName.TIME, TypeName.DATETIME})
    decimals, uuids = TypeName.DECIMAL in types, TypeName.UUID in types
    related = any(map(uses_relations, entities))
    by_related = any(entity.api.related for entity in entities)
    bulk = not operations.isdisjoint(BULK)
    idempotent = [entity for entity in entities if entity.api.idempotency]
    references = related or any(map(refers, entities))
    named = by_name(entities)
    collections = [one for entity in entities for one in collections_of(entity, named)]
    by_keys = [entity for entity in entities if writes_keys(entity)]
    keys, written = bool(by_keys), {one for entity in by_keys for one in entity.api.operations}
    keys_of_many = not written.isdisjoint({Operation.CREATE_MANY, Operation.UPDATE_MANY})
    links = keys or any(one.changes_links for one in collections)
    composite = any(map(creates_together, entities))
    return {
        "fast": schema.kit is not KitForm.PLAIN,
        "migrations": False,  # the files are in the project's folder `migrations`
        "database/blocking_rows.py": references,
        "database/foreign_keys.py": references,
        "database/migrations.py": schema.migrations,
        "database/row_rules.py": any(entity.checks for entity in entities),
        "fast/included_json.py": related,
        "query/related_columns.py": by_related,
        "query/related_conditions.py": by_related,
        "query/related_order.py": by_related,
        "query/related_parameters.py": related,
        "query/related_paths.py": by_related,
        "query/related_rows.py": related,
        "query/related_statements.py": related,
        "query/relations.py": related,
        "rows/bulk.py": bulk,
        "rows/deletion_at_once.py": bulk,
        "rows/added_properties.py": composite or keys or related,
        "rows/link_batches.py": keys,
        "rows/linking.py": keys,
        "rows/linking_bulk.py": keys_of_many,
        "rows/linking_replacement.py": keys and Operation.REPLACE in written,
        "rows/linked.py": keys or any(one.relation.link for one in collections),
        "rows/links.py": links,
        "rows/nested.py": any(one.relation.link is None for one in collections),
        "rows/subcollection.py": keys or bool(collections),
        "rows/composite.py": composite,
        "rows/write_lock.py": bulk or links or composite,
        "rows/idempotency.py": bool(idempotent),
        "rows/idempotent_bulk.py": any(BULK & set(one.api.operations) for one in idempotent),
        "rows/reference_locks.py": references,
        "rows/references.py": references,
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
            (one.changes_links or one.is_written_by_keys) and one.target.key.type is TypeName.INT
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
