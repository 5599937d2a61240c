"""Fills the tables of an application with made-up rows. Reason to change: the order of steps."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING, Any

from crudgen.data.order import Step, insertion_order, required_targets
from crudgen.data.sequence import take_write_lock
from crudgen.language.access import Preset
from crudgen.language.names import ClassName, FieldName
from crudgen.language.relations import Link
from crudgen.language.schema import Entity, Field, KeyKind, Now, Schema, Value

from .keys import new_keys
from .rows import NoRow, RowMaker, Source
from .tables import EntityTable, insert_links
from .uniqueness import unique_constraints
from .values import FieldValues
from .words import new_faker

if TYPE_CHECKING:
    from crudgen.data.open_application import OpenApplication

BATCH = 1000
USUAL_ROWS = 10
"""Number of rows of an entity, unless one is given."""
_MAX_KEYS = 100_000
"""Most keys of existing rows that new rows refer to."""
_MAX_LINKS = 3
_ATTEMPTS = 5
"""How often a row is tried before there are no more."""
Progress = Callable[[str, int, int], None]
"""Reports the name of an entity, the number of its rows, and how many there will be."""


@dataclass(slots=True)
class Filled:
    """What was inserted."""

    rows: dict[ClassName, int] = field(default_factory=dict)
    """The number of new rows by entity."""
    links: int = 0
    """The number of new rows in link tables."""
    missing: dict[ClassName, str] = field(default_factory=dict)
    """Why there are fewer rows of an entity than were wanted."""


class _References:
    """The keys that a reference can have. Other rows may be added meanwhile."""

    def __init__(self, keys: list[Value], random: Random) -> None:
        self._keys, self._random_for = keys, random

    def draw(self) -> Value:
        return self._random_for.choice(self._keys) if self._keys else None

    def all_values(self) -> Iterator[Value]:
        yield from self._keys


class Filler:
    """Inserts rows in the transaction of an application's session, and does not commit it."""

    def __init__(self, schema: Schema, application: "OpenApplication", seed: int) -> None:
        self._schema, self._application, self._seed = schema, application, seed
        self._tables = {one.name: EntityTable(application, one) for one in schema.entities}
        self._counts = {name: table.count() for name, table in self._tables.items()}
        self._keys: dict[ClassName, list[Value]] = {}
        self._new_keys: dict[ClassName, list[Value]] = {}
        self._later: list[tuple[RowMaker, Step, list[dict[FieldName, Value]]]] = []
        self.filled = Filled()

    def row_counts(self, rows: int | None, chosen: Mapping[ClassName, int]) -> dict[ClassName, int]:
        """Return the number of rows of each entity.

        If only some are chosen, others get rows if these require them and there are none.
        """
        if rows is not None or not chosen:
            usual = USUAL_ROWS if rows is None else rows
            return {one.name: chosen.get(one.name, usual) for one in self._schema.entities}
        found = dict(chosen)
        waiting = [name for name, number in found.items() if number]
        while waiting:
            for target in sorted(required_targets(self._schema.entity(waiting.pop()))):
                name = ClassName(target)
                if not (self._counts[name] or found.get(name)):
                    found[name] = USUAL_ROWS
                    waiting.append(name)
        return found

    def fill(self, wanted: Mapping[ClassName, int], report: Progress) -> None:
        """Insert rows of all entities, then the references that had to wait, then links."""
        take_write_lock(self._application.session)
        for step in insertion_order(self._schema.entities):
            if number := wanted.get(step.entity.name, 0):
                self._fill_entity(step, number, report)
        for maker, step, rows in self._later:
            self._set_later_references(maker, step, rows)
        for entity in self._schema.entities:
            for link in entity.links:
                if not link.via:
                    self._fill_links(link)

    def _random_for(self, what: str) -> Random:
        """Return the random numbers for one purpose: others do not change them."""
        return Random(f"{self._seed} {what}")  # noqa: S311 -- not secret

    def _keys_of(self, name: ClassName) -> list[Value]:
        keys = self._keys.get(name)
        if keys is None:
            keys = self._keys[name] = self._tables[name].keys(_MAX_KEYS)
        return keys

    def _fill_entity(self, step: Step, number: int, report: Progress) -> None:
        entity, table = step.entity, self._tables[step.entity.name]
        random = self._random_for(f"{entity.name} {self._counts[entity.name]}")
        maker = self._new_row_maker(step, random)
        keys = new_keys(self._application.session, entity, table.key_column, number, random)
        pool = self._keys_of(entity.name)
        new = self._new_keys.setdefault(entity.name, [])
        kept: list[dict[FieldName, Value]] = []
        batch: list[dict[str, Value]] = []
        report(str(entity.name), 0, number)
        for count in range(number):
            made = _make_row(maker, table, next(keys, None))
            if isinstance(made, NoRow):
                self.filled.missing[entity.name] = made.reason
                break
            row, values = made
            new.append(row[entity.key.name])
            pool.append(row[entity.key.name])
            batch.append(values)
            if step.later:
                kept.append(row)
            if len(batch) == BATCH:
                table.insert(batch)
                batch.clear()
                report(str(entity.name), count + 1, number)
        if batch:
            table.insert(batch)
        self.filled.rows[entity.name] = len(new)
        report(str(entity.name), number, number)
        if kept:
            self._later.append((maker, step, kept))

    def _new_row_maker(self, step: Step, random: Random) -> RowMaker:
        entity, table = step.entity, self._tables[step.entity.name]
        faker = new_faker(f"{self._seed} {entity.name} {self._counts[entity.name]}")
        later = {one.name for one in step.later}
        sources: dict[FieldName, Source] = {
            one.name: self._value_source(entity, one, random, faker, is_later=one.name in later)
            for one in entity.fields
            if _is_made_up(entity, one)
        }
        unique = unique_constraints(entity)
        for one in unique:
            one.add_all(table.values(one.fields))
        return RowMaker(entity, sources, unique, random)

    def _value_source(
        self, entity: Entity, one: Field, random: Random, faker: Any, *, is_later: bool
    ) -> Source:
        if one.reference is None:
            return FieldValues(entity, one, random, faker)
        keys = [] if is_later else self._keys_of(ClassName(one.reference.target))
        return _References(keys, random)

    def _set_later_references(
        self, maker: RowMaker, step: Step, rows: list[dict[FieldName, Value]]
    ) -> None:
        """Set references to entities whose rows did not exist when these rows were inserted."""
        random = self._random_for(f"{step.entity.name} later")
        changed: list[tuple[dict[FieldName, Value], list[FieldName]]] = []
        sources = {
            one.name: _References(self._keys_of(ClassName(one.reference.target)), random)
            for one in step.later
            if one.reference is not None and not one.read_only
        }
        for row in rows:
            names = [
                name
                for name, source in sources.items()
                if random.random() < 0.8
                and (key := source.draw()) is not None
                and maker.try_change(row, name, key)
            ]
            if names:
                changed.append((row, names))
        for together in sorted({tuple(names) for _, names in changed}):
            same = [(row, found) for row, found in changed if tuple(found) == together]
            for start in range(0, len(same), BATCH):
                self._tables[step.entity.name].update(same[start : start + BATCH])

    def _fill_links(self, link: Link) -> None:
        """Link new rows of the first end to some of the second; if there are none, the reverse."""
        names = [ClassName(end.entity) for end in link.ends]
        near, far = (0, 1) if self._new_keys.get(names[0]) else (1, 0)
        targets = self._keys_of(names[far])
        random = self._random_for(f"{link.name} {self._counts[names[near]]}")
        pairs: list[tuple[Value, Value]] = []
        for key in self._new_keys.get(names[near], ()):
            number = random.randint(0, min(_MAX_LINKS, len(targets)))
            pairs += [
                (key, other) if near == 0 else (other, key)
                for other in random.sample(targets, number)
                if names[0] != names[1] or other != key
            ]
        insert_links(self._application, link, pairs)
        self.filled.links += len(pairs)


def _is_made_up(entity: Entity, one: Field) -> bool:
    """Return whether a field has a random value: its value is that of a request, caller or time."""
    if one.pk:
        return entity.key_kind is KeyKind.CLIENT
    return not one.read_only or isinstance(one.default, Now | Preset)


def _make_row(
    maker: RowMaker, table: EntityTable, key: Value
) -> tuple[dict[FieldName, Value], dict[str, Value]] | NoRow:
    """Return a row by field and by attribute, or why none was found."""
    from pydantic import ValidationError  # noqa: PLC0415 -- slow to import

    reason = NoRow("")
    for _ in range(_ATTEMPTS):
        row = maker.make(key)
        if isinstance(row, NoRow):
            reason = row
            continue
        try:
            return row, table.validated(row)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            where = ".".join(map(str, first["loc"]))
            reason = NoRow(f"no valid value was found for '{where}': {first['msg']}")
    return reason
