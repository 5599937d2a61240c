"""The rate limit: who is counted, when a request is too many, and what the response is."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import ValidationError

from crudgen.codegen import render
from crudgen.delivery.memory import import_tree, unload
from crudgen.kit.http import limiting as module
from crudgen.kit.http.limiting import RateLimiter
from crudgen.kit.limits import Rate, parse_rate
from crudgen.kit.settings import BaseAppSettings, describe_errors
from crudgen.language import load_texts
from tests.access.test_rules import SECRET, bearer
from tests.startup.started import Application
from tests.support.asgi import AsgiClient

HERO = "name: Hero\nfields: {name: str}\naccess: {read: anyone, create: user}\n"


class Clock:
    """The clock of the limits, which tests move."""

    now = 1000.0

    @classmethod
    def monotonic(cls) -> float:
        return cls.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> type[Clock]:
    monkeypatch.setattr(Clock, "now", 1000.0)
    monkeypatch.setattr(module, "time", Clock)
    return Clock


@pytest.fixture(scope="module")
def application() -> Iterator[Application]:
    package = import_tree(render(load_texts({"hero.yaml": HERO}, "auth: {}")))
    yield Application(package)
    unload(package)


class State:
    identify: Any = None


def ask(limiter: RateLimiter, address: str = "10.0.0.1", path: str = "/heroes/") -> int:
    """Return how long an address has to wait: 0 if its request is allowed."""
    scope = {"headers": [], "client": (address, 1)}
    found = limiter.error_if_exceeded(scope, path, State())  # type: ignore[arg-type]
    return 0 if found is None else int((found.headers or {})["Retry-After"])


def test_a_rate_allows_a_burst_and_then_an_even_pace(clock: type[Clock]) -> None:
    limiter = RateLimiter(Rate(6, "minute"))
    assert [ask(limiter) for _ in range(8)] == [0] * 6 + [10, 10]
    assert ask(limiter, "10.0.0.2") == 0
    assert [ask(limiter, path=path) for path in ("/live", "/ready", "/live/")] == [0, 0, 10]
    clock.now += 9.5
    assert ask(limiter) == 1
    clock.now += 0.5
    assert [ask(limiter) for _ in range(2)] == [0, 10]
    clock.now += 30
    assert [ask(limiter) for _ in range(4)] == [0, 0, 0, 10]
    clock.now += 600
    assert [ask(limiter) for _ in range(7)] == [0] * 6 + [10]


def test_in_any_period_few_requests_are_allowed(clock: type[Clock]) -> None:
    limiter, allowed = RateLimiter(Rate(10, "second")), []
    for _ in range(2000):
        clock.now += 0.0137
        if ask(limiter) == 0:
            allowed.append(clock.now)
    assert len(allowed) <= 10 + 10 * 2000 * 0.0137 + 1
    spans = [late - early for early, late in zip(allowed, allowed[20:], strict=False)]
    assert min(spans) > 1.0


def test_addresses_are_told_apart(clock: type[Clock]) -> None:
    limiter = RateLimiter(Rate(1, "day"))
    assert clock.now
    for first, second, is_same in (
        ("192.0.2.1", "192.0.2.2", False),
        ("2001:db8::1", "2001:db8::ffff:1", True),
        ("2001:db8:0:1::1", "2001:db8:0:2::1", False),
        ("fe80::1%eth0", "fe80::2%eth1", True),
        ("::ffff:192.0.2.9", "192.0.2.9", True),
        ("testclient", "another", False),
    ):
        assert ask(limiter, first) == 0
        assert (ask(limiter, second) > 0) == is_same, (first, second)


def test_few_callers_are_remembered(clock: type[Clock], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_KEYS", 3)
    limiter = RateLimiter(Rate(1, "minute"))
    assert clock.now
    for number in range(50):
        assert ask(limiter, f"10.0.0.{number}") == 0
    assert [ask(limiter, f"10.0.0.{number}") > 0 for number in (49, 48, 47)] == [True] * 3
    assert ask(limiter, "10.0.0.1") == 0


@pytest.mark.parametrize(
    "text",
    ["", "0/minute", "-1/minute", "1", "1/week", "1.5/hour", " 1/day", "1/day ", "\u0661/day"],
)
def test_other_rates_are_refused(text: str) -> None:
    assert parse_rate(text) is None
    with pytest.raises(ValidationError) as caught:
        BaseAppSettings(rate_limit=text)
    assert describe_errors(caught.value) == (
        "RATE_LIMIT: should be a number of requests per second, minute, hour or day: 100/minute"
    )
    assert parse_rate("100/minute") == Rate(100, "minute")
    assert BaseAppSettings().limits.rate is None


def test_callers_are_counted_by_identity(application: Application, tmp_path: Any) -> None:
    settings = application.module("settings").Settings(
        database_url=f"sqlite:///{tmp_path}/app.db", auth_secret=SECRET, rate_limit="3/day"
    )

    async def work() -> None:
        app = application.module("main").create_app(settings)
        async with app.router.lifespan_context(app):
            client = AsgiClient(app)

            async def statuses(headers: dict[str, str], number: int) -> list[int]:
                answers = [await client.get("/heroes/", headers=headers) for _ in range(number)]
                return [one.status_code for one in answers]

            one, other = bearer([], jti="one"), bearer([], jti="other")
            # The first request of each token counts for the address.
            assert await statuses(one, 1) == await statuses(other, 1) == [200]
            assert await statuses(one, 2) == [200, 200]
            assert await statuses(other, 2) == [200, 429]
            assert await statuses(one, 1) == [429]
            assert await statuses({}, 2) == [200, 429]
            assert await statuses(bearer([], sub="8"), 1) == [429]
            answer = await client.post("/heroes/", json={"name": "x"}, headers=one)
            assert answer.status_code == 429
            assert 28_700 < int(answer.headers["retry-after"]) <= 28_800
            assert answer.headers["x-request-id"]
            assert answer.json()["detail"].startswith("At most 3 requests per day are allowed")
            assert (await client.get("/ready")).status_code == 200
            paths = app.openapi()["paths"]
            described = paths["/heroes/"]["post"]["responses"]["429"]
            assert described["headers"]["Retry-After"]["required"]
            assert "429" not in paths["/live"]["get"]["responses"]

    asyncio.run(work())
    open_ = application.module("main").create_app().openapi()
    assert "429" not in open_["paths"]["/heroes/"]["post"]["responses"]
