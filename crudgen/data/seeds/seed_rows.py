"""Rows of seeds with typed values. Reason to change: what a row can say."""

from dataclasses import dataclass, field

from crudgen.language.names import FieldName
from crudgen.language.relations import Link, Relation
from crudgen.language.schema import Entity, Field, Value
from crudgen.language.yaml.locations import Location


@dataclass(frozen=True, slots=True)
class Lookup:
    """A description of a row of an entity: the values of some of its fields."""

    location: Location
    entity: Entity
    alternatives: tuple[dict[FieldName, Value], ...]
    """The row is the one that has the values of the first of these that any row has."""
    text: str
    """The description, for messages."""


@dataclass(frozen=True, slots=True)
class Linked:
    """Rows to link by a link table."""

    relation: Relation
    link: Link
    lookups: tuple[Lookup, ...]


@dataclass(eq=False, slots=True)
class SeedRow:
    """A row as a file describes it."""

    entity: Entity
    location: Location
    values: dict[FieldName, Value] = field(default_factory=dict)
    """The values of fields that are not references, and null for those that are."""
    references: dict[FieldName, Lookup] = field(default_factory=dict)
    """The rows that fields refer to."""
    links: list[Linked] = field(default_factory=list)
    places: dict[FieldName, Location] = field(default_factory=dict)
    """Where the value of each field is."""
    identity: tuple[FieldName, ...] = ()
    """The fields by which a row of the database is the same row."""

    @property
    def given_fields(self) -> dict[FieldName, Field]:
        """The fields that have a value here."""
        names = self.values.keys() | self.references.keys()
        return {one.name: one for one in self.entity.fields if one.name in names}

    def has_values(self, values: dict[FieldName, Value]) -> bool:
        """Return whether the row has these values."""
        missing = object()
        return all(self.values.get(name, missing) == value for name, value in values.items())
