"""Clients see JSON names, statements have columns, and Python code has attributes."""

import importlib
import json
import warnings
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import product
from typing import Any

import pytest
from fastapi import FastAPI
from pydantic import ValidationError
from sqlalchemy import MetaData, Table, create_engine, inspect
from sqlalchemy.pool import NullPool
from sqlmodel import Field

from crudgen.codegen import render
from crudgen.delivery.memory import import_tree, unload
from crudgen.kit.database.catalogue.models import name_in_database
from crudgen.kit.database.properties import Properties
from crudgen.kit.models import Model
from crudgen.kit.rows.write_lock import WriteLocks
from crudgen.language import load_texts
from crudgen.language.schema import KitForm
from tests.support.renaming import renamed

pytestmark = pytest.mark.long

with warnings.catch_warnings():  # Starlette prefers another client, and says so when imported
    warnings.simplefilter("ignore")
    from fastapi.testclient import TestClient

OPERATIONS = """
api:
  operations: [create, list, read, update, replace, delete, create_many, update_many, delete_many]
  idempotency: true
  search: [home, nick]
"""
HERO = f"""
name: Hero
fields:
  key: int pk
  born_on: date? index
  kind: enum(human, robot) = human
  meta: int
  number: int
  real_name: str(1..80) unique
  home: str(..80)
  nick: str(..80)
  title: str(..80)
  keyword: str(8..80) write_only unique
unique: [[born_on, meta]]
{OPERATIONS}
"""
EVENT = f"""
name: Event
fields:
  key: int pk read_only
  home: str(..80) immutable
  nick: str(..80) unique
  number: float
  data: json?
  price: decimal(9,2) = 1.50
  changed_at: datetime = now read_only touch
  photo: bytes?
{OPERATIONS}
"""
HOME = "home's %(é) :x"
NAMES = {
    "key": ("key_", "id", 'Hero "Key"'),
    "born_on": ("born_on", "bornOn", "Birth Date"),
    "kind": ("class_", "class", "class"),
    "meta": ("metadata_", "metadata", "metadata"),
    "number": ("count", "count", "count %(meta)s"),
    "real_name": ("real_name", "realName", "Real%Name"),
    "home": ("home_town", HOME, "home, hero.id"),
    "nick": ("nick", "title", "title"),
    "title": ("title", "nick", "nick"),
    "keyword": ("pass_word", "passWord", "a :meta; é"),
    "data": ("data_", "json", "JSON"),
    "price": ("price_", "sort", "order by"),
    "changed_at": ("changed_at", "changedAt", "Changed on"),
    "photo": ("photo_", "q", "Photo [q]"),
}
"""`title` and `nick` have each other's names."""
TABLE = ' of "100%" (a :meta)'
HEROES = [
    {
        "id": n,
        "bornOn": f"200{n}-01-01" if n % 2 else None,
        "class": "robot",
        "metadata": n,
        "count": 5 - n,
        "realName": f"name{n}",
        HOME: "Here There",
        "title": f"sir {n}",
        "nick": f"nick{n}",
        "passWord": f"password{n}",
    }
    for n in range(1, 6)
]
SHOWN = [{name: one[name] for name in one if name != "passWord"} for one in HEROES]
FORMS = [*product(("sqlite", "postgresql"), ("vendored", "plain"))]
Ask = Callable[..., Any]


@pytest.fixture(scope="module", params=FORMS, ids="-".join)
def client(
    request: pytest.FixtureRequest, new_database: Callable[[str], str]
) -> Iterator[TestClient]:
    kind, form = request.param
    loaded = load_texts({"hero.yaml": HERO, "event.yaml": EVENT})
    package = import_tree(render(replace(renamed(loaded, NAMES, TABLE), kit=KitForm(form))))
    main = importlib.import_module(f"{package.__name__}.main")
    settings = importlib.import_module(f"{package.__name__}.settings").Settings(
        database_url=new_database(kind), log_level="WARNING"
    )
    with TestClient(main.create_app(settings)) as client:
        client.headers["x-database"] = settings.database_url
        yield client
    with TestClient(main.create_app(settings)):  # the tables are compared with the models
        pass
    unload(package)


