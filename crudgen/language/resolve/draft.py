"""An entity whose spec is not resolved yet. Reason to change: what one step passes to the next."""

from collections.abc import Callable
from dataclasses import dataclass, field

from crudgen.language.checks import Check
from crudgen.language.indexes import Index
from crudgen.language.names import NamingConventions, TableName
from crudgen.language.relations import Link, Relation
from crudgen.language.schema import Field, RowAction
from crudgen.language.written.reading import WrittenSpec
from crudgen.language.written.spec import EntitySpec, FieldSpec
from crudgen.language.yaml.locations import Location
from crudgen.language.yaml.problems import Problems, quoted, suggest

from .identity import Identity


@dataclass(slots=True)
class Draft:
    """An entity that is being resolved: each step adds what is valid in the spec."""

    written: WrittenSpec[EntitySpec]
    identity: Identity
    fields: dict[str, Field]
    """The fields by name, in order."""
    was: tuple[TableName, ...] = ()
    """The former names of the table."""
    indexes: tuple[Index, ...] = ()
    checks: tuple[Check, ...] = ()
    actions: tuple[RowAction, ...] = ()
    computed: dict[str, Field] = field(default_factory=dict)
    """The properties without a column, by name, in order."""
    relations: dict[str, Relation] = field(default_factory=dict)
    """The relations by name, in order."""
    links: dict[str, Link] = field(default_factory=dict)
    """The link tables by the name of the link."""

    def locate(self, key: str) -> Location:
        """Return the location of the value of a key, or of `name` if it is derived from that."""
        return self.written.locate(key if self.written.spec.is_set(key) else "name")

    @property
    def key(self) -> Field | None:
        """The primary key, or None if it has an error."""
        specs = self.written.spec.fields.values()
        if self.written.broken and not any(isinstance(s, FieldSpec) and s.pk for s in specs):
            return None
        for found in self.fields.values():
            if found.pk:
                return found
        return None


@dataclass(frozen=True, slots=True)
class Drafts:
    """All entities with valid names, for the steps that compare them."""

    by_name: dict[str, Draft]
    conventions: NamingConventions
    problems: Problems
    is_complete: bool
    """False if a file could not be read: an unknown entity can be in that file."""

    def find(self, name: str, locate: Callable[[], Location]) -> Draft | None:
        """Return the entity with this name. Adds a problem and returns None if there is none.

        `locate` returns where the name is written.
        """
        found = self.by_name.get(name)
        if found is None and self.is_complete:
            remedy = suggest(name, sorted(self.by_name))
            if remedy.startswith("allowed"):
                remedy = f"{remedy}; or add the file of {name[:40]}"
            self.problems.add(locate(), f"unknown entity {quoted(name)}", remedy)
        return found
