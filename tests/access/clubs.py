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
STEPS = {
    "Team": {"heroes": ("Hero", "team_id")},
    "Hero": {
        "team": ("Team", ""),
        "boss": ("Hero", ""),
        "minions": ("Hero", "boss_id"),
        "prizes": ("Prize", "hero_id"),
    },
    "Prize": {"hero": ("Hero", "")},
}
"""The relations: the target, and the reference of the target if it refers to this row."""
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
OVER_PATHS: Mapping[str, Mapping[str, Sequence[str]]] = {
    "Team": {
        "read": [
            "anyone if open",
            "user if me in heroes.owner_id",
            "hr if lead_id is null",
            "admin",
        ],
        "create": ["user if lead_id = me", "admin"],
        "update": ["user if me.id in heroes.owner_id", "admin"],
        "delete": ["admin"],
    },
    "Hero": {
        "read": [
            "anyone if team.open",
            "user if team.lead_id = me or boss.owner_id = me",
            "hr if not (boss.team.name = 'a')",
            "admin",
        ],
        "create": ["user if team.lead_id = me.id", "hr if not (me in team.heroes.owner_id)"],
        "update": [
            "user if team.lead_id = me and boss.age is null",
            "hr if me in minions.owner_id",
        ],
        "delete": ["admin"],
    },
    "Prize": {
        "read": ["anyone if hero.team.open", "user if hero.owner_id != me", "admin"],
        "create": ["user if hero.owner_id = me"],
        "update": ["user if not (hero.boss.owner_id = me)"],
        "delete": ["nobody"],
    },
}
"""Rules over paths, which see also the rows that the caller cannot read."""
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


_PATHS = {
    "Team": (
        "me in heroes.owner_id",
        "not (me.id in heroes.owner_id)",
        "me in heroes.boss.owner_id",
    ),
    "Hero": (
        *(
            "team.lead_id = me",
            "not (team.lead_id = me)",
            "team.lead_id is null",
            "team.open = true",
        ),
        *(
            "boss.owner_id = me",
            "boss.team.lead_id != me",
            "boss.age > age",
            "me in minions.owner_id",
        ),
        *("not (me in minions.owner_id)", "boss.boss.team.open", "owner_id in minions.owner_id"),
    ),
    "Prize": (
        "hero.owner_id = me",
        "hero.team.lead_id = me",
        "hero.boss.age > 20",
        "not hero.team.open",
    ),
}
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
    atoms = _OF_ROWS[name]
    if who != "anyone":
        atoms = (*atoms, *_OF_CALLERS[name] * 2, *_PATHS[name])
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

    @property
    def follow_paths(self) -> bool:
        """Whether a rule is about rows of other tables."""
        found = (rule for rules in self._rules.values() for one in rules.values() for rule in one)
        return any(re.search(r"(?<!\bme)\.[a-z]", rule) for rule in found)

    def allow(self, entity: str, action: str, caller: Caller, data: Data, *states: Row) -> bool:
        """Return whether one rule allows something with a row in all these states."""
        return any(
            all(not one or self._holds(entity, one, caller, data, state) for state in states)
            for one in self._of(entity, action, caller)
        )

    def _holds(self, entity: str, text: str, caller: Caller, data: Data, row: Row) -> bool:
        me = None if caller is None else int(caller[1]["sub"])
        kinds, values = {**KINDS[entity], "me_id": "int"}, {**row, "me_id": me}

        def among(found: re.Match[str]) -> str:
            """Return the name of a value: whether one is among those that a path leads to."""
            one = values[found[1]]
            others, _ = _values(entity, found[2], data, row)
            name = f"among_{len(values)}"
            is_unknown = bool(others) and (one is None or (None in others and one not in others))
            values[name], kinds[name] = None if is_unknown else one in others, "bool"
            return name

        def value(found: re.Match[str]) -> str:
            name = found[0].replace(".", "__")
            others, kinds[name] = _values(entity, found[0], data, row)
            values[name] = others[0] if others else None
            return name

        text = re.sub(r"\bme\b(\.id)?", "me_id", text)
        text = re.sub(r"(\w+) in ([a-z_]+(?:\.[a-z_]+)+)", among, text)
        text = re.sub(r"\b[a-z_]+(?:\.[a-z_]+)+", value, text)
        return allows(text, values, kinds)

    def readable(self, entity: str, caller: Caller, data: Data) -> dict[int, Row]:
        """Return the rows that a caller can read."""
        return {
            key: row
            for key, row in data[entity].items()
            if self.allow(entity, "read", caller, data, row)
        }


def _values(entity: str, path: str, data: Data, row: Row) -> tuple[list[Any], str]:
    """Return the values that a path leads to, and their type."""
    *steps, last = path.split(".")
    found = [row]
    for step in steps:
        target, by = STEPS[entity][step]
        rows_of = data[target]
        if by:
            found = [one for near in found for one in rows_of.values() if one[by] == near["id"]]
            found = [one for one in found if one[by] is not None]
        else:
            keys = [near[f"{step}_id"] for near in found]
            found = [rows_of[key] for key in keys if key in rows_of]
        entity = target
    return [one[last] for one in found], KINDS[entity][last]
