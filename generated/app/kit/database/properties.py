"""The properties of a table: the attribute, the JSON name and the column of each field."""

import re
from collections.abc import Mapping
from typing import Any

from pydantic.fields import FieldInfo
from sqlalchemy import Column, Table

from ..models import Model


class Properties:
    """The fields of a table model, by attribute.

    Python code uses their attributes, statements their columns, requests and responses their JSON
    names, which are the aliases of the public model. Statements bind values by attribute: the name
    of a column may contain any character, that of a parameter may not.
    """

    def __init__(self, model: type[Model], public: type[Model]) -> None:
        self.table: Table = model.__table__  # type: ignore[attr-defined]
        self.columns: Mapping[str, Column[Any]] = dict(model.__mapper__.columns)  # type: ignore[attr-defined]
        """The columns, by attribute."""
        fields = {**model.model_fields, **public.model_fields}
        self._json_names = {name: _json_name(name, field) for name, field in fields.items()}
        self._attributes = {column: name for name, column in self.columns.items()}
        self._mapper = model.__mapper__  # type: ignore[attr-defined]
        (primary_key,) = self.table.primary_key
        self.key = self._attributes[primary_key]
        """The attribute of the primary key."""

    def json_name(self, attribute: str) -> str:
        """Return the JSON name of an attribute."""
        return self._json_names.get(attribute, attribute)

    def json_name_of(self, column: Column[Any]) -> str:
        """Return the JSON name of a column."""
        return self.json_name(self.attribute_of(column))

    def attribute_of(self, column: Column[Any]) -> str:
        """Return the attribute of a column."""
        return self._attributes.get(column, column.name)

    def model_of(self, table: Table) -> type[Model] | None:
        """Return the model of a table of the application; None if it has none."""
        mappers = self._mapper.registry.mappers
        return next((one.class_ for one in mappers if one.local_table is table), None)

    def row_words(self, table: Table) -> str:
        """Return the words for a row of a table: `order line` for the model `OrderLine`."""
        model = self.model_of(table)
        return "row" if model is None else _words(model.__name__)


def json_name_in(model: type[Model], attribute: str) -> str:
    """Return the JSON name of an attribute of a model."""
    return _json_name(attribute, model.model_fields[attribute])


def _words(name: str) -> str:
    """Return the words of the name of a class: `http server` for `HTTPServer`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", name).lower()


def _json_name(attribute: str, field: FieldInfo) -> str:
    return field.serialization_alias or attribute
