"""The place of an error is in the request, also if a function has changed what it got."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from crudgen.delivery.memory import unload
from tests.access.test_rules import SECRET, bearer
from tests.hooks.city import City, in_city, package_of

APP = "auth: {roles: [editor], me: {id: int = sub}}\n"
ENTITIES = {
    "hero.yaml": """\
name: Hero
fields:
  name: str(1..9)
  code: str(..9)? unique json(codeName)
  level: int? = 0
  rank: int = 0
  size: int(..9) = 0
hooks: [create, update]
check: [{rule: rank < 9 or level > 5, says: A rank above its level}]
api:
  operations: [create, list, read, update, replace, create_many, update_many]
  write: {steps: create}
access: {read: user, write: user, fields: {level: {write: editor}, code: {read: user}}}
""",
    "step.yaml": """\
name: Step
fields:
  text: str
  size: int(..99) = 0
  hero_id: -> Hero cascade
  team_id: -> Team?
hooks: [create]
api: {write: {parts: create}}
access:
  read: user
  create: user if size < 50
  fields: {hero_id: {write: "user if hero_id < 1000"}, size: {write: "user if size < 90"}}
""",
    "part.yaml": """\
name: Part
fields: {text: str unique, step_id: -> Step cascade}
hooks: [create]
access: {read: user, create: user}
""",
    "team.yaml": "name: Team\nfields: {name: str}\naccess: {read: editor, create: user}\n",
    "plan.yaml": """\
name: Plan
fields: {text: str}
hooks: [create]
api: {write: {points: create}}
access: {read: user, create: user}
""",
    "point.yaml": """\
