"""An application answers the same bytes whether its kit is copied, plain or a library."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.servers import Api, Servers, write_entities

SPEC = {
    "hero": """
name: Hero
fields:
  name: str(1..80) unique
  age: int(0..)?
  score: float = 1.5
  tame: bool = true
  born: date?
  secret_name: str(1..80) write_only
api:
  operations: [create, list, read, update, replace, delete, create_many, update_many, delete_many]
  search: [name]
  export: [csv, ndjson]
  idempotency: true
"""
}
HERO = {"name": "a", "secret_name": "x"}
REQUESTS: list[tuple[str, str, dict[str, Any]]] = [
    ("POST", "/heroes/", {"json": HERO}),
    ("POST", "/heroes", {"json": HERO | {"name": "b", "age": 3}}),
    ("POST", "/heroes/", {"json": HERO}),
    ("POST", "/heroes/", {"json": HERO | {"name": "", "age": -1, "more": 1}}),
    ("POST", "/heroes/", {"content": b"{", "headers": {"content-type": "application/json"}}),
    ("POST", "/heroes/", {"content": b"x=1"}),
    ("POST", "/heroes/", {"json": HERO | {"name": "k"}, "headers": {"Idempotency-Key": "1"}}),
    ("POST", "/heroes/", {"json": HERO | {"name": "k"}, "headers": {"Idempotency-Key": "1"}}),
    ("POST", "/heroes/bulk", {"json": [HERO | {"name": "é"}, HERO | {"name": "d"}]}),
    ("GET", "/heroes/", {}),
    ("GET", "/heroes?limit=2&count=true", {}),
    ("GET", "/heroes/?age__gte=2&sort=-name&fields=name,born", {}),
    ("GET", "/heroes/?cursor=&limit=1", {}),
    ("GET", "/heroes/?sort=-name&count=exact", {"headers": {"Accept": "text/csv"}}),
    ("GET", "/heroes/?limit=2", {"headers": {"Accept": "application/x-ndjson"}}),
    ("GET", "/heroes/?q=A", {}),
    ("GET", "/heroes/?age__foo=1&limit=x", {}),
    ("GET", "/heroes/1", {}),
    ("GET", "/heroes/01", {}),
    ("GET", "/heroes/9", {}),
    ("HEAD", "/heroes/1", {}),
    ("PATCH", "/heroes/1", {"json": {"born": "2024-02-29", "score": -0.0}}),
    ("PATCH", "/heroes/1", {"json": {"age": 4}, "headers": {"If-Match": '"no"'}}),
    ("PATCH", "/heroes/1", {"json": {"name": "b"}}),
    ("PUT", "/heroes/2", {"json": HERO | {"name": "c"}}),
    ("PATCH", "/heroes/bulk", {"json": [{"id": 1, "age": 5}, {"id": 2, "age": 6}]}),
    ("DELETE", "/heroes/bulk?id=1&id=77", {}),
    ("DELETE", "/heroes/2", {}),
    ("GET", "/openapi.json", {}),
    ("GET", "/nothing", {}),
    ("GET", "/ready", {}),
]


def answer(api: Api, method: str, path: str, options: dict[str, Any]) -> tuple[Any, ...]:
    response: httpx.Response = api.ask(method, path, **options)
    headers = [
        (name, value)
        for name, value in response.headers.items()
        if name not in {"date", "x-request-id"}
    ]
    # Cursors are signed by a secret of each database.
    body = b"" if "cursor=" in path else response.content
    return response.status_code, [one for one in headers if "cursor" not in one[1]], body


@pytest.mark.long_cases("postgresql")
@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_every_form_of_the_kit_answers_the_same(
    servers: Servers,
    new_database: Callable[[str], str],
    tmp_path: Path,
    root: Path,
    kind: str,
) -> None:
    apis = {}
    for form in ("vendored", "plain", "library"):
        (tmp_path / form).mkdir()
        spec = write_entities(tmp_path / form / "entities", SPEC)
        (tmp_path / form / "crudgen.yaml").write_text(f"kit: {form}\n")
        settings = {"PYTHONPATH": str(root)} if form == "library" else None
        apis[form] = servers.start(spec, "emitted", new_database(kind), settings=settings)
        kit = servers.emit(spec) / "app" / "kit"
        assert (kit.exists(), (kit / "fast").exists()) == (form != "library", form == "vendored")
    for method, path, options in REQUESTS:
        first, *others = [answer(api, method, path, options) for api in apis.values()]
        assert all(other == first for other in others), (method, path, first, others)
    for api in apis.values():
        api.stop()
