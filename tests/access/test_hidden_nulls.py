"""Requests that set null, or omit a property, which the caller does not see or may not set."""

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Any

from sqlalchemy import column, select
from sqlalchemy import table as sql_table

from tests.access.test_written_fields import APP, HR, denied
from tests.access.vocabulary import Asker, run

NewDatabase = Callable[[str], str]
NAMES = ("never", "some", "fixed", "both", "mine", "pin")
ACCESS = """\
access:
  owner: owner_id
  read: user
  create: user
  update: user
  fields:
    never: {read: nobody}
    some: {read: owner}
    fixed: {write: hr}
    both: {read: hr, write: hr}
    mine: {read: owner, write: [owner, hr]}
    pin: {write: hr}
"""
API = """\
api:
  operations: [create, list, read, update, replace, create_many, update_many]
  write: {PLURAL: create}
  nested: [PLURAL]
"""
FIELDS = "text: str = t, owner_id: int = me, parent_id: -> NAME?"
STRICT = f"""\
name: Strict
fields:
  {{{FIELDS.replace("NAME", "Strict")}, never: str, some: str, fixed: str = z, both: str = z,
  mine: str = z, pin: str = z write_only}}
{ACCESS}{API.replace("PLURAL", "stricts")}"""
LOOSE = f"""\
name: Loose
fields:
  {{{FIELDS.replace("NAME", "Loose")}, {", ".join(f"{name}: str?" for name in NAMES[:-1])},
  pin: str? write_only}}
{ACCESS}{API.replace("PLURAL", "looses")}"""
SPEC = {"strict.yaml": STRICT, "loose.yaml": LOOSE}
REQUIRED: dict[str, Any] = {"never": "v", "some": "v"}
OTHER: dict[str, Any] = {"by": 2}


async def check_required(asker: Asker) -> None:
    """Null is 422 for every caller, whatever the row and the rules: no rule is asked."""
    for name in NAMES:
        for caller in (OTHER, HR):
            for request, place, body in _all_requests("stricts", {name: None}, REQUIRED):
                answer = await asker.ask(request, body, **caller)
                problem = {
                    "type": "string_type",
                    "loc": [*place, name],
                    "msg": "Input should be a valid string",
                }
                assert (answer.status_code, answer.json()) == (422, {"detail": [problem]})
    put = {**REQUIRED, "fixed": "v", "owner_id": 1}
    for name in REQUIRED:
        body = {one: value for one, value in put.items() if one != name}
        answer = await asker.ask("PUT /stricts/1", body, **OTHER)
        assert (answer.status_code, *denied(answer)[1:]) == (422, ["body", name])
    row = await asker.row("PUT /stricts/1", put, **OTHER)
    assert (row["some"], row["mine"], "both" in row) == (None, None, False)
    assert _stored(asker, "strict") == ("v", "v", "v", "v", "v", "v"), "what is omitted is kept"


async def check_optional(asker: Asker) -> None:
    """Responses are the same, whether a value that the caller does not see is null or not."""
    sent: Sequence[Mapping[str, Any]] = ({}, *({name: None} for name in NAMES))
    for body in sent:
        for request in ("PATCH /looses/{}", "PUT /looses/{}"):
            found: list[tuple[int, str]] = []
            for key in (1, 2):
                put = {"fixed": "v", "owner_id": 1} if request.startswith("PUT") else {}
                answer = await asker.ask(request.format(key), {**put, **body}, **OTHER)
                tag = answer.headers.get("etag")
                found.append((answer.status_code, answer.text.replace('"id":2', '"id":1')))
                name = next(iter(body), "")
                is_denied = name in {"fixed", "both", "pin"}
                assert answer.status_code == (403 if is_denied else 200), (request, body)
                if is_denied:
                    assert denied(answer) == (403, ["body", name])
                    assert answer.json()["detail"][0]["type"] == "forbidden"
                else:
                    read = await asker.ask(f"GET /looses/{key}", **OTHER)
                    assert (read.json(), read.headers["etag"]) == (answer.json(), tag)
            assert found[0] == found[1], (request, body)
    assert _stored(asker, "loose") == (None, "v", "v", "v", "v", "v"), "null that hides is kept"
    for name in NAMES:
        for request, place, body in _all_requests("looses", {name: None}, {}):
            if request.startswith("POST"):
                answer = await asker.ask(request, body, **OTHER)
                assert answer.status_code == 200, "null is the default"
                answer = await asker.ask(request, _replaced(body, name, "x"), **OTHER)
                if name in {"never", "some", "mine"}:
                    assert answer.status_code == 200
                else:
                    assert denied(answer) == (403, [*place, name])


async def check_order(asker: Asker) -> None:
    """The 403 names the first property in the rules, in each process."""
    for first, second in pairwise(("fixed", "both", "pin")):
        for body in ({first: "x", second: "x"}, {second: "x", first: "x"}):
            for request, place, sent in _all_requests("looses", body, {}):
                if request.startswith("POST"):
                    answer = await asker.ask(request, sent)
                    assert denied(answer) == (403, [*place, first])


def _all_requests(
    path: str, body: Mapping[str, Any], required: Mapping[str, Any]
) -> Sequence[tuple[str, Sequence[str | int], Any]]:
    """Return requests that write a row with some properties, and where its properties are."""
    together = {**required, path: [{**required, **body}]}
    return [
        (f"PATCH /{path}/1", ["body"], {**body}),
        (f"PATCH /{path}/bulk", ["body", 0], [{"id": 1, **body}]),
        (f"PUT /{path}/1", ["body"], {**required, **body}),
        (f"POST /{path}/", ["body"], {**required, **body}),
        (f"POST /{path}/bulk", ["body", 0], [{**required, **body}]),
        (f"POST /{path}/1/{path}/", ["body"], {**required, **body}),
        (f"POST /{path}/", ["body", path, 0], together),
    ]


def _replaced(body: Any, name: str, value: Any) -> Any:
    """Return a body whose properties with a name have another value."""
    if isinstance(body, list):
        return [_replaced(one, name, value) for one in body]
    if not isinstance(body, dict):
        return body
    return {
        one: value if one == name else _replaced(inner, name, value) for one, inner in body.items()
    }


def _stored(asker: Asker, table: str) -> tuple[Any, ...]:
    asked: Any = select(*map(column, NAMES)).select_from(sql_table(table)).where(column("id") == 1)
    with asker.engine.connect() as connection:
        return tuple(connection.execute(asked).one())


def test_null_for_a_hidden_property(new_database: NewDatabase) -> None:
    async def check(asker: Asker) -> None:
        full = {**dict.fromkeys(NAMES, "v"), "owner_id": 1}
        await asker.row("POST /stricts/", full, **HR)
        await asker.row("POST /looses/", full, **HR)
        # the second row differs only in what the caller 2 does not see, and does not set
        await asker.row("POST /looses/", {"owner_id": 1, "fixed": "v"}, **HR)
        await check_required(asker)
        await check_optional(asker)
        await check_order(asker)

    run(APP, SPEC, new_database("sqlite"), check)
