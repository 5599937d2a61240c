"""The clock goes back: new keys still sort behind older ones, and `touch` never goes back."""

import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from crudgen.kit.types.uuid7 import uuid7
from tests.rows.clock import Clock
from tests.support.servers import COMBINATIONS, Api, Servers

pytestmark = pytest.mark.long

HOUR = 3600.0
YEARS = 10 * 365 * 24 * HOUR
EVENT = """\
name: Event
fields:
  id: uuid pk
  what: str
  updated_at: datetime = now read_only touch
api: {operations: [create, list, read, update, replace, create_many, update_many]}
"""
PAGE = """\
name: Page
fields:
  code: int pk
  text: str
  at: datetime? = now read_only touch
  day: date = now read_only touch
  clock: time = now read_only touch
api: {operations: [create, list, read, update, replace, delete, create_many, update_many]}
"""


@pytest.fixture(scope="module")
def spec(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("clock") / "entities"
    folder.mkdir()
    (folder / "event.yaml").write_text(EVENT)
    (folder / "page.yaml").write_text(PAGE)
    return folder


@pytest.fixture(params=COMBINATIONS, ids="-".join, scope="module")
def shifted(
    request: pytest.FixtureRequest,
    servers: Servers,
    spec: Path,
    tmp_path_factory: pytest.TempPathFactory,
    new_database: Any,
) -> Iterator[tuple[Api, Clock]]:
    mode, kind = request.param
    clock = Clock(tmp_path_factory.mktemp("clock"))
    api = servers.start(spec, mode, new_database(kind), settings=clock.settings, keeps_names=True)
    yield api, clock
    servers.end(api)


def create(api: Api, what: str) -> str:
    created = api.ask("POST", "/events/", json={"what": what})
    assert created.status_code == 200, created.text
    key: str = created.json()["id"]
    return key


def walk(api: Api) -> Iterator[str]:
    """Yield the keys of all events, three a page, in the order of a walk by cursor."""
    path = "/events/?limit=3&cursor="
    while path:
        page = api.ask("GET", path)
        yield from (row["id"] for row in page.json())
        path = page.links.get("next", {}).get("url", "")


@pytest.mark.long
@pytest.mark.parametrize("shift", [-HOUR, -0.5, -YEARS, YEARS])
def test_keys_are_made_in_their_order_whatever_the_clock_does(
    shifted: tuple[Api, Clock], shift: float
) -> None:
    api, clock = shifted
    api.emptied()
    clock.shift(0)
    keys = [create(api, "before") for _ in range(4)]
    walked = walk(api)
    assert [next(walked), next(walked)] == keys[:2]
    clock.shift(shift)
    keys += [create(api, "after") for _ in range(3)]
    many = api.ask("POST", "/events/bulk", json=[{"what": str(number)} for number in range(100)])
    keys += [row["id"] for row in many.json()]
    clock.shift(0)
    keys += [create(api, "again") for _ in range(3)]
    assert keys == sorted(keys)
    assert len({*keys}) == len(keys)
    assert [*keys[:2], *walked] == keys
    assert list(walk(api)) == keys


def test_the_clock_of_these_tests_is_that_of_the_server(shifted: tuple[Api, Clock]) -> None:
    api, clock = shifted
    clock.shift(-HOUR)
    created = api.ask("POST", "/events/", json={"what": "x"}).json()
    moment = datetime.fromisoformat(created["updated_at"])
    assert abs((datetime.now(UTC) - moment).total_seconds() - HOUR) < 60
    clock.shift(0)


def test_touch_never_goes_back(shifted: tuple[Api, Clock]) -> None:
    api, clock = shifted
    api.emptied()
    clock.shift(0)
    page = api.ask("POST", "/pages/", json={"code": 1, "text": "a"}).json()
    writes: list[tuple[str, str, Any]] = [
        ("PATCH", "/pages/1", {"text": "b"}),
        ("PUT", "/pages/1", {"code": 1, "text": "c"}),
        ("PATCH", "/pages/bulk", [{"code": 1, "text": "d"}]),
    ]
    for shift in (-HOUR, -YEARS, -0.001):
        clock.shift(shift)
        for method, path, body in writes:
            changed = api.ask(method, path, json=body)
            assert changed.status_code == 200, changed.text
            row = changed.json()[0] if isinstance(body, list) else changed.json()
            assert (row["at"], row["day"]) >= (page["at"], page["day"])
            if shift < -1:
                assert (row["at"], row["day"]) == (page["at"], page["day"])
            assert api.ask("GET", "/pages/1").json() == row
    clock.shift(2 * 24 * HOUR)
    for method, path, body in writes:
        changed = api.ask(method, path, json=body).json()
        row = changed[0] if isinstance(body, list) else changed
        assert (row["at"], row["day"]) > (page["at"], page["day"])
        page = row
    clock.shift(0)


def test_touch_goes_on_from_nothing(shifted: tuple[Api, Clock]) -> None:
    api, clock = shifted
    api.emptied()
    clock.shift(0)
    api.ask("POST", "/pages/", json={"code": 1, "text": "a"})
    with api.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE page SET at = NULL")
    assert api.ask("GET", "/pages/1").json()["at"] is None
    assert api.ask("PATCH", "/pages/1", json={"text": "b"}).json()["at"] is not None
    with api.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE page SET at = NULL")
    row = api.ask("PUT", "/pages/1", json={"code": 1, "text": "c"}).json()
    assert row["at"] is not None


def test_a_time_of_day_begins_again_at_midnight(shifted: tuple[Api, Clock]) -> None:
    api, clock = shifted
    api.emptied()
    now = datetime.now(UTC)
    since_midnight = (now.hour * 60 + now.minute) * 60 + now.second
    clock.shift(24 * HOUR - 1800 - since_midnight)
    late = api.ask("POST", "/pages/", json={"code": 1, "text": "a"}).json()["clock"]
    assert late >= "23:29:00"
    clock.shift(25 * HOUR - since_midnight)
    early = api.ask("PATCH", "/pages/1", json={"text": "b"}).json()["clock"]
    assert early.startswith("01:")
    early = api.ask("PUT", "/pages/1", json={"code": 1, "text": "b"}).json()["clock"]
    assert early.startswith("01:")
    clock.shift(0)


def test_keys_of_many_threads_are_in_their_order() -> None:
    def several() -> list[UUID]:
        return [uuid7() for _ in range(5000)]

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(8) as threads:
            lists = [one.result() for one in [threads.submit(several) for _ in range(8)]]
    finally:
        sys.setswitchinterval(interval)
    assert all(one == sorted(one) for one in lists)
    ticks = [key.int >> 64 for one in lists for key in one]
    assert len({*ticks}) == len(ticks)
    before = uuid7()
    assert uuid7() > before
    assert before.version == 7
    assert before.variant == "specified in RFC 4122"
    assert abs((before.int >> 80) - time.time_ns() // 1_000_000) < 5000
