"""View of an entity's response models with relations. Reason to change: the code of a model."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from crudgen.codegen.code import Code, docstring, join, json_name, name, raw, words
from crudgen.codegen.imports import Imports
from crudgen.codegen.layout import (
    INDENT,
    Bracket,
    call,
    keyword,
    statement,
    subscript,
    typed_declaration,
    union_or_none,
)
from crudgen.language.names import AttributeName, JsonName, NamingConventions
from crudgen.language.properties import count_property, more_property
from crudgen.language.relations import Relation
from crudgen.language.schema import Entity, KitForm

from .articles import a_row
from .bodies import alias_argument_of_keys, shown_key_type
from .collections import Collection, written_by_keys
from .references import Entities
from .relation_nodes import EMBEDDED, PUBLIC, Nodes, RelationNode
from .variables import models_module

_NO_ROWS = raw("default=[]")


@dataclass(frozen=True, slots=True)
class RelatedModel:
    """A response model with relations."""

    head: Code
    doc: Code
    fields: Code


@dataclass(frozen=True, slots=True)
class RelatedView:
    """The response models with relations of an entity."""

    plural: Code
    imports: Code
    models: tuple[RelatedModel, ...]


def related_view(
    entity: Entity, entities: Entities, nodes: Nodes, conventions: NamingConventions, kit: KitForm
) -> RelatedView:
    """Return the view of the response models with relations of an entity."""
    linked = written_by_keys(entity, entities)
    printer = _RelatedModelPrinter(entity, nodes, linked, conventions, kit)
    models = tuple(printer.models())
    return RelatedView(words(entity.plural), printer.imports.code(), models)


class _RelatedModelPrinter:
    """Builds the source of the response models, and collects their imports."""

    def __init__(
        self,
        entity: Entity,
        nodes: Nodes,
        linked: Sequence[Collection],
        conventions: NamingConventions,
        kit: KitForm,
    ) -> None:
        self._entity = entity
        self._nodes = nodes
        self._json = conventions.json
        self._linked = linked
        classes = {entity.name + suffix for suffix in ("Public", PUBLIC, EMBEDDED)}
        # The module imports no name like `heroes_more`, `heroes_count` or `power_ids`.
        attributes: set[str] = set()
        for node in _nodes_with_nested(nodes):
            attributes.add(node.relation.attribute)
            classes.add(node.public)
            if node.has_class:
                classes.add(node.target.name + "Public")
        self.imports = Imports(kit, defined=classes, attributes=attributes)
        self._included = self.imports.name("..kit.query.relations", "Included")
        self._no_rows: Bracket | None = None

    def models(self) -> Iterator[RelatedModel]:
        """Yield the models, each after those that it uses."""
        yield from self._nested_models(self._nodes)
        public = self._import_public_model(self._entity)
        counts = [self._entity.relation(name) for name in self._entity.api.counts]
        keys = map(self._keys_field, self._linked)
        lines = (*map(self._count_field, counts), *keys, *self._relation_fields(self._nodes))
        model = name(self._entity.name, suffix=PUBLIC)
        yield self._related_model(model, [public, self._included], self._entity, lines)
        if self._entity.api.embed:
            embedded = name(self._entity.name, suffix=EMBEDDED)
            required = [self._nodes[one] for one in self._entity.api.embed]
            lines = tuple(self._one_row_field(node, required=True) for node in required)
            yield self._related_model(
                embedded, [model], self._entity, lines, what="when read alone"
            )

    def _nested_models(self, nodes: Nodes) -> Iterator[RelatedModel]:
        for node in nodes.values():
            if node.nodes:
                yield from self._nested_models(node.nodes)
            if node.has_class:
                bases = [self._import_public_model(node.target), self._included]
                lines = tuple(self._relation_fields(node.nodes))
                yield self._related_model(node.public, bases, node.target, lines)

    def _related_model(
        self,
        model: Code,
        bases: list[Code],
        entity: Entity,
        lines: tuple[Code, ...],
        what: str = "as returned by the API",
    ) -> RelatedModel:
        text = f"{a_row(entity, capitalized=True)} {what}, with related rows."
        head = statement(raw("class "), call(model, bases), tail=":")
        return RelatedModel(head, docstring(text, INDENT), join(raw("\n    "), lines))

    def _import_public_model(self, entity: Entity) -> Code:
        public = name(entity.name, suffix="Public")
        self._import_from_models(entity, public)
        return public

    def _import_from_models(self, entity: Entity, public: Code) -> None:
        is_own = entity is self._entity
        module = ".models" if is_own else models_module(entity.plural)
        self.imports.use(module, public)

    def _relation_fields(self, nodes: Nodes) -> Iterator[Code]:
        for node in nodes.values():
            if node.is_included and node.relation.is_many:
                yield self._many_rows_field(node)
                yield self._has_more_field(node.relation)
            elif node.is_included:
                yield self._one_row_field(node)

    def _row_model(self, node: RelationNode) -> Code:
        if not node.has_class:
            self._import_from_models(node.target, node.public)
        return node.public

    def _one_row_field(self, node: RelationNode, *, required: bool = False) -> Code:
        relation = node.relation
        alias = self._alias_argument(relation.attribute, relation.json_name)
        row = self._row_model(node)
        kind = union_or_none(row) if node.is_optional else row
        value: Bracket | Code = raw("None")
        if required:
            # Type checkers want a default, because the field in the base class has one.
            value = self._field_call([raw("default=..."), *alias])
        elif alias or not node.is_optional:
            value = self._field_call([raw("default=None"), *alias])
        return typed_declaration(relation.attribute, kind, value)

    def _many_rows_field(self, node: RelationNode) -> Code:
        relation = node.relation
        alias = self._alias_argument(relation.attribute, relation.json_name)
        rows = subscript(self.imports.builtin("list", in_class=True), [self._row_model(node)])
        if alias:
            value = self._field_call([_NO_ROWS, *alias])
        else:
            value = self._no_rows = self._no_rows or self._field_call([_NO_ROWS])
        return typed_declaration(relation.attribute, rows, value)

    def _has_more_field(self, relation: Relation) -> Code:
        attribute = AttributeName(relation.attribute + "_more")
        alias = self._alias_argument(attribute, self._json.convert(more_property(relation)))
        value = self._field_call([raw("default=False"), *alias]) if alias else raw("False")
        return typed_declaration(attribute, self.imports.builtin("bool", in_class=True), value)

    def _count_field(self, relation: Relation) -> Code:
        attribute = AttributeName(relation.attribute + "_count")
        alias = self._alias_argument(attribute, self._json.convert(count_property(relation)))
        value = self._field_call(alias) if alias else None
        return typed_declaration(attribute, self.imports.builtin("int", in_class=True), value)

    def _keys_field(self, one: Collection) -> Code:
        """Return `power_ids: list[int]`: the keys of linked rows."""
        keys = subscript(
            self.imports.builtin("list", in_class=True), [shown_key_type(one, self.imports)]
        )
        alias = alias_argument_of_keys(one, self._json)
        value = self._field_call(alias) if alias else None
        return typed_declaration(one.keys, keys, value)

    def _alias_argument(self, attribute: AttributeName, sent: str) -> list[Bracket | Code]:
        return [] if sent == attribute else [keyword("alias", json_name(JsonName(sent)))]

    def _field_call(self, items: Iterable[Bracket | Code]) -> Bracket:
        return call(self.imports.name("sqlmodel", "Field", in_class=True), items)


def _nodes_with_nested(nodes: Nodes) -> Iterator[RelationNode]:
    for node in nodes.values():
        yield node
        if node.nodes:
            yield from _nodes_with_nested(node.nodes)
