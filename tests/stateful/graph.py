"""What the API should do with tables that refer to each other, worked out on dicts."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.stateful.guild import ENDS, GUILD, REFERENCES, Entity, Reference, referring
from tests.stateful.model import Body, Problem, Refusal, Row
from tests.stateful.problems import (
    blocks,
    in_item,
    no_such,
    no_target,
    not_found,
    same,
)


@dataclass
class Graph:
    """The rows of all entities by key, and the links between heroes and powers."""

    rows: dict[str, dict[Any, Row]] = field(default_factory=lambda: {one: {} for one in GUILD})
    links: set[tuple[int, str]] = field(default_factory=set)
    gone: dict[str, set[Any]] = field(default_factory=lambda: {one: set() for one in GUILD})

    # Each operation returns the body of a response with 200, or raises the Refusal

    def read(self, plural: str, key: Any) -> Row:
        if key not in self.rows[plural]:
            raise Refusal(404, f"{GUILD[plural].name} not found")
        return self.rows[plural][key]

    def create(self, plural: str, body: Body, key: Any) -> Row:
        entity = GUILD[plural]
        key = body.get(entity.key, key)
        with self._all_or_none():
            self._insert(plural, body, key)
            self._link_keys(plural, key, body.get(entity.keys, []))
        return self.with_keys(plural, key)

    def update(self, plural: str, key: Any, body: Body) -> Row:
        entity = GUILD[plural]
        with self._all_or_none():
            self._change(plural, key, {one: body[one] for one in body if one != entity.keys})
            if entity.keys in body:
                self._link_keys(plural, key, body[entity.keys])
        return self.with_keys(plural, key)

    def replace(self, plural: str, key: Any, body: Body) -> Row:
        """Replace a row and its links; create it if its key is given by the client."""
        entity = GUILD[plural]
        if entity.gives_keys and key not in self.rows[plural]:
            return self.create(plural, body, key)
        absent = {one: value for one, value in entity.defaults.items() if value is not None}
        absent |= {one.by: None for one in entity.references if one.optional}
        absent |= {entity.keys: []} if entity.keys else {}
        return self.update(plural, key, {**absent, **body})

    def delete(self, plural: str, key: Any) -> Row:
        """Delete a row and what goes with it, unless other rows that stay refer to them."""
        self.read(plural, key)
        place = ["path", f"{GUILD[plural].name.lower()}_{GUILD[plural].key}"]
        self._remove(plural, [key], [place])
        return {"ok": True}

    def _remove(self, plural: str, keys: Sequence[Any], places: Sequence[list[Any]]) -> None:
        parts = [self._going(plural, key) for key in keys]
        going = set().union(*parts)
        problems = [
            {"type": "referred_to", "loc": place, "msg": said}
            for key, part, place in zip(keys, parts, places, strict=True)
            for said in self._blocking((plural, key), part, going)
        ]
        if problems:
            raise Refusal(409, problems)
        for at, other in going:
            del self.rows[at][other]
            self.gone[at].add(other)
            for entity, reference in referring(at, "set_null"):
                for _, at_key in self._by(entity, reference, other):
                    kept = self.rows[entity.plural]
                    kept[at_key] = {**kept[at_key], reference.by: None}
            self.links = {
                link for link in self.links if (at, other) not in zip(ENDS, link, strict=True)
            }

    def create_many(self, plural: str, bodies: Sequence[Body], keys: Sequence[Any]) -> list[Row]:
        with self._all_or_none():
            self._check_keys(plural, bodies)
            created = []
            for index, body in enumerate(bodies):
                with (
                    self._and_missing(plural, bodies, range(index + 1, len(bodies))),
                    in_item(index),
                ):
                    row = self._insert(plural, body, keys[index] if keys else -1 - index)
                created.append(row[GUILD[plural].key])
            for key, body in zip(created, bodies, strict=True):
                self._link_keys(plural, key, body.get(GUILD[plural].keys, []))
            return [self.with_keys(plural, key) for key in created]

    def update_many(self, plural: str, items: Sequence[Body]) -> list[Row]:
        keys = [item["id"] for item in items]
        with self._all_or_none():
            if any(GUILD[plural].keys in item for item in items):
                if missing := [n for n, key in enumerate(keys) if key not in self.rows[plural]]:
                    raise Refusal(404, *(not_found(plural, ["body", n, "id"]) for n in missing))
                self._check_keys(plural, items)
            order = sorted(range(len(keys)), key=keys.__getitem__)
            for n, index in enumerate(order):
                if keys[index] not in self.rows[plural]:
                    raise Refusal(404, not_found(plural, ["body", index, "id"]))
                body = {name: value for name, value in items[index].items() if name != "id"}
                with self._and_missing(plural, items, order[n + 1 :]), in_item(index):
                    self.update(plural, keys[index], body)
            return [self.with_keys(plural, key) for key in keys]

    def delete_many(self, plural: str, keys: Sequence[Any]) -> Row:
        """Delete rows, which may refer to each other."""
        order = sorted(range(len(keys)), key=keys.__getitem__)
        for index in order:
            if keys[index] not in self.rows[plural]:
                raise Refusal(404, not_found(plural, ["query", "id", index]))
        places: list[list[Any]] = [["query", "id", index] for index in range(len(keys))]
        self._remove(plural, keys, places)
        return {"ok": True}

    # Links, and rows under a row

    def link(self, hero: int, power: str) -> Row:
        self.read("heroes", hero)
        self.read("powers", power)
        self.links.add((hero, power))
        return {"ok": True}

    def unlink(self, hero: int, power: str) -> Row:
        if (hero, power) not in self.links:
            self.read("heroes", hero)
            raise Refusal(404, "Power not found")
        self.links.remove((hero, power))
        return {"ok": True}

    def link_only(
        self, plural: str, key: Any, others: Sequence[Any], place: Sequence[Any] = ("body",)
    ) -> Row:
        """Replace the links of a hero or a power."""
        self.read(plural, key)
        if missing := self._missing(plural, others, place):
            raise Refusal(409, missing)
        end = ENDS.index(plural)
        kept = {link for link in self.links if link[end] != key}
        new = {(key, other) if end == 0 else (other, key) for other in others}
        self.links = kept | new
        return {"ok": True}

    def linked(self, plural: str, key: Any) -> list[Any]:
        """Return the keys of the powers of a hero, or of the heroes of a power, sorted."""
        end = ENDS.index(plural)
        return sorted(link[1 - end] for link in self.links if link[end] == key)

    def with_keys(self, plural: str, key: Any) -> Row:
        """Return a row, with the keys of the linked ones where its API shows them."""
        row, name = self.rows[plural][key], GUILD[plural].keys
        return {**row, name: self.linked(plural, key)} if name else row

    def create_with_steps(self, body: Body, key: Any, keys: Sequence[Any]) -> Row:
        """Create a mission together with its steps."""
        steps = body.get("steps", [])
        with self._all_or_none():
            with self._and_missing("steps", steps, range(len(steps)), ["steps"]):
                mission = self._insert("missions", body, key)
            rows = []
            for index, step in enumerate(steps):
                later = range(index + 1, len(steps))
                with self._and_missing("steps", steps, later, ["steps"]), in_item("steps", index):
                    new = keys[index] if keys else -1 - index
                    rows.append(self._insert("steps", {**step, "mission_id": key}, new))
        return {**mission, "steps": rows}

    # Constraints

    def _insert(self, plural: str, body: Body, key: Any) -> Row:
        entity = GUILD[plural]
        row = {name: body.get(name, default) for name, default in entity.defaults.items()}
        row |= {one.by: body.get(one.by) for one in entity.references}
        if entity.key not in row:
            assert key not in self.rows[plural], "a key is given once"
            row[entity.key] = key
        self._check(plural, row, {})
        self.rows[plural][row[entity.key]] = row
        self.gone[plural].discard(row[entity.key])
        return row

    def _change(self, plural: str, key: Any, body: Body) -> Row:
        old = self.read(plural, key)
        row = {**old, **body}
        self._check(plural, row, old)
        self.rows[plural][key] = row
        return row

    def _link_keys(self, plural: str, key: Any, others: Sequence[Any]) -> None:
        if GUILD[plural].keys:
            self.link_only(plural, key, others, ["body", GUILD[plural].keys])

    def _check_keys(self, plural: str, bodies: Sequence[Body]) -> None:
        """Check the keys of linked rows in several bodies, before any row is written."""
        if name := GUILD[plural].keys:
            sent = [(["body", n, name], body.get(name, [])) for n, body in enumerate(bodies)]
            missing = [self._missing(plural, others, place) for place, others in sent]
            if problems := [one for some in missing for one in some]:
                raise Refusal(409, problems)

    def _missing(self, plural: str, others: Sequence[Any], place: Sequence[Any]) -> list[Problem]:
        target = ENDS[1 - ENDS.index(plural)]
        return [
            no_such(target, [*place, index])
            for index, other in enumerate(others)
            if other not in self.rows[target]
        ]

    @contextmanager
    def _all_or_none(self) -> Iterator[None]:
        rows = {plural: dict(some) for plural, some in self.rows.items()}
        gone = {plural: set(some) for plural, some in self.gone.items()}
        before = rows, self.links.copy(), gone
        try:
            yield
        except Refusal:
            self.rows, self.links, self.gone = before
            raise

    def _check(self, plural: str, row: Row, old: Row) -> None:
        entity = GUILD[plural]
        others = [one for one in self.rows[plural].values() if one is not old]
        broken = [
            names
            for names in entity.unique
            if any(all(one[name] == row[name] for name in names) for one in others)
        ]
        if broken:
            raise Refusal(409, *(same(names) for names in broken))
        if missing := self._missing_targets(plural, row):
            raise Refusal(409, missing)

    def _missing_targets(self, plural: str, body: Body) -> list[Problem]:
        """Return a problem for each reference to a row that does not exist."""
        entity = GUILD[plural]
        return [
            no_target(one)
            for one in entity.references
            if body.get(one.by) is not None
            and body[one.by] not in self.rows[one.target]
            and (one.target, body[one.by]) != (plural, body.get(entity.key))
        ]

    @contextmanager
    def _and_missing(
        self, plural: str, items: Sequence[Body], later: Iterable[int], place: Sequence[str] = ()
    ) -> Iterator[None]:
        """Add the missing targets of the items that are written later to those of one row."""
        try:
            yield
        except Refusal as refusal:
            problems = refusal.details[0]
            if refusal.status != 409 or problems[0]["type"] != "no_target":
                raise
            for index in later:
                for one in self._missing_targets(plural, items[index]):
                    problems.append({**one, "loc": ["body", *place, index, *one["loc"][1:]]})
            raise Refusal(409, problems) from None

    def _by(self, entity: Entity, reference: Reference, key: Any) -> set[tuple[str, Any]]:
        rows = self.rows[entity.plural].items()
        return {(entity.plural, at) for at, row in rows if row[reference.by] == key}

    def _going(self, plural: str, key: Any) -> set[tuple[str, Any]]:
        """Return the rows that are deleted with a row, and the row."""
        going = {(plural, key)}
        found = [*going]
        while found:
            at, other = found.pop()
            for entity, reference in referring(at, "cascade"):
                more = self._by(entity, reference, other) - going
                going |= more
                found += more
        return going

    def _blocking(
        self, own: tuple[str, Any], part: set[tuple[str, Any]], going: set[tuple[str, Any]]
    ) -> Iterator[str]:
        """Yield the message for each reference by which rows that stay refer to a `part`.

        The part are the rows that go with one row, its `own` key.
        """
        for entity, reference in REFERENCES:
            if reference.on_delete != "restrict":
                continue
            for is_own in (True, False):
                targets = {one for one in part if (one == own) == is_own}
                if any(
                    self._by(entity, reference, other) - going
                    for at, other in targets
                    if at == reference.target
                ):
                    yield blocks(entity, reference, is_own=is_own)
