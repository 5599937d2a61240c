"""Links from page to page, where names, numbers and texts are at their limits."""

from pathlib import Path

import pytest

from tests.support.servers import Everywhere, Servers, write_entities

pytestmark = pytest.mark.long

ODD = """
name: Odd
fields: {place_0: str?, place_1: int?, end: int?, key: float?}
"""
MANY = "".join(f"  f{number}: int?\n" for number in range(12))
WIDE = f"name: Wide\nfields:\n{MANY}"
MOST = 2**63 - 1


@pytest.fixture(scope="module")
def spec(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_entities(tmp_path_factory.mktemp("walks") / "spec", {"odd": ODD, "wide": WIDE})


@pytest.fixture
def odds(servers: Servers, spec: Path) -> Everywhere:
    everywhere = servers.everywhere(spec)
    for api in everywhere.apis:
        for number in range(3):
            row = {"place_0": f"p{number % 2}", "place_1": number, "key": number / 2}
            assert api.ask("POST", "/odds/", json=row).status_code == 200
        assert api.ask("POST", "/odds/", json={}).status_code == 200
    return everywhere


@pytest.mark.parametrize("sort", ["key", "-place_0,place_1", "place_1,-key", "-end"])
def test_a_walk_where_fields_are_called_like_places(odds: Everywhere, sort: str) -> None:
    for api in odds.apis:
        whole = api.ask("GET", f"/odds/?sort={sort}").json()
        walked, link = [], f"/odds/?cursor=&limit=1&sort={sort}"
        while link:
            page = api.ask("GET", link)
            walked += page.json()
            link = page.links.get("next", {}).get("url", "")
        assert walked == whole
        assert len(walked) == 4


@pytest.mark.parametrize("offset", [1, 2**31 - 2, 2**31 - 1, 2**31, MOST - 1, MOST])
@pytest.mark.parametrize("sort", ["id", "key", "-key", "-place_0,place_1"])
def test_a_cursor_with_an_offset(odds: Everywhere, sort: str, offset: int) -> None:
    for api in odds.apis:
        first = api.ask("GET", f"/odds/?cursor=&limit=1&sort={sort}")
        page = api.ask("GET", f"{first.links['next']['url']}&offset={offset}")
        assert page.status_code == 200
        assert len(page.json()) == (1 if offset == 1 else 0)


def test_rows_are_sorted_by_eight_properties_at_most(odds: Everywhere) -> None:
    names = [f"-f{number}" for number in range(9)]
    assert odds.ask("GET", f"/wides/?sort={','.join(names[:8])}").status_code == 200
    refused = odds.ask("GET", f"/wides/?sort={','.join(names)}")
    (problem,) = refused.json()["detail"]
    assert (refused.status_code, problem["type"]) == (422, "too_long")
    parameters = odds.ask("GET", "/openapi.json").json()["paths"]["/wides/"]["get"]["parameters"]
    assert [one["schema"]["maxItems"] for one in parameters if one["name"] == "sort"] == [8]


@pytest.mark.parametrize("sent", ["(" * 8000, "%27" * 2600, "a+b%20c%2Bd", "%3C%3E%22%3B=", "%zz"])
def test_links_repeat_what_was_asked(odds: Everywhere, sent: str) -> None:
    for api in odds.apis:
        for place in ("", "cursor=&"):
            page = api.ask("GET", f"/odds/?{place}limit=1&place_0__ne={sent}")
            assert page.headers["link"].count(f"&place_0__ne={sent}>") == 2
            following = api.ask("GET", page.links["next"]["url"])
            assert following.status_code == 200
            assert following.json() != page.json()


@pytest.mark.parametrize("sent", ["'<;", '"\'"', "a{é}|^`"])
def test_links_hold_nothing_that_ends_them(odds: Everywhere, sent: str) -> None:
    for api in odds.apis:
        for place in ("", "cursor=&"):
            page = api.ask("GET", f"/odds/?{place}limit=1&place_0__ne={sent}")
            following = api.ask("GET", page.links["next"]["url"])
            assert following.request.url.params["place_0__ne"] == sent
            assert following.json() != page.json()


@pytest.mark.parametrize("place", ["", "cursor=&", "offset=1&"])
@pytest.mark.parametrize(
    ("joined", "given_again"),
    [
        ("sort=-place_0,place_1", "sort=-place_0&sort=place_1"),
        ("sort=-place_0,place_1,end", "sort=-place_0,place_1&sort=end"),
        ("fields=id,key", "fields=id&fields=key"),
        ("sort=key,end&fields=id,key,end", "sort=key&fields=id&sort=end&fields=key&fields=end"),
        ("sort=key,-end&place_0__ne=a,b", "sort=key&place_0__ne=a,b&sort=-end"),
    ],
)
def test_a_list_may_be_given_in_parts(
    odds: Everywhere, place: str, joined: str, given_again: str
) -> None:
    for api in odds.apis:
        wanted = api.ask("GET", f"/odds/?{place}limit=1&{joined}")
        assert wanted.status_code == 200, wanted.text
        found = api.ask("GET", f"/odds/?{place}limit=1&{given_again}")
        assert (found.content, found.headers["link"]) == (wanted.content, wanted.headers["link"])
        following = wanted.links["next"]["url"]
        again = api.ask("GET", following.replace(joined, given_again))
        assert again.json() == api.ask("GET", following).json() != wanted.json()


def test_the_parts_of_a_list_count_together(odds: Everywhere) -> None:
    names = [f"sort=f{number}" for number in range(9)]
    assert odds.ask("GET", f"/wides/?{'&'.join(names[:8])}").status_code == 200
    refused = odds.ask("GET", f"/wides/?{'&'.join(names)}")
    (problem,) = refused.json()["detail"]
    assert (refused.status_code, problem["type"]) == (422, "too_long")


def test_a_link_that_could_not_be_followed_is_422(odds: Everywhere) -> None:
    for place in ("", "cursor=&"):
        refused = odds.ask("GET", f"/odds/?{place}limit=1&place_0__ne={chr(39) * 8000}")
        (problem,) = refused.json()["detail"]
        assert (refused.status_code, problem["type"]) == (422, "long_link")


def test_a_page_by_cursor_behind_an_offset_leads_back(odds: Everywhere) -> None:
    for api in odds.apis:
        rows = api.ask("GET", "/odds/").json()
        page = api.ask("GET", "/odds/?cursor=&limit=1&offset=2")
        assert page.json() == rows[2:3]
        assert api.ask("GET", page.links["prev"]["url"]).json() == rows[1:2]
        first = api.ask("GET", "/odds/?cursor=&limit=2")
        beyond = api.ask("GET", f"{first.links['next']['url']}&offset=9")
        assert beyond.json() == []
        assert api.ask("GET", beyond.links["prev"]["url"]).json() == rows[:2]
