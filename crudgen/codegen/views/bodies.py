"""View of bodies that contain several kinds of rows. Reason to change: the code of a body."""

from dataclasses import dataclass

from crudgen.codegen.code import (
    Bracket,
    Code,
    call,
    declaration,
    json_name,
    keyword,
    name,
    raw,
    statement,
    subscript,
)
from crudgen.codegen.imports import Imports
from crudgen.language.schema import Entity, KitForm

from .articles import a_row
from .collections import Collection, created_together
from .references import Entities
from .variables import folder_name

CREATE = "CreateWithRelated"
"""Suffix of the model of requests that create other rows too."""
CREATED = "PublicWithCreated"
"""Suffix of the model of their responses."""


@dataclass(frozen=True, slots=True)
class BodiesView:
    """The bodies of requests that create a row together with others, and of their responses."""

    a_singular: Code
    capitalized: Code
    imports: Code
    create_class: Code
    create_lines: tuple[Code, ...]
    created_class: Code
    created_lines: tuple[Code, ...]


def bodies_view(entity: Entity, entities: Entities, kit: KitForm) -> BodiesView:
    """Return the view of the bodies of an entity whose rows are created with others."""
    found = created_together(entity, entities)
    defined = {f"{entity.name}{suffix}" for suffix in (CREATE, CREATED)}
    attributes = [one.relation.attribute for one in found]
    printer = _Printer(entity, Imports(kit, defined=defined, attributes=attributes))
    create_lines = tuple(map(printer.sent, found))
    created_lines = tuple(map(printer.returned, found))
    return BodiesView(
        a_singular=a_row(entity),
        capitalized=a_row(entity, capitalized=True),
        create_class=printer.head(CREATE, "Create"),
        create_lines=create_lines,
        created_class=printer.head(CREATED, "Public"),
        created_lines=created_lines,
        imports=printer.imports.code(),
    )


class _Printer:
    """Builds the lines of the bodies, and collects their imports."""

    def __init__(self, entity: Entity, imports: Imports) -> None:
        self._entity = entity
        self.imports = imports

    def head(self, suffix: str, base: str) -> Code:
        """Return `class OrderCreateWithRelated(OrderCreate):`."""
        self.imports.use(".models", f"{self._entity.name}{base}")
        bases = call(raw(""), [name(self._entity.name, suffix=base)])
        return statement(raw("class ") + name(self._entity.name, suffix=suffix), bases, tail=":")

    def sent(self, one: Collection) -> Code:
        """Return `lines: ManyOrNone[OrderLineCreateInOrder] = Field(default=[])`."""
        many = self.imports.name("..kit.types.many", "ManyOrNone", in_class=True)
        rows = self._rows(one, one.create_model, many)
        return declaration(
            one.relation.attribute, rows, self._field([raw("default=[]"), *self._alias(one)])
        )

    def returned(self, one: Collection) -> Code:
        """Return `lines: list[OrderLinePublic]`."""
        many = self.imports.builtin("list", in_class=True)
        rows = self._rows(one, f"{one.target.name}Public", many)
        alias = self._alias(one)
        return declaration(one.relation.attribute, rows, self._field(alias) if alias else None)

    def _rows(self, one: Collection, model: str, many: Code) -> Code:
        is_own = one.target.name == self._entity.name
        module = ".models" if is_own else f"..{folder_name(one.target.plural)}.models"
        item = self.imports.name(module, model, in_class=True)
        return statement(raw(""), subscript(many, [item]))

    def _alias(self, one: Collection) -> list[Bracket | Code]:
        sent = one.relation.json_name
        same = sent == str(one.relation.attribute)
        return [] if same else [keyword("alias", json_name(sent))]

    def _field(self, items: list[Bracket | Code]) -> Bracket:
        return call(self.imports.name("sqlmodel", "Field", in_class=True), items)
