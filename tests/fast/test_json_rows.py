"""A row as JSON: byte for byte what pydantic writes for the Public model."""

import asyncio
import importlib
import os
import re
import unicodedata
from base64 import b64encode
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from pathlib import Path
from types import ModuleType
from typing import Any, cast

import httpx
import pytest
from fastapi import FastAPI
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy
from pydantic import TypeAdapter
from sqlmodel import select

import crudgen
from crudgen.delivery.memory import unload

pytestmark = pytest.mark.long

EXAMPLES = int(os.environ.get("EXAMPLES", "20"))
MOST_ROWS = 5

# Only of what both databases write themselves, and once more with something that they do not.
PLAIN = """
name: {name}
plural: {plural}
fields:
  key: str pk
  text: str(..255) as_sent controls
  text2: str? as_sent controls
  number: int
  number2: int?
  truth: bool
  truth2: bool?
  day: date
  day2: date?
  word: {{type: enum, values: [a, 'b c', "d'e", 'f"g', é, '\\']}}
  word2: enum(x, y)?
  moment: datetime
  moment2: datetime?
  clock: time
  clock2: time?
  price: decimal(10,2)
  price2: decimal(10,2)?
  tiny: decimal(18,17)
  tiny2: decimal(18,17)?
  number3: decimal(18,0)
  number4: decimal(18,0)?
  chip: uuid
  chip2: uuid?
"""

# PostgreSQL writes bytes itself, SQLite does not.
BLOB = """
name: Blob
fields:
  data: bytes(..200)
  data2: bytes(..200)?
"""

CHARACTERS = st.characters(exclude_categories=["Cs"], exclude_characters="\0")
ODD = st.sampled_from(
    [
        *map(chr, range(1, 32)),
        *"\"\\/\x7f\x80\x85\x9f\xa0\xad\u2028\u2029\ufeff\ufffe\uffff<>&'`",
        *(chr(plane << 16 | low) for plane in range(1, 17) for low in (0, 0x41, 0xFFFE, 0xFFFF)),
        *("\ud7ff", "\ue000", "🦸🏽", "e\u0301", "\\u0000", "\\n", "null", "%s", ":name", "{}"),
    ]
)


def text(most: int = 40) -> SearchStrategy[str]:
    parts = st.lists(st.text(CHARACTERS, max_size=6) | ODD, max_size=8)
    return parts.map("".join).map(lambda joined: joined[:most])


CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def stored(most: int = 40) -> SearchStrategy[str]:
    """Make text that is stored as it is sent, also where nothing else is asked for."""
    return text(most).map(lambda raw: unicodedata.normalize("NFC", CONTROLS.sub("", raw))[:most])


INT64 = st.integers(-(2**63), 2**63 - 1) | st.sampled_from(
    [-(2**63), 2**63 - 1, 2**53, 2**53 + 1, -1, 0, 1, 2**31, -(2**31) - 1]
)
DAYS = (st.dates() | st.sampled_from([date.min, date.max])).map(str)
FLOATS = st.floats(allow_nan=False, allow_infinity=False) | st.sampled_from(
    [0.0, -0.0, 1e16, 1e-7, 1e22, 5e-324, 1.7976931348623157e308, 0.1, 100.0, 123456789012345680.0]
)
MICROSECONDS = st.sampled_from([0, 1, 10, 100_000, 500_000, 999_999])
CLOCKS = st.times() | st.builds(time.replace, st.times(), microsecond=MICROSECONDS)
TIMES = CLOCKS.map(lambda moment: moment.isoformat())
OFFSETS = st.sampled_from(["Z", "z", "+00:00", "-00:00", "+23:59", "-12:30"])
# With an offset, the first and the last day can be beyond the years 1 to 9999 in UTC.
INNER_DAYS = st.dates(date(1, 1, 3), date(9999, 12, 29))
MOMENTS = st.builds("{}T{}{}".format, DAYS, TIMES, st.just("Z")) | st.builds(
    "{}{}{}{}".format, INNER_DAYS, st.sampled_from("Tt "), TIMES, OFFSETS
)
UUIDS = st.uuids().map(str)
JSON: SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | FLOATS | text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(text(), inner, max_size=4),
    max_leaves=12,
).filter(lambda value: value is not None)


def decimals(places: int, digits: int) -> SearchStrategy[str]:
    def write(units: int) -> str:
        sign, shown = "-" if units < 0 else "", str(abs(units)).rjust(places + 1, "0")
        point = len(shown) - places
        return f"{sign}{shown[:point]}.{shown[point:]}" if places else f"{sign}{shown}"

    most = 10**digits - 1
    return (st.integers(-most, most) | st.sampled_from([0, 1, -1, most, -most])).map(write)


def optional(values: SearchStrategy[Any]) -> SearchStrategy[Any]:
    return st.none() | values


