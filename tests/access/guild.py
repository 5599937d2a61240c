"""Heroes with links and rules about rows: the spec, random rows and rules, and what they say."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

APP = "auth: {roles: [admin], me: {id: int = sub}}\n"
ENTITIES = {
    "Hero": """\
name: Hero
fields: {name: str(1..20), owner_id: int?, open: bool = false}
links: {powers: Power, friends: {to: Hero, inverse: fans}, badges: {to: Badge, via: Award}}
api: {include: [powers, friends, badges], counts: [fans], nested: [badges]}
""",
    "Power": """\
name: Power
fields: {name: str(1..20), author_id: int?, secret: bool = false}
api: {include: [heroes]}
""",
    "Badge": "name: Badge\nfields: {name: str(1..20)}\napi: {nested: [heroes]}\n",
    "Award": """\
name: Award
fields: {hero_id: -> Hero cascade, badge_id: -> Badge cascade, giver_id: int?}
unique: [[hero_id, badge_id]]
""",
}
Row = dict[str, Any]
Rule = tuple[str, str]
"""Who may do something, and the condition."""
Caller = tuple[list[str], int] | None
"""The roles and the id."""
CALLERS: Mapping[str, Caller] = {"nobody": None, "one": ([], 1), "two": ([], 2)}
ADMIN: Caller = (["admin"], 9)
Holds = Callable[[Row, int], bool]
CONDITIONS: Mapping[str, Mapping[str, Holds]] = {
    "Hero": {
        "open": lambda row, _: row["open"],
        "owner_id is null": lambda row, _: row["owner_id"] is None,
        "owner_id = me": lambda row, me: row["owner_id"] == me,
        "not (owner_id = me)": lambda row, me: row["owner_id"] not in (None, me),
    },
    "Power": {
        "not secret": lambda row, _: not row["secret"],
        "author_id = me": lambda row, me: row["author_id"] == me,
        "author_id != me or secret": lambda row, me: (
            row["secret"] or row["author_id"] not in (None, me)
        ),
    },
    "Badge": {"name != 'a'": lambda row, _: row["name"] != "a"},
    "Award": {
        "giver_id is not null": lambda row, _: row["giver_id"] is not None,
        "giver_id = me": lambda row, me: row["giver_id"] == me,
    },
}
"""Conditions of rules, and whether they are true for a row and a caller."""
Rules = Mapping[str, Mapping[str, Sequence[Rule]]]
OWN: Rules = {
    "Hero": {
        "read": [("anyone", "open"), ("user", "owner_id = me")],
        "create": [("user", "owner_id = me")],
        "update": [("user", "owner_id = me")],
    },
    "Power": {
        "read": [("anyone", "not secret"), ("user", "author_id = me")],
        "create": [("user", "author_id = me")],
        "update": [("user", "author_id = me")],
    },
    "Badge": {"read": [("anyone", "")], "create": [], "update": []},
    "Award": {
        "read": [("anyone", "giver_id is not null"), ("user", "giver_id = me")],
        "create": [("user", "giver_id = me")],
        "update": [],
    },
}
KEYS = range(1, 6)


def random_rules(seed: int) -> Rules:
    """Return rules for each entity and action. Whoever updates rows may read some."""
    random = Random(seed)  # noqa: S311 -- tests need no secrets

    def rules(name: str) -> list[Rule]:
        found = []
        for _ in range(random.randint(1, 2)):
            condition = random.choice(["", *CONDITIONS[name], *CONDITIONS[name]])
            who = "user" if "me" in condition.split() or "= me" in condition else "anyone"
            found.append((random.choice([who, "user"]), condition))
        return [*dict.fromkeys(found)]

    return {
        name: {
            "read": [*dict.fromkeys([("user", next(iter(CONDITIONS[name]))), *rules(name)])],
            "create": rules(name),
            "update": [*dict.fromkeys(("user", one) for _, one in rules(name))],
        }
        for name in ENTITIES
    }


def texts(rules: Rules) -> dict[str, str]:
    """Return the text of each entity with its rules."""
    found = {}
    for name, entity in ENTITIES.items():
        lines = ["access:\n"]
        for action in ("read", "create", "update", "delete"):
            words = [f"{who} if {one}" if one else who for who, one in rules[name].get(action, ())]
            lines.append(f"  {action}: [{', '.join(map(repr, [*words, 'admin']))}]\n")
        found[f"{name.lower()}.yaml"] = entity + "".join(lines)
    return found


@dataclass
class Guild:
    """The rows and links of the database."""

    rows: Mapping[str, dict[int, Row]]
    powers: set[tuple[int, int]] = field(default_factory=set)
    """The links of heroes and powers, by their keys."""
    friends: set[tuple[int, int]] = field(default_factory=set)

    def readable(self, rules: Rules, name: str, caller: Caller) -> set[int]:
        """Return the keys of the rows that a caller can read."""
        return {
            key for key, row in self.rows[name].items() if allows(rules, name, "read", caller, row)
        }


def guild(seed: int) -> Guild:
    """Return random rows and links."""
    random = Random(seed)  # noqa: S311 -- tests need no secrets
    pick = random.choice
    heroes = {
        key: {"id": key, "name": pick("ab"), "owner_id": pick(_IDS), "open": pick([True, False])}
        for key in KEYS
    }
    powers = {
        key: {"id": key, "name": pick("ab"), "author_id": pick(_IDS), "secret": pick([True, False])}
        for key in KEYS
    }
    badges = {key: {"id": key, "name": pick("ab")} for key in (1, 2)}
    pairs = [(one, other) for one in KEYS for other in KEYS]
    awards = {
        index: {"id": index, "hero_id": hero, "badge_id": badge, "giver_id": pick(_IDS)}
        for index, (hero, badge) in enumerate([(h, b) for h in KEYS for b in badges][::2], 1)
    }
    return Guild(
        {"Hero": heroes, "Power": powers, "Badge": badges, "Award": awards},
        {*random.sample(pairs, 12)},
        {*random.sample(pairs, 10)},
    )


_IDS = [None, 1, 1, 2, 3]


def may(rules: Rules, name: str, action: str, caller: Caller) -> bool:
    """Return whether a caller may do something at all."""
    reads = action in {"read", "create"} or may(rules, name, "read", caller)
    return reads and bool(_conditions(rules, name, action, caller))


def allows(rules: Rules, name: str, action: str, caller: Caller, *states: Row) -> bool:
    """Return whether one rule allows something with a row in all these states."""
    me = 0 if caller is None else caller[1]
    return any(
        all(not one or CONDITIONS[name][one](row, me) for row in states)
        for one in _conditions(rules, name, action, caller)
    )


def _conditions(rules: Rules, name: str, action: str, caller: Caller) -> list[str]:
    if caller is not None and "admin" in caller[0]:
        return [""]
    counted = {"anyone"} if caller is None else {"anyone", "user"}
    return [one for who, one in rules[name].get(action, ()) if who in counted]
