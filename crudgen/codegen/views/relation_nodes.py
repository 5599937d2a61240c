"""The relations that the API of an entity uses, as a tree. Reason to change: which ones it uses."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple, TypeAlias

from crudgen.codegen.code import Code, identifier, name
from crudgen.language.names import FieldName
from crudgen.language.operations import Operation
from crudgen.language.relations import Relation, RelationKind
from crudgen.language.schema import Entity, Field

from .collections import writes_keys, written_by_keys
from .references import Entities, reference_of

PUBLIC = "PublicWithRelated"
"""Suffix of the response model with the relations that requests can include."""
EMBEDDED = "PublicWithEmbedded"
"""Suffix of the response model of reading one row that always has relations."""


class RelationNode(NamedTuple):
    """A relation that the API of an entity uses, with those of its target."""

    relation: Relation
    target: Entity
    by: Field | None
    """The reference, of the entity or of the target; None if a link table relates the rows."""
    public: Code
    """The name of the response model of the target."""
    has_class: bool
    """Whether the target has a response model of its own, with relations."""
    is_included: bool
    nodes: "Nodes"

    @property
    def is_optional(self) -> bool:
        """Whether a row can lack the one related row: no required reference leads to it."""
        is_reference = self.relation.kind is RelationKind.MANY_TO_ONE
        return not is_reference or self.by is None or self.by.optional


Nodes: TypeAlias = Mapping[FieldName, RelationNode]
Path: TypeAlias = tuple[FieldName, ...]


def uses_relations(entity: Entity) -> bool:
    """Return whether requests for an entity can name its relations, or responses contain them."""
    return has_related(entity) or bool(entity.api.related) or writes_keys(entity)


def has_related(entity: Entity) -> bool:
    """Return whether responses of an entity can contain related rows, or their number."""
    api = entity.api
    reads = Operation.LIST in api.operations or Operation.READ in api.operations
    return reads and bool(api.include or api.embed or api.counts or writes_keys(entity))


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
        self._taken = {entity.name + suffix for suffix in (PUBLIC, EMBEDDED)}

    def nodes(self) -> Nodes:
        """Return the relations of the entity that its API uses."""
        return self._nodes_of_paths(self._entity, (), self._used)

    def _nodes_of_paths(self, entity: Entity, above: Path, used: Iterable[Path]) -> Nodes:
        """Return the relations that `used` paths begin with; `above` is the path to the entity."""
        rests: dict[FieldName, list[Path]] = {}
        for path in used:
            below = rests.setdefault(path[0], [])
            if len(path) > 1:
                below.append(path[1:])
        return {
            one.name: self._relation_node(entity, one, (*above, one.name), rests[one.name])
            for one in entity.relations
            if one.name in rests
        }

    def _relation_node(
        self, entity: Entity, relation: Relation, path: Path, used: list[Path]
    ) -> RelationNode:
        target = self._entities[relation.target]
        nodes = self._nodes_of_paths(target, path, used) if used else {}
        has_class = bool(nodes) and any(node.is_included for node in nodes.values())
        public = self._class_name(path) if has_class else name(target.name, suffix="Public")
        by = reference_of(relation, entity, target)
        return RelationNode(relation, target, by, public, has_class, path in self._included, nodes)

    def _class_name(self, path: Path) -> Code:
        """Return `HeroTeamWithRelated`: the name of the model of an included row with relations."""
        steps = "".join(word.capitalize() for step in path for word in step.split("_"))
        base = f"{self._entity.name}{steps}"
        while f"{base}WithRelated" in self._taken:
            base = f"{base}_"
        self._taken.add(f"{base}WithRelated")
        return identifier(f"{base}WithRelated")
