"""Bad questions: the documented answer, the same everywhere; a filter is refused, never dropped."""

from uuid import UUID

import pytest

from tests.support.servers import Everywhere

# query of /animals/, expected types of the problems
BAD: list[tuple[str, list[str]]] = [
    ("age__foo=1", ["unknown_parameter"]),
    ("age_gte=1", ["unknown_parameter"]),
    ("age__gte__lt=1", ["unknown_parameter"]),
    ("age__=1", ["unknown_parameter"]),
    ("__gte=1", ["unknown_parameter"]),
    ("age__eq=1", ["unknown_parameter"]),
    ("AGE=1", ["unknown_parameter"]),
    ("nothing=1", ["unknown_parameter"]),
    ("nothing__in=1", ["unknown_parameter"]),
    ("secret=hunter2", ["unknown_parameter"]),
    ("secret__icontains=h", ["unknown_parameter"]),
    ("secret__isnull=true", ["unknown_parameter"]),
    ("secret2__isnull=true", ["unknown_parameter"]),
    ("data=1", ["unknown_parameter"]),
    ("photo__contains=A", ["unknown_parameter"]),
    ("data__isnull=true", ["unknown_parameter"]),
    ("legs__isnull=true", ["unknown_parameter"]),
    ("legs__contains=1", ["unknown_parameter"]),
    ("tame__gt=true", ["unknown_parameter"]),
    ("tame__in=true", ["unknown_parameter"]),
    ("mood__startswith=c", ["unknown_parameter"]),
    ("mood__gt=calm", ["unknown_parameter"]),
    ("or=1", ["unknown_parameter"]),
    ("q=x", ["unknown_parameter"]),
    ("legs[gte]=1", ["unknown_parameter"]),
    ("metadata=1", ["unknown_parameter"]),
    ("legs=x", ["int_parsing"]),
    ("legs=", ["int_parsing"]),
    ("legs=1.5", ["int_parsing"]),
    ("legs=null", ["int_parsing"]),
    ("legs=01", ["int_parsing"]),
    ("legs=-0", ["int_parsing"]),
    ("legs=00", ["int_parsing"]),
    ("legs__in=1&legs__in=01", ["int_parsing"]),
    ("id=01", ["int_parsing"]),
    ("legs=1.0", ["int_parsing"]),
    ("legs=1_0", ["int_parsing"]),
    ("legs=%2B1", ["int_parsing"]),
    ("legs__gte= 1", ["int_parsing"]),
    ("legs__in=1&legs__in=1_0", ["int_parsing"]),
    ("legs__gte=9223372036854775808", ["less_than_equal"]),
    ("legs__lt=-9223372036854775809", ["greater_than_equal"]),
    ("legs=" + "9" * 5000, ["int_parsing_size"]),
    ("legs__in=1&legs__in=x", ["int_parsing"]),
    ("legs__in=1,2", ["int_parsing"]),
    ("legs=1&legs=1", ["repeated_parameter"]),
    ("legs__gte=1&legs__gte=2", ["repeated_parameter"]),
    ("weight=NaN", ["float_parsing"]),
    ("weight__gt=Infinity", ["float_parsing"]),
    ("weight=1_0", ["float_parsing"]),
    ("weight=%201.5", ["float_parsing"]),
    ("weight=1.", ["float_parsing"]),
    ("weight=.5", ["float_parsing"]),
    ("weight=%2B1.5", ["float_parsing"]),
    ("weight=01.5", ["float_parsing"]),
    ("weight=00", ["float_parsing"]),
    ("weight=-01e1", ["float_parsing"]),
    ("price=001.50", ["text_form"]),
    ("price__lt=-00", ["text_form"]),
    ("weight__gt=1e999", ["finite_number"]),
    ("price=1.234", ["text_form"]),
    ("price=1e3", ["text_form"]),
    ("price__gte=NaN", ["text_form"]),
    ("born=2020-02-30", ["date_from_datetime_parsing"]),
    ("born=0", ["text_form"]),
    ("born__gte=2020-01-01T00:00:00", ["text_form"]),
    ("feeds_at=12:00", ["text_form"]),
    ("seen_at=2024-01-01", ["text_form"]),
    ("seen_at__lt=2024-01-01T00:00:00", ["text_form"]),
    ("seen_at=2020-01-01T00:00:00+02:00", ["text_form"]),
    ("seen_at=0001-01-01T00:00:00%2B14:00", ["datetime_range"]),
    ("chip=1", ["text_form"]),
    ("chip__in=0190b0f0000070008000000000000001", ["text_form"]),
    ("mood=furious", ["literal_error"]),
    ("mood__in=calm&mood__in=CALM", ["literal_error"]),
    ("tame=maybe", ["bool_parsing"]),
    ("tame=1", ["bool_parsing"]),
    ("tame=on", ["bool_parsing"]),
    ("tame=TRUE", ["bool_parsing"]),
    ("age__isnull=off", ["bool_parsing"]),
    ("age__isnull=x", ["bool_parsing"]),
    ("age__isnull=", ["bool_parsing"]),
    ("title=a%00b", ["string_nul"]),
    ("title__contains=%00", ["string_nul"]),
    ("title__in=a&title__in=%00", ["string_nul"]),
    ("sort=", ["literal_error"]),
    ("sort=title,", ["literal_error"]),
    ("sort=nothing", ["literal_error"]),
    ("sort=secret", ["literal_error"]),
    ("sort=-secret", ["literal_error"]),
    ("sort=data", ["literal_error"]),
    ("sort=photo", ["literal_error"]),
    ("sort=--title", ["literal_error"]),
    ("sort=+title", ["literal_error"]),
    ("sort=title desc", ["literal_error"]),
    ("sort=(select 1)", ["literal_error"]),
    ("sort=title,title", ["repeated_name"]),
    ("sort=title,-title", ["repeated_name"]),
    ("sort=-title,legs,-title", ["repeated_name"]),
    ("sort=title&sort=title", ["repeated_name"]),
    ("sort=legs&sort=title,-legs", ["repeated_name"]),
    ("sort=id,-id", ["repeated_name"]),
    ("sort=title&sort=", ["literal_error"]),
    ("sort=&sort=title", ["literal_error"]),
    ("sort=title&sort=nothing", ["literal_error"]),
    ("sort=title&sort=secret&fields=x", ["literal_error", "literal_error"]),
    ("&".join(["sort=title"] * 101), ["too_long"]),
    ("fields=", ["literal_error"]),
    ("fields=secret", ["literal_error"]),
    ("fields=title,secret", ["literal_error"]),
    ("fields=*", ["literal_error"]),
    ("fields=id,id", ["repeated_name"]),
    ("fields=title&fields=title", ["repeated_name"]),
    ("fields=title,legs&fields=id,legs", ["repeated_name"]),
    ("fields=title&fields=secret", ["literal_error"]),
    ("fields=-title", ["literal_error"]),
    ("count=true", ["literal_error"]),
    ("count=", ["literal_error"]),
    ("count=exact&count=exact", ["repeated_parameter"]),
    ("limit=0", ["greater_than_equal"]),
    ("offset=-1", ["greater_than_equal"]),
    ("cursor=&cursor=", ["repeated_parameter"]),
    ("cursor=%00", ["string_nul"]),
    ("legs=x&age=y", ["int_parsing", "int_parsing"]),
    ("&".join(["legs__in=1"] * 101), ["too_long"]),
]
FALSE_CURSORS = [
    *(
        "x",
        "=",
        "AAAA",
        "A" * 21,
        "A" * 22,
        "A" * 1000,
        "....",
        "-_-_",
        "💥",
        "%F0%9F",
        "null",
        "1",
    ),
    *(
        "eyJ2YWx1ZXMiOlsiMSJdfQ",
        "AAAAAAAAAAAAAAAAAAAAAHsidmFsdWVzIjpbIjEiXX0",
        "AAAA====",
        " ",
        "\n",
    ),
]