name: Point
fields: {text: str(..9) unique, size: int = 0, plan_id: -> Plan cascade}
access: {read: user, create: user, fields: {size: {write: editor}}}
""",
}
HEROES = '''\
"""What happens with heroes."""

from collections.abc import Callable
from typing import Any

from ..caller import Caller
from ..kit.hooks import Transaction
from .models import Hero, HeroCreate, HeroUpdate

stops: dict[str, object] = {}
sets: dict[str, Any] = {}
does: list[Callable[..., None]] = []


def create(tx: Transaction[Caller], hero: HeroCreate) -> Hero:
    """Create a hero with what a test has chosen."""
    for name, value in sets.items():
        setattr(hero, name, value)
    for one in does:
        one(tx, hero)
    return tx.create(Hero, hero)


def update(tx: Transaction[Caller], hero: Hero, changes: HeroUpdate) -> Hero:
    """Update a hero with what a test has chosen."""
    for name, value in sets.items():
        setattr(changes, name, value)
    return tx.update(hero, changes)
'''
STEPS = '''\
"""What happens with steps."""

from fastapi import HTTPException

from ..caller import Caller
from ..kit.hooks import Refused, Transaction
from .bodies import StepCreateWithRelated
from .models import Step, StepCreate


def create(tx: Transaction[Caller], step: StepCreate) -> Step:
    """Create a step as its text says."""
    match step.text:
        case "moved":
            step.hero_id = 1000
        case "team":
            step.team_id = 1
        case "small":
            step.size = 49
        case "large":
            step.size = 95
        case "own":
            raise Refused("heroId", "The place is the owner's choice")
        case "list":
            raise HTTPException(400, ["a", "list"])
        case "caught":
            if isinstance(step, StepCreateWithRelated):
                step.parts.reverse()
            try:
                return tx.create(Step, step)
            except HTTPException:
                step = StepCreate(text="another", hero_id=step.hero_id)
        case _:
            pass
    return tx.create(Step, step)
'''
PARTS = '''\
"""What happens with parts."""

from ..caller import Caller
from ..kit.hooks import Transaction
from .models import Part, PartCreate


def create(tx: Transaction[Caller], part: PartCreate) -> Part:
    """Create a part."""
    if part.text == "renamed":
        part.text = "taken"
    return tx.create(Part, part)
'''
PLANS = '''\
"""What happens with plans."""

from ..caller import Caller
from ..kit.hooks import Transaction
from .bodies import PlanCreateWithRelated
from .models import Plan, PlanCreate


def create(tx: Transaction[Caller], plan: PlanCreate) -> Plan:
    """Create a plan, whose points come in the order of their sizes."""
    assert isinstance(plan, PlanCreateWithRelated)
    if plan.text == "sorted":
        plan.points.sort(key=lambda one: one.text)
    if plan.text == "size":
        plan.points[-1].size = 7
    if plan.text == "more":
        plan.points = [*plan.points, plan.points[0].model_copy()]
    if plan.text == "new":
        plan.points = PlanCreateWithRelated(text="x", points=[{"text": "b"}]).points
    return tx.create(Plan, plan)
'''
DENIED = "The property may not be set by this caller"
TWIN = "Another row has the same"


@pytest.fixture(scope="module")
def package() -> Iterator[Any]:
    sources = {"heroes": HEROES, "steps": STEPS, "parts": PARTS, "plans": PLANS}
    found = package_of(ENTITIES, APP, **sources)
    yield found
    unload(found)


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_places(package: Any, kind: str, new_database: Callable[[str], str]) -> None:
    async def test(city: City) -> None:
        ann = bearer([], sub="1")
        await _own_row(city, ann)
        await _created_together(city, ann)
        await _moved(city, ann)
        await _caught(city, ann)

    in_city(package, new_database(kind), test, auth_secret=SECRET)


async def _refused(
    city: City, ann: dict[str, str], request: tuple[str, str, Any], status: int
) -> list[tuple[Any, str]]:
    """Return the places and messages of an error, after which no row is new."""
    method, path, body = request
    before = [(await city.ask("GET", f"/{one}/", **ann)).text for one in ("heroes", "steps")]
    answer = await city.ask(method, path, body, **ann)
    assert answer.status_code == status, (request, answer.text)
    after = [(await city.ask("GET", f"/{one}/", **ann)).text for one in ("heroes", "steps")]
    assert before == after
    return [(one["loc"], one["msg"]) for one in answer.json()["detail"]]


async def _own_row(city: City, ann: dict[str, str]) -> None:
    """A property that the request does not have is no place: it is that of the row."""
    made = await city.ask("POST", "/heroes/", {"name": "first", "codeName": "x"}, **ann)
    assert made.status_code == 200, made.text
    await city.ask("POST", "/heroes/", {"name": "second"}, **ann)
    requests: tuple[tuple[str, str, Any], ...] = (
        ("POST", "/heroes/", {"name": "a"}),
        ("PATCH", "/heroes/2", {"name": "a"}),
        ("PUT", "/heroes/2", {"name": "a"}),
        ("POST", "/heroes/bulk", [{"name": "a"}]),
        ("PATCH", "/heroes/bulk", [{"id": 2}]),
    )
    for name, value, key, status, message in (
        ("level", 5, "level", 403, DENIED),
        ("code", "x", "codeName", 409, f"{TWIN} codeName"),
        ("size", 10, "size", 422, "The database rejected this value"),
    ):
        city.hooks.sets[name] = value
        named = message if key in message else f"{message}: {key}"
        for method, path, body in requests:
            is_bulk = isinstance(body, list)
            place: list[Any] = ["body", 0] if is_bulk else ["body"]
            found = await _refused(city, ann, (method, path, body), status)
            if status != 422:
                assert found == [(place, named)], (method, path)
            else:  # PostgreSQL names no column
                assert [one for one, _ in found] == [place], (method, path)
            first = body[0] if is_bulk else body
            sent: Any = first | {key: {"level": 3, "codeName": "y", "size": 1}[key]}
            found = await _refused(city, ann, (method, path, [sent] if is_bulk else sent), status)
            if status != 422:
                assert found == [([*place, key], message)], (method, path)
        city.hooks.sets.clear()
    # As without a function, each property of a rule is a place; but not that of a function.
    city.hooks.sets["rank"] = 9
    for method, path, body in requests[:3]:
        found = await _refused(city, ann, (method, path, body), 422)
        says = "A rank above its level"
        assert found == [(["body", "level"], says), (["body"], says)], method
    city.hooks.sets.clear()


async def _created_together(city: City, ann: dict[str, str]) -> None:
    """The reference of a row created together is not in the request, and its place is the row."""
    await city.ask("POST", "/teams/", {"name": "hidden"}, **ann)
    await city.ask("POST", "/heroes/", {"name": "h", "steps": [{"text": "s"}]}, **ann)

    async def asked(status: int, *steps: dict[str, Any]) -> list[tuple[Any, str]]:
        body = {"name": "h", "steps": [{"text": "x"}, *steps]}
        found = await _refused(city, ann, ("POST", "/heroes/", body), status)
        return [(place[1:], message) for place, message in found]

    row = ["steps", 1]
    assert await asked(403, {"text": "moved"}) == [(row, f"{DENIED}: hero_id")]
    assert await asked(409, {"text": "team"}) == [(row, "There is no such team: team_id")]
    sent = await asked(409, {"text": "team", "team_id": 2})
    assert sent == [([*row, "team_id"], "There is no such team")]
    assert await asked(403, {"text": "large"}) == [(row, f"{DENIED}: size")]
    assert await asked(403, {"text": "large", "size": 1}) == [([*row, "size"], DENIED)]
    assert [place for place, _ in await asked(403, {"text": "y", "size": 60})] == [row]
    own = await asked(422, {"text": "own"})
    assert own == [([*row, "heroId"], "The place is the owner's choice")]
    answer = await city.ask("POST", "/heroes/", {"name": "h", "steps": [{"text": "list"}]}, **ann)
    assert (answer.status_code, answer.json()) == (400, {"detail": ["a", "list"]})

    # What the function of the parent row adds to a row is not in the request either.
    city.hooks.does.append(lambda _, hero: setattr(hero.steps[1], "size", 95))
    assert await asked(403, {"text": "y"}) == [(row, f"{DENIED}: size")]
    assert await asked(403, {"text": "y", "size": 1}) == [([*row, "size"], DENIED)]
    city.hooks.does.clear()


async def _moved(city: City, ann: dict[str, str]) -> None:
    """A function changes the list of rows: the index is that of the request."""
    created = await city.ask("POST", "/plans/", {"text": "p", "points": [{"text": "b"}]}, **ann)
    assert created.status_code == 200, created.text

    async def asked(text: str, *points: str) -> tuple[int, Any]:
        body: dict[str, Any] = {"text": text}
        if points:
            body["points"] = [{"text": one} for one in points]
        answer = await city.ask("POST", "/plans/", body, **ann)
        return answer.status_code, [one["loc"][1:] for one in answer.json()["detail"]]

    assert await asked("as is", "c", "b", "a") == (409, [["points", 1, "text"]])
    assert await asked("sorted", "c", "b", "a") == (409, [["points", 1, "text"]])
    assert await asked("sorted", "b", "c", "a") == (409, [["points", 0, "text"]])
    assert await asked("size", "c", "d") == (403, [["points", 1]])
    assert await asked("more", "c", "d") == (409, [["points"]])
    assert await asked("new") == (409, [[]])


async def _caught(city: City, ann: dict[str, str]) -> None:
    """The error of a row that was created in part is that of the response, if it is caught."""
    part = {"text": "taken"}
    step = {"text": "s", "parts": [part]}
    made = await city.ask("POST", "/steps/", step | {"hero_id": 1}, **ann)
    assert made.status_code == 200, made.text
    for text in ("taken", "renamed"):
        caught = {"text": "caught", "parts": [{"text": "p"}, {"text": text}]}
        found = await _refused(city, ann, ("POST", "/steps/", caught | {"hero_id": 1}), 409)
        assert found == [(["body", "parts", 1, "text"], f"{TWIN} text")]

    # An error of other rows than those of the request has no place in it.
    module = city.application.module

    def other(tx: Any, hero: Any) -> None:
        del hero
        bodies, steps = module("steps.bodies"), module("steps.models")
        body = bodies.StepCreateWithRelated(text="s", hero_id=1, parts=[{"text": "taken"}])
        try:
            tx.create(steps.Step, body)
        except Exception:  # noqa: BLE001 - as a careless function does
            return

    city.hooks.does.append(other)
    conflict = "The request conflicts with other rows"
    found = await _refused(city, ann, ("POST", "/heroes/", {"name": "h"}), 409)
    assert found == [([], conflict)]
    found = await _refused(city, ann, ("POST", "/heroes/bulk", [{"name": "h"}] * 2), 409)
    assert found == [(["body", 0], conflict)]
    city.hooks.does.clear()
