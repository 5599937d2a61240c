"""Source of the relationships of a table model. Reason to change: the form of a relationship."""

from collections.abc import Iterator
from typing import NamedTuple

from crudgen.codegen.code import Code, attribute_name, class_name, literal, name, raw, string
from crudgen.codegen.imports import Imports
from crudgen.codegen.layout import Bracket, Part, call, keyword, pair, subscript, typed_declaration
from crudgen.language.names import AttributeName, ClassName
from crudgen.language.relations import Link, Relation, RelationKind
from crudgen.language.schema import Entity, Field

from .references import Entities, reference_of
from .variables import folder_name, models_module

_DELETED_LINKS = keyword("passive_deletes", literal(True))
_DELETED_ROWS = keyword("passive_deletes", literal("all"))
_ONE_ROW = pair("uselist", literal(False))
_VIEW_ONLY = pair("viewonly", literal(True))
_POST_UPDATE = pair("post_update", literal(True))


def related_classes(entity: Entity) -> set[ClassName]:
    """Return the names of the classes that the relationships of an entity import."""
    links = {relation.link.name for relation in entity.relations if relation.link is not None}
    return links | {relation.target for relation in entity.relations}


class _Relationship(NamedTuple):
    """A relation of an entity, as SQLAlchemy maps it."""

    relation: Relation
    target: Entity
    by: Field | None
    """The field by which rows are related, or None if a link table relates them."""
    is_circular: bool
    """Whether the reference closes a circle of references between tables."""
    is_view: bool
    """Whether SQLAlchemy loads the rows of the relationship, but never changes them.

    If references form a circle, it writes rows in two steps, by the `post_update` of one of
    them. On the other side, that would set references to null when a row is deleted.
    """


class RelationshipPrinter:
    """Builds the source of an entity's relationships, and collects its imports."""

    def __init__(self, entity: Entity, entities: Entities, imports: Imports) -> None:
        self._entity = entity
        self._entities = entities
        self._imports = imports

    def lines(self) -> Iterator[Code]:
        """Yield the declarations of all relationships, some after a comment."""
        for relation in self._entity.relations:
            one = self._relationship(relation)
            if one.is_view:
                yield self._read_only_comment(one)
            yield self._relationship_declaration(one)

    def _relationship(self, relation: Relation) -> _Relationship:
        target = self._entities[relation.target]
        by = reference_of(relation, self._entity, target)
        reference = None if by is None else by.reference
        is_circular = reference is not None and reference.use_alter
        if relation.link is not None:
            is_view = relation.link.via
        else:
            is_view = is_circular and relation.kind is not RelationKind.MANY_TO_ONE
        return _Relationship(relation, target, by, is_circular, is_view)

    def _read_only_comment(self, one: _Relationship) -> Code:
        """Return the comment about a relationship whose changes SQLAlchemy ignores."""
        relation, target = one.relation, one.target
        if relation.link is not None:
            return raw("# Read-only: add and delete rows of ") + name(relation.link.name)
        by = target.relation(relation.inverse) if relation.inverse else one.by
        what = raw("") if by is None else raw(".") + name(by.attribute)
        return raw("# Read-only: set ") + name(target.name) + what

    def _relationship_declaration(self, one: _Relationship) -> Code:
        """Return `team: Optional["Team"] = Relationship(…)`."""
        target = one.target
        if target is not self._entity:
            self._imports.use_for_types(models_module(target.plural), target.name)
        relationship = self._imports.name("sqlmodel", "Relationship", in_class=True)
        value = call(relationship, self._relationship_arguments(one))
        return typed_declaration(one.relation.attribute, self._relationship_annotation(one), value)

    def _relationship_annotation(self, one: _Relationship) -> Bracket | Code:
        target = class_name(one.target.name)
        if one.relation.is_many:
            return subscript(self._imports.builtin("list", in_class=True), [target])
        is_required = one.by is not None and not one.by.optional
        if one.relation.kind is RelationKind.MANY_TO_ONE and is_required:
            return target
        return subscript(self._imports.name("typing", "Optional", in_class=True), [target])

    def _relationship_arguments(self, one: _Relationship) -> Iterator[Bracket | Code]:
        relation, target, is_view = one.relation, one.target, one.is_view
        if relation.inverse is not None and not (is_view or one.is_circular):
            inverse = target.relation(relation.inverse)
            yield keyword("back_populates", attribute_name(inverse.attribute))
        if relation.link is not None and not is_view:
            yield _DELETED_LINKS
            yield keyword("link_model", self._link_class(relation.link, target))
        elif relation.kind is not RelationKind.MANY_TO_ONE and not is_view:
            yield _DELETED_ROWS
        if options := (*self._sqlalchemy_options(one),):
            yield keyword("sa_relationship_kwargs", Bracket("{", options, "}"))

    def _link_class(self, link: Link, target: Entity) -> Code:
        """Import the table model of a link, and return its name."""
        owner = self._entity if link in self._entity.links else target
        above = "" if owner is self._entity else f".{folder_name(owner.plural)}"
        self._imports.use(f".{above}.links" if above else ".links", link.name)
        return name(link.name)

    def _sqlalchemy_options(self, one: _Relationship) -> Iterator[Part]:
        """Yield the arguments that only SQLAlchemy's `relationship` has, as items of a dict."""
        relation, target = one.relation, one.target
        own = relation.kind is RelationKind.MANY_TO_ONE
        if relation.link is not None:
            yield from self._link_options(relation, relation.link, target)
        elif one.by is not None and self._has_several_references(target):
            owner = self._entity if own else target
            yield pair("foreign_keys", _attribute_path(owner, one.by.attribute))
        if own and target is self._entity:
            yield pair("remote_side", _attribute_path(target, target.key.attribute))
        if relation.kind is RelationKind.ONE_TO_ONE:
            yield _ONE_ROW
        if relation.order:
            yield pair("order_by", string(_order_by(relation, target)))
        if one.is_view:
            yield _VIEW_ONLY
        elif one.is_circular:
            yield _POST_UPDATE

    def _has_several_references(self, target: Entity) -> bool:
        """Return whether there are several references between two entities."""
        return (self._entity.name, target.name) in self._entities.with_several_references

    def _link_options(self, relation: Relation, link: Link, target: Entity) -> Iterator[Part]:
        if link.via:
            yield pair("secondary", literal(str(link.table)))
        if (target is self._entity or link.via) and relation.near and relation.far:
            yield pair("primaryjoin", _join_condition(self._entity, link, relation.near.attribute))
            yield pair("secondaryjoin", _join_condition(target, link, relation.far.attribute))


def _attribute_path(entity: Entity, attribute: AttributeName) -> Code:
    """Return `"Hero.team_id"`."""
    return string(f"{entity.name}.{attribute}")


def _join_condition(entity: Entity, link: Link, attribute: AttributeName) -> Code:
    """Return `"Hero.id == HeroPowerLink.hero_id"`."""
    return string(f"{entity.name}.{entity.key.attribute} == {link.name}.{attribute}")


def _order_by(relation: Relation, target: Entity) -> str:
    """Return the columns that related rows are sorted by: `[Line.position.desc(), Line.id]`."""
    columns = [
        f"{target.name}.{target.field(name).attribute}{'.desc()' if descends else ''}"
        for name, descends in relation.order
    ]
    return f"[{', '.join((*columns, f'{target.name}.{target.key.attribute}'))}]"
