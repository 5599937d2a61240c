"""What the API should do with tables that refer to each other, worked out on dicts."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.stateful.guild import ENDS, GUILD, REFERENCES, Entity, Reference, Under
from tests.stateful.model import Body, Problem, Refusal, Row


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
        """Replace a row; create it if its key is given by the client."""
        entity = GUILD[plural]
        if entity.gives_keys and key not in self.rows[plural]:
            return self._insert(plural, body, key)
        absent = {one: value for one, value in entity.defaults.items() if value is not None}
        absent |= {one.by: None for one in entity.references if one.optional}
        return self._change(plural, key, {**absent, **body})

    def delete(self, plural: str, key: Any) -> Row:
        """Delete a row and what goes with it, unless other rows that stay refer to them."""
        self.read(plural, key)
        going = {(plural, key)}
        found = [(plural, key)]
        while found:
            at, other = found.pop()
            for entity, reference in _referring(at, "cascade"):
                more = self._by(entity, reference, other) - going
                going |= more
                found += more
        if problems := [*self._blocking(plural, key, going)]:
            raise Refusal(409, problems)
        for at, other in going:
            del self.rows[at][other]
            self.gone[at].add(other)
            for entity, reference in _referring(at, "set_null"):
                for _, referring in self._by(entity, reference, other):
                    kept = self.rows[entity.plural]
                    kept[referring] = {**kept[referring], reference.by: None}
            self.links = {
                link for link in self.links if (at, other) not in zip(ENDS, link, strict=True)
            }
        return {"ok": True}

    def create_many(self, plural: str, bodies: Sequence[Body], keys: Sequence[Any]) -> list[Row]:
        with self._all_or_none():
            rows = []
            for index, body in enumerate(bodies):
                with _in_item(index):
                    rows.append(self._insert(plural, body, keys[index] if keys else -1 - index))
            return rows

    def update_many(self, plural: str, items: Sequence[Body]) -> list[Row]:
        keys = [item["id"] for item in items]
        with self._all_or_none():
            for index in sorted(range(len(keys)), key=keys.__getitem__):
                if keys[index] not in self.rows[plural]:
                    said = f"{GUILD[plural].name} not found"
                    place = ["body", index, "id"]
                    raise Refusal(404, [{"type": "not_found", "loc": place, "msg": said}])
                body = {name: value for name, value in items[index].items() if name != "id"}
                with _in_item(index):
                    self._change(plural, keys[index], body)
            return [self.rows[plural][key] for key in keys]

    def delete_many(self, plural: str, keys: Sequence[Any]) -> Row:
        with self._all_or_none():
            for index in sorted(range(len(keys)), key=keys.__getitem__):
                place = ["query", "id", index]
                if keys[index] not in self.rows[plural]:
                    said = f"{GUILD[plural].name} not found"
                    raise Refusal(404, [{"type": "not_found", "loc": place, "msg": said}])
                with _at(place):
                    self.delete(plural, keys[index])
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
        self, plural: str, key: Any, others: Sequence[Any], place: Sequence[str] = ("body",)
    ) -> Row:
        """Replace the links of a hero or a power."""
        self.read(plural, key)
        end = ENDS.index(plural)
        target = ENDS[1 - end]
        said = f"There is no such {GUILD[target].name.lower()}"
        if missing := [
            {"type": "no_target", "loc": [*place, index], "msg": said}
            for index, other in enumerate(others)
            if other not in self.rows[target]
        ]:
            raise Refusal(409, missing)
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

    def create_under(self, plural: str, key: Any, relation: Under, body: Body, new: Any) -> Row:
        self.read(plural, key)
        return self.create(relation.plural, {**body, relation.by: key}, new)

    def create_with_steps(
        self, body: Body, steps: Sequence[Body], key: Any, keys: Sequence[Any]
    ) -> Row:
        """Create a mission together with its steps."""
        with self._all_or_none():
            mission = self._insert("missions", body, key)
            rows = []
            for index, step in enumerate(steps):
                with _in_item("steps", index):
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
            raise Refusal(409, *(_same(names) for names in broken))
        missing = [
            one
            for one in entity.references
            if row[one.by] is not None
            and row[one.by] not in self.rows[one.target]
            and (one.target, row[one.by]) != (plural, row[entity.key])
        ]
        if missing:
            raise Refusal(409, [_no_target(one) for one in missing])

    def _by(self, entity: Entity, reference: Reference, key: Any) -> set[tuple[str, Any]]:
        rows = self.rows[entity.plural].items()
        return {(entity.plural, at) for at, row in rows if row[reference.by] == key}

    def _blocking(self, plural: str, key: Any, going: set[tuple[str, Any]]) -> Iterator[Problem]:
        """Yield a problem for each reference by which rows that stay refer to one that goes."""
        place = ["path", f"{GUILD[plural].name.lower()}_{GUILD[plural].key}"]
        for entity, reference in REFERENCES:
            if reference.on_delete != "restrict":
                continue
            for is_own in (True, False):
                targets = {one for one in going if (one == (plural, key)) == is_own}
                if any(
                    self._by(entity, reference, other) - going
                    for at, other in targets
                    if at == reference.target
                ):
                    said = _blocks(entity, reference, is_own=is_own)
                    yield {"type": "referred_to", "loc": place, "msg": said}


def _referring(target: str, on_delete: str) -> list[tuple[Entity, Reference]]:
    return [
        (entity, one)
        for entity, one in REFERENCES
        if one.target == target and one.on_delete == on_delete
    ]


def _blocks(entity: Entity, reference: Reference, *, is_own: bool) -> str:
    who = entity.plural.capitalize()
    if is_own:
        return f"{who} refer to it by {reference.by}"
    return f"{who} refer by {reference.by} to {reference.target} that would be deleted with it"


def _no_target(reference: Reference) -> Problem:
    name = GUILD[reference.target].name.lower()
    place = ["body", reference.by]
    return {"type": "no_target", "loc": place, "msg": f"There is no such {name}"}


def _same(names: Sequence[str]) -> list[Problem]:
    message = f"Another row has the same {' and '.join(names)}"
    return [{"type": "unique", "loc": ["body", name], "msg": message} for name in names]


@contextmanager
def _in_item(*place: int | str) -> Iterator[None]:
    """Name the item in the problems."""
    try:
        yield
    except Refusal as refusal:
        details = [
            [one | {"loc": ["body", *place, *one["loc"][1:]]} for one in detail]
            for detail in refusal.details
        ]
        raise Refusal(refusal.status, *details) from None


@contextmanager
def _at(place: Sequence[Any]) -> Iterator[None]:
    """Give the problems another place."""
    try:
        yield
    except Refusal as refusal:
        details = [[one | {"loc": list(place)} for one in detail] for detail in refusal.details]
        raise Refusal(refusal.status, *details) from None
