"""Random specs, with the rows of their tables.

A hero has random fields, references to a team, to another hero and to a guild, and links. A pet
refers to a hero, and an entity of a `via` link to a hero and a power.
"""

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any
from uuid import UUID

from tests.evolution.changed import entity
from tests.evolution.row_model import Kind, LiveTable, ModelColumn, ModelTable, Row

Random = random.Random
HEROES = 12
NAMES = ["alpha", "beta", "gamma", "delta", "epsilon", "zeta"]
TEXT_FORMS: list[Callable[[int], str]] = [
    lambda n: f"v{n}",
    str,
    lambda n: f"{n}.25",
    lambda n: f"2024-02-{n + 1:02}",
    lambda n: f'{{"n": {n}}}',
    lambda n: f"12:{n:02}:00",
    lambda n: ("true", "false")[n % 2],
    lambda n: ("red", "green")[n % 2],
    lambda n: f"2024-02-{n + 1:02}T00:00:00Z",
    lambda n: str(UUID(int=n)),
    lambda n: str(n) if n % 3 else f"v{n}",
]
SHORT = 8
"""The number of forms with at most 12 characters."""
VALUES: dict[str, list[Callable[[int], Any]]] = {
    "int": [lambda n: n * 3 - 5, lambda n: n % 2, lambda n: n * 10**6],
    "int(-10..50)": [lambda n: n],
    "int(0..9)": [lambda n: n % 10],
    "str": TEXT_FORMS,
    "str(1..12)": TEXT_FORMS[:SHORT],
    "text": TEXT_FORMS,
    "float": [lambda n: n / 2, float, lambda n: n / 3],
    "decimal(10,2)": [lambda n: Decimal(n) / 4, lambda n: Decimal(n * 1000), Decimal],
    "decimal(12,4)": [lambda n: Decimal(n) / 16, Decimal],
    "decimal(5,1)": [lambda n: Decimal(n) / 2, Decimal],
    "bool": [lambda n: n % 2 == 0],
    "date": [lambda n: date(2024, 2, 1 + n)],
    "time": [lambda n: time(12, n), lambda n: time(12, n, 5, 250_000)],
    "datetime": [
        lambda n: datetime(2024, 2, 1 + n, n % 3, tzinfo=UTC),
        lambda n: datetime(2024, 2, 1 + n, tzinfo=UTC),
        lambda n: datetime(2024, 2, 1 + n, 1, 2, 3, 450_000, tzinfo=UTC),
    ],
    "uuid": [lambda n: UUID(int=n)],
    "json": [lambda n: {"n": [n, None]}, lambda n: n, lambda n: f"it's {n}"],
    "bytes": [lambda n: bytes([n, 0, 255])],
    "email": [lambda n: f"a{n}@example.org"],
    "url": [lambda n: f"https://example.org/{n}"],
    "enum(red, green)": [lambda n: ("red", "green")[n % 2], lambda _: "red"],
    "enum(red, green, blue)": [lambda n: ("red", "green", "blue")[n % 3], lambda _: "green"],
    "enum(v1, v2)": [lambda n: ("v1", "v2")[n % 2]],
}
"""Values of each type, by the number of the row."""
FILLS: dict[str, tuple[str, Any]] = {
    "int": ("7", 7),
    "str": ("it's 5%", "it's 5%"),
    "text": ("x", "x"),
    "float": ("1.5", 1.5),
    "decimal": ("1.5", Decimal("1.5")),
    "bool": ("true", True),
    "date": ("2024-01-31", date(2024, 1, 31)),
    "time": ("12:30:00", time(12, 30)),
    "datetime": ("2024-01-31T12:30:00Z", datetime(2024, 1, 31, 12, 30, tzinfo=UTC)),
    "uuid": ("00000000-0000-0000-0000-000000000007", UUID(int=7)),
    "json": ('{"a": 1.5}', {"a": 1.5}),
    "bytes": ("aGk=", b"hi"),
    "email": ("a@example.org", "a@example.org"),
    "url": ("https://example.org/", "https://example.org/"),
}
TEAM_KEYS = ["int pk", "str(1..20) pk", "int pk read_only"]


