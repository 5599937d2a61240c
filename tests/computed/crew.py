"""An application with computed properties of each type, and their values in plain Python."""

import asyncio
import importlib
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from types import ModuleType
from typing import Any
from uuid import UUID

import httpx
from sqlalchemy import delete, text

from crudgen.codegen import render
from crudgen.delivery.memory import import_tree, unload
from crudgen.language import load_texts
from tests.support.asgi import AsgiClient
from tests.support.list_query import Row
from tests.support.related_query import Relation, World

SHARED = "the secret of both"
ENTITIES = {
    "hero.yaml": """\
name: Hero
fields:
  first: str(0..9)
  last: str(0..9)? column(Surname)
  price: decimal(9,2)?
  n: int?
  joined: datetime
  on: date?
  key: uuid?
  team_id: -> Team? set_null
  boss_id: -> Hero? set_null inverse(minions)
  full_name: str computed json(fullName)
  nick: str? computed
  total: decimal(11,2)? computed
  twice: int? computed doc(Two times n.)
  seen: datetime computed
  day: date? computed
  token: uuid? computed
  has_boss: bool computed
  mood: enum(calm, wild) computed
  minion_count: int computed
api:
  operations: [create, list, read, update, replace, delete, create_many, update_many, delete_many]
  idempotency: true
  include: [team, boss, minions, boss__team, team__heroes]
  related:
    - team__shout
    - team__size
    - boss__full_name
    - boss__nick
    - boss__total
    - minions__any__mood
    - minions__any__twice
""",
    "team.yaml": """\
name: Team
fields:
  name: str(0..9)
  shout: str computed
  size: int computed
  half: float computed
api:
  include: [heroes]
  nested: [heroes]
  related: [heroes__any__full_name, heroes__any__total, heroes__any__has_boss]
links: {rivals: {to: Hero, inverse: rival_teams}}
""",
}
HERO = '''\
"""Computed properties of heroes."""

from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import SQLColumnExpression, case, func, literal, select
from sqlmodel import col

from .models import Hero


def full_name(hero: type[Hero]) -> SQLColumnExpression[str]:
    """Return the first and the last name."""
    return col(hero.first) + literal(" ") + func.coalesce(col(hero.last), "")


def nick(hero: type[Hero]) -> SQLColumnExpression[str | None]:
    """Return the last name in lower case; null if there is none."""
    return func.lower(col(hero.last))


def total(hero: type[Hero]) -> SQLColumnExpression[Decimal | None]:
    """Return three times the price."""
    return col(hero.price) * 3


def twice(hero: type[Hero]) -> SQLColumnExpression[int | None]:
    """Return two times n."""
    return col(hero.n) * 2


def seen(hero: type[Hero]) -> SQLColumnExpression[datetime]:
    """Return when the hero joined."""
    return col(hero.joined)


def day(hero: type[Hero]) -> SQLColumnExpression[date | None]:
    """Return the day."""
    return col(hero.on)


def token(hero: type[Hero]) -> SQLColumnExpression[UUID | None]:
    """Return the key of heroes with a boss."""
    return case((col(hero.boss_id).is_not(None), col(hero.key)))


def has_boss(hero: type[Hero]) -> SQLColumnExpression[bool]:
    """Return whether the hero has a boss."""
    return col(hero.boss_id).is_not(None)


def mood(hero: type[Hero]) -> SQLColumnExpression[str]:
    """Return whether n is one of some numbers."""
    return case((col(hero.n).in_([-3, -2, -1]), "wild"), else_="calm")


def minion_count(hero: type[Hero]) -> SQLColumnExpression[int]:
    """Return the number of rows whose boss is this one."""
    minion = Hero.__table__.alias("minion")
    return (
        select(func.count())
        .select_from(minion)
        .where(minion.c.boss_id == col(hero.id))
        .scalar_subquery()
    )
'''
TEAM = '''\
"""Computed properties of teams."""

from sqlalchemy import SQLColumnExpression, func, select
from sqlmodel import col

from ..heroes.models import Hero
from .models import Team


def shout(team: type[Team]) -> SQLColumnExpression[str]:
    """Return the name with an exclamation mark."""
    return col(team.name) + "!"


def size(team: type[Team]) -> SQLColumnExpression[int]:
    """Return the number of heroes."""
    return select(func.count(col(Hero.id))).where(col(Hero.team_id) == team.id).scalar_subquery()


def half(team: type[Team]) -> SQLColumnExpression[float]:
    """Return the half of the key."""
    return col(team.id) / 2.0
'''
RELATIONS = {
    "hero": {
        "team": Relation("team", "team_id", is_own=True),
        "boss": Relation("hero", "boss_id", is_own=True),
        "minions": Relation("hero", "boss_id", is_many=True),
    },
    "team": {"heroes": Relation("hero", "team_id", is_many=True)},
}
STORED = {
    "hero": ("id", "first", "last", "price", "n", "joined", "on", "key", "team_id", "boss_id"),
    "team": ("id", "name"),
}


