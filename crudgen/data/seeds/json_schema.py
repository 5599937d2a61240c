"""JSON Schema of the files of seeds, for editors. Reason to change: what editors check in a row."""

from collections.abc import Iterable
from typing import Any

from crudgen.language.names import ClassName, FieldName
from crudgen.language.relations import Relation, RelationKind
from crudgen.language.schema import Entity, Schema, TypeName
from crudgen.language.written.json_schema import DIALECT

from .row_contents import identities_of, is_written, naming_fields, required_fields
from .value_schema import described_value_schema, value_schema, value_schema_without_null


def seeds_schema(schema: Schema) -> dict[str, Any]:
    """Return the JSON Schema of files with rows of these entities."""
    names = [str(one.name) for one in schema.entities]
    targets = {
        relation.target
        for entity in schema.entities
        for relation in entity.relations
        if is_written(relation)
    }
    rows = {str(one.name): _RowSchema(one).build() for one in schema.entities}
    found = {
        _lookup_name(one.name): _lookup_schema(one)
        for one in schema.entities
        if one.name in targets
    }
    return {
        "$schema": DIALECT,
        "title": f"Seeds of {schema.title}",
        "type": "object",
        "minProperties": 1,
        "properties": {str(one.name): _rows_schema(one) for one in schema.entities},
        "additionalProperties": False,
        "errorMessage": f"Expected a map of entities to rows. Entities: {', '.join(names)}.",
        "$defs": {**rows, **found},
    }


def _rows_schema(entity: Entity) -> dict[str, Any]:
    return {
        "description": entity.doc or f"Rows of {entity.name}.",
        "type": "array",
        "items": {"$ref": f"#/$defs/{entity.name}"},
    }


class _RowSchema:
    """Builds the schema of the rows of an entity."""

    def __init__(self, entity: Entity) -> None:
        self._entity = entity
        self._relations = {
            one.by: str(one.name)
            for one in entity.relations
            if one.kind is RelationKind.MANY_TO_ONE and one.by is not None
        }
        """The relation of each field that is a reference, by the field."""

    def build(self) -> dict[str, Any]:
        entity = self._entity
        required = [one.name for one in required_fields(entity)]
        twice = [
            {
                "not": {"required": [str(field), relation]},
                "errorMessage": f"'{field}' and '{relation}' are the same. Remove one of them.",
            }
            for field, relation in self._relations.items()
        ]
        needed = [self._given([name]) for name in required if name in self._relations]
        rules = [*needed, *self._identity(required), *twice]
        properties = {
            **{str(one.name): described_value_schema(one) for one in entity.fields},
            **{str(one.name): self._relation(one) for one in entity.relations if is_written(one)},
        }
        return {
            "type": "object",
            "properties": properties,
            "required": [str(name) for name in required if name not in self._relations],
            "additionalProperties": False,
            "errorMessage": f"Expected a row of {entity.name}. Its keys: {', '.join(properties)}.",
            **({"allOf": rules} if rules else {}),
        }

    def _relation(self, relation: Relation) -> dict[str, Any]:
        found = {"$ref": f"#/$defs/{_lookup_name(relation.target)}"}
        if relation.kind is not RelationKind.MANY_TO_ONE or relation.by is None:
            return {"type": "array", "items": found, "description": f"Rows of {relation.target}."}
        is_optional = self._entity.field(relation.by).optional
        return {
            "description": f"A row of {relation.target}.",
            **({"if": {"type": "null"}, "else": found} if is_optional else found),
        }

    def _identity(self, required: list[FieldName]) -> list[dict[str, Any]]:
        """Return the rule that something identifies the row, unless required fields do."""
        identities = identities_of(self._entity)
        if any({*required}.issuperset(names) for names in identities):
            return []
        either = " or ".join(", ".join(names) for names in identities)
        message = f"Nothing identifies the row. Write its {either}."
        return [{"anyOf": [self._given(names) for names in identities], "errorMessage": message}]

    def _given(self, names: Iterable[FieldName]) -> dict[str, Any]:
        """Return the schema of rows with these fields, or with the relations of them."""
        rules: list[dict[str, Any]] = []
        for name in names:
            field = {"required": [str(name)]}
            relation = self._relations.get(name)
            rules.append(
                field
                if relation is None
                else {
                    "anyOf": [{"required": [relation]}, field],
                    "errorMessage": f"'{relation}' or '{name}' is missing.",
                }
            )
        return rules[0] if len(rules) == 1 else {"allOf": rules}


def _lookup_name(entity: ClassName) -> str:
    return f"{entity}.lookup"  # no entity has such a name


def _lookup_schema(entity: Entity) -> dict[str, Any]:
    """Return the schema of a description of a row: a value that names it, or a map of fields."""
    naming = naming_fields(entity)
    compared = {
        str(one.name): value_schema(one) for one in entity.fields if one.type is not TypeName.JSON
    }
    either = "".join(f"its {one.name}, " for one in naming)
    if naming:
        message = f"Expected a row of {entity.name}: {either}or a map of its fields."
        values = [value_schema_without_null(one) for one in naming]
        named = {**(values[0] if len(values) == 1 else {"anyOf": values}), "errorMessage": message}
    else:
        message = f"Expected a map of fields of {entity.name}."
        named = {"type": "object", "errorMessage": message}
    return {
        "if": {"type": "object"},
        "then": {
            "properties": compared,
            "minProperties": 1,
            "additionalProperties": False,
            "errorMessage": f"Expected fields of {entity.name}: {', '.join(compared)}.",
        },
        "else": named,
    }
