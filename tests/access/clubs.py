"""Teams and heroes with rules about rows: the spec, rows, callers, and what the text says."""

import re
from collections.abc import Mapping, Sequence
from random import Random
from typing import Any

import yaml

from tests.checks.oracle import allows

APP = "auth: {roles: [admin, hr], me: {id: int = sub}}\n"
ENTITIES = {
    "Team": """\
name: Team
fields: {name: str(1..20), open: bool = false, lead_id: int? index}
api:
  operations: [create, list, read, update, delete, create_many]
  include: [heroes, heroes__boss]
  related: [heroes__any__name, heroes__any__age]
  counts: [heroes]
  nested: [heroes]
""",
    "Hero": """\
name: Hero
fields:
  name: str(1..20)
  age: int?
  owner_id: int? index
  team_id: -> Team?
  boss_id: -> Hero? set_null inverse(minions)
api:
  operations:
    [create, list, read, update, replace, delete, create_many, update_many, delete_many]
  include: [team, boss, minions, team__heroes, boss__team]
  related: [team__name, team__open, boss__name, boss__team__name, minions__any__age]
  embed: [team]
  counts: [minions]
  nested: [minions]
""",
    "Prize": """\
name: Prize
fields: {title: str(1..20), hero_id: -> Hero? cascade}
api: {operations: [create, list, read, update], include: [hero, hero__team], related: [hero__name]}
""",
}
KINDS = {
    "Team": {"id": "int", "name": "str", "open": "bool", "lead_id": "int"},
    "Hero": {
        "id": "int",
        "name": "str",
        "age": "int",
        "owner_id": "int",
        "team_id": "int",
        "boss_id": "int",
    },
    "Prize": {"id": "int", "title": "str", "hero_id": "int"},
}
REFERENCES = {
    "Team": {},
    "Hero": {"team_id": "Team", "boss_id": "Hero"},
    "Prize": {"hero_id": "Hero"},
}
Caller = tuple[list[str], dict[str, Any]] | None
CALLERS: Mapping[str, Caller] = {
    "nobody": None,
    "one": ([], {"sub": "1"}),
    "two": ([], {"sub": "2"}),
    "hr": (["hr"], {"sub": "1"}),
}
ADMIN: Caller = (["admin"], {"sub": "9"})
Row = dict[str, Any]
Data = Mapping[str, Mapping[int, Row]]
OWN: Mapping[str, Mapping[str, Sequence[str]]] = {
    "Team": {
        "read": ["anyone if open", "user if lead_id = me", "admin"],
        "create": ["user if lead_id = me", "admin"],
        "update": ["user if lead_id = me", "admin"],
        "delete": ["admin"],
    },
    "Hero": {
        "read": ["anyone if age > 30", "user if owner_id = me or age is null", "hr", "admin"],
        "create": ["user if owner_id = me", "admin"],
        "update": ["user if owner_id = me", "hr if age > 20", "admin"],
        "delete": ["user if owner_id = me", "admin"],
    },
    "Prize": {"read": ["anyone"], "create": ["user"], "update": ["user"], "delete": ["nobody"]},
}
_OF_ROWS = {
    "Team": ("open", "not open", "lead_id is null", "name != 'a'", "lead_id != 2"),
    "Hero": ("age > 25", "age is null", "not (age > 35)", "team_id is not null", "boss_id is null"),
    "Prize": ("title != 'a'", "hero_id > 3"),
}
_OF_CALLERS = {
    "Team": ("lead_id = me", "not (lead_id = me.id)"),
    "Hero": ("owner_id = me.id", "age > me.id", "not (owner_id = me)"),
    "Prize": ("hero_id > me.id",),
}


