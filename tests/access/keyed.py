"""Requests with keys of linked rows of the guild in their bodies, and what the rules say."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tests.access.guild import KEYS, OWN, Caller, Guild, Row, Rules, allows, may, random_rules
from tests.access.guild import texts as guild_texts
from tests.access.linking import MISSING, Pairs

OPERATIONS = "operations: [create, list, read, update, replace, create_many, update_many]"
BODIES = {
    "hero.yaml": f"nested: [badges], {OPERATIONS}, idempotency: true,"
    " write: {powers: keys, friends: keys}",
    "power.yaml": f"include: [heroes], {OPERATIONS}, write: {{heroes: keys}}",
}
"""What the `api` of an entity ends with."""


@dataclass(frozen=True)
class Side:
    """A property with keys: its entity, that of the linked rows, and the attribute of the guild."""

    name: str
    owner: str
    row: str
    links: str
    inverse: bool = False


SIDES = (
    Side("power_ids", "Hero", "Power", "powers"),
    Side("friend_ids", "Hero", "Hero", "friends"),
    Side("hero_ids", "Power", "Hero", "powers", inverse=True),
)
PATHS = {"Hero": "/heroes/", "Power": "/powers/"}
Place = list[str | int]


@dataclass(frozen=True)
class Ask:
    """A request, with the values and keys of each row."""

    method: str
    entity: str
    rows: Sequence[Row]
    """The bodies. In updates, `id` is the key of the row."""
    many: bool = False

    @property
    def path(self) -> str:
        path = PATHS[self.entity]
        if self.many:
            return f"{path}bulk"
        return path if self.is_new else f"{path}{self.rows[0]['id']}"

    @property
    def is_new(self) -> bool:
        return self.method == "POST"

    @property
    def body(self) -> Any:
        if self.many:
            return self.rows
        return {name: value for name, value in self.rows[0].items() if name != "id"}

    def place(self, index: int, *rest: str | int) -> Place:
        return ["body", *([index] if self.many else []), *rest]


def rules_of(seed: int) -> Rules:
    """Return rules that let callers read the rows that they are always shown."""
    if not seed:
        return OWN
    rules = random_rules(seed)
    reading = {name: [*rules[name]["read"]] for name in ("Hero", "Power")}
    if any(who == "anyone" for found in reading.values() for who, _ in found):
        reading["Hero"].append(("anyone", "open"))
        reading["Power"].append(("anyone", "not secret"))
    return {
        name: {
            action: [*dict.fromkeys(reading.get(name, one) if action == "read" else one)]
            for action, one in found.items()
        }
        for name, found in rules.items()
    }


def texts(rules: Rules) -> dict[str, str]:
    """Return the text of each entity with its rules."""
    found = guild_texts(rules)
    for name, end in BODIES.items():
        start = end.partition("]")[0] + "]"
        assert start in found[name]
        found[name] = found[name].replace(start, end)
    return found


def asks(data: Guild) -> Iterator[Ask]:
    """Yield requests that write keys."""
    for side in SIDES:
        rows = data.rows[side.owner]
        for key in (*KEYS, MISSING):
            for keys in ([], [2, 1], [4, 3, 5], [4, MISSING, 2**63]):
                yield Ask("PATCH", side.owner, [{"id": key, side.name: keys}])
            own = rows.get(key, rows[1])
            yield Ask("PUT", side.owner, [{**own, "id": key, side.name: [1, 3]}])
        yield Ask("PUT", side.owner, [rows[1]])
        yield Ask("PATCH", side.owner, [{"id": 1}])
        hide = {"open": False, "owner_id": 3} if side.owner == "Hero" else {"secret": True}
        yield Ask("PATCH", side.owner, [{"id": 1, **hide, side.name: [1, 2]}])
        for keys in ([], [1], [2, 3], [5, MISSING], [4]):
            for own in (rows[1], rows[2]):
                body = {name: value for name, value in own.items() if name != "id"}
                yield Ask("POST", side.owner, [{**body, side.name: keys}])
                new = [body, {**body, side.name: keys}]
                yield Ask("POST", side.owner, new, many=True)
        for keys in ([], [1, 2], [3, 4, 5]):
            changed = [{"id": 2, side.name: [1]}, {"id": 1, side.name: keys}]
            yield Ask("PATCH", side.owner, changed, many=True)
            yield Ask("PATCH", side.owner, [{"id": 1}, {"id": 3, side.name: keys}], many=True)
    both = {"id": 1, "power_ids": [1, 2, 3, 4], "friend_ids": [1, 2, 3, 4]}
    yield Ask("PATCH", "Hero", [both])


@dataclass
class Expected:
    """The response to a request, and the links afterwards."""

    status: int
    place: Place | None
    links: Mapping[str, Pairs]
    shown: Sequence[Mapping[str, list[int]]] = ()
    """The keys in the response, of each row."""


NEW = 1_000
"""Stands for the key of the first new row of a request."""


def expected(rules: Rules, data: Guild, caller: Caller, ask: Ask) -> Expected:
    """Return what the rules say about a request. The keys of new rows begin with NEW."""
    before = {"powers": data.powers, "friends": data.friends}
    refusal = _refused(rules, data, caller, ask)
    if refusal is not None:
        return Expected(*refusal, before)
    owners = [NEW + index if ask.is_new else row["id"] for index, row in enumerate(ask.rows)]
    after = {name: {*pairs} for name, pairs in before.items()}
    stored: dict[int, Row] = {
        key: {**data.rows[ask.entity].get(key, {}), **row}
        for key, row in zip(owners, ask.rows, strict=True)
    }
    for side in _sides(ask):
        near = int(side.inverse)
        visible = data.readable(rules, side.row, caller)
        for key, row in zip(owners, ask.rows, strict=True):
            if side.name not in row and ask.method == "PATCH":
                continue
            pairs = after[side.links]
            removed = {one for one in pairs if one[near] == key and one[1 - near] in visible}
            added = {(key, one) for one in row.get(side.name, ())}
            pairs -= removed
            pairs |= {(other, own) for own, other in added} if side.inverse else added
    if not all(allows(rules, ask.entity, "read", caller, row) for row in stored.values()):
        return Expected(204, None, after)
    rows = {**data.rows, ask.entity: {**data.rows[ask.entity], **stored}}
    seen = Guild(rows, after["powers"], after["friends"])
    return Expected(200, None, after, [keys_of(rules, seen, caller, ask, key) for key in owners])


def keys_of(
    rules: Rules, data: Guild, caller: Caller, ask: Ask, key: int
) -> Mapping[str, list[int]]:
    """Return the properties of a row with the keys that a caller can read."""
    found = {}
    for side in _sides(ask):
        near = int(side.inverse)
        visible = data.readable(rules, side.row, caller)
        pairs: Pairs = getattr(data, side.links)
        others = (one[1 - near] for one in pairs if one[near] == key)
        found[side.name] = sorted(visible.intersection(others))
    return found


def _sides(ask: Ask) -> list[Side]:
    return [side for side in SIDES if side.owner == ask.entity]


def _refused(
    rules: Rules, data: Guild, caller: Caller, ask: Ask
) -> tuple[int, Place | None] | None:
    """Return the status and the location of a refusal."""
    action = "create" if ask.is_new else "update"
    if not may(rules, ask.entity, action, caller):
        return (401 if caller is None else 403), None
    rows = data.rows[ask.entity]
    if not ask.is_new:
        readable = data.readable(rules, ask.entity, caller)
        in_order = sorted(enumerate(ask.rows), key=lambda item: item[1]["id"])
        for index, row in in_order:
            if row["id"] not in readable:
                return 404, ask.place(index, "id") if ask.many else None
    judged = [_judged(rules, data, caller, ask, side) for side in _sides(ask)]
    links = next((one for one in judged if one), None)
    for index, row in sorted(enumerate(ask.rows), key=lambda item: item[1].get("id", item[0])):
        states = [row] if ask.is_new else [rows[row["id"]], {**rows[row["id"]], **row}]
        if not allows(rules, ask.entity, action, caller, *states):
            own = 403, ask.place(index) if ask.many else None
            return own if ask.is_new else links or own
    return links


def _judged(
    rules: Rules, data: Guild, caller: Caller, ask: Ask, side: Side
) -> tuple[int, Place | None] | None:
    """Return the refusal of the links of one property."""
    near = int(side.inverse)
    visible = data.readable(rules, side.row, caller)
    before: Pairs = getattr(data, side.links)
    for index, row in enumerate(ask.rows):
        for position, key in enumerate(row.get(side.name, ())):
            if key not in visible:
                return 409, ask.place(index, side.name, position)
    for index, row in enumerate(ask.rows):
        if not side.inverse or (side.name not in row and ask.method == "PATCH"):
            continue
        keys = row.get(side.name, [])
        linked = {
            one[1 - near] for one in before if not ask.is_new and one[near] == row["id"]
        } & visible
        for key in [*(one for one in keys if one not in linked), *(linked - {*keys})]:
            if not allows(rules, side.row, "update", caller, data.rows[side.row][key]):
                if caller is None and not may(rules, side.row, "update", caller):
                    return 401, None
                last = [keys.index(key)] if key in keys else []
                return 403, ask.place(index, side.name, *last)
    return None
