"""References, relations and links in the Schema. Reason to change: a feature of relations."""

from dataclasses import dataclass, field
from enum import StrEnum

from .names import AttributeName, ClassName, ColumnName, FieldName, JsonName, TableName


class OnDelete(StrEnum):
    """What happens to a row when the row that it refers to is deleted."""

    RESTRICT = "restrict"
    """The other row cannot be deleted."""
    CASCADE = "cascade"
    """The row is deleted too."""
    SET_NULL = "set_null"
    """The reference becomes null."""


class RelationKind(StrEnum):
    """How the rows of two entities are related."""

    MANY_TO_ONE = "many_to_one"
    """A row refers to one row, by a field of its own."""
    ONE_TO_ONE = "one_to_one"
    """At most one row refers to a row, by a unique field."""
    ONE_TO_MANY = "one_to_many"
    """Rows refer to a row, by a field of theirs."""
    MANY_TO_MANY = "many_to_many"
    """Rows of a link table refer to rows of both entities."""


class NestedWrite(StrEnum):
    """What a request body can contain for a relation."""

    CREATE = "create"
    """New rows, which are created together with the row."""
    KEYS = "keys"
    """The keys of the rows to link."""


@dataclass(frozen=True, slots=True)
class Reference:
    """The target and the options of a field that contains the key of another row."""

    target: ClassName
    """The entity of the other row."""
    on_delete: OnDelete = OnDelete.RESTRICT
    """What happens when the other row is deleted."""
    use_alter: bool = False
    """Whether the constraint is added when all tables exist: the references form a circle."""
    order: tuple[tuple[FieldName, bool], ...] = ()
    """The fields that rows are sorted by where the other row includes them; see `Relation`."""


@dataclass(frozen=True, slots=True)
class LinkEnd:
    """A column of a link table: a reference to one of the linked entities."""

    entity: ClassName
    """The entity that the column refers to."""
    attribute: AttributeName
    """The attribute in Python."""
    column: ColumnName
    """The column in the database."""


@dataclass(frozen=True, slots=True)
class Link:
    """A table whose rows say which rows of two entities are related."""

    name: ClassName
    """`HeroPowerLink`: the name of the table model; with `via`, that of the entity."""
    table: TableName
    """`hero_power_link`: the name of the table."""
    ends: tuple[LinkEnd, LinkEnd]
    """The two columns, first that of the entity whose spec has the link."""
    via: bool = False
    """Whether the table is that of an entity with columns and an API of its own."""
    was: tuple[TableName, ...] = ()
    """Former names of the link or of its table, the latest first, as in the spec."""
    line: int = field(default=0, compare=False, repr=False)
    """Line of the link in the spec file, for messages only."""


@dataclass(frozen=True, slots=True)
class Relation:
    """A relation between rows, from the view of one entity."""

    name: FieldName
    """`team`: how the spec refers to the relation."""
    attribute: AttributeName
    """The attribute in Python."""
    json_name: JsonName
    """The property that `include` adds to a row, and the prefix of query parameters."""
    kind: RelationKind
    target: ClassName
    """The entity of the related rows."""
    by: FieldName | None = None
    """The reference: a field of this entity if many to one, else a field of the target.

    None if many to many."""
    link: Link | None = None
    """The link table, if many to many."""
    near: LinkEnd | None = None
    """The column of the link table that refers to this entity, if many to many."""
    far: LinkEnd | None = None
    """The column of the link table that refers to the target, if many to many."""
    inverse: FieldName | None = None
    """The same relation from the view of the target; None if the target does not have it."""
    order: tuple[tuple[FieldName, bool], ...] = ()
    """The fields of the target that included rows are sorted by, each with whether it descends.

    The key of the target always comes last, and is not listed."""

    @property
    def is_many(self) -> bool:
        """Whether a row can have several related rows."""
        return self.kind in (RelationKind.ONE_TO_MANY, RelationKind.MANY_TO_MANY)


@dataclass(frozen=True, slots=True)
class RelatedPath:
    """A path over relations to a field that a list can be filtered by."""

    steps: tuple[FieldName, ...]
    """The names of the relations."""
    field: FieldName | None = None
    """The field of the last target; None if a list can only ask whether related rows exist."""
    to_many: tuple[bool, ...] = ()
    """Whether each step is a relation to many rows."""

    def __str__(self) -> str:
        """Return the path as in a spec: `team__name`, `heroes__any__age`."""
        words: list[str] = []
        for step, is_many in zip(self.steps, self.to_many, strict=True):
            words += [step, "any"] if is_many else [step]
        if self.field is not None:
            return "__".join([*words, self.field])
        return "__".join(words[:-1] if self.to_many[-1] else words)
