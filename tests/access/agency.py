"""A spec with every kind of request that rules are about, its rows, and rules for it."""

from collections.abc import Iterable, Mapping, Sequence
from random import Random
from typing import Any

import yaml
from sqlalchemy import Engine, MetaData, text

ROLES = ("editor", "hr")
APP = "auth: {roles: [editor, hr], me: {id: int = sub}}\n"
ENTITIES = {
    "Team": """\
name: Team
fields: {name: str(1..40)}
api:
  operations: [create, list, read, update, replace, delete]
  include: [heroes, heroes__powers]
  related: [heroes__any__name, heroes]
  nested: [heroes]
""",
    "Hero": """\
name: Hero
fields: {name: str(1..40), age: int?, team_id: -> Team?}
links: {powers: Power, badges: {to: Badge, via: Award}}
api:
  operations:
    [create, list, read, update, replace, delete, create_many, update_many, delete_many]
  include: [team, powers, missions, badges, team__heroes]
  related: [team__name, powers__any__name, missions__any__goal, badges__any__name]
  embed: [team]
  counts: [missions]
  write: {powers: keys, missions: create}
""",
    "Power": """\
name: Power
fields: {code: str(1..20) pk, name: str(1..40)}
api:
  operations: [create, list, read, update, replace, delete, create_many]
  include: [heroes]
  related: [heroes__any__name]
""",
    "Badge": "name: Badge\nfields: {name: str(1..40)}\napi: {nested: [heroes]}\n",
    "Award": """\
name: Award
fields: {hero_id: -> Hero cascade, badge_id: -> Badge cascade}
unique: [[hero_id, badge_id]]
api: {operations: [create, list, read, delete, create_many], include: [hero, badge]}
""",
    "Mission": """\
name: Mission
fields: {goal: str(1..40), hero_id: -> Hero cascade, backup_id: -> Hero? set_null inverse(backups)}
api: {idempotency: true, include: [hero, hero__team], related: [hero__name, hero__team__name]}
""",
}
SHOWN = {"Hero": ["Team", "Mission", "Power"]}
"""The entities whose rows an entity is always shown with."""
ACTIONS = ("read", "create", "update", "delete")
LEVELS: Sequence[list[str]] = ([], ["hr"], ["editor", "hr"], ["user"], ["anyone"])
"""Who may do something, from nobody to anyone; each includes those before."""
ROWS: dict[str, list[dict[str, Any]]] = {
    "team": [{"id": 1, "name": "Reds"}, {"id": 2, "name": "Blues"}],
    "power": [{"code": "fly", "name": "Flight"}, {"code": "see", "name": "Sight"}],
    "badge": [{"id": 1, "name": "Gold"}],
    "hero": [
        {"id": 1, "name": "Ann", "age": 30, "team_id": 1},
        {"id": 2, "name": "Bob", "age": None, "team_id": None},
    ],
    "award": [{"id": 1, "hero_id": 1, "badge_id": 1}],
    "mission": [{"id": 1, "goal": "Rescue", "hero_id": 1, "backup_id": None}],
    "hero_power_link": [{"hero_id": 1, "power_code": "fly"}],
}


def with_rules(rules: Mapping[str, str]) -> dict[str, str]:
    """Return the text of each entity, with its rules in YAML."""
    return {
        f"{name.lower()}.yaml": f"{entity}access: {rules[name]}\n"
        for name, entity in ENTITIES.items()
    }


def random_rules(seed: int) -> dict[str, str]:
    """Return rules in all forms that a spec can have."""
    random = Random(seed)  # noqa: S311 -- tests need no secrets
    levels = {name: random.randrange(len(LEVELS)) for name in ENTITIES}
    for name, shown in SHOWN.items():
        for other in shown:
            levels[other] = max(levels[other], levels[name])
    return {name: _rules(random, level) for name, level in levels.items()}


def _rules(random: Random, read: int) -> str:
    if random.random() < 0.15:
        return _who(LEVELS[read])
    below = [random.randint(0, read) for _ in range(2)]
    create = random.randrange(len(LEVELS))
    if random.random() < 0.2 and create <= read:
        return f"{{read: {_who(LEVELS[read])}, write: {_who(LEVELS[create])}}}"
    parts = zip(ACTIONS, (read, create, *below), strict=True)
    kept = [
        f"{action}: {_who(LEVELS[one])}" for action, one in parts if one or random.random() < 0.5
    ]
    return f"{{{', '.join(kept)}}}" if kept else "nobody"


def _who(words: Sequence[str]) -> str:
    if len(words) == 1:
        return words[0]
    return f"[{', '.join(words)}]" if words else "nobody"


class Rules:
    """What the text of a spec allows, in plain Python."""

    def __init__(self, texts: Iterable[str]) -> None:
        self._who: dict[str, dict[str, list[str]]] = {}
        for one in texts:
            name = one.removeprefix("name: ").partition("\n")[0]
            self._who[name] = self._read(yaml.safe_load(one.partition("\naccess: ")[2]))

    def _read(self, written: Any) -> dict[str, list[str]]:
        if not isinstance(written, dict):
            written = dict.fromkeys(ACTIONS, written)
        if "write" in written:
            written = {
                "read": written.get("read", []),
                **dict.fromkeys(ACTIONS[1:], written["write"]),
            }
        lists = {one: written.get(one, []) for one in ACTIONS}
        return {one: who if isinstance(who, list) else [who] for one, who in lists.items()}

    def allow(self, entity: str, action: str, roles: Sequence[str] | None) -> bool:
        """Return whether a caller may do something; `roles` is None without credentials."""
        if action in {"update", "delete"} and not self.allow(entity, "read", roles):
            return False
        who = self._who[entity][action]
        if "anyone" in who:
            return True
        return roles is not None and ("user" in who or any(role in who for role in roles))


class Rows:
    """The rows of the database."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._metadata = MetaData()

    def reset(self, others: Mapping[str, Sequence[dict[str, Any]]] = {}) -> dict[str, list[str]]:
        """Replace all rows by ROWS, or `others`, and return what the tables have then."""
        if not self._metadata.tables:
            self._metadata.reflect(self._engine)
        tables = self._metadata.tables
        with self._engine.begin() as connection:
            for table in reversed(self._metadata.sorted_tables):
                if table.name != "_secret":
                    connection.execute(table.delete())
            for name, rows in {**ROWS, **others}.items():
                connection.execute(tables[name].insert(), [*rows])
            if self._engine.dialect.name == "sqlite":
                connection.execute(text("UPDATE sqlite_sequence SET seq = 1000"))
            else:
                for name in ("team", "badge", "hero", "award", "mission"):
                    connection.execute(
                        text(f"SELECT setval(pg_get_serial_sequence('{name}', 'id'), 1000)")
                    )
        return self.all()

    def all(self) -> dict[str, list[str]]:
        """Return all rows of all tables."""
        with self._engine.connect() as connection:
            found: dict[str, list[str]] = {}
            for name, table in self._metadata.tables.items():
                if name not in {"_secret", "_answer"}:
                    found[name] = sorted(map(repr, connection.execute(table.select()).all()))
            return found
