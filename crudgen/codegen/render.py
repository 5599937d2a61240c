"""Renders the files of the manifest. Reason to change: the template engine."""

from collections.abc import Sequence
from dataclasses import fields, replace
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from crudgen.language.schema import Entity, KitForm, Schema

from .code import Code
from .kit_files import FromKit
from .manifest import FromTemplate, FromText, project_files
from .tree import SourceFile, SourceTree
from .views.hooks import Function, hooks_view


def render(schema: Schema) -> SourceTree:
    """Return the files of a schema. The result is deterministic, on every platform."""
    return SourceTree(_render_file(file) for file in project_files(schema))


def render_to_serve(schema: Schema) -> SourceTree:
    """Return the files that `crudgen serve` runs: always with a copy of the kit."""
    return render(replace(schema, kit=KitForm.VENDORED))


def render_hooks(schema: Schema, entity: Entity, hooks: Sequence[Function]) -> str:
    """Return a module with functions of an entity."""
    names = {str(one.name) for one in schema.entities}
    view = hooks_view(entity, names, schema.kit, hooks)
    return _render_file(FromTemplate("hooks.py", "hooks.py.jinja", view)).text


def _render_file(file: FromTemplate | FromKit | FromText) -> SourceFile:
    if isinstance(file, FromText):
        return SourceFile(file.path, file.text)
    if isinstance(file, FromKit):
        return SourceFile(file.path, file.kit_file.read_text("utf-8"))
    text = _jinja_environment().get_template(file.template).render(_template_variables(file.view))
    parts = [f"{table}/{file.template.removesuffix('.jinja')}" for table in file.tables]
    return SourceFile(
        file.path,
        text,
        file.ownership,
        file.needs,
        part=parts[0] if parts else "",
        former_parts=tuple(parts[1:]),
    )


def _template_variables(view: Any) -> dict[str, Any]:
    """Return the attributes of a view as template variables."""
    if view is None:
        return {}
    return {field.name: getattr(view, field.name) for field in fields(view)}


@cache
def _jinja_environment() -> Environment:
    return Environment(
        loader=PackageLoader("crudgen.codegen"),
        auto_reload=False,
        undefined=StrictUndefined,
        finalize=_require_code,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701 - the templates print Python, and only Code passes
    )


def _require_code(value: object) -> Code:
    """Return the value if it is Code. Raises TypeError otherwise."""
    if not isinstance(value, Code):
        raise TypeError(f"templates print only Code, found '{value}'")
    return value