PLAIN_ROW = {
    "text": "",
    "number": 0,
    "truth": True,
    "day": "0001-01-01",
    "word": "a",
    "moment": "0001-01-01T00:00:00Z",
    "clock": "00:00:00.5",
    "price": "-0.01",
    "tiny": "0",
    "number3": "-999999999999999999",
    "chip": "00000000-0000-0000-0000-000000000000",
}
KEYS = stored(30).map(lambda key: key.replace("/", ""))
KEYS = KEYS.filter(lambda key: len(key) > 1 and key[0] != ".")
PLAINS = st.fixed_dictionaries(
    {
        "key": KEYS,
        "text": text(250),
        "text2": optional(text()),
        "number": INT64,
        "number2": optional(INT64),
        "truth": st.booleans(),
        "truth2": optional(st.booleans()),
        "day": DAYS,
        "day2": optional(DAYS),
        "word": st.sampled_from(["a", "b c", "d'e", 'f"g', "é", "\\"]),
        "word2": optional(st.sampled_from(["x", "y"])),
        "moment": MOMENTS,
        "moment2": optional(MOMENTS),
        "clock": TIMES,
        "clock2": optional(TIMES),
        "price": decimals(2, 10),
        "price2": optional(decimals(2, 10)),
        "tiny": decimals(17, 18),
        "tiny2": optional(decimals(17, 18)),
        "number3": decimals(0, 18),
        "number4": optional(decimals(0, 18)),
        "chip": UUIDS,
        "chip2": optional(UUIDS),
    }
)
BYTES = st.binary(max_size=200).map(lambda value: b64encode(value).decode())
ROWS: dict[str, SearchStrategy[dict[str, Any]]] = {
    "plains": PLAINS,
    "mixeds": st.builds(dict, PLAINS, weight=optional(FLOATS)),
    "blobs": st.fixed_dictionaries({"data": BYTES, "data2": optional(BYTES)}),
    "animals": st.fixed_dictionaries(
        {
            "title": stored(80).filter(len),
            "note": optional(stored()),
            "legs": INT64,
            "age": optional(st.integers(0, 150)),
            "weight": st.floats(0.5, 1000.5),
            "height": optional(FLOATS),
            "price": decimals(2, 10),
            "tiny": optional(decimals(17, 18)),
            "tame": st.booleans(),
            "vaccinated": optional(st.booleans()),
            "born": DAYS,
            "died": optional(DAYS),
            "feeds_at": TIMES,
            "sleeps_at": optional(TIMES),
            "seen_at": MOMENTS,
            "left_at": optional(MOMENTS),
            "chip": UUIDS,
            "mother_chip": optional(UUIDS),
            "mood": st.sampled_from(["calm", "in-progress", "no", "a b", "true"]),
            "second_mood": optional(st.sampled_from(["x", "y"])),
            "contact": st.sampled_from(["a@b.example", "o'x@b.example"]),
            "contact2": st.none(),
            "page": st.sampled_from(["https://b.example/", 'http://b.example/"\u2028?é=🦸']),
            "page2": optional(st.just("http://b.example/%20")),
            "data": JSON,
            "data2": optional(JSON),
            "photo": st.sampled_from(["", "AAEC", "//79", "AA=="]),
            "photo2": optional(st.just("/w==")),
            "species": stored(),
            "day": DAYS,
            "secret": st.just("12345678"),
        }
    ),
    "countries": st.fixed_dictionaries(
        {"number": INT64, "name": stored(100).filter(len), "area": optional(INT64)}
    ),
    "events": st.fixed_dictionaries({"what": stored().filter(len), "at": MOMENTS}),
    "tags": st.fixed_dictionaries(
        {"code": KEYS, "label": stored(60).filter(len), "plate": st.sampled_from(["X", "AB-12"])}
    ),
    "blog_posts": st.fixed_dictionaries(
        {"uid": st.text("abcxyz", min_size=1), "metadata_json": optional(JSON)}
    ),
}
MODELS = {
    "plains": ("Plain", "/plains/"),
    "mixeds": ("Mixed", "/mixeds/"),
    "blobs": ("Blob", "/blobs/"),
    "animals": ("Animal", "/animals/"),
    "countries": ("Country", "/v1/countries/"),
    "events": ("Event", "/events/"),
    "tags": ("Tag", "/tags/"),
    "blog_posts": ("BlogPost", "/blog-posts/"),
}
WRITTEN_BY = {
    "sqlite": {"plains", "countries", "events", "tags"},
    "postgresql": {"plains", "countries", "events", "tags", "blobs"},
}


@dataclass
class Rows:
    """One application, and what pydantic makes of its rows."""

    loop: asyncio.Runner
    app: FastAPI
    package: ModuleType
    client: httpx.AsyncClient

    def models(self, name: str) -> tuple[Any, Any, str]:
        model, path = MODELS[name]
        module = importlib.import_module(f"{self.package.__name__}.{name}.models")
        return getattr(module, model), getattr(module, f"{model}Public"), path

    def rows(self, name: str) -> list[dict[str, Any]]:
        """Read all rows through a session, in the order of the key."""
        model, public, _ = self.models(name)
        key = next(iter(model.__table__.primary_key))
        with self.app.state.database.session() as session:
            found = session.exec(select(model).order_by(key)).all()
            return [
                {field: _aware(getattr(row, field)) for field in public.model_fields}
                for row in found
            ]

    def empty(self, name: str) -> None:
        model, _, _ = self.models(name)
        with self.app.state.database.session() as session:
            session.exec(model.__table__.delete())
            session.commit()

    def ask(self, method: str, path: str, **options: Any) -> httpx.Response:
        return self.loop.run(self.client.request(method, path, **options))