@pytest.fixture
def ask(client: TestClient) -> Ask:
    """Return a function that sends a request. The database has five heroes and no event."""
    for path in ("/heroes", "/events"):
        found = client.get(f"{path}/", params={"fields": "id"}).json()
        if found:
            chosen = {"id": [one["id"] for one in found]}
            assert client.delete(f"{path}/bulk", params=chosen).status_code == 200
    assert client.post("/heroes/bulk", json=HEROES).json() == SHOWN
    return client.request


def imported(client: TestClient, module: str) -> Any:
    """Import a module of the application."""
    package = type(client.app).__module__.partition(".")[0]
    return importlib.import_module(f"{package}.{module}")


def places(answer: Any, status: int) -> list[list[Any]]:
    assert answer.status_code == status, answer.text
    return [one["loc"] for one in answer.json()["detail"]]


def test_rows_have_json_names(ask: Ask) -> None:
    first = HEROES[0] | {"id": 9, "realName": "ninth", "passWord": "password9", "bornOn": None}
    shown = {name: first[name] for name in first if name != "passWord"}
    created = ask("POST", "/heroes/", json=first)
    assert (created.json(), created.headers["location"]) == (shown, "/heroes/9")
    read = ask("GET", "/heroes/9")
    assert (read.content, read.headers["etag"]) == (created.content, created.headers["etag"])
    assert ask("GET", "/heroes/").json() == [*SHOWN, shown]
    changed = ask("PATCH", "/heroes/9", json={"class": "human", "count": 7, "title": "x"})
    assert changed.json() == shown | {"class": "human", "count": 7, "title": "x"}
    replaced = ask("PUT", "/heroes/9", json=first, headers={"If-Match": changed.headers["etag"]})
    assert replaced.content == created.content
    stale = {"If-Match": changed.headers["etag"]}
    assert ask("PUT", "/heroes/9", json=first, headers=stale).status_code == 412
    assert ask("PUT", "/heroes/8", json=first).json()["detail"][0]["loc"] == ["body", "id"]
    another = first | {"id": 8, "realName": "eighth", "passWord": "password8"}
    assert ask("PUT", "/heroes/8", json=another).json()["id"] == 8
    many = ask("PATCH", "/heroes/bulk", json=[{"id": 8, "nick": "a"}, {"id": 9, "nick": "b"}])
    assert [one["nick"] for one in many.json()] == ["a", "b"]
    assert [one["title"] for one in many.json()] == ["sir 1", "sir 1"]
    assert ask("DELETE", "/heroes/bulk", params={"id": [8, 9]}).json() == {"ok": True}


def test_tables_have_the_names_of_the_schema(client: TestClient) -> None:
    engine = create_engine(client.headers["x-database"], poolclass=NullPool)
    found = inspect(engine)
    assert {f"hero{TABLE}", f"event{TABLE}"} <= {*found.get_table_names()}
    columns = {one["name"] for one in found.get_columns(f"hero{TABLE}")}
    assert columns == {NAMES[name][2] for name in [*NAMES][:10]}
    if engine.dialect.name == "postgresql":
        table = imported(client, "heroes.models").Hero.__table__
        named = {name_in_database(rule, engine.dialect) for rule in table.constraints}
        rules = [
            *found.get_check_constraints(table.name),
            *found.get_unique_constraints(table.name),
            found.get_pk_constraint(table.name),
        ]
        assert named == {one["name"] for one in rules}


def test_a_write_of_unique_values_takes_locks(client: TestClient) -> None:
    models = imported(client, "heroes.models")
    properties = Properties(models.Hero, models.HeroPublic)
    locks = WriteLocks(properties, serialized=False)
    assert locks.unique == {"real_name", "pass_word", "born_on", "metadata_"}


