"""The headers that every answer has, web pages of other origins, and the documentation's switch."""

from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from tests.support.servers import Api, Everywhere, Servers

USUAL = {
    "x-content-type-options": "nosniff",
    "cache-control": "no-store",
}
HERO = {"name": "n", "secret_name": "s"}
ORIGIN = "https://pages.example"


def has_usual(response: httpx.Response) -> bool:
    wanted = USUAL | ({"cache-control": "no-cache"} if "etag" in response.headers else {})
    return all(response.headers.get_list(name) == [value] for name, value in wanted.items())


def test_every_answer_has_the_usual_headers(everywhere: Everywhere) -> None:
    row = everywhere.ask("POST", "/tags/", json={"code": "one", "plate": "X"})
    assert row.status_code == 200
    for method, path, options in (
        ("GET", "/tags/one", {}),
        ("GET", "/tags/", {}),
        ("GET", "/tags/?limit=0", {}),
        ("GET", "/tags/none", {}),
        ("PATCH", "/tags/one", {"json": {}}),
        ("POST", "/tags/", {"content": b"{"}),
        ("GET", "/nothing", {}),
        ("PUT", "/tags/one", {}),
        ("GET", "/tags/?" + "x" * 9000, {}),
        ("GET", "/live", {}),
        ("GET", "/ready", {}),
        ("GET", "/docs", {}),
        ("GET", "/openapi.json", {}),
        ("OPTIONS", "/tags/", {}),
        ("DELETE", "/tags/one", {}),
    ):
        for api in everywhere.apis:
            response = api.ask(method, path, **options)
            assert has_usual(response), (method, path, response.headers)
            assert "access-control-allow-origin" not in response.headers
            assert "server" not in response.headers


def test_a_500_has_them_too(
    servers: Servers, new_database: Callable[[str], str], root: Path
) -> None:
    api = servers.start(root / "entities", "served", new_database("sqlite"))
    with api.engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE hero")
        broken = "CREATE VIEW hero AS SELECT 1 AS id, 'n' AS name, json('no JSON') AS age"
        connection.exec_driver_sql(broken)
    response = httpx.get(f"{api.client.base_url}/heroes/", timeout=30)
    assert response.status_code == 500
    assert has_usual(response)
    api.stop()


@pytest.fixture(params=["served", "emitted"])
def start(
    request: pytest.FixtureRequest,
    servers: Servers,
    new_database: Callable[[str], str],
    root: Path,
) -> Iterator[Callable[..., Api]]:
    started: list[Api] = []

    def start(**settings: str) -> Api:
        spec, database = root / "entities", new_database("sqlite")
        started.append(servers.start(spec, request.param, database, settings=settings))
        return started[-1]

    yield start
    for api in started:
        servers.end(api)


def test_pages_of_listed_origins_may_use_the_api(start: Callable[..., Api]) -> None:
    api = start(CORS_ORIGINS=f"{ORIGIN}, http://localhost:3000")
    asked = {"origin": ORIGIN, "access-control-request-method": "PATCH"}
    asked["access-control-request-headers"] = "content-type,if-match"
    for path in ("/heroes/", "/heroes/1"):
        preflight = api.ask("OPTIONS", path, headers=asked)
        assert preflight.status_code == 200
        assert preflight.headers["access-control-allow-origin"] == ORIGIN
        assert "PATCH" in preflight.headers["access-control-allow-methods"]
    for method, path, options in (
        ("POST", "/heroes/", {"json": HERO}),
        ("GET", "/heroes/1", {}),
        ("GET", "/heroes/2", {}),
        ("GET", "/heroes/?" + "x" * 9000, {}),
    ):
        for origin, allowed in ((ORIGIN, ORIGIN), ("https://evil.example", None), (None, None)):
            headers = {"origin": origin} if origin else {}
            response = api.ask(method, path, headers=headers, **options)
            assert response.headers.get("access-control-allow-origin") == allowed
            assert "access-control-allow-credentials" not in response.headers
            assert has_usual(response)


def test_the_documentation_can_be_left_out(start: Callable[..., Api]) -> None:
    api = start(DOCS="false")
    for path in ("/docs", "/redoc", "/openapi.json", "/docs/oauth2-redirect"):
        assert api.ask("GET", path).status_code == 404
    assert api.ask("GET", "/heroes/").status_code == 200
