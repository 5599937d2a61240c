"""An application whose functions in hooks.py stop at a place, and its stored rows."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import httpx
from sqlalchemy import text

from crudgen.codegen import render
from crudgen.delivery.memory import import_tree
from crudgen.language import load_texts
from tests.access.mutants import mutated
from tests.startup.started import Application
from tests.support.asgi import AsgiClient

ENTITIES = {
    "hero.yaml": """\
name: Hero
fields:
  name: str(1..40) unique
  age: int(0..99)?
  token: str? write_only
  team_id: -> Team?
hooks: [create, update, delete]
api:
  operations: [create, list, read, update, replace, delete, create_many, update_many, delete_many]
  idempotency: true
""",
    "team.yaml": "name: Team\nfields: {name: str(1..40) unique, size: int = 0}\n",
    "seat.yaml": """\
name: Seat
fields: {code: str(1..9) pk, note: str = none, made_by: str = nobody immutable}
hooks: [create, update]
api: {operations: [create, read, update, replace], created: 201, etag: required}
""",
    "log.yaml": "name: Log\nfields: {text: str}\napi: {operations: [list]}\n",
}
HERO = '''\
"""What happens with heroes."""

import time
import threading

from fastapi import HTTPException
from sqlmodel import select

from ..kit.hooks import Refused, Transaction
from ..logs.models import Log
from ..teams.models import Team, TeamCreate, TeamUpdate
from .models import Hero, HeroCreate, HeroUpdate

stops: dict[str, object] = {}
passed: list[str] = []
threads: set[str] = set()


def at(place: str) -> None:
    """Stop at a place, with the error that a test has chosen."""
    passed.append(place)
    threads.add(threading.current_thread().name)
    what = stops.get(place)
    if callable(what):
        what()
    if isinstance(what, BaseException):
        raise what
    if isinstance(what, float):
        time.sleep(what)


def create(tx: Transaction, hero: HeroCreate) -> Hero:
    """Create a hero, a team, and rows of a log."""
    at("create 0")
    if hero.age == 13:
        raise Refused("age", "Unlucky")
    if hero.age == 14:
        raise HTTPException(418, "A teapot", headers={"x-teapot": "yes"})
    if hero.age == 15:
        tx.session.connection().exec_driver_sql("ROLLBACK")
    tx.session.add(Log(text=f"before {hero.name}"))
    at("create 1")
    team = tx.create(Team, TeamCreate(name=f"Team of {hero.name}"))
    at("create 2")
    tx.update(team, TeamUpdate(size=1))
    at("create 3")
    tx.session.commit()
    at("create 4")
    assert hero.team_id is None
    hero.team_id = team.id
    hero.name = hero.name.title()
    made = tx.create(Hero, hero)
    at("create 5")
    assert made.id is not None and made.team_id == team.id
    assert tx.session.exec(select(Hero).where(Hero.name == hero.name)).one() is made
    tx.session.add(Log(text=f"after {hero.name}"))
    at("create 6")
    tx.session.flush()
    at("create 7")
    return made


def update(tx: Transaction, hero: Hero, changes: HeroUpdate) -> Hero:
    """Update a hero, and their team."""
    at("update 0")
    before = hero.name
    if changes.age == 13:
        raise Refused("age", "Unlucky")
    team = tx.session.get(Team, hero.team_id)
    at("update 1")
    if team is not None:
        team.size += 1
    at("update 2")
    tx.session.flush()
    at("update 3")
    changed = tx.update(hero, changes)
    at("update 4")
    assert changed is hero
    tx.session.add(Log(text=f"{before} is {hero.name}, {hero.age}"))
    at("update 5")
    tx.create(Team, TeamCreate(name=f"fans of {hero.name} {hero.age}"))
    at("update 6")
    return changed


def delete(tx: Transaction, hero: Hero) -> None:
    """Delete a hero, and their team."""
    at("delete 0")
    team = tx.session.get(Team, hero.team_id)
    at("delete 1")
    tx.session.add(Log(text=f"{hero.name} is gone"))
    at("delete 2")
    tx.delete(hero)
    at("delete 3")
    tx.session.flush()
    if team is not None:
        tx.delete(team)
    at("delete 4")
'''
SEAT = '''\
"""What happens with seats."""

from ..kit.hooks import Transaction
from .models import Seat, SeatCreate, SeatUpdate


def create(tx: Transaction, seat: SeatCreate) -> Seat:
    """Create a seat."""
    seat.note = f"new {seat.note}"
    return tx.create(Seat, seat)


def update(tx: Transaction, seat: Seat, changes: SeatUpdate) -> Seat:
    """Update a seat."""
    changes.note = f"changed {changes.note}"
    return tx.update(seat, changes)
'''


class City:
    """The application on one database."""

    def __init__(self, application: Application, app: Any, engine: Any, hooks: str) -> None:
        self.client = AsgiClient(app)
        self.app = app
        self.application = application
        self.engine = engine
        self.hooks = application.module(hooks)
        self.settings: Any = None

    async def ask(self, method: str, path: str, json: Any = None, **headers: str) -> httpx.Response:
        """Return a response; 500 if the application raises."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        try:
            return await self.client.request(method, path, json=json, headers=sent)
        except Exception:  # noqa: BLE001 - the server would have logged it
            return httpx.Response(500)

    def stored(self) -> Mapping[str, list[Any]]:
        """Return the rows of all tables."""
        tables = {
            "hero": "SELECT id, name, age, token, team_id FROM hero ORDER BY id",
            "team": "SELECT id, name, size FROM team ORDER BY id",
            "seat": "SELECT code, note, made_by FROM seat ORDER BY code",
            "log": "SELECT id, text FROM log ORDER BY id",
        }
        with self.engine.connect() as connection:
            return {
                name: [*map(tuple, connection.execute(text(sql)))] for name, sql in tables.items()
            }


def package_of(
    entities: Mapping[str, str] = ENTITIES,
    app: str | None = None,
    *,
    mutation: Sequence[str] = (),
    **texts: str,
) -> Any:
    """Import the application with the owner's files, each by the name of its folder.

    A mutation replaces a text in a file of the application.
    """
    tree = {**mutated(render(load_texts(dict(entities), app)), mutation)}
    for folder, source in (texts or {"heroes": HERO, "seats": SEAT}).items():
        assert f"app/{folder}/hooks.py" in tree
        tree[f"app/{folder}/hooks.py"] = source
    return import_tree(tree)


@asynccontextmanager
async def running(
    package: Any, database: str, *, hooks: str = "heroes.hooks", **settings: Any
) -> AsyncIterator[City]:
    """Run the application on a database; tests change and read the module `hooks`."""
    application = Application(package)
    made = application.module("settings").Settings(database_url=database, **settings)
    app = application.module("main").create_app(made)
    async with app.router.lifespan_context(app):
        engine = application.engine(database)
        city = City(application, app, engine, hooks)
        city.settings = made
        city.hooks.stops.clear()
        yield city
        engine.dispose()


def in_city(package: Any, database: str, test: Callable[[City], Any], **settings: Any) -> None:
    """Run a test with the application on a database."""

    async def run() -> None:
        async with running(package, database, **settings) as city:
            await test(city)

    asyncio.run(run())
