"""Teams and members with rules about fields: the spec, rows, callers, and what the text says."""

import re
from collections.abc import Iterator, Mapping, Sequence
from random import Random
from typing import Any

import yaml

from tests.checks.oracle import allows

APP = "auth: {roles: [admin, hr], me: {id: int = sub}}\n"
ENTITIES = {
    "Team": """\
name: Team
fields: {name: str(1..20), lead_id: int? index, budget: int?}
api:
  operations: [create, list, read, update]
  include: [members]
  related: [members__any__salary, members__any__email]
  counts: [members]
  nested: [members]
""",
    "Member": """\
name: Member
fields:
  name: str(1..20)
  email: str(1..20)? = e3
  salary: decimal(6, 2)? = 2.75
  grade: enum(junior, senior)? = junior
  owner_id: int?
  pin: str(1..20)? write_only
  team_id: -> Team?
api:
  operations:
    [create, list, read, update, replace, delete, create_many, update_many, delete_many]
  search: [name, email]
  include: [team, team__members]
  related: [team__name, team__budget]
""",
}
KINDS = {
    "Team": {"id": "int", "name": "str", "lead_id": "int", "budget": "int"},
    "Member": {
        "id": "int",
        "name": "str",
        "email": "str",
        "salary": "decimal",
        "grade": "enum",
        "owner_id": "int",
        "pin": "str",
        "team_id": "int",
    },
}
FIELDS = {"Team": ("budget",), "Member": ("email", "salary", "grade")}
"""The fields that rules hide. No two entities have one of the same name."""
DEFAULTS: Mapping[str, Any] = {"email": "e3", "salary": "2.75", "grade": "junior"}
"""What new rows and replaced ones have if a request omits a field, unless it is null."""
WRITTEN = {"Team": ("budget",), "Member": ("email", "salary", "grade", "pin")}
Caller = tuple[list[str], dict[str, Any]] | None
CALLERS: Mapping[str, Caller] = {
    "nobody": None,
    "one": ([], {"sub": "1"}),
    "two": ([], {"sub": "2"}),
    "hr": (["hr"], {"sub": "3"}),
}
ADMIN: Caller = (["admin"], {"sub": "9"})
Row = dict[str, Any]
Data = Mapping[str, Mapping[int, Row]]
OfEntity = Mapping[str, Any]
OWN: Mapping[str, OfEntity] = {
    "Team": {
        "read": ["anyone"],
        "create": ["user"],
        "update": ["user"],
        "fields": {
            "budget": {"read": ["user if lead_id = me", "hr", "admin"], "write": ["hr", "admin"]}
        },
    },
    "Member": {
        "read": ["anyone if name != 'd'", "user if owner_id = me", "admin"],
        "create": ["user"],
        "update": ["user if owner_id = me or name = 'b'", "hr", "admin"],
        "delete": ["admin"],
        "fields": {
            "email": {"read": ["user if owner_id = me", "user if team.lead_id = me", "admin"]},
            "salary": {"read": ["user if owner_id = me", "hr", "admin"], "write": ["hr"]},
            "grade": {
                "read": ["hr", "admin"],
                "write": ["user if salary < 3.00", "hr if name != 'a'"],
            },
            "pin": {"write": ["hr", "user if owner_id = me"]},
        },
    },
}
_IDS = [None, 1, 2, 3]
_CONDITIONS = {
    "Team": ("lead_id = me", "name != 'a'", "budget > 1", "not (lead_id = me)", "lead_id is null"),
    "Member": (
        "owner_id = me",
        "not (owner_id = me)",
        "team.lead_id = me",
        "team.budget > 1",
        "salary < 3.00",
        "salary is null",
        "grade = senior",
        "email != 'e1'",
        "name in ('a', 'b')",
    ),
}


def rows(seed: int) -> Data:
    """Return random rows of all tables."""
    random = Random(seed)  # noqa: S311 -- tests need no secrets
    pick = random.choice
    teams = {
        key: {"id": key, "name": pick("ab"), "lead_id": pick(_IDS), "budget": pick([None, 1, 2])}
        for key in range(1, 5)
    }
    members = {
        key: {
            "id": key,
            "name": pick("abcd"),
            "email": pick([None, "e1", "e2"]),
            "salary": pick([None, "1.50", "2.50", "4.00"]),
            "grade": pick([None, "junior", "senior"]),
            "owner_id": pick(_IDS),
            "pin": pick([None, "1", "2"]),
            "team_id": pick([None, *teams, *teams]),
        }
        for key in range(1, 10)
    }
    return {"Team": teams, "Member": members}


def random_rules(seed: int) -> Mapping[str, OfEntity]:
    """Return rules in which each field is hidden from some callers."""
    random = Random(seed)  # noqa: S311 -- tests need no secrets
    return {
        "Team": {
            "read": ["anyone"],
            "create": ["user"],
            "update": ["user"],
            "fields": {"budget": _of_field(random, "Team", "budget")},
        },
        "Member": {
            "read": random.choice([["anyone"], ["anyone if name != 'd'", "admin"]]),
            "create": ["user", "admin"],
            "update": [random.choice(["user", "user if grade = junior or owner_id = me"]), "admin"],
            "delete": ["admin"],
            "fields": {name: _of_field(random, "Member", name) for name in WRITTEN["Member"]},
        },
    }