@dataclass
class Field:
    """A field of a random spec."""

    kind: str
    optional: bool = False
    extra: str = ""
    """`index`, `unique`, or the option of a reference on deletion."""
    default: bool = False
    column: str = ""
    was: tuple[str, ...] = ()
    words: dict[str, str] = field(default_factory=dict)

    @property
    def is_reference(self) -> bool:
        return self.kind.startswith("->")

    @property
    def fill(self) -> tuple[str, Any]:
        """Return a value, also as text."""
        if self.is_reference:
            return "1", 1
        kind = Kind.of(self.kind)
        if kind.base == "enum":
            return kind.arguments[0], kind.arguments[0]
        return FILLS[kind.base]

    def written(self, world: "World") -> str:
        """Return the field in the short form; the long form if words are renamed."""
        kind = self.kind.replace("team", world.team).replace("hero", world.hero)
        options = [f"was({', '.join(self.was)})"] if self.was else []
        options += [f"column({self.column})"] if self.column else []
        if not self.words:
            text = self.fill[0] if self.default else ""
            default = [f"= '{text.replace(chr(39), chr(39) * 2)}'"] if "'" in text else []
            default = default or ([f"= {text}"] if text else [])
            mark = "?" if self.optional else ""
            return " ".join([f"{kind}{mark}", *default, *filter(None, [self.extra]), *options])
        keys = ["type: enum", f"values: [{', '.join(Kind.of(self.kind).arguments)}]"]
        keys += [f"renamed: {{{', '.join(f'{old}: {new}' for old, new in self.words.items())}}}"]
        keys += ["optional: true"] if self.optional else []
        keys += [f"{self.extra}: true"] if self.extra else []
        keys += [f"default: {self.fill[0]}"] if self.default else []
        keys += [f"was: [{', '.join(self.was)}]"] if self.was else []
        keys += [f"column: {self.column}"] if self.column else []
        return f"{{{', '.join(keys)}}}"

    def value(self, number: int, form: int, teams: Sequence[Any]) -> Any:
        """Return the value of the field in a row."""
        if self.optional and number % 4 == 0:
            return None
        if self.kind == "-> team":
            return teams[number % len(teams)]
        if self.is_reference:
            return number // 2 or None
        forms = VALUES[self.kind]
        return forms[form % len(forms)](number)


@dataclass
class Link:
    """A link of heroes."""

    to: str
    was: tuple[str, ...] = ()


