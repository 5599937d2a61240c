"""Values of rows that meet the checks of an entity. Reason to change: how tests find them.

The search is deterministic, and limited. Without checks, the values are the samples of the fields.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any
from uuid import UUID

from crudgen.language.checks import Check
from crudgen.language.conditions.tree import fields_of
from crudgen.language.conditions.value import value_of
from crudgen.language.names import FieldName
from crudgen.language.schema import Constant, Entity, Field, Now, TypeName, Value

from .check_candidates import FAR, PAST, candidates

_MAX_STEPS = 20_000
Row = Mapping[FieldName, Any]


@dataclass(frozen=True, slots=True)
class Samples:
    """Values that requests in tests contain, by field."""

    first: Row
    """A row that meets all checks."""
    changes: Row
    """Other values. The row meets all checks after each of these changes, one after another."""
    invalid: Row
    """Values that violate a check if they replace those of the first row; may be empty."""


def request_samples(entity: Entity) -> Samples | None:
    """Return the values of sample rows; None if no row was found that meets the checks."""
    sent = [field for field in entity.fields if not (field.read_only or field.reference)]
    first = {field.name: field.samples[0] for field in sent}
    if not entity.checks:
        return Samples(first, {field.name: field.samples[1] for field in sent}, {})
    search = _SampleSearch(entity, sent)
    found = search.valid_row(first)
    if found is None:
        return None
    return Samples(found, search.valid_changes(found), search.invalid_values(found))


class _SampleSearch:
    """The search for values of one entity."""

    def __init__(self, entity: Entity, sent: Sequence[Field]) -> None:
        self._checks = entity.checks
        used = set[FieldName]().union(*(fields_of(check.condition) for check in entity.checks))
        self._fields = [field for field in sent if field.name in used]
        self._sent = sent
        self._unsent = [*_unsent_values(entity)]
        conditions = [check.condition for check in entity.checks]
        self._candidates = candidates(self._fields, conditions)
        self._steps = 0

    def valid_row(self, first: Row) -> Row | None:
        """Return values that meet all checks."""
        self._steps = 0
        chosen = next(self._choices(self._fields, {}, self._checks), None)
        return None if chosen is None else {**first, **chosen}

    def valid_changes(self, row: Row) -> Row:
        """Return other values, each valid after those before it."""
        changes: dict[FieldName, Value] = {}
        for field in self._sent:
            if field.immutable:
                continue
            current = {**row, **changes}
            options = [field.samples[1], *self._candidates.get(field.name, ())]
            for value in (*options, row[field.name]):
                if value != row[field.name] and self._meets_checks({**current, field.name: value}):
                    break
            changes[field.name] = value
        return changes

    def invalid_values(self, row: Row) -> Row:
        """Return values that violate a check; of as few fields as possible."""
        for field in self._fields:
            for value in self._candidates[field.name]:
                if self._violates_any_check({**row, field.name: value}):
                    return {field.name: value}
        for check in self._checks:
            self._steps = 0
            fields = [field for field in self._fields if field.name in fields_of(check.condition)]
            for chosen in self._choices(fields, {}, ()):
                if self._violates_any_check({**row, **chosen}):
                    return chosen
        return {}

    def _choices(
        self, fields: Sequence[Field], chosen: Row, checks: Sequence[Check]
    ) -> Iterator[dict[FieldName, Value]]:
        """Yield choices of values for fields; each check is tested once its fields are chosen."""
        if not fields:
            yield {**chosen}
            return
        field, *others = fields
        left = {one.name for one in others}
        for value in self._candidates[field.name]:
            self._steps += 1
            if self._steps > _MAX_STEPS:
                return
            row = {**chosen, field.name: value}
            decided = [check for check in checks if left.isdisjoint(fields_of(check.condition))]
            if self._meets_checks(row, decided):
                yield from self._choices(others, row, checks)

    def _meets_checks(self, row: Row, checks: Sequence[Check] | None = None) -> bool:
        """Return whether a row meets the checks, whatever values the unsent fields have."""
        return all(
            value_of(check.condition, {**row, **others}) is not False
            for check in (self._checks if checks is None else checks)
            for others in self._unsent
        )

    def _violates_any_check(self, row: Row) -> bool:
        """Return whether a row certainly violates a check."""
        return any(
            all(value_of(check.condition, {**row, **others}) is False for others in self._unsent)
            for check in self._checks
        )


def _unsent_values(entity: Entity) -> Iterator[Row]:
    """Yield possible values of the fields that requests in tests do not contain."""
    keys = count(1_000_001)
    by_target: dict[object, Value] = {entity.name: _sample_key(entity.key, next(keys))}
    early: dict[FieldName, Value] = {}
    late: dict[FieldName, Value] = {}
    optional: dict[FieldName, Value] = {}
    for field in entity.fields:
        if field.reference is not None:
            target = field.reference.target
            key = by_target.setdefault(target, _sample_key(field, next(keys)))
            if field.optional:
                optional[field.name] = _sample_key(field, next(keys))
            early[field.name] = late[field.name] = None if field.optional else key
        elif field.pk and field.read_only:
            early[field.name] = late[field.name] = by_target[entity.name]
        elif field.read_only:
            is_now = isinstance(field.default, Now)
            fixed = field.default.value if isinstance(field.default, Constant) else None
            early[field.name] = PAST.get(field.type) if is_now else fixed
            late[field.name] = FAR.get(field.type) if is_now else fixed
    yield early
    yield late
    for name, key in optional.items():  # a row under another row refers to it
        yield {**early, name: key}


def _sample_key(field: Field, number: int) -> Value:
    """Return a key that differs from those of other numbers."""
    if field.type is TypeName.UUID:
        return UUID(int=number)
    return number if field.type is TypeName.INT else str(number)
