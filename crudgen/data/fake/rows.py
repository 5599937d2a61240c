"""Made-up rows of an entity that meet all its rules. Reason to change: how they are found."""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any, Protocol

from crudgen.codegen.views.check_candidates import candidates
from crudgen.codegen.views.check_samples import request_samples
from crudgen.language.checks import Check
from crudgen.language.conditions.tree import fields_of
from crudgen.language.conditions.value import value_of
from crudgen.language.names import FieldName
from crudgen.language.resolve.values import value_problem
from crudgen.language.schema import Constant, Entity, Field, KeyKind, Value

from .uniqueness import UniqueValues
from .values import nearby

_ROUNDS = 40
"""How often a row is changed that violates a rule."""
_MAX_TAKEN = 3000
"""Most consecutive values of a unique constraint that may be taken."""
_SHARE_OF_NULLS = 0.15
Row = dict[FieldName, Value]
Rule = Check | UniqueValues


class Source(Protocol):
    """Where the values of a field come from."""

    def draw(self) -> Value:
        """Return a random value; null if there is none."""
        ...

    def all_values(self) -> Iterator[Value]:
        """Yield different values in a fixed order."""
        ...


@dataclass(frozen=True, slots=True)
class NoRow:
    """Why no further row was found."""

    reason: str


class RowMaker:
    """Makes up the rows of one entity."""

    def __init__(
        self,
        entity: Entity,
        sources: Mapping[FieldName, Source],
        unique: Sequence[UniqueValues],
        random: Random,
    ) -> None:
        """Use `sources`: those of the fields that rows can have any value of."""
        self._entity, self._sources, self._unique, self._random = entity, sources, unique, random
        fields = {field.name: field for field in entity.fields}
        self._free = {name: fields[name] for name in sources}
        self._fixed = {
            name: _fixed_value(field) for name, field in fields.items() if name not in sources
        }
        self._rules: list[tuple[Rule, tuple[FieldName, ...]]] = [
            *((one, self._changeable(fields_of(one.condition))) for one in entity.checks),
            *((one, self._changeable(one.fields)) for one in unique),
        ]
        used = {name for one, names in self._rules if isinstance(one, Check) for name in names}
        self._candidates = candidates(
            [field for name, field in self._free.items() if name in used and not field.reference],
            [check.condition for check in entity.checks],
        )
        self._systematic: dict[tuple[FieldName, ...], Iterator[tuple[Value, ...]]] = {}
        self._sample: Row | None = None

    def _changeable(self, names: Any) -> tuple[FieldName, ...]:
        return tuple(sorted(name for name in names if name in self._free))

    def make(self, key: Value = None) -> Row | NoRow:
        """Return a row that meets all rules and keep its unique values, or why there is none.

        `key` is the key that the server generates, if it does.
        """
        row = dict(self._fixed)
        if self._entity.key_kind is not KeyKind.CLIENT:
            row[self._entity.key.name] = key
        for name, field in self._free.items():
            row[name] = self._draw_value(name, field)
            if row[name] is None and not field.optional:
                return NoRow(self._why_no_value(field))
        broken = self._repair(row)
        if broken is not None:
            return NoRow(self._why_no_row(broken))
        for one in self._unique:
            one.add(row)
        return row

    def try_change(self, row: Row, name: FieldName, value: Value) -> bool:
        """Set a field of a row whose values are kept; return whether the rules allow it."""
        after = {**row, name: value}
        before = [one for one in self._unique if name in one.fields]
        if any(one.conflicts(after) for one in before) or self._violates_checks(after):
            return False
        row[name] = value
        for one in before:
            one.add(row)
        return True

    def _draw_value(self, name: FieldName, field: Field) -> Value:
        if field.optional and self._random.random() < _SHARE_OF_NULLS:
            return None
        return self._sources[name].draw()

    def _repair(self, row: Row) -> Rule | None:
        """Change the fields of a row until it meets all rules; return a rule that it violates."""
        for _ in range(_ROUNDS):
            broken = self._violated_rules(row)
            if not broken:
                return None
            _, names = self._random.choice(broken)
            if names:
                self._improve(row, self._random.choice(names), len(broken))
        return self._repair_thoroughly(row)

    def _improve(self, row: Row, name: FieldName, worst: int) -> None:
        """Set a field to the value with which the row violates fewest rules."""
        options = [
            *(self._sources[name].draw() for _ in range(3)),
            *self._values_near_related(row, name),
        ]
        self._random.shuffle(options)
        field = self._free[name]
        before, best, fewest = row[name], row[name], worst + 1
        # Null violates few rules, but other values are more like real rows.
        for value in [*options, *([None] if field.optional else [])]:
            if value == before or (value is None and not field.optional):
                continue
            row[name] = value
            number = len(self._violated_rules(row))
            if number < fewest:
                best, fewest = value, number
            if not number:
                break
        row[name] = best

    def _values_near_related(self, row: Row, name: FieldName) -> Iterator[Value]:
        """Yield values that a check may require: near constants, or near those of other fields."""
        yield from self._random.sample(
            found := [*self._candidates.get(name, ())], min(12, len(found))
        )
        field = self._free[name]
        others = {
            other
            for rule, names in self._rules
            if isinstance(rule, Check) and name in names
            for other in fields_of(rule.condition) - {name}
        }
        for other in sorted(others):
            value = row.get(other)
            is_same = value is not None and type(value) is type(row[name])
            if is_same and field.reference is None and type(value) is not dict:
                yield from (one for one in nearby(value) if value_problem(field, one) is None)

    def _repair_thoroughly(self, row: Row) -> Rule | None:
        """Use sample values that meet the checks, then the unused values of unique constraints."""
        if self._violates_checks(row):
            if self._sample is None:
                found = request_samples(self._entity)
                self._sample = {} if found is None else dict(found.first)
            row.update(
                (name, value)
                for name, value in self._sample.items()
                if name in self._candidates and name in self._free
            )
        for one, names in self._rules:
            if isinstance(one, UniqueValues) and names and one.conflicts(row):
                self._use_next(row, one, names)
        return next((rule for rule, _ in self._violated_rules(row)), None)

    def _use_next(self, row: Row, unique: UniqueValues, names: tuple[FieldName, ...]) -> None:
        """Set the fields of a unique constraint to values that no row has, if there are some."""
        values = self._systematic.get(names)
        if values is None:
            values = self._systematic[names] = self._combinations(names)
        before = {name: row[name] for name in names}
        for combination in itertools.islice(values, _MAX_TAKEN):
            row.update(zip(names, combination, strict=True))
            if not unique.conflicts(row) and not self._violated_rules(row):
                return
        row.update(before)

    def _combinations(self, names: tuple[FieldName, ...]) -> Iterator[tuple[Value, ...]]:
        if len(names) == 1:
            return ((value,) for value in self._sources[names[0]].all_values())
        each = [itertools.islice(self._sources[name].all_values(), 1000) for name in names]
        return itertools.product(*each)

    def _violated_rules(self, row: Row) -> list[tuple[Rule, tuple[FieldName, ...]]]:
        """Return the rules that a row violates, with the fields that can be changed."""
        return [
            (rule, names)
            for rule, names in self._rules
            if (
                rule.conflicts(row)
                if isinstance(rule, UniqueValues)
                else value_of(rule.condition, row) is False
            )
        ]

    def _violates_checks(self, row: Row) -> bool:
        checks = self._entity.checks
        return any(value_of(one.condition, row) is False for one in checks)

    def _why_no_value(self, field: Field) -> str:
        if field.reference is not None:
            return f"there is no row of {field.reference.target} that '{field.name}' can refer to"
        return f"no value was found for '{field.name}': give it an example in the spec"

    def _why_no_row(self, rule: Rule) -> str:
        if isinstance(rule, UniqueValues):
            return f"no further values were found for the unique {rule}"
        return f"no values were found that meet the check '{rule.name}'"


def _fixed_value(field: Field) -> Value:
    """Return the value of a field that the server sets."""
    return field.default.value if isinstance(field.default, Constant) else None