@dataclass
class World:
    """A random spec."""

    fields: dict[str, Field]
    hero: str = "Hero"
    hero_was: tuple[str, ...] = ()
    team: str = "Team"
    team_was: tuple[str, ...] = ()
    team_key: str = "int pk"
    links: dict[str, Link] = field(default_factory=dict)
    via: str = ""
    """The former table of the entity that a link names by `via`; or "new", or none."""
    pet: str = "cascade"
    """What happens to pets when a hero is deleted; or none."""
    groups: list[tuple[str, tuple[str, ...]]] = field(default_factory=list)
    """`unique` or `index`, and several fields."""

    @property
    def table(self) -> str:
        return self.hero.lower()

    @property
    def key_kind(self) -> str:
        return self.team_key.split()[0]

    def texts(self) -> list[str]:
        """Return the entities."""
        more = [f"was: [{', '.join(self.hero_was)}]"] if self.hero_was else []
        for what in ("unique", "index"):
            groups = [f"[{', '.join(names)}]" for kind, names in self.groups if kind == what]
            more += [f"{what}: [{', '.join(groups)}]"] if groups else []
        links = [self._link(name, one) for name, one in self.links.items()]
        links += ["crafts: {to: Power, via: Mastery, inverse: crafters}"] if self.via else []
        more += ["links:", *(f"  {link}" for link in links)] if links else []
        team_was = [f"was: [{', '.join(self.team_was)}]"] if self.team_was else []
        texts = [
            entity(
                self.hero, {name: one.written(self) for name, one in self.fields.items()}, *more
            ),
            entity(self.team, {"id": self.team_key, "name": "str"}, *team_was),
            entity("Power", {"name": "str"}),
        ]
        if self.pet:
            texts.append(entity("Pet", {"owner_id": self._owner().written(self)}))
        if any(one.kind == "-> Guild" for one in self.fields.values()):
            texts.append(entity("Guild", {"name": "str"}))
        if self.via:
            master = {"hero_id": f"-> {self.hero} cascade relation(hero)", "level": "int = 1"}
            former = [f"was: {self.via}"] if self.via != "new" else []
            both = ["unique: [[hero_id, power_id]]", *former]
            texts.append(entity("Mastery", master | {"power_id": "-> Power cascade"}, *both))
        return texts

    def _owner(self) -> Field:
        return Field("-> hero", extra=self.pet if self.pet != "restrict" else "")

    def _link(self, name: str, link: Link) -> str:
        target = {"team": self.team, "hero": self.hero}.get(link.to, link.to)
        was = f", was: [{', '.join(link.was)}]" if link.was else ""
        return f"{name}: {{to: {target}, inverse: {name}_back{was}}}"

    def column(self, name: str) -> str:
        return self.fields[name].column or name

    def tables(self, fills: Sequence[str] = (), integers: Sequence[str] = ()) -> list[ModelTable]:
        """Return what the model of the rows needs to know."""
        key = ModelColumn(Kind("int"))
        team_key = ModelColumn(Kind.of(self.key_kind))
        heroes = {
            self.column(name): self._model(name, name in fills, is_integer=name in integers)
            for name in self.fields
        }
        uniques: list[tuple[str, ...]] = [
            (self.column(name),) for name, one in self.fields.items() if one.extra == "unique"
        ]
        uniques += [
            tuple(map(self.column, names)) for kind, names in self.groups if kind == "unique"
        ]
        text = ModelColumn(Kind("str"))
        tables = [
            ModelTable(
                self.table,
                {"id": key, **heroes},
                was=[name.lower() for name in self.hero_was],
                uniques=uniques,
            ),
            ModelTable(
                self.team.lower(),
                {"id": team_key, "name": text},
                was=[name.lower() for name in self.team_was],
            ),
            ModelTable("power", {"id": key, "name": text}),
        ]
        hero_id = replace(key, target=self.table)
        if self.pet:
            optional = self._owner().extra == "set_null"
            owner = replace(hero_id, is_optional=optional)
            tables.append(ModelTable("pet", {"id": key, "owner_id": owner}))
        if any(one.kind == "-> Guild" for one in self.fields.values()):
            tables.append(ModelTable("guild", {"id": key, "name": text}))
        if self.via:
            level = ModelColumn(Kind("int"), fill=1)
            columns = {"id": key, "hero_id": hero_id, "level": level}
            columns["power_id"] = replace(key, target="power")
            was = [self.via] if self.via != "new" else []
            both = [("hero_id", "power_id")]
            tables.append(ModelTable("mastery", columns, was=was, uniques=both))
        return tables + [self._link_table(name, one) for name, one in self.links.items()]

    def _model(self, name: str, is_filled: bool, *, is_integer: bool) -> ModelColumn:
        one = self.fields[name]
        kind, target = one.kind, None
        if one.is_reference:
            role = one.kind.removeprefix("-> ")
            target = {"team": self.team, "hero": self.hero}.get(role, role).lower()
            kind = self.key_kind if role == "team" else "int"
        fill = one.fill[1] if is_filled or one.default else None
        if kind.startswith("str(1..20)") and fill is not None:
            fill = str(fill)
        return ModelColumn(
            Kind.of(kind), one.optional, one.was, fill, is_filled, one.words, target, is_integer
        )

    def _link_table(self, name: str, link: Link) -> ModelTable:
        table, near, far = link_names(self.table, name)
        roles = [self.table, *(former.lower() for former in self.hero_was)]
        links = [name, *link.was]
        former = [link_names(role, one) for role in roles for one in links]
        target = {"team": self.team, "hero": self.hero}.get(link.to, link.to).lower()
        kind = self.key_kind if link.to == "team" else "int"
        columns = {
            near: ModelColumn(
                Kind("int"), was=[one for _, one, _ in former if one != near], target=self.table
            ),
            far: ModelColumn(
                Kind.of(kind), was=[one for _, _, one in former if one != far], target=target
            ),
        }
        return ModelTable(
            table, columns, (near, far), [one for one, _, _ in former if one != table]
        )


