"""Notes with rules about rows: the spec, rows, callers, and what the spec's text says."""

import re
from collections.abc import Mapping, Sequence
from random import Random
from typing import Any

import yaml

from tests.checks.oracle import allows

APP = """\
auth:
  roles: [editor, hr]
  me: {id: int = sub, plan: "enum(free, paid)?", team: str?, vip: bool?}
"""
ENTITY = """\
name: Note
fields:
  title: str(1..20) unique
  body: str(1..20)?
  status: enum(draft, published) = draft
  age: int(0..)? index
  price: decimal(6, 2)?
  active: bool?
  owner_id: int? index
  team: str?
  secret: str? write_only
api:
  operations:
    [create, list, read, update, replace, delete, create_many, update_many, delete_many]
  search: [title, body]
"""
KINDS = {
    "title": "str",
    "body": "str",
    "status": "enum",
    "age": "int",
    "price": "decimal",
    "active": "bool",
    "owner_id": "int",
    "team": "str",
    "secret": "str",
    "me_id": "int",
    "me_plan": "enum",
    "me_team": "str",
    "me_vip": "bool",
}
KINDS_OF_ALL = KINDS | {
    f"{version}_{name}": kind for version in ("old", "new") for name, kind in KINDS.items()
}
DEFAULTS = dict.fromkeys(KINDS) | {"status": "draft"}
FIELDS = [name for name in KINDS if not name.startswith("me_")]
NULL_CALLER = {"me_id": None, "me_plan": None, "me_team": None, "me_vip": None}
Caller = tuple[list[str], dict[str, Any]] | None
"""The roles and the claims of a caller; None for one without credentials."""
CALLERS: Mapping[str, Caller] = {
    "nobody": None,
    "one": ([], {"sub": "1"}),
    "two": ([], {"sub": "2", "plan": "paid", "team": "reds", "vip": True}),
    "hr": (["hr"], {"sub": "1", "plan": "free", "team": "blues", "vip": False}),
    "editor": (["editor"], {"sub": "3", "team": "it's"}),
    "both": (["editor", "hr"], {"sub": "2", "plan": "paid"}),
}
ACTIONS = ("read", "create", "update", "delete")
_OF_ROWS = (
    "status = published",
    "status != draft",
    "age > 3",
    "age <= 3",
    "age is null",
    "age is not null",
    "active",
    "price < 2.50",
    "price in (1.00, 2.50)",
    "status in (draft, published)",
    "secret = 'x'",
    "title != 'a'",
    "team is null",
    "body = title",
)
_OF_CALLERS = (
    "owner_id = me.id",
    "owner_id = me",
    "owner_id != me.id",
    "me.plan = paid",
    "me.plan is null",
    "me.plan in (free, paid)",
    "team = me.team",
    "me.team = 'it''s'",
    "me.vip",
    "active = me.vip",
    "age >= me.id",
    "title < me.team",
)
_OF_CHANGES = (
    "old.status = draft",
    "new.status = published",
    "new.age > old.age",
    "old.owner_id = me.id",
    "new.owner_id != me.id",
    "new.team is null",
    "old.secret = 'x'",
    "new.body = old.title",
    "new.active",
    "status = old.status",
)


def rows(seed: int) -> list[dict[str, Any]]:
    """Return random rows."""
    random = Random(seed)  # noqa: S311 -- tests need no secrets
    found = []
    for key, title in enumerate("abcdefghijkl", 1):
        found.append(
            {
                "id": key,
                "title": title,
                "body": random.choice([None, title, "text a"]),
                "status": random.choice(["draft", "published"]),
                "age": random.choice([None, 1, 3, 5]),
                "price": random.choice([None, "1.00", "2.50", "9.90"]),
                "active": random.choice([None, True, False]),
                "owner_id": random.choice([None, 1, 2, 3]),
                "team": random.choice([None, "reds", "blues", "it's"]),
                "secret": random.choice([None, "x", "y"]),
            }
        )
    return found