def _aware(value: Any) -> Any:
    """A session gives moments as the column keeps them: in UTC, without saying so."""
    if isinstance(value, datetime) and value.tzinfo is None:
        return value.replace(tzinfo=UTC)
    return value


@pytest.fixture(scope="module")
def spec(tmp_path_factory: pytest.TempPathFactory, root: Path) -> Path:
    folder = tmp_path_factory.mktemp("spec") / "entities"
    folder.mkdir()
    for entity in (root / "tests/specs/zoo/entities").iterdir():
        (folder / entity.name).write_text(entity.read_text("utf-8"), "utf-8")
    (folder / "plain.yaml").write_text(PLAIN.format(name="Plain", plural="plains"), "utf-8")
    mixed = PLAIN.format(name="Mixed", plural="mixeds") + "  weight: float?\n"
    (folder / "mixed.yaml").write_text(mixed, "utf-8")
    (folder / "blob.yaml").write_text(BLOB, "utf-8")
    return folder


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def zoo_rows(
    request: pytest.FixtureRequest, spec: Path, new_database: Callable[[str], str]
) -> Iterator[Rows]:
    package = crudgen.import_app(spec)
    main = importlib.import_module(f"{package.__name__}.main")
    chosen = importlib.import_module(f"{package.__name__}.settings").Settings(
        database_url=new_database(request.param), log_level="ERROR"
    )
    app = cast("FastAPI", main.create_app(chosen))
    client = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test")
    with asyncio.Runner() as loop:
        lifespan = app.router.lifespan_context(app)
        loop.run(_enter(lifespan))
        yield Rows(loop, app, package, client)
        loop.run(client.aclose())
        loop.run(_leave(lifespan))
    unload(package)


async def _enter(lifespan: Any) -> None:
    await lifespan.__aenter__()


async def _leave(lifespan: Any) -> None:
    await lifespan.__aexit__(None, None, None)


@pytest.mark.long_cases("sqlite")
@pytest.mark.parametrize("name", MODELS)
def test_rows_are_written_as_pydantic_writes_them(zoo_rows: Rows, name: str) -> None:
    _, public, path = zoo_rows.models(name)
    one: TypeAdapter[Any] = TypeAdapter(public)
    several: TypeAdapter[Any] = TypeAdapter(list[public])  # type: ignore[valid-type]
    written = 0

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
    @given(sent=st.lists(ROWS[name], min_size=1, max_size=MOST_ROWS))
    def check(sent: list[dict[str, Any]]) -> None:
        nonlocal written
        zoo_rows.empty(name)
        answers: set[bytes] = set()
        for row in sent:
            created = zoo_rows.ask("POST", path, json=row)
            assert created.status_code in {200, 409}, created.text
            if created.status_code == 200:
                assert zoo_rows.ask("GET", created.headers["location"]).content == created.content
                answers.add(created.content)
        public_rows = [one.validate_python(row) for row in zoo_rows.rows(name)]
        wanted = [one.dump_json(row) for row in public_rows]
        assert answers == set(wanted)
        assert zoo_rows.ask("GET", path).content == several.dump_json(public_rows)
        written += len(wanted)

    check()
    assert written > EXAMPLES


def test_a_change_answers_the_same_bytes(zoo_rows: Rows) -> None:
    name, path = "plains", "/plains/"
    _, public, _ = zoo_rows.models(name)
    zoo_rows.empty(name)
    odd = "".join(map(chr, range(1, 0x180))) + "\u2028\U0010ffff"
    for number, part in enumerate(odd[at : at + 100] for at in range(0, len(odd), 100)):
        row = PLAIN_ROW | {"key": f"k{number}"}
        created = zoo_rows.ask("POST", path, json=row)
        changes = {"text": part, "truth": False, "truth2": True, "day2": "9999-12-31"}
        changes |= {"moment2": "9999-12-31T23:59:59.000001Z", "tiny2": "-0.00000000000000001"}
        changed = zoo_rows.ask("PATCH", created.headers["location"], json=changes)
        (found,) = [one for one in zoo_rows.rows(name) if one["key"] == f"k{number}"]
        assert found["text"] == part
        assert changed.content == TypeAdapter(public).dump_json(public.model_validate(found))


def test_databases_write_the_rows_that_they_can(zoo_rows: Rows) -> None:
    """Otherwise the property would show nothing of the JSON of databases."""
    database = zoo_rows.app.state.database
    for name in MODELS:
        zoo_rows.ask("GET", MODELS[name][1])
        routes = importlib.import_module(f"{zoo_rows.package.__name__}.{name}.routes")
        statement = str(getattr(routes, name)._statements_for(database).read)  # noqa: SLF001 - how it is written
        is_written = "json(" in statement or "json_object(" in statement or "'{" in statement
        assert is_written == (name in WRITTEN_BY[database.kind])
