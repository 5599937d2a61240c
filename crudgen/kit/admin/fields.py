"""The inputs of forms, and the columns of lists, for properties."""

import base64
import json
from dataclasses import dataclass
from typing import Any

from starlette.datastructures import FormData, UploadFile
from starlette.requests import Request
from starlette_admin.fields import (
    BaseField,
    BooleanField,
    EnumField,
    HasMany,
    HasOne,
    NumberField,
    PasswordField,
    StringField,
    TextAreaField,
)
from starlette_admin.types import RequestAction

from .filters import filters_of
from .rows import Row
from .tables import Property, Table
from .values import form_text, shown_text

_INPUTS = {
    "int": ("number", "1"),
    "date": ("date", "any"),
    "time": ("time", "any"),
    "datetime": ("datetime-local", "any"),
}
"""The types of inputs, and the steps of their values."""
_BOOLEANS = [("true", "Yes"), ("false", "No")]
_REMOVE = "remove"
"""The value of an upload that removes the stored file."""


@dataclass
class UploadField(BaseField):
    """An upload; its value in a form is the base64 text of the file."""

    form_template: str = "crudgen/upload.html"
    detail_template: str = "crudgen/file.html"

    async def parse_form_data(self, request: Request, form_data: FormData) -> Any:
        """Return the file in base64, "remove", or None if the form has none."""
        del request
        sent = form_data.get(self.id)
        if isinstance(sent, UploadFile):
            data = await sent.read()
            await sent.close()
            if data:
                return base64.b64encode(data).decode()
        return _REMOVE if form_data.get(f"_{self.id}-delete") == "on" else None


@dataclass
class JsonField(TextAreaField):
    """A text area with JSON."""

    class_: str = "form-control font-monospace"


_OTHERS: dict[str, type[BaseField]] = {
    "bool": BooleanField,
    "bytes": UploadField,
    "json": JsonField,
    "text": TextAreaField,
}


def field_of(one: Property, table: Table) -> BaseField:
    """Return the field of a property."""
    field = _input_field(one)
    field.getter = _value_getter(one)
    field.filters = filters_of(one)
    imported = imported_keys if one.many else imported_text
    field.parser = {RequestAction.IMPORT: lambda _, raw: imported(raw)}
    field.formatter = {RequestAction.EXPORT: lambda _, value: exported_value(value)}
    if one.kind == "enum":  # also a word that the spec does not have any more
        shown = (RequestAction.LIST, RequestAction.DETAIL, RequestAction.RELATION_LOOKUP)
        field.formatter |= dict.fromkeys(shown, lambda _, value: value)
    field.help_text = one.doc or None
    field.default = one.default or None
    field.required = _is_required(one)
    field.exclude_from_create = not (one.create and table.offers("create"))
    field.exclude_from_edit = not (one.update and table.offers("update"))
    field.exclude_from_import = field.exclude_from_create and field.exclude_from_edit
    hidden = not one.read
    field.exclude_from_detail = field.exclude_from_export = hidden
    field.exclude_from_list = hidden or one.is_large
    field.extra = {
        "table": table.name,
        "removable": one.optional,
        "input": field.form_template,
    }
    if one.kind == "bytes":
        field.exclude_from_import = True
    if hidden:
        field.form_template = "crudgen/secret.html"
    return field


def uploaded_or_removed(sent: Any) -> str | None:
    """Return the value of an upload for a body: base64, or null if the file is removed."""
    return None if sent == _REMOVE else str(sent)


def imported_text(raw: Any) -> str | None:
    """Return a value of an imported file as the text of a form; None if the file has none."""
    match raw:
        case None | "":
            return None
        case bool():
            return "true" if raw else "false"
        case str():
            return raw
        case _:
            return json.dumps(raw, ensure_ascii=False)


def imported_keys(raw: Any) -> list[str] | None:
    """Return a list of keys of an imported file; None if the file has none."""
    if isinstance(raw, list):
        return [str(one) for one in raw]
    return None if raw is None else [one for one in str(raw).split(",") if one]


def exported_value(value: Any) -> Any:
    """Return a value as an exported file has it: that of the API, keys for related rows."""
    if isinstance(value, Row):
        return value.values.get(value.table.key)
    if isinstance(value, list):
        return [row.values.get(row.table.key) if isinstance(row, Row) else row for row in value]
    return value


def _input_field(one: Property) -> BaseField:
    """Return a field with the input that fits the type."""
    name, label = one.name, one.label
    if one.refers:
        return (HasMany if one.many else HasOne)(name, label=label, key=one.refers)
    if not one.read and one.is_text:
        return PasswordField(name, label=label)
    if one.kind == "enum" or (one.kind == "bool" and (one.optional or not one.read)):
        choices = [(word, word) for word in one.words] or _BOOLEANS
        return EnumField(name, label=label, choices=choices)
    if one.kind in _INPUTS:
        input_type, step = _INPUTS[one.kind]
        label = f"{label} (UTC)" if one.kind == "datetime" else label
        return NumberField(name, label=label, input_type=input_type, step=step)
    return _OTHERS.get(one.kind, StringField)(name, label=label)


def _is_required(one: Property) -> bool:
    """Return whether an empty input is invalid, also in the form of an existing row."""
    has_blank = one.optional or one.is_text or one.many or one.kind in {"bool", "enum", "bytes"}
    return one.required and one.read and not has_blank


def _value_getter(one: Property) -> Any:
    """Return a function that gets the value of a field from a row."""

    def value_of(request: Request, row: Row) -> Any:
        action: RequestAction = request.state.action
        value = row.values.get(one.name)
        if one.refers:
            return row.related.get(one.name)
        if action is RequestAction.EXPORT:
            return value
        if one.kind == "bool" and not one.optional:
            return bool(value)
        if action.is_form():
            return form_text(one, value) if value is not None else None
        return shown_text(one, value, is_short=action is RequestAction.LIST)

    return value_of
