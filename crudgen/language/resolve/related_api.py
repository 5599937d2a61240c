"""Resolves the keys of the `api` block about relations. Reason to change: another such key."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import TypeVar

from crudgen.language.api import Api
from crudgen.language.names import FieldName
from crudgen.language.operations import RELATION_KEYS, Operation
from crudgen.language.relations import NestedWrite, RelatedPath, Relation, RelationKind
from crudgen.language.schema import Entity
from crudgen.language.written.reading import WrittenSpec
from crudgen.language.written.spec import EntitySpec
from crudgen.language.yaml.problems import Problems, quoted

from .missing_relations import Entities
from .relation_paths import (
    SEPARATOR,
    PathError,
    find_relation,
    included_path,
    joined_path,
    related_path,
)

StepT = TypeVar("StepT")


def resolve_related_api(
    written: WrittenSpec[EntitySpec], entity: Entity, entities: Entities, problems: Problems
) -> Api:
    """Return the `api` block of an entity with its keys about relations.

    `entities` are all entities, with their relations.
    """
    keys = _RelationKeys(written, entity, entities, problems)
    return replace(
        entity.api,
        include=keys.include_paths(),
        related=tuple(keys.valid_entries("related", keys.filter_path)),
        nested=tuple(keys.valid_entries("nested", keys.nested_relation)),
        embed=tuple(keys.valid_entries("embed", keys.embedded_relation)),
        counts=tuple(keys.valid_entries("counts", keys.counted_relation)),
        write=keys.written_relations(),
    )


@dataclass(frozen=True, slots=True)
class _RelationKeys:
    """The keys of an entity's `api` block about relations."""

    written: WrittenSpec[EntitySpec]
    entity: Entity
    entities: Entities
    problems: Problems

    def include_paths(self) -> tuple[tuple[FieldName, ...], ...]:
        """Return the paths of `include`, each after its own prefix."""
        if self._is_usable_key("include"):
            paths = self.valid_entries("include", self._included_relations)
            self._check_prefixes_listed(paths)
            return tuple(sorted(paths, key=len))
        if not self._has_one_of(RELATION_KEYS["include"]):
            return ()
        return tuple((r.name,) for r in self.entity.relations if self._missing_operation(r) is None)

    def valid_entries(self, key: str, check: Callable[[str], StepT]) -> list[StepT]:
        """Return the valid entries of the list of a key, as `check` resolves them."""
        found: list[StepT] = []
        if not self._is_usable_key(key):
            return found
        listed: list[str] = getattr(self.written.spec.api, key) or []
        for position, text in enumerate(listed):
            location = self.written.locate("api", key, position)
            if text in listed[:position]:
                self.problems.add(location, f"duplicate path {quoted(text)}", "remove one of them")
                continue
            try:
                found.append(check(text))
            except PathError as error:
                self.problems.add(location, error.problem, error.remedy)
        return found

    def written_relations(self) -> tuple[tuple[FieldName, NestedWrite], ...]:
        """Return the relations that request bodies contain."""
        found: list[tuple[FieldName, NestedWrite]] = []
        if not self._is_usable_key("write"):
            return ()
        for name, nested in (self.written.spec.api.write or {}).items():
            try:
                relation = find_relation(self.entity, name, self.entities)
            except PathError as error:
                location = self.written.locate_key("api", "write", name)
                self.problems.add(location, error.problem, error.remedy)
                continue
            try:
                self._check_nested_write(relation, nested)
                self._check_one_side_of_self_link(relation, found)
            except PathError as error:
                location = self.written.locate("api", "write", name)
                self.problems.add(location, error.problem, error.remedy)
            else:
                found.append((relation.name, nested))
        return tuple(found)

    def filter_path(self, text: str) -> RelatedPath:
        """Return a path to filter by. Raises PathError."""
        path = related_path(self.entity, text, self.entities)
        entity = self.entity
        for position, name in enumerate(path.steps):
            relation = entity.relation(name)
            entity = self.entities[relation.target]
            is_last = position == len(path.steps) - 1
            if relation.is_many or not (is_last and path.field):
                self._check_target_readable(relation, "a step of a path")
        return path

    def nested_relation(self, text: str) -> FieldName:
        """Return a relation with a path below a row. Raises PathError."""
        relation = self._to_many_relation(text, "nested")
        if relation.link is not None and not relation.link.via:
            problem = f"{quoted(text)} is a link, which always has a path below a row"
            raise PathError(problem, "remove it")
        target = self.entities[relation.target]
        if Operation.LIST not in target.api.operations and not self._can_create(relation):
            problem = f"{target.name} has no operation that a path below a row could have"
            remedy = f"add 'list' in {target.source}, or remove {quoted(text)}"
            raise PathError(problem, remedy)
        return relation.name

    def _can_create(self, relation: Relation) -> bool:
        """Return whether requests can create rows that refer to a row.

        The server sets their reference, which may therefore be read-only.
        """
        operations = self.entities[relation.target].api.operations
        return relation.by is not None and Operation.CREATE in operations

    def embedded_relation(self, text: str) -> FieldName:
        """Return a relation that every response with one row includes. Raises PathError."""
        relation = self._relation_by_name(text, "embed")
        if relation.is_many:
            problem = f"{quoted(text)} is a relation to many rows, 'embed' is for one row"
            raise PathError(problem, "list it in 'include', or remove it")
        self._check_target_readable(relation, "embedded")
        included = self.written.spec.api.include
        if included is not None and relation.name not in included:
            problem = f"{quoted(text)} is not in the list 'include'"
            raise PathError(problem, f"add {quoted(text)} to 'include'")
        return relation.name

    def counted_relation(self, text: str) -> FieldName:
        """Return a relation whose rows are counted. Raises PathError."""
        relation = self._to_many_relation(text, "counts")
        self._check_target_readable(relation, "counted")
        return relation.name

    def _included_relations(self, text: str) -> tuple[FieldName, ...]:
        relations = included_path(self.entity, text, self.entities)
        for relation in relations:
            self._check_target_readable(relation, "included")
        return tuple(relation.name for relation in relations)

    def _check_prefixes_listed(self, paths: list[tuple[FieldName, ...]]) -> None:
        listed = self.written.spec.api.include or []
        for path in paths:
            prefix = joined_path(path[:-1])
            if prefix and prefix not in listed:
                location = self.written.locate("api", "include", listed.index(joined_path(path)))
                problem = f"{quoted(joined_path(path))} requires {quoted(prefix)}"
                self.problems.add(location, problem, f"add {quoted(prefix)} to the list")

    def _check_nested_write(self, relation: Relation, nested: NestedWrite) -> None:
        is_link = relation.link is not None and not relation.link.via
        target = self.entities[relation.target]
        name = str(relation.name)
        if relation.kind is RelationKind.MANY_TO_ONE:
            problem = f"{name!r} is a relation to one row"
            raise PathError(problem, f"remove it: requests contain '{relation.by}'")
        if is_link and nested is NestedWrite.CREATE:
            problem = f"{name!r} is a link, 'create' is for rows that refer to this one"
            raise PathError(problem, "write 'keys'")
        if relation.link is not None and relation.link.via:
            problem = f"{name!r} is a link via {relation.link.name}, which has an API of its own"
            raise PathError(
                problem, f"remove it: rows are linked by requests for {relation.link.name}"
            )
        if not is_link and nested is NestedWrite.KEYS:
            problem = f"{name!r} is not a link, 'keys' is for links"
            is_created = relation.kind is RelationKind.ONE_TO_MANY
            raise PathError(problem, "write 'create', or remove it" if is_created else "remove it")
        if nested is NestedWrite.KEYS:
            self._check_target_readable(relation, "written by their keys")
            return
        if relation.kind is not RelationKind.ONE_TO_MANY:
            problem = f"'create' is not possible for {name!r}: several rows must refer to this one"
            raise PathError(problem, f"remove it: requests for {target.name} create its rows")
        if Operation.CREATE not in self.entity.api.operations:
            problem = "'create' requires the operation 'create'"
            raise PathError(problem, f"remove {name!r}, or add 'create' to the operations")
        if Operation.CREATE not in target.api.operations:
            problem = f"{target.name} has no operation 'create'"
            raise PathError(problem, f"add it in {target.source}, or remove {name!r}")

    def _check_one_side_of_self_link(
        self, relation: Relation, written: Iterable[tuple[FieldName, NestedWrite]]
    ) -> None:
        """Check that bodies contain only one side of a link of an entity to itself.

        With both, a body could say of one link that it exists, and that it does not.
        """
        if relation.link is None or relation.target != self.entity.name:
            return
        for other, _ in written:
            if other == relation.inverse:
                sides = f"{str(relation.name)!r} and {str(other)!r} are the two sides of one link"
                remedy = "remove one of them: requests change the link from the other side"
                raise PathError(f"{sides}, and bodies could contradict themselves", remedy)

    def _to_many_relation(self, text: str, key: str) -> Relation:
        relation = self._relation_by_name(text, key)
        if relation.is_many:
            return relation
        problem = f"{quoted(text)} is a relation to one row, {key!r} is for many rows"
        raise PathError(problem, "remove it")

    def _relation_by_name(self, text: str, key: str) -> Relation:
        first, *rest = text.split(SEPARATOR)
        if rest and any(relation.name == first for relation in self.entity.relations):
            problem = f"{quoted(text)} is a path, {key!r} lists relations of {self.entity.name}"
            raise PathError(problem, f"write {quoted(first)}, or remove it")
        return find_relation(self.entity, text, self.entities)

    def _check_target_readable(self, relation: Relation, done: str) -> None:
        """Check that the target has the operation that returns such rows: list or read."""
        operation = self._missing_operation(relation)
        if operation is not None:
            target = self.entities[relation.target]
            name = str(relation.name)
            problem = f"{name!r} cannot be {done}: {target.name} has no operation '{operation}'"
            raise PathError(problem, f"add it in {target.source}, or remove {name!r}")

    def _missing_operation(self, relation: Relation) -> Operation | None:
        """Return the operation that a target needs to be included, if it does not have it."""
        needed = Operation.LIST if relation.is_many else Operation.READ
        operations = self.entities[relation.target].api.operations
        return None if needed in operations else needed

    def _has_one_of(self, operations: Iterable[Operation]) -> bool:
        return bool({*operations} & {*self.entity.api.operations})

    def _is_usable_key(self, key: str) -> bool:
        """Return whether `api` has this key. Adds a problem if the key cannot be used."""
        if not self.written.spec.api.is_set(key):
            return False
        required = RELATION_KEYS[key]
        if required and not self._has_one_of(required):
            problem = f"{key!r} requires {_operations_text(required)}"
            remedy = f"remove it, or add {' or '.join(map(repr, map(str, required)))}"
            self.problems.add(self.written.locate_key("api", key), problem, remedy)
            return False
        if getattr(self.written.spec.api, key) is None:
            nothing = "{}" if key == "write" else "[]"
            remedy = f"write '{key}: {nothing}' for none, or remove it"
            self.problems.add(self.written.locate("api", key), f"{key!r} is empty", remedy)
            return False
        return True


def _operations_text(operations: tuple[Operation, ...]) -> str:
    words = ", ".join(map(str, operations))
    several = len(operations) > 1
    return f"one of the operations {words}" if several else f"the operation '{words}'"
