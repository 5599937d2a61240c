"""Declarations of fields in models. Reason to change: how a model declares a field."""

from collections.abc import Mapping
from dataclasses import replace

from crudgen.codegen.characters import width
from crudgen.codegen.code import (
    Code,
    literal,
    name,
    optional,
    raw,
)
from crudgen.codegen.imports import Imports
from crudgen.codegen.layout import INDENT, WIDTH, Bracket, call, declaration, keyword, statement
from crudgen.language.names import FieldName
from crudgen.language.schema import Constant, Entity, Field, KeyKind

from .columns import FieldPrinter
from .computed import class_variable
from .references import Entities

UNSET = keyword("default", literal(None))


class FieldLines:
    """Builds the declarations of fields in each of the models."""

    def __init__(
        self,
        entity: Entity,
        imports: Imports,
        aliases: Mapping[FieldName, Code],
        entities: Entities,
    ) -> None:
        self._entity = entity
        self._imports = imports
        self.printer = FieldPrinter(aliases, imports, entities)

    def aliases(self) -> tuple[Code, ...]:
        """Return the type aliases of fields."""
        return tuple(self.printer.aliases(self._entity))

    def table_class(self) -> Code:
        """Return `class Hero(HeroBase, table=True):`."""
        bases = [name(self._entity.name, suffix="Base"), raw("table=True")]
        head = raw("class ") + name(self._entity.name)
        return statement(head, call(raw(""), bases), tail=":")

    def update_by_id_class(self) -> Code:
        """Return `class HeroUpdateById(HeroUpdate):`."""
        head = raw("class ") + name(self._entity.name, suffix="UpdateById")
        bases = [name(self._entity.name, suffix="Update")]
        return statement(head, call(raw(""), bases), tail=":")

    def table_line(self, field: Field) -> Code:
        """Return the declaration of a field in the base or table model."""
        if field.pk and self._entity.key_kind is KeyKind.SERIAL:
            # The database generates the key: it is None before the insert.
            arguments = [UNSET, *self.printer.alias(field), *self.printer.column(field)]
            annotation = optional(self._imports.builtin("int", in_class=True))
            return declaration(field.attribute, annotation, self._field_call(arguments))
        arguments = [
            *self._default_arguments(field),
            *self.printer.alias(field),
            *self.printer.constraints(field),
            *self.printer.column(field),
        ]
        return self._field_declaration(field, arguments)

    def computed_line(self, field: Field) -> Code:
        """Return the declaration of a computed property in the table model."""
        return class_variable(field, self.printer.annotation(field), self._imports)

    def create_line(self, field: Field) -> Code:
        """Return the declaration of a field in the create model."""
        default = self._default_arguments(field)
        if field.preset is not None:
            factory = self._imports.name(
                "..kit.access.presets", "default_from_caller", in_class=True
            )
            default = [keyword("default_factory", factory)]
        return self._field_declaration(field, [*default, *self._alias_and_constraints(field)])

    def update_line(self, field: Field) -> Code:
        """Return the declaration of a field in the update model; its default is never used."""
        return self._field_declaration(field, [UNSET, *self._alias_and_constraints(field)])

    def _alias_and_constraints(self, field: Field) -> list[Bracket | Code]:
        return [*self.printer.alias(field), *self.printer.constraints(field)]

    def public_line(self, field: Field) -> Code:
        """Return the declaration of a field in the response model."""
        return self._field_declaration(field, self._alias_and_description(field))

    def hidden_line(self, field: Field) -> Code:
        """Return the declaration in the response model of a field that some responses lack."""
        nullable = replace(field, optional=True)
        return self._field_declaration(nullable, [UNSET, *self._alias_and_description(field)])

    def _alias_and_description(self, field: Field) -> list[Bracket | Code]:
        return [*self.printer.alias(field), *self.printer.description(field)]

    def key_line(self, field: Field) -> Code:
        """Return the declaration of the key in the model of bulk updates, where it is required."""
        annotation = self.printer.annotation(field)
        return declaration(
            field.attribute, annotation, self._field_call(self._alias_and_description(field))
        )

    def _default_arguments(self, field: Field) -> list[Bracket | Code]:
        if field.pk and self._entity.key_kind is KeyKind.UUID:
            return [keyword("default_factory", self._uuid7_function())]
        return list(self.printer.default(field))

    def _uuid7_function(self) -> Code:
        return self._imports.name("..kit.types.uuid7", "uuid7", in_class=True)

    def _field_declaration(self, field: Field, arguments: list[Bracket | Code]) -> Code:
        annotation = self.printer.annotation(field)
        if not arguments:
            return declaration(field.attribute, annotation, None)
        if arguments == [UNSET] and field.optional:
            return declaration(field.attribute, annotation, literal(None))
        if isinstance(field.default, Constant) and arguments == self._default_arguments(field):
            value = self.printer.value(field.default.value)
            bare = declaration(field.attribute, annotation, value)
            is_plain = not isinstance(field.default.value, list | dict | bytes | str)
            if is_plain and INDENT + width(bare) <= WIDTH:
                return bare
        return declaration(field.attribute, annotation, self._field_call(arguments))

    def _field_call(self, arguments: list[Bracket | Code]) -> Bracket:
        return call(self._imports.name("sqlmodel", "Field", in_class=True), arguments)
