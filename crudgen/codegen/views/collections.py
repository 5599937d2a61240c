"""Collections under a row: `/teams/7/heroes/`. Reason to change: which routes they have."""

from collections.abc import Iterator
from dataclasses import dataclass

from crudgen.codegen.code import Code, identifier
from crudgen.language import nested
from crudgen.language.names import AttributeName
from crudgen.language.properties import keys_property
from crudgen.language.relations import NestedWrite, Relation
from crudgen.language.schema import Entity, Field

from .references import Entities


@dataclass(frozen=True, slots=True)
class Collection:
    """The rows of a relation, under a row of an entity."""

    owner: Entity
    relation: Relation
    target: Entity

    @property
    def is_link(self) -> bool:
        """Whether a link table without columns of its own relates the rows."""
        return nested.is_link(self.relation)

    @property
    def can_list(self) -> bool:
        """Whether the rows can be listed."""
        return nested.can_list(self.owner, self.relation, self.target)

    @property
    def can_create(self) -> bool:
        """Whether rows can be created, which refer to the owner.

        The reference may be read-only: the server sets it to the key in the path.
        """
        return nested.can_create(self.owner, self.relation, self.target)

    @property
    def can_change_links(self) -> bool:
        """Whether links can be added and removed: not if all operations of the owner only read."""
        return nested.can_change_links(self.owner, self.relation)

    @property
    def reference(self) -> Field | None:
        """The field of the rows that refers to the owner; None if a link table does."""
        by = self.relation.by
        return None if by is None else self.target.field(by)

    @property
    def resource(self) -> Code:
        """The variable of the resource: `hero_powers`."""
        return identifier(f"{self.owner.singular}_{self.relation.attribute}")

    @property
    def row(self) -> str:
        """The name of one row: `hero_power`."""
        return f"{self.owner.singular}_{self.singular}"

    @property
    def singular(self) -> str:
        """The name of one row of the relation: `power`."""
        return nested.singular_name(self.relation, self.target)

    @property
    def function_names(self) -> Iterator[str]:
        """The names of all functions that the collection may have."""
        for verb in ("list", "set"):
            yield f"{verb}_{self.resource}"
        for verb in ("add", "remove"):
            yield f"{verb}_{self.row}"

    @property
    def key(self) -> str:
        """The path parameter of the owner: `hero_id`."""
        return f"{self.owner.singular}_id"

    @property
    def segment(self) -> str:
        """The segment of the path: `order-lines` for the relation `order_lines`."""
        return self.relation.name.replace("_", "-")

    @property
    def linked_row_parameter(self) -> str:
        """The path parameter of a linked row: `power_id`."""
        key = f"{self.singular}_id"
        return key if key != self.key else f"linked_{key}"

    @property
    def create_model(self) -> str:
        """The model of rows that are created under the owner: `HeroCreateInTeam`."""
        role = self.relation.inverse or self.owner.singular
        return f"{self.target.name}CreateIn{''.join(map(str.capitalize, role.split('_')))}"

    @property
    def is_created_together(self) -> bool:
        """Whether rows can be created together with the owner, by one request."""
        return (self.relation.name, NestedWrite.CREATE) in self.owner.api.write

    @property
    def is_written_by_keys(self) -> bool:
        """Whether request bodies of the owner contain the keys of linked rows."""
        return (self.relation.name, NestedWrite.KEYS) in self.owner.api.write

    @property
    def is_inverse(self) -> bool:
        """Whether links belong to the linked rows: their entity declares them."""
        link = self.relation.link
        return link is not None and self.relation.near != link.ends[0]

    @property
    def keys(self) -> AttributeName:
        """The attribute with the keys of linked rows: `power_ids`."""
        return AttributeName(keys_property(self.relation, self.target.key.name))


def collections_of(entity: Entity, entities: Entities) -> tuple[Collection, ...]:
    """Return the collections under a row of an entity."""
    found = (
        Collection(entity, one, entities[one.target])
        for one in entity.relations
        if one.link is not None or one.name in entity.api.nested
    )
    return tuple(one for one in found if one.can_list or one.can_create or one.can_change_links)


def owners_of(entity: Entity, entities: Entities) -> tuple[Collection, ...]:
    """Return the collections in which new rows of an entity are sent without their reference.

    They are the inverses of its references, sorted by owner, then as its relations are.
    """
    nesting = entities.nesting
    if not nesting:
        return ()
    targets = {one.target for one in entity.relations if one.inverse is not None}
    found = (
        Collection(entities[owner], relation, entity)
        for owner in sorted(targets & nesting)
        for relation in entities[owner].relations
        if relation.target == entity.name
    )
    return tuple(one for one in found if one.can_create or one.is_created_together)


def creates_together(entity: Entity) -> bool:
    """Return whether requests can create rows of an entity together with other rows."""
    return NestedWrite.CREATE in dict(entity.api.write).values()


def created_together(entity: Entity, entities: Entities) -> tuple[Collection, ...]:
    """Return the collections whose rows requests can create together with their owner."""
    if not creates_together(entity):
        return ()
    found = (Collection(entity, one, entities[one.target]) for one in entity.relations)
    return tuple(one for one in found if one.is_created_together)


def writes_keys(entity: Entity) -> bool:
    """Return whether request bodies of an entity contain the keys of linked rows."""
    return NestedWrite.KEYS in dict(entity.api.write).values()


def written_by_keys(entity: Entity, entities: Entities) -> tuple[Collection, ...]:
    """Return the collections whose keys request bodies of an entity contain."""
    if not writes_keys(entity):
        return ()
    found = (Collection(entity, one, entities[one.target]) for one in entity.relations)
    return tuple(one for one in found if one.is_written_by_keys)
