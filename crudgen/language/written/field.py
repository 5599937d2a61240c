"""A field as written in a spec. Reason to change: what the checks of fields need."""

from dataclasses import dataclass
from typing import Generic, TypeAlias, TypeVar

from crudgen.language.yaml.locations import Location
from crudgen.language.yaml.problems import Problems

from .reading import WrittenSpec
from .relations import ReferenceSpec
from .spec import EntitySpec, FieldSpec

OptionsT = TypeVar("OptionsT", bound=FieldSpec | ReferenceSpec)


@dataclass(frozen=True, slots=True)
class WrittenField(Generic[OptionsT]):
    """A field as written in a spec, with its locations and the problems found so far."""

    entity: WrittenSpec[EntitySpec]
    name: str
    spec: OptionsT
    problems: Problems
    before: int
    """Number of problems before the checks of this field."""

    @property
    def has_no_problem(self) -> bool:
        """Whether no problem of this field has been found so far."""
        return len(self.problems) == self.before

    def locate(self, *key: str | int) -> Location:
        """Return the location of an option's value."""
        return self.entity.locate("fields", self.name, *key)

    def locate_key(self, *key: str) -> Location:
        """Return the location of an option's key, or of the field's name."""
        return self.entity.locate_key("fields", self.name, *key)

    def add(self, key: str, problem: str, remedy: str = "") -> None:
        """Add a problem at the value of an option."""
        self.problems.add(self.locate(key), problem, remedy)

    def add_at_key(self, key: str, problem: str, remedy: str = "") -> None:
        """Add a problem at the key of an option."""
        self.problems.add(self.locate_key(key), problem, remedy)


WrittenType: TypeAlias = WrittenField[FieldSpec]
WrittenReference: TypeAlias = WrittenField[ReferenceSpec]
AnyWrittenField: TypeAlias = WrittenType | WrittenReference
