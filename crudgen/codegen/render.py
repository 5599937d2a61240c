"""Renders the files of the manifest. Changes when the template engine does."""

from dataclasses import fields, replace
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from crudgen.language.schema import KitForm, Schema

from .code import Code
from .manifest import FromKit, FromTemplate, manifest
from .tree import SourceFile, SourceTree


def render(schema: Schema) -> SourceTree:
    """Return the files of a schema. The result is deterministic, on every platform."""
    return SourceTree(_render(file) for file in manifest(schema))


def render_to_serve(schema: Schema) -> SourceTree:
    """Return the files to import from memory, with a copy of the kit whatever the spec says."""
    return render(replace(schema, kit=KitForm.VENDORED))


def _render(row: FromTemplate | FromKit) -> SourceFile:
    if isinstance(row, FromKit):
        return SourceFile(row.path, row.kit_file.read_text("utf-8"))
    text = _environment().get_template(row.template).render(_names(row.view))
    return SourceFile(row.path, text, row.ownership, row.needs)


def _names(view: Any) -> dict[str, Any]:
    """Return the attributes of a view as template variables."""
    if view is None:
        return {}
    return {field.name: getattr(view, field.name) for field in fields(view)}


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("crudgen.codegen"),
        undefined=StrictUndefined,
        finalize=_only_code,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701 - the templates print Python, and only Code passes
    )


def _only_code(value: object) -> Code:
    """Return a value of type Code. Raises TypeError for all others."""
    if not isinstance(value, Code):
        raise TypeError(f"templates print only Code, found '{value}'")
    return value
