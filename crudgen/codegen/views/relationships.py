"""Source of the relationships of a table model. Reason to change: the form of a relationship."""

from collections.abc import Iterator

from crudgen.codegen.code import Code, attribute_name, literal, name, raw
from crudgen.codegen.imports import Imports
from crudgen.codegen.layout import Bracket, Part, call, keyword, pair, subscript, typed_declaration
from crudgen.language.names import AttributeName, ClassName
from crudgen.language.relations import Link, Relation, RelationKind
from crudgen.language.schema import Entity, Field

from .references import Entities
from .variables import folder_name


def related_classes(entity: Entity) -> set[ClassName]:
    """Return the names of the classes that the relationships of an entity import."""
    links = {relation.link.name for relation in entity.relations if relation.link is not None}
    return links | {relation.target for relation in entity.relations}


class RelationshipPrinter:
    """Builds the source of an entity's relationships, and collects its imports."""

    def __init__(self, entity: Entity, entities: Entities, imports: Imports) -> None:
        self._entity = entity
        self._entities = entities
        self._imports = imports

    def lines(self) -> Iterator[Code]:
        """Yield the declarations of all relationships, some after a comment."""
        for relation in self._entity.relations:
            target = self._entities[relation.target]
            yield from self._comment(relation, target)
            yield self._declaration(relation, target)

    def _comment(self, relation: Relation, target: Entity) -> Iterator[Code]:
        """Yield a comment if SQLAlchemy ignores changes of the relationship."""
        if relation.link is not None and relation.link.via:
            yield raw("# Read-only: add and delete rows of ") + name(relation.link.name)
        elif self._is_view(relation):
            inverse = target.relation(relation.inverse) if relation.inverse else None
            what = (inverse or self._reference(relation)).attribute
            yield raw("# Read-only: set ") + name(target.name) + raw(".") + name(what)

    def _declaration(self, relation: Relation, target: Entity) -> Code:
        if target is not self._entity:
            self._imports.use_for_types(f"..{folder_name(target.plural)}.models", target.name)
        relationship = self._imports.name("sqlmodel", "Relationship", in_class=True)
        value = call(relationship, tuple(self._arguments(relation, target)))
        return typed_declaration(relation.attribute, self._annotation(relation), value)

    def _annotation(self, relation: Relation) -> Bracket | Code:
        target = literal(str(relation.target))
        if relation.is_many:
            return subscript(self._imports.builtin("list", in_class=True), [target])
        if relation.kind is RelationKind.ONE_TO_ONE or self._reference(relation).optional:
            return subscript(self._imports.name("typing", "Optional", in_class=True), [target])
        return target

    def _is_view(self, relation: Relation) -> bool:
        """Return whether SQLAlchemy loads the rows of the relationship, but never changes them.

        If references form a circle, it writes rows in two steps, by the `post_update` of one of
        them. On the other side, that would set references to null when a row is deleted.
        """
        if relation.link is not None:
            return relation.link.via
        return relation.kind is not RelationKind.MANY_TO_ONE and self._is_circular(relation)

    def _is_circular(self, relation: Relation) -> bool:
        reference = None if relation.link is not None else self._reference(relation).reference
        return reference is not None and reference.use_alter

    def _arguments(self, relation: Relation, target: Entity) -> Iterator[Bracket | Code]:
        is_view = self._is_view(relation)
        if relation.inverse is not None and not (is_view or self._is_circular(relation)):
            inverse = target.relation(relation.inverse)
            yield keyword("back_populates", attribute_name(inverse.attribute))
        if relation.link is not None and not is_view:
            yield keyword("passive_deletes", literal(True))
            yield keyword("link_model", self._link_class(relation.link, target))
        elif relation.kind is not RelationKind.MANY_TO_ONE and not is_view:
            yield keyword("passive_deletes", literal("all"))
        options = (*self._options(relation, target), *self._updates(relation))
        if options:
            yield keyword("sa_relationship_kwargs", Bracket("{", options, "}"))

    def _link_class(self, link: Link, target: Entity) -> Code:
        """Import the table model of a link, and return its name."""
        owner = self._entity if link in self._entity.links else target
        above = "" if owner is self._entity else f".{folder_name(owner.plural)}"
        self._imports.use(f".{above}.links" if above else ".links", link.name)
        return name(link.name)

    def _options(self, relation: Relation, target: Entity) -> Iterator[Part]:
        """Yield the arguments that only SQLAlchemy's `relationship` has, as items of a dict."""
        if relation.link is not None:
            yield from self._link_options(relation, relation.link, target)
        else:
            yield from self._reference_options(relation, target)
        if relation.order:
            yield pair("order_by", literal(_order(relation, target)))

    def _updates(self, relation: Relation) -> Iterator[Part]:
        if self._is_view(relation):
            yield pair("viewonly", literal(True))
        elif self._is_circular(relation):
            yield pair("post_update", literal(True))

    def _reference_options(self, relation: Relation, target: Entity) -> Iterator[Part]:
        by = self._reference(relation)
        own = relation.kind is RelationKind.MANY_TO_ONE
        if _count(self._entity, target) > 1:
            yield pair("foreign_keys", _path(self._entity if own else target, by.attribute))
        if own and target is self._entity:
            yield pair("remote_side", _path(target, target.key.attribute))
        if relation.kind is RelationKind.ONE_TO_ONE:
            yield pair("uselist", literal(False))

    def _link_options(self, relation: Relation, link: Link, target: Entity) -> Iterator[Part]:
        if link.via:
            yield pair("secondary", literal(str(link.table)))
        if (target is self._entity or link.via) and relation.near and relation.far:
            yield pair("primaryjoin", _join(self._entity, link, relation.near.attribute))
            yield pair("secondaryjoin", _join(target, link, relation.far.attribute))

    def _reference(self, relation: Relation) -> Field:
        """Return the field by which rows are related."""
        is_own = relation.kind is RelationKind.MANY_TO_ONE
        owner = self._entity if is_own else self._entities[relation.target]
        return next(field for field in owner.fields if field.name == relation.by)


def _count(one: Entity, other: Entity) -> int:
    """Return the number of references between two entities, in both directions."""
    there = sum(_refers(field, other) for field in one.fields)
    return there if one is other else there + sum(_refers(field, one) for field in other.fields)


def _refers(field: Field, target: Entity) -> bool:
    return field.reference is not None and field.reference.target == target.name


def _path(entity: Entity, attribute: AttributeName) -> Code:
    return literal(f"{entity.name}.{attribute}")


def _join(entity: Entity, link: Link, attribute: AttributeName) -> Code:
    return literal(f"{entity.name}.{entity.key.attribute} == {link.name}.{attribute}")


def _order(relation: Relation, target: Entity) -> str:
    """Return the columns that related rows are sorted by: `[Line.position.desc(), Line.id]`."""
    columns = [
        f"{target.name}.{target.field(name).attribute}{'.desc()' if descends else ''}"
        for name, descends in relation.order
    ]
    return f"[{', '.join((*columns, f'{target.name}.{target.key.attribute}'))}]"