@pytest.mark.parametrize(("query", "kinds"), BAD, ids=[query[:60] for query, _ in BAD])
def test_a_bad_question_is_422(everywhere: Everywhere, query: str, kinds: list[str]) -> None:
    response = everywhere.ask("GET", f"/animals/?{query}")
    problems = response.json()["detail"]
    assert (response.status_code, [one["type"] for one in problems]) == (422, kinds)
    assert all(one["loc"][0] == "query" and len(one["loc"]) == 2 for one in problems)
    assert "hunter2" not in response.text


PLUS = "in a query, `+` means a space: write `%2B`"


@pytest.mark.parametrize(
    ("query", "is_meant"),
    [
        ("seen_at=2026-01-01T00:00:00+02:00", True),
        ("seen_at__gte=2026-01-01T00:00:00.123456+00:00", True),
        ("seen_at__in=2026-01-01T00:00:00Z&seen_at__in=2026-01-01t00:00:00+02:00", True),
        ("seen_at=2026-01-01+00:00:00+02:00", True),
        ("seen_at=2026-01-01%2000:00:00+02:00", True),
        ("weight=1e+5", True),
        ("weight__gt=1.5E+05", True),
        ("contact=a+b@c.example", True),
        ("contact__ne=a+b@c.example", True),
        ("contact__in=x@y.example&contact__in=a+b+c@d.example", True),
        ("page=https://a.example/b+c", True),
        ("seen_at=2026-01-01T00:00:00", False),
        ("seen_at=yesterday+noon", False),
        ("weight=1+5", False),
        ("legs=+1", False),
        ("sort=+title", False),
        ("born=2026-01-01+", False),
    ],
)
def test_a_plus_that_became_a_blank_is_named(
    everywhere: Everywhere, query: str, is_meant: bool
) -> None:
    answer = everywhere.ask("GET", f"/animals/?{query}")
    (problem,) = answer.json()["detail"]
    assert answer.status_code == 422
    assert (PLUS in problem["msg"]) == is_meant
    if is_meant:
        head, _, last = query.rpartition("=")
        repaired = f"{head}={last.replace('+', '%2B')}".replace("01%2B00:", "01+00:")
        assert everywhere.ask("GET", f"/animals/?{repaired}").status_code == 200


