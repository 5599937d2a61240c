"""View of the project: routers, settings, requirements. Changes when project files do."""

from collections.abc import Iterator
from dataclasses import dataclass

from crudgen.codegen.code import (
    INDENT,
    Bracket,
    Code,
    annotated,
    literal,
    name,
    raw,
    statement,
    text_statement,
)
from crudgen.codegen.imports import Imports
from crudgen.language.schema import Limits, Schema, TypeName

_REQUIREMENTS = (
    "asgi-correlation-id>=5.0",
    "fastapi>=0.165",
    "pydantic>=2.14",
    "pydantic-settings>=2.16",
    "sqlalchemy>=2.1",
    "sqlmodel>=0.0.50",
    "uvicorn[standard]>=0.54",
)


@dataclass(frozen=True, slots=True)
class ProjectView:
    """The data of files that do not belong to one entity."""

    imports: Code
    routers: Code
    settings_imports: Code
    settings: tuple[Code, ...]
    requirements: tuple[Code, ...]


def uses_addresses(schema: Schema) -> bool:
    """Tell whether an entity has a field of type email or url."""
    kinds = {field.type for entity in schema.entities for field in entity.fields}
    return bool(kinds & {TypeName.EMAIL, TypeName.URL})


def project_view(schema: Schema) -> ProjectView:
    """Return the view of the project."""
    imports, settings_imports = Imports(), Imports()
    settings_imports.use(".kit.settings", "BaseAppSettings")
    settings = (
        text_statement(raw("api_title: str = "), schema.title, INDENT),
        text_statement(raw("api_version: str = "), schema.version, INDENT),
        text_statement(raw("database_url: str = "), schema.database, INDENT),
        *_limits(schema.limits, settings_imports),
    )
    for entity in schema.entities:
        imports.use(f".{entity.plural}.routes", f"router as {entity.plural}")
    plurals = tuple(name(entity.plural) for entity in schema.entities)
    return ProjectView(
        imports=imports.code(),
        routers=statement(raw("ROUTERS = "), Bracket("[", plurals, "]")),
        settings=settings,
        settings_imports=settings_imports.code(),
        requirements=tuple(literal(item) for item in _REQUIREMENTS),
    )


def _limits(limits: Limits, imports: Imports) -> Iterator[Code]:
    """Print the limits that differ from the defaults of the kit."""
    defaults = Limits()
    settings = {
        raw("max_body_bytes"): ("Bytes", limits.body_bytes, defaults.body_bytes),
        raw("database_connections"): ("Connections", limits.connections, defaults.connections),
        raw("statement_seconds"): ("Seconds", limits.statement_seconds, defaults.statement_seconds),
        raw("lock_seconds"): ("Seconds", limits.lock_seconds, defaults.lock_seconds),
    }
    for key, (kind, value, default) in settings.items():
        if value != default:
            declared = annotated(key, imports.name(".kit.settings", kind))
            yield declared + raw(" = ") + literal(value)
