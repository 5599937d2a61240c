"""The operations under a row: `/teams/7/heroes/`. Reason to change: which ones a relation has."""

from collections.abc import Iterator

from .names import singular_of
from .operations import Operation
from .relations import Relation, RelationKind
from .schema import Entity

_READING = frozenset({Operation.LIST, Operation.READ})


def is_link(relation: Relation) -> bool:
    """Return whether a link table without columns of its own relates the rows."""
    return relation.link is not None and not relation.link.via


def can_list(owner: Entity, relation: Relation, target: Entity) -> bool:
    """Return whether the rows of a relation can be listed under a row of its owner."""
    is_listed = is_link(relation) or relation.name in owner.api.nested
    return is_listed and Operation.LIST in target.api.operations


def can_create(owner: Entity, relation: Relation, target: Entity) -> bool:
    """Return whether rows can be created under a row, which refer to it.

    The reference may be read-only: the server sets it to the key in the path.
    """
    return (
        relation.name in owner.api.nested
        and relation.kind is RelationKind.ONE_TO_MANY
        and Operation.CREATE in target.api.operations
    )


def can_change_links(owner: Entity, relation: Relation) -> bool:
    """Return whether links can be added and removed: not if all operations of the owner read."""
    return is_link(relation) and not _READING.issuperset(owner.api.operations)


def singular_name(relation: Relation, target: Entity) -> str:
    """Return the name of one row of a relation: `power`."""
    if str(relation.name) == str(target.plural):
        return target.singular
    return singular_of(relation.name)


def operations_under(owner: Entity, relation: Relation, target: Entity) -> Iterator[str]:
    """Yield the ids of the operations of a relation under a row: `list_hero_powers`."""
    if relation.link is None and relation.name not in owner.api.nested:
        return
    if can_list(owner, relation, target):
        yield f"list_{owner.singular}_{relation.attribute}"
    if can_change_links(owner, relation):
        yield f"set_{owner.singular}_{relation.attribute}"
        yield f"remove_{owner.singular}_{singular_name(relation, target)}"
    if can_change_links(owner, relation) or can_create(owner, relation, target):
        yield f"add_{owner.singular}_{singular_name(relation, target)}"