def test_a_blank_in_a_text_is_a_blank(everywhere: Everywhere) -> None:
    for query in (
        *("title=a+b", "title__contains=+", "note__in=a+b&note__in=%20", "contact__contains=a+b"),
        *("contact=no+address", "contact=+", "page=no+address", "species__startswith=a+"),
    ):
        assert everywhere.ask("GET", f"/animals/?{query}").status_code == 200, query


@pytest.mark.parametrize("cursor", FALSE_CURSORS)
def test_a_false_cursor_is_404(everywhere: Everywhere, cursor: str) -> None:
    response = everywhere.ask("GET", "/animals/", params={"cursor": cursor})
    assert response.status_code == 404
    assert response.json() == {"detail": "Invalid cursor: use the links of this list"}


def test_the_problem_names_what_is_allowed(everywhere: Everywhere) -> None:
    def message(query: str) -> str:
        (problem,) = everywhere.ask("GET", f"/animals/?{query}").json()["detail"]
        return str(problem["msg"])

    allowed = (
        "age, age__gt, age__gte, age__in, age__isnull, age__lt, age__lte, age__ne, age__not_in"
    )
    assert message("age__foo=1") == f"Unknown parameter; allowed parameters include: {allowed}"
    for known in ("legs", "sort", "cursor", "offset"):
        assert f" {known}," in message("agee=1")
    assert "'-title'" in message("sort=titel")
    assert "secret" not in message("agee=1") + message("sort=titel") + message("fields=x")


ANIMAL = {
    "title": "Whale",
    "legs": 0,
    "weight": 100.0,
    "born": "2020-01-31",
    "feeds_at": "12:30:00",
    "seen_at": "2026-01-31T12:30:00Z",
    "contact": "a@example.com",
    "page": "https://example.com/",
    "data": [],
    "secret": "hunter2hunter2",
    "photo": "",
    "species": "whale",
}


def test_a_link_too_long_to_follow_is_422(everywhere: Everywhere) -> None:
    everywhere.emptied()
    for api in everywhere.apis:
        for number, length in enumerate((7000, 3, 2)):
            row = {**ANIMAL, "chip": str(UUID(int=number)), "note": "x" * length}
            assert api.ask("POST", "/animals/", json=row).status_code == 200
    place = "/animals/?sort=-note&limit=1"
    refused = everywhere.ask("GET", f"{place}&cursor=")
    (problem,) = refused.json()["detail"]
    assert (refused.status_code, problem["type"]) == (422, "long_link")
    for api in everywhere.apis:
        assert api.ask("GET", f"{place}&offset=1").status_code == 200
        assert api.ask("GET", f"{place}0&cursor=").status_code == 200
        page = api.ask("GET", "/animals/?sort=note&limit=1&cursor=")
        page = api.ask("GET", page.links["next"]["url"])
        assert len(page.json()[0]["note"]) == 3
        last = api.ask("GET", page.links["next"]["url"])
        assert last.status_code == 422  # its link back would be too long


def test_a_cursor_is_bound_to_what_was_asked(everywhere: Everywhere) -> None:
    for api in everywhere.apis:
        for name in ("a", "b", "c"):
            api.ask("POST", "/events/", json={"what": name})
        first = api.ask("GET", "/events/?sort=-what&limit=1&cursor=")
        link = first.links["next"]["url"]
        assert api.ask("GET", link).status_code == 200
        assert api.ask("GET", f"{link}&fields=what").status_code == 200
        assert api.ask("GET", link.replace("limit=1", "limit=2")).status_code == 200
        for other in (
            link.replace("sort=-what", "sort=what"),
            link.replace("&sort=-what", ""),
            f"{link}&what__gte=a",
            link.replace("/events/", "/tags/").replace("sort=-what", "sort=-plate"),
        ):
            assert api.ask("GET", other).status_code == 404, other
        token = first.links["next"]["url"].partition("cursor=")[2].partition("&")[0]
        for at in range(len(token)):
            changed = "A" if token[at] != "A" else "B"
            forged = token[:at] + changed + token[at + 1 :]
            assert api.ask("GET", link.replace(token, forged)).status_code == 404, at
