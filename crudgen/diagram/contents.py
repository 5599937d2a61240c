"""The boxes and lines of a diagram. Reason to change: what a diagram shows of a spec."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from enum import Enum

from crudgen.language.names import ClassName, FieldName
from crudgen.language.relations import RelationKind
from crudgen.language.schema import Entity, Schema


class Cardinality(Enum):
    """How many rows at one end of a line belong to a row at the other end."""

    ONE = "one"
    OPTIONAL = "zero or one"
    MANY = "many"


@dataclass(frozen=True, slots=True)
class BoxRow:
    """A field in a box, or a relation that another field or a link table makes."""

    name: FieldName
    type: str
    """The type of a field, also of a reference, or the entity of a relation."""
    optional: bool = False
    marks: tuple[str, ...] = ()
    """`PK`, `FK` and `UK`: primary key, reference, unique."""
    target: ClassName | None = None
    """The entity that a field refers to."""
    is_relation: bool = False

    @property
    def is_plain(self) -> bool:
        """Whether the row is neither a key nor about a relation."""
        return not self.is_relation and not {"PK", "FK"} & {*self.marks}

    @property
    def type_text(self) -> str:
        """What a box shows at the right: `str`, `int?`, `-> Team`, `Hero[]`."""
        return f"{f'-> {self.target}' if self.target else self.type}{'?' * self.optional}"


@dataclass(frozen=True, slots=True)
class Box:
    """An entity."""

    name: ClassName
    path: str
    rows: tuple[BoxRow, ...]


@dataclass(frozen=True, slots=True)
class LineEnd:
    """Where a line meets a box."""

    box: ClassName
    row: FieldName | None
    """The row of the box; None if the relation has no name there."""
    cardinality: Cardinality


@dataclass(frozen=True, slots=True)
class Line:
    """A relation. It goes from the reference, or the entity that declares the link."""

    near: LineEnd
    far: LineEnd
    name: str
    """The names of the relation at both ends: `team / heroes`."""
    via: ClassName | None = None
    """The entity whose rows are the links."""


@dataclass(frozen=True, slots=True)
class Diagram:
    """What is drawn."""

    title: str
    boxes: tuple[Box, ...]
    lines: tuple[Line, ...]


def diagram_of(schema: Schema, names: Collection[ClassName] | None = None) -> Diagram:
    """Return the diagram of a spec, or of some of its entities and the relations between them."""
    shown = [one for one in schema.entities if names is None or one.name in names]
    boxes = {one.name for one in shown}
    lines = [line for entity in shown for line in _lines(entity)]
    return Diagram(
        schema.title,
        tuple(Box(one.name, str(one.path), tuple(_rows(one))) for one in shown),
        tuple(one for one in lines if one.far.box in boxes),
    )


def _rows(entity: Entity) -> Iterator[BoxRow]:
    for field in (*entity.fields, *entity.computed):
        target = field.reference.target if field.reference else None
        marks = {"PK": field.pk, "FK": target is not None, "UK": field.unique}
        shown = tuple(mark for mark, is_set in marks.items() if is_set)
        yield BoxRow(field.name, field.type.value, field.optional, shown, target)
    for relation in entity.relations:
        if relation.kind is not RelationKind.MANY_TO_ONE:  # the field shows these
            via = f" via {relation.link.name}" if relation.link and relation.link.via else ""
            text = f"{relation.target}[]{via}" if relation.is_many else str(relation.target)
            yield BoxRow(relation.name, text, not relation.is_many, is_relation=True)


def _lines(entity: Entity) -> Iterator[Line]:
    """Yield the relations that an entity declares."""
    by_field = {
        one.by: one for one in entity.relations if one.kind is RelationKind.MANY_TO_ONE and one.by
    }
    for field in entity.fields:
        if field.reference is not None:
            relation = by_field.get(field.name)  # a write-only reference has no relation
            inverse = relation.inverse if relation else None
            yield Line(
                LineEnd(
                    entity.name,
                    field.name,
                    Cardinality.OPTIONAL if field.unique else Cardinality.MANY,
                ),
                LineEnd(
                    field.reference.target,
                    inverse,
                    Cardinality.OPTIONAL if field.optional else Cardinality.ONE,
                ),
                _both_names(relation.name if relation else field.name, inverse),
            )
    for relation in entity.relations:
        if relation.link is not None and relation.near == relation.link.ends[0]:
            yield Line(
                LineEnd(entity.name, relation.name, Cardinality.MANY),
                LineEnd(relation.target, relation.inverse, Cardinality.MANY),
                _both_names(relation.name, relation.inverse),
                relation.link.name if relation.link.via else None,
            )


def _both_names(name: FieldName, inverse: FieldName | None) -> str:
    return f"{name} / {inverse}" if inverse else str(name)
