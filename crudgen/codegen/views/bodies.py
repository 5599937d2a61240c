"""View of bodies with more than one row. Reason to change: the code of a body."""

from collections.abc import Iterator
from dataclasses import dataclass

from crudgen.codegen.code import Code, docstring, identifier, join, json_name, raw, words
from crudgen.codegen.imports import Imports
from crudgen.codegen.layout import (
    INDENT,
    Bracket,
    call,
    keyword,
    statement,
    subscript,
    typed_declaration,
)
from crudgen.language.names import Case, FieldName, JsonName, NamingConventions
from crudgen.language.operations import CREATING, Operation
from crudgen.language.schema import Entity, KitForm, TypeName

from .articles import a_row
from .collections import (
    Collection,
    created_together,
    creates_together,
    owners_of,
    writes_keys,
    written_by_keys,
)
from .key_types import body_key_type
from .references import Entities
from .variables import models_module

CREATE = "CreateWithRelated"
"""Suffix of the model of requests that create a row with others or with links."""
CREATE_WITH_KEYS = "CreateWithKeys"
"""Suffix of the model of requests that create rows with links, but not with other rows."""
UPDATE = "UpdateWithRelated"
"""Suffix of the model of requests that update a row with its links."""
UPDATE_BY_ID = "UpdateByIdWithRelated"
"""Suffix of the model of an item of requests that update several rows with their links."""
CREATED = "PublicWithCreated"
"""Suffix of the model of responses with the rows that were created together."""
WITH_KEYS = "PublicWithKeys"
"""Suffix of the model of responses with the keys of linked rows."""
BODIES = (CREATE, CREATE_WITH_KEYS, UPDATE, UPDATE_BY_ID, CREATED, WITH_KEYS)


def writes_several_tables(entity: Entity) -> bool:
    """Return whether requests write more than rows of one table."""
    return creates_together(entity) or writes_keys(entity)


def create_suffix(entity: Entity) -> str:
    """Return the suffix of the model of the body that creates a row."""
    return CREATE if writes_several_tables(entity) else "Create"


def create_alone_suffix(entity: Entity) -> str:
    """Return the suffix of the model of the body that creates or replaces rows without others.

    It is that of an item of a bulk create, and that of a PUT.
    """
    if not writes_keys(entity):
        return "Create"
    return CREATE_WITH_KEYS if creates_together(entity) else CREATE


def update_suffix(entity: Entity) -> str:
    """Return the suffix of the model of the body that updates a row."""
    return UPDATE if writes_keys(entity) else "Update"


def update_by_id_suffix(entity: Entity) -> str:
    """Return the suffix of the model of an item of the body that updates several rows."""
    return UPDATE_BY_ID if writes_keys(entity) else "UpdateById"


def write_response_suffix(entity: Entity) -> str:
    """Return the suffix of the model of a row in responses to writes other than its create."""
    return WITH_KEYS if writes_keys(entity) else "Public"


def create_response_suffix(entity: Entity) -> str:
    """Return the suffix of the model of the response to the create of one row."""
    return CREATED if creates_together(entity) else write_response_suffix(entity)


def owned_body_model(one: Collection) -> str:
    """Return the model of the body that creates a row under its owner: `HeroCreateInTeam`."""
    return (
        f"{one.create_model}WithRelated" if writes_several_tables(one.target) else one.create_model
    )


@dataclass(frozen=True, slots=True)
class Body:
    """The source of the model of a body."""

    head: Code
    doc: Code
    fields: Code


@dataclass(frozen=True, slots=True)
class BodiesView:
    """The request bodies of an entity that contain several rows."""

    a_singular: Code
    imports: Code
    bodies: tuple[Body, ...]


def bodies_view(
    entity: Entity, entities: Entities, conventions: NamingConventions, kit: KitForm
) -> BodiesView:
    """Return the view of the bodies of an entity that writes more than its rows."""
    printer = _BodyPrinter(entity, entities, conventions.json, kit)
    bodies = tuple(printer.bodies())
    return BodiesView(a_row(entity), printer.imports.code(), bodies)


