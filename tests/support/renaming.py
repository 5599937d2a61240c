"""Gives fields an attribute, a JSON name and a column that all differ."""

from collections.abc import Mapping
from dataclasses import replace
from typing import TypeVar

from crudgen.language.names import AttributeName, ColumnName, JsonName, Name, TableName
from crudgen.language.schema import Schema

Kind = TypeVar("Kind", bound=Name)
Names = Mapping[str, tuple[str, str, str]]
"""The attribute, the JSON name and the column of fields, by their name in the spec."""


def any_name(kind: type[Kind], text: str) -> Kind:
    """Make a name of any characters, also of those that no spec can have."""
    return str.__new__(kind, text)


def renamed(schema: Schema, names: Names, table: str) -> Schema:
    """Rename the fields of all entities, and add a text to the names of their tables."""
    entities = []
    for entity in schema.entities:
        fields = []
        for field in entity.fields:
            attribute, json_name, column = names[field.name]
            fields.append(
                replace(
                    field,
                    attribute=any_name(AttributeName, attribute),
                    json_name=any_name(JsonName, json_name),
                    column=any_name(ColumnName, column),
                )
            )
        name = any_name(TableName, f"{entity.table}{table}")
        entities.append(replace(entity, fields=tuple(fields), table=name))
    return replace(schema, entities=tuple(entities))
