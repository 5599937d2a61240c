"""Fields and tables can be named by keywords of SQL that SQLAlchemy does not quote by itself."""

from pathlib import Path
from typing import Any

import pytest

from crudgen.language.reserved import SQL_KEYWORDS
from tests.support.servers import Everywhere, Servers, write_entities

WORDS = sorted(SQL_KEYWORDS)
FORMS = {
    "code": "str(1..9) index",
    "number": "int(1..9) unique",
    "kind": "enum(a, b)",
    "price": "decimal(4,2) = 1.50",
    "day": "date? index",
    "touched": "date = now read_only touch",
    "data": "bytes(..9)?",
}
API = "{operations: [create, list, read, update, replace, delete, create_many, update_many]"

pytestmark = [pytest.mark.long, pytest.mark.slow]


def names(table: str) -> dict[str, str]:
    """Return the names of the fields: in the tables, each word is a field of each type."""
    start = WORDS.index(table)
    return dict(zip(FORMS, WORDS[start:] + WORDS[:start], strict=True))


def spec(table: str) -> str:
    word = names(table)
    fields = "".join(f"  {word[key]}: {form}\n" for key, form in FORMS.items())
    together = f"[[{word['number']}, {word['code']}]]"
    api = f"{API}, search: [{word['code']}], idempotency: true}}"
    return (
        f"name: Z{table.title().replace('_', '')}\nplural: {table}\ntable: {table}\n"
        f"fields:\n{fields}unique: {together}\napi: {api}\n"
    )


@pytest.fixture(scope="module")
def everywhere(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Everywhere:
    folder: Path = tmp_path_factory.mktemp("keywords") / "entities"
    return servers.everywhere(write_entities(folder, {table: spec(table) for table in WORDS}))


@pytest.mark.parametrize("table", WORDS)
def test_rows_are_written_and_found(everywhere: Everywhere, table: str) -> None:
    word = names(table)
    path = f"/{table.replace('_', '-')}/"

    def ask(method: str, place: str, **options: Any) -> Any:
        answer = everywhere.ask(method, place, **options)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def body(code: str, number: int) -> dict[str, Any]:
        return {word["code"]: code, word["number"]: number, word["kind"]: "a", word["data"]: "YQ=="}

    one = ask("POST", path, json=body("one", 1), headers={"Idempotency-Key": "first-of-all"})
    assert one.items() >= body("one", 1).items()
    two, three = ask("POST", f"{path}bulk", json=[body("two", 2), body("three", 3)])
    assert everywhere.ask("POST", path, json=body("four", 3)).status_code == 409
    assert everywhere.ask("POST", path, json=body("four", 10)).status_code == 422
    assert ask("GET", f"{path}{one['id']}") == one
    assert ask("GET", path, params={"sort": f"-{word['number']}"}) == [three, two, one]
    assert ask("GET", path, params={f"{word['code']}__contains": "w"}) == [two]
    assert ask("GET", path, params={f"{word['price']}__gt": "1.4", "q": "on"}) == [one]
    assert ask("GET", path, params={"fields": word["code"], "limit": 1}) == [{word["code"]: "one"}]
    changed = ask("PATCH", f"{path}{two['id']}", json={word["day"]: "2024-02-29"})
    assert changed == two | {word["day"]: "2024-02-29"}
    (changed,) = ask("PATCH", f"{path}bulk", json=[{"id": three["id"], word["kind"]: "b"}])
    assert changed == three | {word["kind"]: "b"}
    assert ask("PUT", f"{path}{one['id']}", json=body("five", 5)) == one | body("five", 5)
    assert ask("DELETE", f"{path}{one['id']}") == {"ok": True}