def hero_row(hero: Row, heroes: list[Row]) -> Row:
    """Return a hero with what the functions compute."""
    price, n = hero["price"], hero["n"]
    return hero | {
        "fullName": f"{hero['first']} {hero['last'] or ''}",
        "nick": None if hero["last"] is None else lower(hero["last"]),
        "total": None if price is None else str(Decimal(price) * 3),
        "twice": None if n is None else n * 2,
        "seen": hero["joined"],
        "day": hero["on"],
        "token": hero["key"] if hero["boss_id"] else None,
        "has_boss": hero["boss_id"] is not None,
        "mood": "wild" if n is not None and -3 <= n < 0 else "calm",
        "minion_count": sum(one["boss_id"] == hero["id"] for one in heroes),
    }


def lower(value: str) -> str:
    return "".join(one.lower() if one.isascii() else one for one in value)


def world_of(heroes: list[Row], teams: list[Row]) -> World:
    """Return all rows, with what the functions compute."""
    shown = [
        team
        | {
            "shout": f"{team['name']}!",
            "size": sum(one["team_id"] == team["id"] for one in heroes),
            "half": team["id"] / 2,
        }
        for team in teams
    ]
    rows = {"hero": [hero_row(one, heroes) for one in heroes], "team": shown}
    return World(RELATIONS, rows, {}, comparable)


def comparable(name: str, value: Any) -> Any:
    """Make something of a value that Python compares as the API does."""
    if name in {"price", "total"}:
        return Decimal(value)
    if name in {"joined", "seen"}:
        return datetime.fromisoformat(value)
    if name in {"on", "day"}:
        return date.fromisoformat(value)
    return UUID(value) if name in {"key", "token"} else value


@dataclass
class Crew:
    """The application on one database, in this process."""

    package: ModuleType
    app: Any
    client: AsgiClient
    loop: asyncio.Runner

    def model(self, name: str) -> Any:
        folder = {"Hero": "heroes", "Team": "teams"}[name]
        module = importlib.import_module(f"{self.package.__name__}.{folder}.models")
        return getattr(module, name)

    def refill(self, world: World) -> None:
        """Replace all rows."""
        with self.app.state.database.session() as session:
            session.exec(text("UPDATE hero SET boss_id = NULL"))
            for name in ("Hero", "Team"):
                session.exec(delete(self.model(name)))
            for entity in ("team", "hero"):
                model = self.model(entity.capitalize())
                for row in world.rows[entity]:
                    stored = {name: row[name] for name in STORED[entity]}
                    session.add(model.model_validate(stored))
                    session.flush()
            session.commit()

    def ask(self, method: str, url: str, **options: Any) -> httpx.Response:
        """Return the response to a request."""
        return self.loop.run(self.client.request(method, url, **options))


def package_of(kit: str, **hooks: str) -> ModuleType:
    """Return the imported application with these functions, by the folder of their entity."""
    tree = dict(render(load_texts(ENTITIES, f"kit: {kit}\n")))
    tree |= {f"app/{folder}/hooks.py": text for folder, text in hooks.items()}
    return import_tree(tree)


@contextmanager
def crew(package: ModuleType, loop: asyncio.Runner, database: str) -> Iterator[Crew]:
    """Start the application on a database."""
    main = importlib.import_module(f"{package.__name__}.main")
    settings = importlib.import_module(f"{package.__name__}.settings").Settings(
        database_url=database, log_level="ERROR", secret_key=SHARED
    )
    app = main.create_app(settings)
    stack = AsyncExitStack()
    loop.run(stack.enter_async_context(app.router.lifespan_context(app)))
    try:
        yield Crew(package, app, AsgiClient(app), loop)
    finally:
        loop.run(stack.aclose())


@contextmanager
def crews(new_database: Callable[[str], str], kit: str) -> Iterator[list[Crew]]:
    """Start the application on both databases."""
    package = package_of(kit, heroes=HERO, teams=TEAM)
    with (
        asyncio.Runner() as loop,
        crew(package, loop, new_database("sqlite")) as first,
        crew(package, loop, new_database("postgresql")) as second,
    ):
        yield [first, second]
    unload(package)
