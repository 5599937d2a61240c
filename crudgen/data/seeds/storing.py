"""Stores the rows of seeds, all or none. Reason to change: when a row is inserted or updated."""

from collections import defaultdict, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from crudgen.data.sequence import advance_sequence, take_write_lock
from crudgen.errors import SpecError
from crudgen.language.conditions.text import condition_text
from crudgen.language.conditions.value import value_of
from crudgen.language.names import ClassName, FieldName
from crudgen.language.schema import KeyKind, Schema, Value
from crudgen.language.yaml.problems import Problems, quoted

from .new_rows import RowRefusedError, check_changes, new_row
from .seed_rows import Linked, SeedRow
from .targets import StoredKey, Target, Targets

if TYPE_CHECKING:
    from crudgen.data.open_application import OpenApplication

INSERTED, UPDATED, UNCHANGED = "inserted", "updated", "unchanged"


@dataclass(slots=True)
class Outcome:
    """What happens to a row."""

    row: SeedRow
    what: str
    fields: list[FieldName] = field(default_factory=list)
    """The fields that are updated."""

    def __str__(self) -> str:
        """Return a line such as `seeds/heroes.yaml:3: Hero name 'Deadpond': update age`."""
        named = ", ".join(f"{name} {self._value_text(name)}" for name in self.row.identity)
        verb = f"update {', '.join(self.fields)}" if self.what == UPDATED else "insert"
        place = f"{self.row.location.file}:{self.row.location.line}"
        return f"{place}: {self.row.entity.name} {named}: {verb}"

    def _value_text(self, name: FieldName) -> str:
        lookup = self.row.references.get(name)
        value = self.row.values.get(name)
        return (
            quoted(value if isinstance(value, int | str) else str(value))
            if (lookup is None)
            else lookup.text
        )


@dataclass(slots=True)
class Stored:
    """What happens to all rows."""

    outcomes: list[Outcome]
    links: int
    """The number of new rows of link tables."""

    def counts(self) -> dict[ClassName, dict[str, int]]:
        """Return the numbers of inserted, updated and unchanged rows by entity."""
        found: dict[ClassName, dict[str, int]] = {}
        for one in self.outcomes:
            numbers = found.setdefault(one.row.entity.name, {INSERTED: 0, UPDATED: 0, UNCHANGED: 0})
            numbers[one.what] += 1
        return found


