"""One field as written, with its places. Changes when the checks of fields need another view."""

from dataclasses import dataclass

from crudgen.language.types import TYPES, TypeInfo
from crudgen.language.yaml.places import Place, Problems

from .reading import Written
from .spec import EntitySpec, FieldSpec


@dataclass(frozen=True, slots=True)
class WrittenField:
    """A field's spec, where it stands, and where to note what is wrong with it."""

    entity: Written[EntitySpec]
    name: str
    spec: FieldSpec
    problems: Problems
    before: int
    """How many problems there were when this field's turn came."""

    @property
    def info(self) -> TypeInfo:
        """What the type can do."""
        return TYPES[self.spec.type]

    @property
    def clean(self) -> bool:
        """Whether nothing is wrong with the field so far."""
        return len(self.problems) == self.before

    def value(self, *key: str | int) -> Place:
        """Return the place of an option's value."""
        return self.entity.value("fields", self.name, *key)

    def key(self, *key: str) -> Place:
        """Return the place of an option's name, or of the field's name."""
        return self.entity.key("fields", self.name, *key)

    def add(self, key: str, problem: str, remedy: str = "") -> None:
        """Note what is wrong with an option's value."""
        self.problems.add(self.value(key), problem, remedy)

    def add_key(self, key: str, problem: str, remedy: str = "") -> None:
        """Note that an option should not be there."""
        self.problems.add(self.key(key), problem, remedy)
