"""Links are changed from both sides at the same time: none is lost, and nobody waits in a circle.

`ROUNDS=40 python -m pytest tests/concurrency/test_links.py` is the extended run.
"""

import os
from collections.abc import Iterator
from random import Random
from threading import Barrier

import pytest
from sqlalchemy import text

from tests.concurrency.crowd import Client, Crowd

pytestmark = pytest.mark.long

ROUNDS = int(os.environ.get("ROUNDS", "4"))
CLIENTS = 32
BANDS, GENRES = ["a", "b"], ["p", "q"]


def change(client: Client, choice: Random) -> None:
    """Send a request that changes links, from a random side."""
    owners, others, path, relation = (
        (BANDS, GENRES, "/bands", "genres")
        if choice.random() < 0.5
        else (GENRES, BANDS, "/genres", "bands")
    )
    linked = f"{path}/{choice.choice(owners)}/{relation}/"
    keys = choice.sample(others, choice.choice([1, len(others)]))
    match choice.randrange(8):
        case 0:
            answer = client.ask("PUT", linked + choice.choice(others))
        case 1:
            answer = client.ask("DELETE", linked + choice.choice(others))
            assert answer.status in {200, 404}
            return
        case _:
            answer = client.ask("PUT", linked, keys)
    assert answer.status == 200, answer


SLOW = """
CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql
AS $$ BEGIN PERFORM pg_sleep(0.01); RETURN NULL; END $$;
CREATE TRIGGER wait BEFORE INSERT ON band_genre_link EXECUTE FUNCTION wait();
"""


def create_rows(crowd: Crowd, *more: str) -> None:
    with crowd.client() as client:
        for path, names in (("/bands/", BANDS), ("/genres/", GENRES)):
            for name in (*names, *more):
                assert client.ask("POST", path, {"name": name}).status == 200


@pytest.fixture
def slow_links(crowd: Crowd) -> Iterator[None]:
    """Let PostgreSQL wait before each INSERT of links, when others have been removed."""
    engine = crowd.apis[0].engine
    if engine.dialect.name == "sqlite":
        yield
        return
    with engine.begin() as connection:
        connection.execute(text(SLOW))
    yield
    with engine.begin() as connection:
        connection.execute(text("DROP FUNCTION wait CASCADE"))


def pairs(crowd: Crowd, path: str, relation: str) -> set[frozenset[str]]:
    return {
        frozenset((f"{path}{owner['name']}", f"/{relation}/{other['name']}"))
        for owner in crowd.rows(path)
        for other in crowd.rows(f"{path}{owner['name']}/{relation}/")
    }


@pytest.mark.long
def test_links_are_changed_from_both_sides(crowd: Crowd) -> None:
    create_rows(crowd)
    before = len(crowd.deadlocks())

    def work(client: Client, number: int) -> None:
        choice = Random(number)  # noqa: S311
        for _ in range(3 * ROUNDS):
            change(client, choice)

    crowd.together(CLIENTS, work)
    assert not crowd.deadlocks(after=before)
    of_bands = pairs(crowd, "/bands/", "genres")
    assert of_bands == pairs(crowd, "/genres/", "bands")


def write_keys(client: Client, choice: Random, new: int) -> None:
    """Send a request whose body contains the keys of linked rows, from a random side."""
    path, keys = choice.choice([("/players", "club_ids"), ("/clubs", "player_ids")])
    rows = [
        {"id": key, keys: sorted(choice.sample([1, 2, 3], choice.randrange(4)))}
        for key in choice.sample([1, 2, 3], 2)
    ]
    key = rows[0]["id"]
    match choice.randrange(6):
        case 0:
            answer = client.ask("PUT", f"{path}/{key}", rows[0])
        case 1:
            answer = client.ask("PATCH", f"{path}/{key}", rows[0])
        case 2:
            made = [{**row, "id": new + index} for index, row in enumerate(rows)]
            answer = client.ask("POST", f"{path}/bulk", made)
        case _:
            answer = client.ask("PATCH", f"{path}/bulk", rows)
            assert [row[keys] for row in answer.body] == [row[keys] for row in rows]
    assert answer.status == 200, answer


@pytest.mark.long
def test_keys_are_written_from_both_sides(crowd: Crowd) -> None:
    with crowd.client() as client:
        for path in ("/players/bulk", "/clubs/bulk"):
            rows = [{"id": key} for key in (1, 2, 3)]
            assert client.ask("POST", path, rows).status == 200
    before = len(crowd.deadlocks())

    def work(client: Client, number: int) -> None:
        choice = Random(number)  # noqa: S311
        for turn in range(3 * ROUNDS):
            write_keys(client, choice, 10_000 * (number + 1) + 2 * turn)

    crowd.together(CLIENTS, work)
    assert not crowd.deadlocks(after=before)
    of_players = {(row["id"], key) for row in crowd.rows("/players/") for key in row["club_ids"]}
    of_clubs = {(key, row["id"]) for row in crowd.rows("/clubs/") for key in row["player_ids"]}
    assert of_players == of_clubs