class SeedStore:
    """Stores rows in the transaction of an application's session, and does not commit it."""

    def __init__(self, schema: Schema, application: "OpenApplication") -> None:
        self._schema, self._application = schema, application
        self._session = application.session
        self._problems = Problems()
        self._instances: dict[SeedRow, Any] = {}
        self._outcomes: dict[SeedRow, Outcome] = {}
        self._by_key: dict[tuple[ClassName, Value], SeedRow] = {}

    def store(self, rows: Sequence[SeedRow]) -> Stored:
        """Insert or update rows, those that others refer to first. Raises SpecError."""
        take_write_lock(self._session)
        targets = Targets(self._application, rows, self._problems)
        found = {
            row: {name: targets.find(one) for name, one in row.references.items()} for row in rows
        }
        linked = [
            (row, one, [targets.find(lookup) for lookup in one.lookups])
            for row in rows
            for one in row.links
        ]
        self._raise_problems()
        later = self._store_in_order(rows, found)
        self._raise_problems()
        for row, name in later:
            self._set_changed_fields(row, {name: self._key(found[row][name])})
        self._raise_problems()
        links = sum(self._insert_links(row, one, others) for row, one, others in linked)
        self._advance_sequences()
        return Stored([self._outcomes[row] for row in rows], links)

    def _raise_problems(self) -> None:
        if self._problems:
            raise SpecError(self._problems.sorted_diagnostics())

    def _store_in_order(
        self, rows: Sequence[SeedRow], targets: dict[SeedRow, dict[FieldName, Target | None]]
    ) -> list[tuple[SeedRow, FieldName]]:
        """Store all rows; return the references in circles, which are set when all rows exist."""
        waits = {row: _seeds_in(found.values()) for row, found in targets.items()}
        waiting_for: defaultdict[SeedRow, list[SeedRow]] = defaultdict(list)
        for row, others in waits.items():
            for other in others:
                waiting_for[other].append(row)
        left, ready = dict.fromkeys(rows), deque(row for row in rows if not waits[row])
        later: list[tuple[SeedRow, FieldName]] = []
        while left:
            if not ready:
                first = next((one for one in left if _may_wait(one, targets[one], left)), None)
                if first is None:
                    stuck = next(iter(left))
                    problem = "a circle of rows that require each other"
                    self._problems.add(stuck.location, problem, "leave an optional reference out")
                    return later
                later += [(first, name) for name in _waiting_names(targets[first], left)]
                ready.append(first)
            row = ready.popleft()
            del left[row]
            postponed = {name for one, name in later if one is row}
            self._store(
                row,
                {n: self._key(one) for n, one in targets[row].items() if n not in postponed},
            )
            for other in waiting_for[row]:
                waits[other].discard(row)
                if not waits[other] and other in left:
                    ready.append(other)
        return later

    def _key(self, target: Target | None) -> Value:
        if isinstance(target, StoredKey):
            return target.key
        if target is None or target not in self._instances:
            return None
        key: Value = getattr(self._instances[target], str(target.entity.key.attribute))
        return key

    def _store(self, row: SeedRow, keys: dict[FieldName, Value]) -> None:
        """Insert a row, or update the one with the same identity."""
        from sqlalchemy import select  # noqa: PLC0415 -- slow to import

        if self._problems:  # the rows that it refers to may be missing
            return
        values = {**row.values, **keys}
        model = self._application.table_model(row.entity)
        fields = {one.name: getattr(model, str(one.attribute)) for one in row.entity.fields}
        conditions = [fields[name] == values.get(name) for name in row.identity]
        existing = self._session.execute(select(model).where(*conditions)).scalars().first()
        if existing is not None:
            self._instances[row] = existing
            self._outcomes[row] = Outcome(row, UNCHANGED)
            self._set_changed_fields(row, values)
        else:
            try:
                self._instances[row] = new_row(self._application, row, values)
            except RowRefusedError as error:
                self._add_refusal(row, error)
                return
            self._outcomes[row] = Outcome(row, INSERTED)
            self._session.add(self._instances[row])
            self._flush(row)
        self._index_by_key(row)

    def _set_changed_fields(self, row: SeedRow, values: dict[FieldName, Value]) -> None:
        """Set the fields of a stored row that have other values."""
        instance = self._instances[row]
        changed = {
            one.name: values[one.name]
            for one in row.entity.fields
            if one.name in values and getattr(instance, str(one.attribute)) != values[one.name]
        }
        if not changed:
            return
        try:
            check_changes(self._application, row.entity, changed)
        except RowRefusedError as error:
            self._add_refusal(row, error)
            return
        for name, value in changed.items():
            setattr(instance, str(row.entity.field(name).attribute), value)
        outcome = self._outcomes[row]
        outcome.what = INSERTED if outcome.what == INSERTED else UPDATED
        outcome.fields += changed
        self._flush(row)

    def _add_refusal(self, row: SeedRow, error: RowRefusedError) -> None:
        """Add why a row is refused, at the places of its values."""
        for name, message in error.problems:
            place = row.places.get(name, row.location) if name else row.location
            self._problems.add(place, message)

    def _flush(self, row: SeedRow) -> None:
        """Send a row to the database. Raises SpecError if it rejects the row."""
        from sqlalchemy.exc import DBAPIError  # noqa: PLC0415 -- slow to import

        instance = self._instances[row]
        values = {one.name: getattr(instance, str(one.attribute)) for one in row.entity.fields}
        for check in row.entity.checks:
            if value_of(check.condition, values) is False:
                problem = f"the row violates the check '{check.name}'"
                names = {one.name: str(one.name) for one in row.entity.fields}
                rule = f"it should satisfy: {condition_text(check.condition, names)}"
                self._problems.add(row.location, problem, check.says or rule)
        self._raise_problems()
        try:
            self._session.flush()
        except DBAPIError as error:
            reason = self._application.import_module("kit.database.faults").reason_of(error)
            self._problems.add(row.location, f"the database rejects the row: {reason}")
            self._raise_problems()

    def _index_by_key(self, row: SeedRow) -> None:
        first = self._by_key.setdefault((row.entity.name, self._key(row)), row)
        if first is not row:
            place = f"{first.location.file}:{first.location.line}"
            problem = f"the same row of {row.entity.name} is in {place}"
            self._problems.add(row.location, problem, "remove one of them")

    def _insert_links(self, row: SeedRow, linked: Linked, others: Iterable[Target | None]) -> int:
        """Insert missing rows of a link table; return how many. Others are kept."""
        from sqlalchemy import select  # noqa: PLC0415 -- slow to import

        relation = linked.relation
        assert relation.near is not None and relation.far is not None  # noqa: S101, PT018 -- a link
        metadata = self._application.import_module("kit.models").Model.metadata
        table = metadata.tables[linked.link.table]
        near, far = (table.c[str(end.column)] for end in (relation.near, relation.far))
        key = self._key(row)
        existing = {*self._session.execute(select(far).where(near == key)).scalars()}
        new = [one for one in dict.fromkeys(map(self._key, others)) if one not in existing]
        if new:
            self._session.execute(table.insert(), [{near.name: key, far.name: one} for one in new])
        return len(new)

    def _advance_sequences(self) -> None:
        """Let the database generate keys that are larger than those in the seeds."""
        new = [one.row for one in self._outcomes.values() if one.what == INSERTED]
        for entity in {row.entity.name: row.entity for row in new}.values():
            if entity.key_kind is KeyKind.SERIAL:
                table = self._application.table_model(entity).__table__
                advance_sequence(self._session, table.primary_key.columns.values()[0])


def _seeds_in(targets: Iterable[Target | None]) -> set[SeedRow]:
    return {one for one in targets if isinstance(one, SeedRow)}


def _waiting_names(
    targets: dict[FieldName, Target | None], left: dict[SeedRow, None]
) -> list[FieldName]:
    """Return the references to rows that are not stored yet."""
    return [name for name, one in targets.items() if isinstance(one, SeedRow) and one in left]


def _may_wait(
    row: SeedRow, targets: dict[FieldName, Target | None], left: dict[SeedRow, None]
) -> bool:
    """Return whether a row can be stored before the rows that it refers to."""
    names = _waiting_names(targets, left)
    return all(row.entity.field(name).optional and name not in row.identity for name in names)
