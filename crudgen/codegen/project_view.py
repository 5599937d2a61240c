"""What the templates of the project print: the routers, the settings, the requirements."""

from dataclasses import dataclass

from crudgen.language.schema import Schema, TypeName

from .code import Code, annotated, literal, name, raw
from .imports import Imports

_REQUIREMENTS = (
    "asgi-correlation-id>=5.0",
    "fastapi>=0.165",
    "pydantic>=2.14",
    "pydantic-settings>=2.16",
    "sqlalchemy>=2.1",
    "sqlmodel>=0.0.50",
    "uvicorn[standard]>=0.54",
)
_EMAIL_REQUIREMENT = "email-validator>=2.3"


@dataclass(frozen=True, slots=True)
class ProjectView:
    """What concerns all entities together."""

    imports: Code
    plurals: tuple[Code, ...]
    settings: tuple[Code, ...]
    requirements: tuple[Code, ...]


def uses_addresses(schema: Schema) -> bool:
    """Tell whether an entity has an e-mail address or a URL."""
    kinds = {field.type for entity in schema.entities for field in entity.fields}
    return bool(kinds & {TypeName.EMAIL, TypeName.URL})


def project_view(schema: Schema) -> ProjectView:
    """Decide what the files of the project say."""
    imports = Imports()
    imports.use("fastapi", "APIRouter")
    for entity in schema.entities:
        imports.use(f".{entity.plural}.routes", f"router as {entity.plural}")
    settings: dict[str, tuple[str, str | float]] = {
        "title": ("str", schema.title),
        "version": ("str", schema.version),
        "database_url": ("str", schema.database),
        "max_body_bytes": ("int", schema.limits.body_bytes),
        "database_connections": ("int", schema.limits.connections),
        "statement_seconds": ("float", schema.limits.statement_seconds),
        "lock_seconds": ("float", schema.limits.lock_seconds),
    }
    extra = (_EMAIL_REQUIREMENT,) if uses_addresses(schema) else ()
    return ProjectView(
        imports=imports.code(),
        plurals=tuple(name(entity.plural) for entity in schema.entities),
        settings=tuple(
            annotated(raw(key), raw(kind)) + raw(" = ") + literal(value)
            for key, (kind, value) in settings.items()
        ),
        requirements=tuple(literal(item) for item in sorted((*_REQUIREMENTS, *extra))),
    )
