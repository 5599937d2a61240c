"""View of an entity's response models with relations. Reason to change: the code of a model."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from crudgen.codegen.code import Code, docstring, identifier, join, json_name, name, raw, words
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
from crudgen.language.names import AttributeName, Conventions, FieldName, JsonName
from crudgen.language.operations import Operation
from crudgen.language.properties import count_property, more_property
from crudgen.language.relations import Relation, RelationKind
from crudgen.language.schema import Entity, KitForm

from .articles import a_row
from .bodies import key_alias, shown_key_type
from .collections import Collection, writes_keys, written_by_keys
from .references import Entities
from .variables import folder_name

PUBLIC = "PublicWithRelated"
"""Suffix of the response model with the relations that requests can include."""
EMBEDDED = "PublicWithEmbedded"
"""Suffix of the response model of reading one row that always has relations."""


@dataclass(frozen=True, slots=True)
class RelationNode:
    """A relation that the API of an entity uses, with those of its target."""

    relation: Relation
    target: Entity
    public: Code
    """The name of the response model of the target."""
    is_included: bool
    is_optional: bool
    """Whether a row can lack the one related row: it is not the target of a required reference."""
    nodes: "Nodes"

    @property
    def has_class(self) -> bool:
        """Whether the target has a response model of its own, with relations."""
        return any(node.is_included for node in self.nodes.values())


Nodes: TypeAlias = Mapping[FieldName, RelationNode]
Path: TypeAlias = tuple[FieldName, ...]


def uses_relations(entity: Entity) -> bool:
    """Return whether requests for an entity can name its relations, or responses contain them."""
    return has_related(entity) or bool(entity.api.related) or writes_keys(entity)


def has_related(entity: Entity) -> bool:
    """Return whether responses of an entity can contain related rows, or their number."""
    api = entity.api
    offered = {Operation.LIST, Operation.READ} & {*api.operations}
    return bool(offered) and bool(api.include or api.embed or api.counts or writes_keys(entity))


def relation_nodes(entity: Entity, entities: Entities) -> Nodes:
    """Return the relations that the API of an entity uses, in the order of its relations."""
    return _RelationTree(entity, entities).nodes() if uses_relations(entity) else {}


class _RelationTree:
    """Builds the nodes, and names the response models of their targets."""

    def __init__(self, entity: Entity, entities: Entities) -> None:
        self._entity = entity
        self._entities = entities
        self._included = {*entity.api.include}
        counted = [(name,) for name in entity.api.counts]
        counted += [(one.relation.name,) for one in written_by_keys(entity, entities)]
        self._used = [*entity.api.include, *counted, *(one.steps for one in entity.api.related)]
        self._taken = {f"{entity.name}{suffix}" for suffix in (PUBLIC, EMBEDDED)}

    def nodes(self) -> Nodes:
        """Return the relations of the entity that its API uses."""
        return self._nodes(self._entity, (), self._used)

    def _nodes(self, entity: Entity, above: Path, used: Iterable[Path]) -> Nodes:
        """Return the relations that paths begin with, which are used below `above`."""
        found = {}
        rests: defaultdict[FieldName, list[Path]] = defaultdict(list)
        for first, *rest in filter(None, used):
            rests[first].append((*rest,))
        for relation in entity.relations:
            if relation.name in rests:
                target, path = self._entities[relation.target], (*above, relation.name)
                nodes = self._nodes(target, path, rests[relation.name])
                public = name(target.name, suffix="Public")
                if any(node.is_included for node in nodes.values()):
                    public = self._class_name(path)
                is_included = path in self._included
                is_optional = _is_optional(entity, relation)
                found[relation.name] = RelationNode(
                    relation, target, public, is_included, is_optional, nodes
                )
        return found

    def _class_name(self, path: Path) -> Code:
        """Return `HeroTeamWithRelated`: the name of the model of an included row with relations."""
        steps = "".join(word.capitalize() for step in path for word in step.split("_"))
        base = f"{self._entity.name}{steps}"
        while f"{base}WithRelated" in self._taken:
            base = f"{base}_"
        self._taken.add(f"{base}WithRelated")
        return identifier(f"{base}WithRelated")


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
    entity: Entity, entities: Entities, nodes: Nodes, conventions: Conventions, kit: KitForm
) -> RelatedView:
    """Return the view of the response models with relations of an entity."""
    linked = written_by_keys(entity, entities)
    printer = _Printer(entity, nodes, linked, conventions, kit)
    models = tuple(printer.models())
    return RelatedView(words(entity.plural), printer.imports.code(), models)


class _Printer:
    """Builds the source of the response models, and collects their imports."""

    def __init__(
        self,
        entity: Entity,
        nodes: Nodes,
        linked: Sequence[Collection],
        conventions: Conventions,
        kit: KitForm,
    ) -> None:
        self._entity = entity
        self._nodes = nodes
        self._json = conventions.json
        self._linked = linked
        every = [*_walk(nodes)]
        classes = {f"{entity.name}{suffix}" for suffix in ("Public", PUBLIC, EMBEDDED)}
        classes |= {str(node.public) for node in every}
        classes |= {f"{node.target.name}Public" for node in every}
        attributes = {
            f"{node.relation.attribute}{suffix}"
            for node in every
            for suffix in ("", "_more", "_count")
        }
        attributes |= {str(one.keys) for one in linked}
        self.imports = Imports(kit, defined=classes, attributes=attributes)
        self._included = self.imports.name("..kit.query.relations", "Included")

    def models(self) -> Iterator[RelatedModel]:
        """Yield the models, each after those that it uses."""
        yield from self._nested(self._nodes)
        public = self._public(self._entity)
        counts = [self._entity.relation(name) for name in self._entity.api.counts]
        keys = map(self._keys, self._linked)
        lines = (*map(self._count, counts), *keys, *self._lines(self._nodes))
        model = name(self._entity.name, suffix=PUBLIC)
        yield self._model(model, [public, self._included], self._entity, lines)
        if self._entity.api.embed:
            embedded = name(self._entity.name, suffix=EMBEDDED)
            required = [self._nodes[one] for one in self._entity.api.embed]
            lines = tuple(self._one(node, required=True) for node in required)
            yield self._model(embedded, [model], self._entity, lines, what="when read alone")

    def _nested(self, nodes: Nodes) -> Iterator[RelatedModel]:
        for node in nodes.values():
            yield from self._nested(node.nodes)
            if node.has_class:
                bases = [self._public(node.target), self._included]
                lines = tuple(self._lines(node.nodes))
                yield self._model(node.public, bases, node.target, lines)

    def _model(
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

    def _public(self, entity: Entity) -> Code:
        is_own = entity is self._entity
        module = ".models" if is_own else f"..{folder_name(entity.plural)}.models"
        self.imports.use(module, f"{entity.name}Public")
        return name(entity.name, suffix="Public")

    def _lines(self, nodes: Nodes) -> Iterator[Code]:
        for node in nodes.values():
            if node.is_included:
                yield self._one(node) if not node.relation.is_many else self._many(node)
                if node.relation.is_many:
                    yield self._more(node.relation)

    def _row(self, node: RelationNode) -> Code:
        return node.public if node.has_class else self._public(node.target)

    def _one(self, node: RelationNode, *, required: bool = False) -> Code:
        relation = node.relation
        alias = self._alias(str(relation.attribute), relation.json_name)
        row = self._row(node)
        kind = union_or_none(row) if node.is_optional else row
        value: Bracket | Code = raw("None")
        if required:
            # Type checkers want a default, because the field in the base class has one.
            value = self._field([raw("default=..."), *alias])
        elif alias or not node.is_optional:
            value = self._field([raw("default=None"), *alias])
        return _declaration(str(relation.attribute), kind, value)

    def _many(self, node: RelationNode) -> Code:
        relation = node.relation
        alias = self._alias(str(relation.attribute), relation.json_name)
        rows = subscript(self.imports.builtin("list", in_class=True), [self._row(node)])
        value = self._field([raw("default=[]"), *alias])
        return _declaration(str(relation.attribute), rows, value)

    def _more(self, relation: Relation) -> Code:
        attribute = f"{relation.attribute}_more"
        alias = self._alias(attribute, JsonName(self._json.of(more_property(relation))))
        value = self._field([raw("default=False"), *alias]) if alias else raw("False")
        return _declaration(attribute, self.imports.builtin("bool", in_class=True), value)

    def _count(self, relation: Relation) -> Code:
        attribute = f"{relation.attribute}_count"
        alias = self._alias(attribute, JsonName(self._json.of(count_property(relation))))
        value = self._field(alias) if alias else None
        return _declaration(attribute, self.imports.builtin("int", in_class=True), value)

    def _keys(self, one: Collection) -> Code:
        """Return `power_ids: list[int]`: the keys of linked rows."""
        keys = subscript(
            self.imports.builtin("list", in_class=True), [shown_key_type(one, self.imports)]
        )
        alias = key_alias(one, self._json)
        value = self._field(alias) if alias else None
        return _declaration(str(one.keys), keys, value)

    def _alias(self, attribute: str, sent: JsonName) -> list[Bracket | Code]:
        return [] if sent == attribute else [keyword("alias", json_name(sent))]

    def _field(self, items: Iterable[Bracket | Code]) -> Bracket:
        return call(self.imports.name("sqlmodel", "Field", in_class=True), items)


def _is_optional(entity: Entity, relation: Relation) -> bool:
    if relation.kind is not RelationKind.MANY_TO_ONE or relation.by is None:
        return True
    return entity.field(relation.by).optional


def _walk(nodes: Nodes) -> Iterator[RelationNode]:
    for node in nodes.values():
        yield node
        yield from _walk(node.nodes)


def _declaration(attribute: str, kind: Bracket | Code, value: Bracket | Code | None) -> Code:
    return typed_declaration(AttributeName(attribute), kind, value)