def test_lists_are_filtered_by_json_names(ask: Ask) -> None:
    def keys(**parameters: Any) -> list[int]:
        answer = ask("GET", "/heroes/", params=parameters)
        assert answer.status_code == 200, answer.text
        return [one["id"] for one in answer.json()]

    assert keys(bornOn="2003-01-01") == keys(realName="name3") == keys(count__eq=2) == [3]
    assert keys(bornOn__isnull="true") == [2, 4]
    assert keys(title__startswith="sir", nick="nick4") == [4]
    assert keys(count__in=[1, 2], **{"class": "robot"}) == [3, 4]
    assert keys(count__ne=1, sort="count,-bornOn") == [5, 3, 2, 1]
    assert keys(sort="-metadata", limit=2, offset=1) == [4, 3]
    assert keys(q="here sir 4") == keys(q="THERE 4") == [4]
    counted = ask("GET", "/heroes/", params={"count": "exact", "count__gt": 2, "fields": "count"})
    assert (counted.json(), counted.headers["x-total-count"]) == ([{"count": 4}, {"count": 3}], "2")
    few = ask("GET", "/heroes/", params={"fields": "title,class", "limit": 1})
    assert few.json() == [{"class": "robot", "title": "sir 1"}]
    for name in ("born_on", "class_", "metadata_", "Birth Date", "passWord", "home_town"):
        assert places(ask("GET", "/heroes/", params={name: "1"}), 422) == [["query", name]]
        for parameter in ("sort", "fields"):
            answer = ask("GET", "/heroes/", params={parameter: name})
            assert places(answer, 422) == [["query", parameter]]
            assert name not in answer.text


@pytest.mark.parametrize("sort", ["", "count", "-bornOn,count", "bornOn,-title", "-class,nick"])
def test_pages_by_cursor_have_each_row_once(ask: Ask, sort: str) -> None:
    parameters = {"sort": sort} if sort else {}
    whole = ask("GET", "/heroes/", params=parameters).json()
    found, url = [], f"/heroes/?cursor=&limit=2{f'&sort={sort}' if sort else ''}"
    while url:
        page = ask("GET", url)
        found.append(page.json())
        url = page.links.get("next", {}).get("url", "")
    assert [row for rows in found for row in rows] == whole
    for rows in reversed(found[:-1]):
        page = ask("GET", page.links["prev"]["url"])
        assert page.json() == rows


@pytest.mark.parametrize(
    ("method", "path", "inside"),
    [
        ("POST", "/heroes/", False),
        ("PUT", "/heroes/1", False),
        ("PATCH", "/heroes/1", False),
        ("POST", "/heroes/bulk", True),
        ("PATCH", "/heroes/bulk", True),
    ],
)
@pytest.mark.parametrize("name", ["born_on", "class_", "metadata_", "home_town", "Birth Date"])
def test_an_attribute_is_an_unknown_property(
    ask: Ask, method: str, path: str, name: str, *, inside: bool
) -> None:
    body = {"id": 1, name: "2001-01-01"} if method == "PATCH" else HEROES[0] | {name: 1}
    answer = ask(method, path, json=[body] if inside else body)
    assert places(answer, 422) == [["body", *([0] if inside else []), name]]
    assert answer.json()["detail"][0]["type"] == "extra_forbidden"
    assert ask("GET", "/heroes/").json() == SHOWN


def test_problems_name_json_names(ask: Ask) -> None:
    new = HEROES[0] | {"id": 9, "realName": "other", "passWord": "other pass", "bornOn": None}
    assert places(ask("POST", "/heroes/", json=new | {"class": 1}), 422) == [["body", "class"]]
    required = {*HEROES[0]} - {"class", "bornOn"}
    found = places(ask("POST", "/heroes/", json={}), 422)
    assert {tuple(loc) for loc in found} == {("body", name) for name in required}
    without = {name: value for name, value in new.items() if name != "realName"}
    assert places(ask("POST", "/heroes/", json=without), 422) == [["body", "realName"]]
    for name in ("id", "realName", "passWord"):
        answer = ask("POST", "/heroes/", json=new | {name: HEROES[2][name]})
        assert places(answer, 409) == [["body", name]]
        assert answer.json()["detail"][0]["msg"] == f"Another row has the same {name}"
    both = {name: HEROES[2][name] for name in ("bornOn", "metadata")}
    loc = [["body", "bornOn"], ["body", "metadata"]]
    assert places(ask("POST", "/heroes/", json=new | both), 409) == loc
    assert places(ask("PATCH", "/heroes/1", json=both), 409) == loc
    many = ask("PATCH", "/heroes/bulk", json=[{"id": 1, "nick": "x"}, {"id": 2, **both}])
    assert places(many, 409) == [["body", 1, "bornOn"], ["body", 1, "metadata"]]
    twice = ask("PATCH", "/heroes/bulk", json=[{"id": 1, "nick": "x"}, {"id": 1, "nick": "y"}])
    assert places(twice, 409) == [["body", 1, "id"]]
    missing = ask("DELETE", "/heroes/bulk", params={"id": [1, 99]})
    assert places(missing, 404) == [["query", "id", 1]]