def _of_field(random: Random, entity: str, name: str) -> Mapping[str, Sequence[str]]:
    def some() -> list[str]:
        found = ["admin"]
        for _ in range(random.randint(0, 2)):
            who = random.choice(["user", "hr"])
            condition = random.choice(["", *_CONDITIONS[entity]])
            found.append(f"{who} if {condition}" if condition else who)
        return [*dict.fromkeys(found)]

    if name == "pin":
        return {"write": some()}
    return random.choice([{"read": some()}, {"read": some(), "write": some()}, {"write": some()}])


def texts(rules: Mapping[str, OfEntity]) -> dict[str, str]:
    """Return the text of each entity with its rules."""
    plain = yaml.safe_load(yaml.safe_dump({"rules": _lists(rules)}))["rules"]
    return {
        f"{name.lower()}.yaml": ENTITIES[name] + yaml.safe_dump({"access": plain[name]}, width=999)
        for name in ENTITIES
    }


def _lists(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _lists(one) for key, one in value.items()}
    return [*value]


def _texts(rules: Any) -> Iterator[str]:
    if isinstance(rules, str):
        yield rules
    else:
        for one in rules.values() if isinstance(rules, Mapping) else rules:
            yield from _texts(one)


class Rules:
    """What the rules of all entities say about rows and fields."""

    def __init__(self, rules: Mapping[str, OfEntity]) -> None:
        self._rules = rules

    def _conditions(self, rules: Sequence[str], caller: Caller) -> list[str]:
        allowed = {"anyone"} if caller is None else {"anyone", "user", *caller[0]}
        pairs = (rule.partition(" if ")[::2] for rule in rules)
        return [condition for who, condition in pairs if who in allowed]

    def may(self, entity: str, action: str, caller: Caller) -> bool:
        return bool(self._conditions(self._rules[entity][action], caller))

    def allow(self, entity: str, action: str, caller: Caller, data: Data, *states: Row) -> bool:
        return self._allow(entity, self._rules[entity][action], caller, data, states)

    def limits(self, entity: str, name: str, verb: str) -> bool:
        """Return whether there is a rule about a field."""
        return verb in self._rules[entity]["fields"].get(name, {})

    def may_field(self, entity: str, name: str, verb: str, caller: Caller) -> bool:
        """Return whether a caller may read or write a field of some rows at all."""
        rules = self._rules[entity]["fields"].get(name, {}).get(verb)
        return rules is None or bool(self._conditions(rules, caller))

    def is_free(self, entity: str, name: str, caller: Caller) -> bool:
        """Return whether a caller may set a field in all rows."""
        return "" in self._conditions(self._rules[entity]["fields"][name]["write"], caller)

    def depend_on(self, name: str) -> bool:
        """Return whether the condition of a rule is about a field."""
        conditions = (rule.partition(" if ")[2] for rule in _texts(self._rules))
        return any(re.search(rf"\b{name}\b", one) for one in conditions)

    def allow_field(
        self, entity: str, name: str, verb: str, caller: Caller, data: Data, *states: Row
    ) -> bool:
        rules = self._rules[entity]["fields"].get(name, {}).get(verb)
        return rules is None or self._allow(entity, rules, caller, data, states)

    def hidden(self, caller: Caller) -> set[str]:
        """Return the fields that no row shows to a caller."""
        pairs = [(entity, name) for entity, names in FIELDS.items() for name in names]
        return {name for entity, name in pairs if not self.may_field(entity, name, "read", caller)}

    def seen(self, entity: str, caller: Caller, data: Data, row: Row) -> Row:
        """Return a row with null for the values that it does not show."""
        return {
            name: value if self.allow_field(entity, name, "read", caller, data, row) else None
            for name, value in row.items()
        }

    def view(self, caller: Caller, data: Data) -> Data:
        """Return the rows that a caller can read, with the values that they see."""
        return {
            entity: {
                key: self.seen(entity, caller, data, row)
                for key, row in found.items()
                if self.allow(entity, "read", caller, data, row)
            }
            for entity, found in data.items()
        }

    def _allow(
        self, entity: str, rules: Sequence[str], caller: Caller, data: Data, states: Sequence[Row]
    ) -> bool:
        return any(
            all(not one or self._holds(entity, one, caller, data, state) for state in states)
            for one in self._conditions(rules, caller)
        )

    def _holds(self, entity: str, text: str, caller: Caller, data: Data, row: Row) -> bool:
        me = None if caller is None else int(caller[1]["sub"])
        kinds, values = {**KINDS[entity], "me_id": "int"}, {**row, "me_id": me}

        def value(found: re.Match[str]) -> str:
            name = found[1]
            team = data["Team"].get(row["team_id"], {})
            values[f"team__{name}"] = team.get(name)
            kinds[f"team__{name}"] = KINDS["Team"][name]
            return f"team__{name}"

        text = re.sub(r"\bme\b(\.id)?", "me_id", text)
        text = re.sub(r"\bteam\.([a-z_]+)", value, text)
        return allows(text, values, kinds)
