"""Source of the formats of a list, in OpenAPI and in tests. Reason to change: another format."""

from crudgen.codegen.code import Code, join, literal, raw
from crudgen.codegen.imports import Imports
from crudgen.codegen.layout import Bracket, call, statement
from crudgen.language.api import ExportFormat
from crudgen.language.schema import Entity

_MEDIA_TYPES = {
    ExportFormat.CSV: "text/csv",
    ExportFormat.NDJSON: "application/x-ndjson",
}


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


def decorator_of_file_test(entity: Entity) -> Code | None:
    """Return `@pytest.mark.parametrize("media_type", ["text/csv"])`, if the list has formats."""
    if not entity.api.export:
        return None
    types = Bracket("[", [literal(_MEDIA_TYPES[one]) for one in entity.api.export], "]")
    marked = call(raw("@pytest.mark.parametrize"), [literal("media_type"), types])
    return statement(raw(""), marked)
