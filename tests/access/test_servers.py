"""Rules and tokens of served and emitted applications, on real servers and both databases."""

from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from tests.access.agency import APP, Rows, with_rules
from tests.access.key_server import AUDIENCE, KeyServer, SigningKey
from tests.access.test_rules import SECRET, bearer
from tests.support.servers import COMBINATIONS, Servers, write_entities

RULES = {
    "Team": "{read: user, write: editor}",
    "Hero": "{read: user, write: editor}",
    "Power": "{read: anyone, create: editor, update: [editor, hr]}",
    "Badge": "{read: anyone, write: editor}",
    "Award": "{read: user, write: editor}",
    "Mission": "{read: user, create: [user, hr], update: editor}",
}
ASKED = (
    # method, path, body, and the statuses for nobody, a user and an editor
    ("GET", "/heroes/", None, (401, 200, 200)),
    ("GET", "/heroes/1?include=team", None, (401, 200, 200)),
    ("GET", "/powers/fly", None, (200, 200, 200)),
    ("GET", "/powers/?include=heroes", None, (401, 200, 200)),
    ("GET", "/powers/?heroes__any__name=Ann", None, (401, 200, 200)),
    ("GET", "/teams/1/heroes/", None, (401, 200, 200)),
    ("POST", "/heroes/", {"name": "New"}, (401, 403, 200)),
    ("POST", "/heroes/bulk", [{"name": "New"}], (401, 403, 200)),
    ("PATCH", "/heroes/2", {"age": 3}, (401, 403, 200)),
    ("PUT", "/powers/fly", {"code": "fly", "name": "x"}, (401, 403, 200)),
    ("PUT", "/heroes/1/powers/see", None, (401, 403, 200)),
    ("POST", "/missions/", {"goal": "x", "hero_id": 1}, (401, 200, 200)),
    ("DELETE", "/heroes/2", None, (401, 403, 200)),
)


@pytest.fixture(scope="module")
def spec(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("agency")
    (folder / "crudgen.yaml").write_text(APP)
    texts = {name.removesuffix(".yaml"): text for name, text in with_rules(RULES).items()}
    return write_entities(folder / "entities", texts)


@pytest.mark.parametrize(("mode", "kind"), COMBINATIONS, ids=map("-".join, COMBINATIONS))
def test_rules_decide_on_servers(
    mode: str, kind: str, servers: Servers, spec: Path, new_database: Callable[[str], str]
) -> None:
    settings = {"AUTH_SECRET": SECRET}
    api = servers.start(spec, mode, new_database(kind), settings=settings, keeps_names=True)
    Rows(api.engine).reset()
    callers: list[dict[str, str]] = [{}, bearer([]), bearer(["editor"])]
    for method, path, body, statuses in ASKED:
        for _ in range(2):
            for headers, status in zip(callers, statuses, strict=True):
                answer = api.ask(method, path, json=body, headers=headers)
                allowed = {status, 404} if method == "DELETE" else {status}
                assert answer.status_code in allowed, (method, path, answer.text)
    api.stop()


def test_a_provider_is_asked_over_http(
    servers: Servers, spec: Path, new_database: Callable[[str], str]
) -> None:
    key = SigningKey("ES256", "one")
    with KeyServer().running() as server:
        server.keys = [key]
        settings = {"AUTH_ISSUER": server.url, "AUTH_AUDIENCE": AUDIENCE}
        database = new_database("sqlite")
        api = servers.start(spec, "emitted", database, settings=settings, keeps_names=True)
        headers = {"Authorization": f"Bearer {key.sign(server.claims())}"}
        for _ in range(5):
            assert api.ask("GET", "/heroes/", headers=headers).status_code == 200
        foreign = {"Authorization": f"Bearer {SigningKey('ES256', 'two').sign(server.claims())}"}
        for _ in range(5):
            assert api.ask("GET", "/heroes/", headers=foreign).status_code == 401
        assert server.fetches == 1
        api.stop()


def test_a_server_whose_provider_is_down_says_so(
    servers: Servers, spec: Path, new_database: Callable[[str], str]
) -> None:
    with KeyServer().running() as server:
        server.fails = True
        settings = {"AUTH_ISSUER": server.url, "AUTH_AUDIENCE": AUDIENCE}
        database = new_database("sqlite")
        api = servers.start(spec, "served", database, settings=settings, keeps_names=True)
        headers = {"Authorization": f"Bearer {SigningKey('ES256', 'one').sign(server.claims())}"}
        answer: httpx.Response = api.client.get("/heroes/", headers=headers)
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
        assert api.client.get("/powers/").status_code == 200
        api.log_with("cannot be fetched")
        api.stop()
