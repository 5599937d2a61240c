"""Source of the formats of a list in OpenAPI. Reason to change: what `export_formats` takes."""

from crudgen.codegen.code import Code, join, literal, raw
from crudgen.codegen.imports import Imports
from crudgen.codegen.layout import call, statement
from crudgen.language.schema import Entity


def export_formats(entity: Entity, imports: Imports) -> list[Code]:
    """Return `export_formats("csv", "ndjson")`, if the list has other formats than JSON."""
    if not entity.api.export:
        return []
    described = imports.name("..kit.export.described", "export_formats")
    names = (literal(str(one)) for one in entity.api.export)
    return [statement(raw(""), call(described, names))]


def with_export_formats(errors: Code, entity: Entity, imports: Imports) -> Code:
    """Return the responses of a list: `errors(404, 422, 503) | export_formats("csv")`."""
    return join(raw(" | "), [errors, *export_formats(entity, imports)])