def rows(seed: int) -> Data:
    """Return random rows of all tables."""
    random = Random(seed)  # noqa: S311 -- tests need no secrets
    pick = random.choice
    teams = {
        key: {"id": key, "name": pick("abc"), "open": pick([True, False]), "lead_id": pick(_IDS)}
        for key in range(1, 6)
    }
    heroes: dict[int, Row] = {}
    for key in range(1, 13):
        heroes[key] = {
            "id": key,
            "name": pick("abcd"),
            "age": pick([None, 20, 30, 40]),
            "owner_id": pick(_IDS),
            "team_id": pick([None, *teams, *teams]),
            "boss_id": pick([None, *heroes]) if heroes else None,
        }
    prizes = {
        key: {"id": key, "title": pick("ab"), "hero_id": pick([*heroes])} for key in range(1, 7)
    }
    return {"Team": teams, "Hero": heroes, "Prize": prizes}


_IDS = [None, 1, 2, 3]


def random_rules(seed: int) -> Mapping[str, Mapping[str, Sequence[str]]]:
    """Return rules for each entity and action. Whoever changes rows may read some."""
    random = Random(seed)  # noqa: S311 -- tests need no secrets
    found: dict[str, Mapping[str, Sequence[str]]] = {}
    for name in ENTITIES:
        readers = ["anyone", "user", "hr"]
        reading = [_rule(random, name, "anyone"), *_rules(random, name, readers)]
        others = {one: ["admin", *_rules(random, name, readers)] for one in ("create", "update")}
        found[name] = {"read": [*dict.fromkeys([*reading, "admin"])], **others, "delete": ["admin"]}
    return found


def _rules(random: Random, name: str, who: Sequence[str]) -> list[str]:
    rules = [_rule(random, name, random.choice(who)) for _ in range(random.randint(1, 2))]
    return [*dict.fromkeys(rules)]


def _rule(random: Random, name: str, who: str) -> str:
    atoms = _OF_ROWS[name] if who == "anyone" else (*_OF_ROWS[name], *_OF_CALLERS[name] * 2)
    return f"{who} if {random.choice(atoms)}"


def texts(rules: Mapping[str, Mapping[str, Sequence[str]]]) -> dict[str, str]:
    """Return the text of each entity with its rules."""
    written = {
        name: yaml.safe_dump({"access": _plain(rules[name])}, width=1000) for name in ENTITIES
    }
    return {f"{name.lower()}.yaml": ENTITIES[name] + written[name] for name in ENTITIES}


def _plain(rules: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    return {one: "nobody" if [*found] == ["nobody"] else [*found] for one, found in rules.items()}


class Rules:
    """What the rules of all entities say about rows."""

    def __init__(self, rules: Mapping[str, Mapping[str, Sequence[str]]]) -> None:
        self._rules = rules

    def _of(self, entity: str, action: str, caller: Caller) -> list[str]:
        allowed = {"anyone"} if caller is None else {"anyone", "user", *caller[0]}
        pairs = (rule.partition(" if ")[::2] for rule in self._rules[entity][action])
        return [condition for who, condition in pairs if who in allowed]

    def may(self, entity: str, action: str, caller: Caller) -> bool:
        """Return whether a caller may do something at all."""
        reads = action in {"read", "create"} or self.may(entity, "read", caller)
        return reads and bool(self._of(entity, action, caller))

    def allow(self, entity: str, action: str, caller: Caller, *states: Row) -> bool:
        """Return whether one rule allows something with a row in all these states."""
        return any(
            all(not one or self._holds(entity, one, caller, state) for state in states)
            for one in self._of(entity, action, caller)
        )

    def _holds(self, entity: str, text: str, caller: Caller, row: Row) -> bool:
        me = None if caller is None else int(caller[1]["sub"])
        kinds, values = {**KINDS[entity], "me_id": "int"}, {**row, "me_id": me}
        text = re.sub(r"\bme\b(\.id)?", "me_id", text)
        return allows(text, values, kinds)

    def readable(self, entity: str, caller: Caller, data: Data) -> dict[int, Row]:
        """Return the rows that a caller can read."""
        return {
            key: row for key, row in data[entity].items() if self.allow(entity, "read", caller, row)
        }