class _BodyPrinter:
    """Builds the source of the bodies, and collects their imports."""

    def __init__(self, entity: Entity, entities: Entities, case: Case, kit: KitForm) -> None:
        self._entity = entity
        self._case = case
        self._rows = created_together(entity, entities)
        self._linked = written_by_keys(entity, entities)
        self._owners = [one for one in owners_of(entity, entities) if one.can_create]
        attributes = [*(one.relation.attribute for one in self._rows)]
        attributes += [one.keys for one in self._linked]
        defined = {f"{entity.name}{suffix}" for suffix in BODIES}
        defined.update(map(owned_body_model, self._owners))
        self.imports = Imports(kit, defined=defined, attributes=attributes)

    def bodies(self) -> Iterator[Body]:
        """Yield the bodies, each after those that it uses."""
        operations, a_singular = {*self._entity.api.operations}, a_row(self._entity)
        keys = [*map(self._sent_keys_field, self._linked)]
        creates = Operation.REPLACE in operations or bool(CREATING & operations)
        if self._linked and creates:
            verbs = "create or replace" if Operation.REPLACE in operations else "create"
            doc = f"Request body to {verbs} {a_singular} with its links."
            yield self._body_with_base(create_alone_suffix(self._entity), "Create", doc, keys)
        if self._rows:
            doc = f"Request body to create {a_singular} with related rows."
            base = CREATE_WITH_KEYS if self._linked else "Create"
            yield self._body_with_base(
                CREATE, base, doc, [*map(self._created_rows_field, self._rows)]
            )
        for one in self._owners:
            yield self._owned_body(one, [*keys, *map(self._created_rows_field, self._rows)])
        if self._linked and Operation.UPDATE in operations:
            doc = f"Request body to update {a_singular} and its links. Omitted: unchanged."
            yield self._body_with_base(UPDATE, "Update", doc, keys)
        if self._linked and Operation.UPDATE_MANY in operations:
            plural = words(self._entity.plural)
            doc = f"Item of the request body to update several {plural} and their links."
            yield self._body_with_base(UPDATE_BY_ID, "UpdateById", doc, keys)
        capitalized = a_row(self._entity, capitalized=True)
        if self._linked:
            doc = f"{capitalized} as returned by the API, with the keys of linked rows."
            yield self._body_with_base(
                WITH_KEYS, "Public", doc, [*map(self._returned_keys_field, self._linked)]
            )
        if self._rows:
            base = WITH_KEYS if self._linked else "Public"
            doc = f"{capitalized} as returned when it is created, with the rows created with it."
            yield self._body_with_base(
                CREATED, base, doc, [*map(self._returned_rows_field, self._rows)]
            )

    def _owned_body(self, one: Collection, lines: list[Code]) -> Body:
        """Return the source of the body that creates a row under its owner."""
        doc = (
            f"Request body to create {a_row(one.target)} of {a_row(one.owner)}, with related rows."
        )
        self.imports.use(".models", one.create_model)
        return self._body_class(owned_body_model(one), one.create_model, doc, lines)

    def _body_with_base(self, suffix: str, base: str, doc: str, lines: list[Code]) -> Body:
        if base not in BODIES:
            self.imports.use(".models", f"{self._entity.name}{base}")
        model = self._entity.name
        return self._body_class(f"{model}{suffix}", f"{model}{base}", doc, lines)

    def _body_class(self, model: str, base: str, doc: str, lines: list[Code]) -> Body:
        bases = call(raw(""), [identifier(base)])
        head = statement(raw("class ") + identifier(model), bases, tail=":")
        return Body(head, docstring(doc, INDENT), join(raw("\n    "), lines))

    def _created_rows_field(self, one: Collection) -> Code:
        """Return `lines: ManyOrNone[OrderLineCreateInOrder] = Field(default=[])`."""
        rows = self._subscripted_type(
            self._many_or_none_type(), self._import_model(one, one.create_model)
        )
        value = self._field_call([raw("default=[]"), *self._alias_argument_of_rows(one)])
        return typed_declaration(one.relation.attribute, rows, value)

    def _returned_rows_field(self, one: Collection) -> Code:
        """Return `lines: list[OrderLinePublic]`."""
        rows = self._subscripted_type(
            self._list_type(), self._import_model(one, f"{one.target.name}Public")
        )
        alias = self._alias_argument_of_rows(one)
        return typed_declaration(
            one.relation.attribute, rows, self._field_call(alias) if alias else None
        )

    def _sent_keys_field(self, one: Collection) -> Code:
        """Return `power_ids: ManyOrNone[IntKey] = Field(default=[])`."""
        keys = self._subscripted_type(
            self._many_or_none_type(), body_key_type(one.target, self.imports)
        )
        return typed_declaration(
            one.keys,
            keys,
            self._field_call([raw("default=[]"), *self._alias_argument_of_keys(one)]),
        )

    def _returned_keys_field(self, one: Collection) -> Code:
        """Return `power_ids: list[int]`."""
        keys = self._subscripted_type(self._list_type(), shown_key_type(one, self.imports))
        alias = self._alias_argument_of_keys(one)
        return typed_declaration(one.keys, keys, self._field_call(alias) if alias else None)

    def _many_or_none_type(self) -> Code:
        return self.imports.name("..kit.types.many", "ManyOrNone", in_class=True)

    def _list_type(self) -> Code:
        return self.imports.builtin("list", in_class=True)

    def _subscripted_type(self, many: Code, item: Code) -> Bracket:
        return subscript(many, [item])

    def _import_model(self, one: Collection, model: str) -> Code:
        is_own = one.target.name == self._entity.name
        module = ".models" if is_own else models_module(one.target.plural)
        return self.imports.name(module, model, in_class=True)

    def _alias_argument_of_rows(self, one: Collection) -> list[Bracket | Code]:
        """Return the argument `alias` of a property with rows, if its JSON name differs."""
        sent = one.relation.json_name
        same = sent == str(one.relation.attribute)
        return [] if same else [keyword("alias", json_name(sent))]

    def _alias_argument_of_keys(self, one: Collection) -> list[Bracket | Code]:
        """Return the argument `alias` of a property with keys, if its JSON name differs."""
        return alias_argument_of_keys(one, self._case)

    def _field_call(self, items: list[Bracket | Code]) -> Bracket:
        return call(self.imports.name("sqlmodel", "Field", in_class=True), items)


def alias_argument_of_keys(one: Collection, case: Case) -> list[Bracket | Code]:
    """Return the alias of the attribute with the keys of linked rows, if its JSON name differs."""
    sent = JsonName(case.convert(FieldName(one.keys)))
    return [] if sent == str(one.keys) else [keyword("alias", json_name(sent))]


def shown_key_type(one: Collection, imports: Imports) -> Code:
    """Return the type of the keys of linked rows in a response."""
    if one.target.key.type is TypeName.INT:
        return imports.builtin("int", in_class=True)
    if one.target.key.type is TypeName.STR:
        return imports.builtin("str", in_class=True)
    return body_key_type(one.target, imports)