@pytest.mark.long
def test_linked_rows_are_deleted_while_keys_are_written(crowd: Crowd) -> None:
    turns = 2 * ROUNDS
    clubs = [*range(1, turns + 1)]
    with crowd.client() as client:
        assert client.ask("POST", "/players/bulk", [{"id": 1}, {"id": 2}]).status == 200
        for key in clubs:
            assert client.ask("POST", "/clubs/", {"id": key}).status == 200

    def work(client: Client, number: int) -> None:
        choice = Random(number)  # noqa: S311
        for turn in clubs:
            if number % 8 == 0:
                assert client.ask("DELETE", f"/clubs/{turn}").status in {200, 404}
                continue
            rows = [{"id": key, "club_ids": choice.sample(clubs, 2)} for key in (2, 1)]
            answer = client.ask("PATCH", "/players/bulk", rows)
            assert answer.status in {200, 409}, answer
            answer = client.ask("PUT", "/players/1", {"id": 1, "club_ids": [turn]})
            assert answer.status in {200, 409}, answer

    crowd.together(CLIENTS, work)
    assert crowd.rows("/clubs/") == []
    assert [row["club_ids"] for row in crowd.rows("/players/")] == [[], []]


@pytest.mark.long
def test_rejected_deletions_of_several_rows_do_not_wait_in_a_circle(crowd: Crowd) -> None:
    """The rows are locked a second time, to find those that refer to them."""
    nodes = [*range(1, 9)]
    before = len(crowd.deadlocks())
    with crowd.client() as client:
        for key in nodes:
            assert client.ask("POST", "/nodes/", {"id": key}).status == 200
            assert client.ask("POST", "/nodes/", {"id": 100 + key, "next_id": key}).status == 200

    def work(client: Client, number: int) -> None:
        choice = Random(number)  # noqa: S311
        for turn in range(10 * ROUNDS):
            if number % 2:
                query = "&".join(f"id={key}" for key in choice.sample(nodes, 5))
                answer = client.ask("DELETE", f"/nodes/bulk?{query}")
                assert answer.status == 409, answer
                assert "Nodes refer to it by next_id" in str(answer.body)
            else:
                key = choice.choice(nodes)
                row = {"id": key, "label": f"{number} {turn}", "peer_ids": choice.sample(nodes, 4)}
                assert client.ask("PUT", f"/nodes/{key}", row).status == 200

    crowd.together(4, work)
    assert not crowd.deadlocks(after=before)


@pytest.mark.usefixtures("slow_links")
def test_replacements_do_not_wait_in_a_circle(crowd: Crowd) -> None:
    """Each of four replacements adds the link that the next one removes."""
    create_rows(crowd)
    circle = [
        ("/bands/a/genres/", ["p"]),
        ("/genres/p/bands/", ["b"]),
        ("/bands/b/genres/", ["q"]),
        ("/genres/q/bands/", ["a"]),
    ]
    before, barrier = len(crowd.deadlocks()), Barrier(len(circle))

    def work(client: Client, number: int) -> None:
        path, keys = circle[number]
        for _ in range(ROUNDS):
            if path.startswith("/bands"):
                assert client.ask("PUT", path, GENRES).status == 200
            barrier.wait(60)
            assert client.ask("PUT", path, keys).status == 200
            barrier.wait(60)

    crowd.together(len(circle), work)
    assert not crowd.deadlocks(after=before)


def test_replacements_are_whole(crowd: Crowd) -> None:
    with crowd.client() as client:
        client.ask("POST", "/bands/", {"name": "a"})
        for number in range(20):
            client.ask("POST", "/genres/", {"name": f"g{number}"})
    groups = [[f"g{number}" for number in range(20) if number % 4 == rest] for rest in range(4)]

    def work(client: Client, number: int) -> None:
        mine = groups[number % 4]
        for _ in range(ROUNDS):
            assert client.ask("PUT", "/bands/a/genres/", mine).status == 200
            found = client.ask("GET", "/bands/a/genres/").body
            assert [row["name"] for row in found] in [sorted(group) for group in groups]

    crowd.together(CLIENTS, work)


@pytest.mark.long
def test_links_to_rows_that_are_deleted(crowd: Crowd) -> None:
    """A row is deleted while others link it: then the link goes too, or is not there."""
    turns = 3 * ROUNDS
    create_rows(crowd, *map(str, range(turns)))

    def work(client: Client, number: int) -> None:
        choice = Random(number)  # noqa: S311
        for turn in map(str, range(turns)):
            if number % 8 == 0:
                path = "/bands" if number % 16 else "/genres"
                assert client.ask("DELETE", f"{path}/{turn}").status in {200, 404}
                continue
            found = client.ask("PUT", "/bands/a/genres/", [choice.choice(GENRES), turn])
            assert found.status in {200, 409}
            found = client.ask("PUT", f"/genres/{turn}/bands/", [choice.choice(BANDS)])
            assert found.status in {200, 404}
            assert client.ask("PUT", f"/bands/{turn}/genres/{turn}").status in {200, 404}

    crowd.together(CLIENTS, work)
    table = crowd.apis[0].tables.tables["band_genre_link"]
    with crowd.apis[0].engine.connect() as connection:
        links = connection.execute(table.select()).all()
    bands = {row["name"] for row in crowd.rows("/bands/")}
    genres = {row["name"] for row in crowd.rows("/genres/")}
    assert (bands, genres) == ({*BANDS}, {*GENRES})
    assert all(link.band_name in bands and link.genre_name in genres for link in links)