def random_rules(seed: int) -> dict[str, list[str]]:
    """Return rules for each action, as in a spec. Whoever changes rows may read some."""
    random = Random(seed)  # noqa: S311 -- tests need no secrets
    reading = _rules(random, {"anyone", "user", "editor", "hr"}, 3) or ["user if owner_id = me"]
    readers = {rule.split()[0] for rule in reading}
    if "anyone" in readers:
        readers |= {"user", "editor", "hr"}
    if "user" in readers:
        readers |= {"editor", "hr"}
    found = {"read": reading, "create": _rules(random, {"anyone", "user", "editor", "hr"}, 2)}
    found["update"] = _rules(random, readers, 2, _OF_CHANGES)
    return found | {"delete": _rules(random, readers, 2)}


def _rules(random: Random, who: set[str], most: int, more: Sequence[str] = ()) -> list[str]:
    found = []
    for _ in range(random.randint(0 if most < 3 else 1, most)):
        word = random.choice(sorted(who))
        if random.random() < 0.12:
            found.append(word)
        else:
            is_anyone = word == "anyone"
            atoms = (*_OF_ROWS, *(() if is_anyone else (*_OF_CALLERS, *_OF_CALLERS)))
            added = [one for one in more if not (is_anyone and " me" in one)]
            found.append(f"{word} if {_condition(random, 2, (*atoms, *added, *added))}")
    return [*dict.fromkeys(found)]


def _condition(random: Random, depth: int, atoms: Sequence[str]) -> str:
    kind = random.random()
    if depth == 0 or kind < 0.4:
        return random.choice(atoms)
    parts = [_condition(random, depth - 1, atoms) for _ in range(2)]
    if kind < 0.6:
        return f"not ({parts[0]})"
    return f"({parts[0]}) {'and' if kind < 0.8 else 'or'} ({parts[1]})"


def spec(rules: Mapping[str, Sequence[str]]) -> str:
    """Return the text of the entity with rules."""
    written = {action: list(found) or "nobody" for action, found in rules.items()}
    return f"{ENTITY}{yaml.safe_dump({'access': written}, width=1000)}"


class Rules:
    """What the rules in a spec's text say."""

    def __init__(self, text: str) -> None:
        access = yaml.safe_load(text)["access"]
        self._rules = {action: self._split(access[action]) for action in ACTIONS}

    def _split(self, found: Any) -> list[tuple[str, str]]:
        words = [found] if isinstance(found, str) else found
        pairs = (rule.partition(" if ")[::2] for rule in words if rule != "nobody")
        return [*pairs]

    def of(self, action: str, caller: Caller) -> list[str]:
        """Return the conditions of the rules that are about a caller; "" for all rows."""
        allowed = {"anyone"} if caller is None else {"anyone", "user", *caller[0]}
        return [condition for who, condition in self._rules[action] if who in allowed]

    def may(self, action: str, caller: Caller) -> bool:
        """Return whether a caller may do something at all."""
        reads = action in {"read", "create"} or self.may("read", caller)
        return reads and bool(self.of(action, caller))

    def allow(self, action: str, caller: Caller, *states: Mapping[str, Any]) -> bool:
        """Return whether one rule allows something with a row in all these states."""
        return any(
            all(not condition or self._holds(condition, caller, state, states) for state in states)
            for condition in self.of(action, caller)
        )

    def _holds(
        self,
        condition: str,
        caller: Caller,
        row: Mapping[str, Any],
        states: Sequence[Mapping[str, Any]],
    ) -> bool:
        claims = {} if caller is None else caller[1]
        values = {f"me_{name}": value for name, value in claims.items()}
        values = NULL_CALLER | values
        if "sub" in claims:
            values["me_id"] = int(claims["sub"])
        for version, state in (("old", states[0]), ("new", states[-1])):
            values |= {f"{version}_{name}": value for name, value in state.items()}
        text = re.sub(r"\bme\b(?!\.)", "me_id", condition)
        text = re.sub(r"\b(me|old|new)\.", r"\1_", text)
        return allows(text, {**row, **values}, KINDS_OF_ALL)
