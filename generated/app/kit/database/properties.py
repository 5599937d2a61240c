"""The properties of a table: the attribute, the JSON name and the column of each field."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from pydantic.fields import FieldInfo
from sqlalchemy import Alias, Column, ColumnClause, ColumnElement, FromClause, Table
from sqlalchemy.sql.selectable import SelectBase
from sqlalchemy.sql.visitors import iterate, replacement_traverse

from ..models import Model


class Properties:
    """The fields of a table model, by attribute.

    Python code uses their attributes, statements their columns, requests and responses their JSON
    names, which are the aliases of the public model. Statements bind values by attribute: the name
    of a column may contain any character, that of a parameter may not.
    """

    def __init__(self, model: type[Model], public: type[Model]) -> None:
        self.table: Table = model.__table__  # type: ignore[attr-defined]
        mapped: Mapping[str, Any] = dict(model.__mapper__.columns)  # type: ignore[attr-defined]
        self.columns: Mapping[str, Column[Any]] = {
            name: one for name, one in mapped.items() if isinstance(one, Column)
        }
        """The columns, by attribute."""
        self.readable: Mapping[str, ColumnElement[Any]] = mapped
        """The columns and the computed properties, which are labelled expressions."""
        self.reads_others = any(map(_reads_rows, mapped.values()))
        """Whether the value of a computed property depends on other rows."""
        fields = {**model.model_fields, **public.model_fields}
        self._json_names = {name: _json_name(name, field) for name, field in fields.items()}
        self._attributes = {column: name for name, column in self.columns.items()}
        self._mapper = model.__mapper__  # type: ignore[attr-defined]
        (primary_key,) = self.table.primary_key
        self.key = self._attributes[primary_key]
        """The attribute of the primary key."""

    def computed_of(
        self, name: str, value_of: Callable[[Column[Any]], ColumnElement[Any]]
    ) -> ColumnElement[Any]:
        """Return a computed property, from the values of columns that a function returns."""
        return _with_columns(self.readable[name], self.table, value_of, self.table)

    def columns_of(self, source: FromClause) -> Mapping[str, ColumnElement[Any]]:
        """Return what can be read of an alias or a subquery of the table, by attribute."""
        given: Mapping[str | None, ColumnElement[Any]] = dict(source.c.items())
        readable = self.readable.items()
        found = {name: given[one.key] for name, one in readable if one.key in given}
        if self.columns.keys() <= found.keys():
            others = {name: one for name, one in readable if name not in found}
            found |= {
                name: with_columns_of_source(one, self.table, source)
                for name, one in others.items()
            }
        return found

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
        return "row" if model is None else _class_words(model.__name__)


def json_name_in(model: type[Model], attribute: str) -> str:
    """Return the JSON name of an attribute of a model."""
    return _json_name(attribute, model.model_fields[attribute])


def _class_words(name: str) -> str:
    """Return the words of the name of a class: `http server` for `HTTPServer`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", name).lower()


def _json_name(attribute: str, field: FieldInfo) -> str:
    return field.serialization_alias or attribute


def _reads_rows(expression: ColumnElement[Any]) -> bool:
    """Return whether an expression contains a SELECT."""
    return any(isinstance(one, SelectBase) for one in iterate(expression))


def with_columns_of_source(
    expression: ColumnElement[Any], table: FromClause, source: FromClause
) -> ColumnElement[Any]:
    """Return an expression with the columns of a source of rows instead of those of its table.

    The columns can be attributes of a model. Those of other aliases of the table stay.
    """
    return _with_columns(expression, table, lambda column: source.c[column.key], source)


def _with_columns(
    expression: ColumnElement[Any],
    table: FromClause,
    value_of: Callable[[Any], ColumnElement[Any]],
    source: FromClause,
) -> ColumnElement[Any]:
    def value(element: Any, **_: Any) -> Any:
        if isinstance(element, ColumnClause) and element.table is table:
            return value_of(element)
        if isinstance(element, Alias) and element.element is table:
            return element  # other rows of the table, whatever the source has
        return source if element is table else None

    found: ColumnElement[Any] = replacement_traverse(expression, {}, value)
    return found