def link_names(table: str, name: str) -> tuple[str, str, str]:
    """Return the table and the columns of a link."""
    word = name.removesuffix("s")
    return f"{table}_{word}_link", f"{table}_id", f"{word}_id"


# Specs


def random_world(rng: Random) -> World:
    names = rng.sample(NAMES, rng.randint(2, 4))
    world = World({name: random_field(rng) for name in names})
    world.team_key = rng.choice(TEAM_KEYS)
    if rng.random() < 0.6:
        world.fields["team_id"] = random_reference(rng)
    if rng.random() < 0.3:
        world.fields["boss_id"] = Field(
            "-> hero", optional=True, extra=rng.choice(["", "set_null"])
        )
    for name, to in (("powers", "Power"), ("clubs", "team"), ("friends", "hero")):
        if rng.random() < 0.3:
            world.links[name] = Link(to)
    world.via = rng.choice(["", "new"])
    world.pet = rng.choice(["cascade", "restrict", ""])
    return world


def random_field(rng: Random) -> Field:
    kind = rng.choice(list(VALUES))
    extra = "" if kind in {"json", "bytes"} else rng.choice(["", "", "index", "unique"])
    default = kind not in {"json", "bytes"} and rng.random() < 0.25
    return Field(kind, optional=rng.random() < 0.5, extra=extra, default=default)


def random_reference(rng: Random) -> Field:
    one = Field("-> team", optional=rng.random() < 0.5)
    if rng.random() < 0.2:
        return replace(one, kind=rng.choice(["int", "str"]))
    one.extra = rng.choice(["", "cascade", "set_null" if one.optional else ""])
    return one


def random_rows(rng: Random, world: World) -> dict[str, LiveTable]:
    """Return the rows of a new database."""
    numbers = range(1, 4)
    prefix = rng.choice(["", "t"])
    teams = [number if world.key_kind == "int" else f"{prefix}{number}" for number in numbers]
    tables = {one.name: one for one in world.tables()}
    rows: dict[str, list[Row]] = {name: [] for name in tables}
    rows[world.team.lower()] = [{"id": one, "name": f"team {one}"} for one in teams]
    rows["power"] = [{"id": number, "name": f"power {number}"} for number in numbers]
    rows[world.table] = heroes = list(_heroes(rng, world, teams))
    if world.pet:
        rows["pet"] = [{"id": one["id"], "owner_id": one["id"]} for one in heroes]
    ids = [one["id"] for one in heroes]
    if world.via:
        rows["mastery"] = [
            {"id": number, "hero_id": one, "level": number, "power_id": 1}
            for number, one in enumerate(ids[:3], 1)
        ]
    for name, link in world.links.items():
        table, near, far = link_names(world.table, name)
        others = {"team": teams, "hero": ids}.get(link.to, list(numbers))
        rows[table] = [{near: one, far: others[one % len(others)]} for one in ids]
    return {name: LiveTable.of(one, rows[name]) for name, one in tables.items()}


def _heroes(rng: Random, world: World, teams: Sequence[Any]) -> Iterator[Row]:
    forms = {name: rng.randrange(60) for name in world.fields}
    unique = {name for name, one in world.fields.items() if one.extra == "unique"}
    seen: set[tuple[str, Any]] = set()
    for number in range(1, HEROES + 1):
        values = {name: one.value(number, forms[name], teams) for name, one in world.fields.items()}
        keys = {(name, values[name]) for name in unique if values[name] is not None}
        boss = values.get("boss_id")
        if keys.isdisjoint(seen) and (boss is None or ("id", boss) in seen):
            seen |= {*keys, ("id", number)}
            yield {"id": number, **values}
