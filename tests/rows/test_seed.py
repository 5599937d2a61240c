"""The Hero API of FastAPI's tutorial, request by request."""

import pytest

from tests.support.servers import Api

pytestmark = pytest.mark.long

DEADPOND = {"name": "Deadpond", "secret_name": "Dive Wilson"}
RUSTY = {"name": "Rusty-Man", "age": 48, "secret_name": "Tommy Sharp"}
NOT_FOUND = {"detail": "Hero not found"}


def test_a_posted_id_is_ignored_and_the_secret_is_not_shown(hero: Api) -> None:
    first = hero.ask("POST", "/heroes/", json=DEADPOND | {"id": 4711})
    assert first.status_code == 200
    row = first.json()
    assert row == {"name": "Deadpond", "age": None, "id": row["id"]}
    assert row["id"] != 4711
    assert first.headers["location"] == f"/heroes/{row['id']}"
    assert hero.ask("GET", f"/heroes/{row['id']}").json() == row


def test_patch_keeps_what_is_absent_and_clears_what_is_null(hero: Api) -> None:
    row = hero.ask("POST", "/heroes/", json=RUSTY).json()
    path = f"/heroes/{row['id']}"
    assert hero.ask("PATCH", path, json={"name": "Rusty"}).json() == row | {"name": "Rusty"}
    cleared = hero.ask("PATCH", path, json={"age": None})
    assert cleared.status_code == 200
    assert cleared.json() == row | {"name": "Rusty", "age": None}
    assert hero.ask("PATCH", path, json={"name": None}).status_code == 422
    assert hero.ask("PATCH", path, json={}).json() == cleared.json()


def test_a_row_that_was_read_can_be_sent_back(hero: Api) -> None:
    row = hero.ask("POST", "/heroes/", json=RUSTY).json()
    assert hero.ask("PATCH", f"/heroes/{row['id']}", json=row).json() == row


@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE"])
def test_a_missing_hero_is_404(hero: Api, method: str) -> None:
    options = {"json": {"age": 1}} if method == "PATCH" else {}
    for key in ("999999", "-1", "9" * 23):
        response = hero.ask(method, f"/heroes/{key}", **options)
        assert (response.status_code, response.json()) == (404, NOT_FOUND)


def test_delete_answers_ok_once_and_the_id_is_not_given_again(hero: Api) -> None:
    row = hero.ask("POST", "/heroes/", json=RUSTY).json()
    path = f"/heroes/{row['id']}"
    deleted = hero.ask("DELETE", path)
    assert (deleted.status_code, deleted.json()) == (200, {"ok": True})
    assert hero.ask("DELETE", path).json() == NOT_FOUND
    assert hero.ask("POST", "/heroes/", json=RUSTY).json()["id"] > row["id"]


def test_pages_follow_the_key_and_link_to_each_other(hero: Api) -> None:
    rows = [hero.ask("POST", "/heroes/", json=RUSTY | {"age": n}).json() for n in range(5)]
    page = hero.ask("GET", "/heroes/", params={"offset": 1, "limit": 2})
    assert page.json() == rows[1:3]
    assert page.links["next"]["url"] == "/heroes/?offset=3&limit=2"
    assert page.links["prev"]["url"] == "/heroes/?offset=0&limit=2"
    last = hero.ask("GET", page.links["next"]["url"])
    assert last.json() == rows[3:]
    assert "next" not in last.links
    assert hero.ask("GET", "/heroes/").json() == rows
    assert hero.ask("GET", "/heroes/", params={"limit": 101}).status_code == 422


def test_the_path_without_slash_answers_alike_and_does_not_redirect(hero: Api) -> None:
    created = hero.ask("POST", "/heroes", json=RUSTY)
    assert created.status_code == 200
    assert created.headers["location"] == f"/heroes/{created.json()['id']}"
    with_slash = hero.ask("GET", "/heroes/", headers={"host": "evil.example"})
    without = hero.ask("GET", "/heroes", headers={"host": "evil.example"})
    assert (without.status_code, without.content) == (200, with_slash.content)
    assert "evil" not in str(without.headers)