def test_generated_keys_times_and_values_that_python_writes(ask: Ask) -> None:
    body = {HOME: "h", "title": "t", "count": 1.5, "json": {"a": [1]}, "q": "AA==", "id": 7}
    headers = {"Idempotency-Key": "one"}
    first = ask("POST", "/events/", json=body, headers=headers)
    event = first.json()
    assert event == body | {"sort": "1.50", "id": event["id"], "changedAt": event["changedAt"]}
    again = ask("POST", "/events/", json=body, headers=headers)
    assert (again.content, again.headers["idempotent-replayed"]) == (first.content, "true")
    assert places(ask("POST", "/events/", json=body), 409) == [["body", "title"]]
    path = f"/events/{event['id']}"
    changed = ask("PATCH", path, json={"sort": "2.00", HOME: "ignored"}).json()
    assert changed["changedAt"] > event["changedAt"]
    assert changed == event | {"sort": "2.00", "changedAt": changed["changedAt"]}
    replaced = ask("PUT", path, json=body | {HOME: "ignored", "count": 2}).json()
    assert replaced["changedAt"] > changed["changedAt"]
    assert replaced == event | {"count": 2.0, "changedAt": replaced["changedAt"]}
    assert ask("GET", "/events/", params={"sort__gt": "1.00", "q__isnull": "false"}).json() == [
        replaced
    ]
    bulk = ask(
        "POST", "/events/bulk", json=[body | {"title": "u"}], headers={"Idempotency-Key": "x"}
    )
    (another,) = bulk.json()
    sent = [{"id": another["id"], "json": None}]
    (changed,) = ask("PATCH", "/events/bulk", json=sent).json()
    assert changed == another | {"json": None, "changedAt": changed["changedAt"]}


def test_the_document_has_json_names(ask: Ask) -> None:
    document = ask("GET", "/openapi.json").json()
    schemas = document["components"]["schemas"]
    assert {*schemas["HeroPublic"]["properties"]} == {*SHOWN[0]}
    assert {*schemas["HeroCreate"]["properties"]} == {*HEROES[0]}
    assert {*schemas["HeroUpdate"]["properties"]} == {*HEROES[0]}
    parameters = {one["name"]: one for one in document["paths"]["/heroes/"]["get"]["parameters"]}
    assert {"count", "count__eq", "count__lt", "class", "class__ne", "bornOn"} <= parameters.keys()
    assert not {"class__eq", "q__eq", "born_on"} & parameters.keys()
    assert parameters["count"]["schema"]["const"] == "exact"
    assert parameters["count__eq"]["description"] == "Rows whose count equals this value."
    events = document["paths"]["/events/"]["get"]["parameters"]
    assert {"sort", "sort__eq", "q", "q__isnull"} <= {one["name"] for one in events}
    text = json.dumps(document, ensure_ascii=False)
    names = {name for names in NAMES.values() for name in names}
    hidden = names - {names[1] for names in NAMES.values()}
    assert not [name for name in hidden if f'"{name}"' in text or f'"-{name}"' in text]


