"""Idempotency keys of requests whose model an owner has edited: a different body is 422."""

import sqlite3
from collections.abc import Iterator
from hashlib import blake2b
from pathlib import Path
from typing import Any

import pytest

from tests.owners.project import Project, emit

pytestmark = pytest.mark.long

HERO = """\
name: Hero
fields:
  name: str
  worth: decimal(9,2)?
  photo: bytes?
  born_on: date? json(bornOn)
api: {operations: [create, list, create_many], idempotency: true}
"""
MODELS = "heroes/models.py"
CREATE = '    """Request body to create a hero."""\n'
EDITS = {
    "exclude": "    code: str = Field(exclude=True)\n",
    "secret": "    code: SecretStr\n",
    "annotated": "    code: Annotated[str, PlainSerializer(lambda code: '***')]\n",
    "nested": "    code: list[Annotated[str, PlainSerializer(lambda code: '***')]]\n",
    "serializer": (
        "    code: str\n\n"
        '    @field_serializer("code")\n'
        "    def mask(self, code: str) -> str:\n"
        '        return "***"\n'
    ),
    "model": (
        "    code: str\n\n"
        "    @model_serializer\n"
        "    def mask(self) -> dict[str, str]:\n"
        '        return {"name": self.name}\n'
    ),
}


@pytest.fixture(scope="module")
def emitted_with_keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return emit(tmp_path_factory.mktemp("keys"), {"hero": HERO})


@pytest.fixture
def keyed(emitted_with_keys: Path, tmp_path: Path) -> Iterator[Project]:
    project = Project.copied(emitted_with_keys, tmp_path)
    yield project
    project.unload()


@pytest.mark.parametrize("edit", EDITS)
def test_a_value_that_the_json_of_the_model_hides_is_compared(keyed: Project, edit: str) -> None:
    keyed.import_in(MODELS, "from typing import Annotated")
    names = "PlainSerializer, SecretStr, field_serializer, model_serializer"
    keyed.import_in(MODELS, f"from pydantic import {names}")
    keyed.replace(MODELS, CREATE, f"{CREATE}\n{EDITS[edit]}")
    first, other = (["a"], ["b"]) if edit == "nested" else ("a", "b")
    one, two = {"name": "x", "code": first}, {"code": other, "name": "x"}
    cases: list[tuple[str, Any, Any, Any]] = [
        ("/heroes/", one, dict(reversed(one.items())), two),
        ("/heroes/bulk", [one], [dict(reversed(one.items()))], [two]),
    ]
    with keyed.clients() as clients:
        for path, body, same, different in cases:
            headers = {"Idempotency-Key": path}
            made = clients.ask("POST", path, json=body, headers=headers)
            assert made.status_code == 200, made.text
            again = clients.ask("POST", path, json=same, headers=headers)
            assert again.headers["idempotent-replayed"] == "true"
            refused = clients.ask("POST", path, json=different, headers=headers)
            assert refused.json()["detail"][0]["type"] == "other_request"


def test_the_hash_of_a_generated_model_stays_the_same(keyed: Project) -> None:
    """An upgrade must not turn repeated requests into other ones."""
    body = {"name": "x", "worth": "1.50", "photo": "/w==", "bornOn": "2000-01-01"}
    app = keyed.create()
    with keyed.client(app) as client:
        made = client.post("/heroes/", json=body, headers={"Idempotency-Key": "k"})
        assert made.status_code == 200, made.text
        secret = app.state.database.secret
    text = '{"name":"x","worth":"1.50","photo":"/w==","born_on":"2000-01-01"}'
    expected = blake2b(f"/heroes\0{text}".encode(), digest_size=32, key=secret).digest()
    with sqlite3.connect(keyed.folder / "app.db") as connection:
        assert connection.execute("SELECT request FROM _answer").fetchall() == [(expected,)]