def test_python_code_has_attributes(client: TestClient) -> None:
    models = imported(client, "heroes.models")
    values = {
        "key_": 1,
        "born_on": None,
        "class_": "robot",
        "metadata_": 2,
        "count": 3,
        "real_name": "x",
        "home_town": "",
        "nick": "sir",
        "title": "nicky",
        "pass_word": "password",
    }
    sent = {NAMES[name][1]: value for name, value in zip(NAMES, values.values(), strict=False)}
    created = models.HeroCreate(**values)
    assert created.model_dump() == values
    assert created.model_dump(by_alias=True) == sent
    assert models.HeroCreate.model_validate(sent) == created
    swapped = {"title": sent["nick"], "nick": sent["title"]}  # of two meanings, the attribute
    assert models.HeroCreate(**sent | swapped) == created
    with pytest.raises(ValidationError, match="born_on"):
        models.HeroCreate.model_validate(values)
    for hero in (
        models.Hero(**values),
        models.Hero(**created.model_dump()),
        models.Hero.model_validate(created),
        models.Hero.model_validate(created, update={"count": 4}),
        models.Hero.model_validate(sent, update={"count": 5, "nick": "sir"}),
        models.Hero.model_validate(models.Hero(**values)),
        models.Hero.model_validate(models.Hero(**values), update={"count": 6}),
    ):
        values["count"] = hero.count
        assert hero.model_dump() == values
    update = models.HeroUpdate(class_="human", nick="new")
    assert update.model_dump(exclude_unset=True) == {"class_": "human", "nick": "new"}
    hero.sqlmodel_update(update.model_dump(exclude_unset=True))
    assert (hero.class_, hero.nick, hero.title) == ("human", "new", "nicky")
    with pytest.raises(ValidationError, match="real_name"):
        models.HeroPublic.model_validate({"real_name": "x"})


def test_an_instance_is_validated_by_its_attributes(client: TestClient) -> None:
    models = imported(client, "heroes.models")
    created = models.HeroCreate.model_validate(HEROES[0])
    assert models.HeroCreate.model_validate(created) == created
    changed = models.HeroCreate.model_validate(created, update={"real_name": "b"})
    assert changed.model_dump() == created.model_dump() | {"real_name": "b"}
    hero = models.Hero.model_validate(created)
    assert models.Hero.model_validate(hero).model_dump() == hero.model_dump()


def test_an_alias_may_be_one_of_validation_and_one_of_serialization() -> None:
    """Type checkers take `alias` for the name of the argument of `Hero(…)`, but not these."""

    class Named(Model):
        nick: str = Field(validation_alias="title", serialization_alias="title")
        title: str = Field(validation_alias="nick", serialization_alias="nick")
        born_on: int = Field(validation_alias="bornOn", serialization_alias="bornOn")

    class NamedRow(Named, table=True):
        id: int | None = Field(default=None, primary_key=True)

    values: dict[str, Any] = {"nick": "n", "title": "t", "born_on": 1}
    sent = {"title": "n", "nick": "t", "bornOn": 1}
    by_json_name: dict[str, Any] = {"nick": "n", "title": "t", "bornOn": 1}
    named = Named(**values)
    assert Named.model_validate(sent) == named
    assert named.model_dump(by_alias=True) == sent
    for row in (
        NamedRow(**values),
        NamedRow(**by_json_name),
        NamedRow.model_validate(named),
    ):
        assert row.model_dump(exclude={"id"}) == values
        assert Named.model_validate(row) == named
    Model.metadata.remove(NamedRow.__table__)  # type: ignore[attr-defined]


def test_own_handlers_answer_json_names(client: TestClient) -> None:
    models = imported(client, "heroes.models")
    app = FastAPI()

    @app.post("/", response_model=models.HeroPublic)
    async def create(hero: models.HeroCreate) -> Any:  # type: ignore[name-defined]
        return models.Hero.model_validate(hero)

    own = TestClient(app)
    assert own.post("/", json=HEROES[0]).json() == SHOWN[0]
    assert own.post("/", json=HEROES[0] | {"born_on": None}).status_code == 422


def test_a_sequence_is_advanced(client: TestClient, ask: Ask) -> None:
    """A key that was inserted by other means is not generated again."""
    body = {HOME: "h", "title": "first", "count": 1.5, "json": None}
    first = ask("POST", "/events/", json=body).json()["id"]
    engine = create_engine(client.headers["x-database"], poolclass=NullPool)
    events = Table(f"event{TABLE}", MetaData(), autoload_with=engine)
    with engine.begin() as connection:
        row = dict(connection.execute(events.select()).mappings().one())
        changed = {'Hero "Key"': first + 1, "title": "second"}
        connection.execute(events.insert().values([*(row | changed).values()]))
    assert ask("POST", "/events/", json=body | {"title": "third"}).json()["id"] == first + 2
