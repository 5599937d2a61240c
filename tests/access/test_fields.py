"""Rules about fields: what a caller does not see is null, or absent, wherever it is used.

What a caller reads must be what a caller who can read everything reads in a database that has only
what the first one sees. What a caller writes is compared with the text of the spec.
`RULES=60` tests 60 random sets of rules, and all changes of the kit.
"""

import asyncio
import json as json_library
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

import httpx
import pytest
from sqlalchemy import make_url

from crudgen.codegen import render
from crudgen.delivery.memory import import_tree, unload
from crudgen.language import load_texts
from tests.access.comparing import collected
from tests.access.mutants import mutated
from tests.access.staff import (
    ADMIN,
    APP,
    CALLERS,
    DEFAULTS,
    FIELDS,
    KINDS,
    OWN,
    WRITTEN,
    Caller,
    Data,
    Row,
    Rules,
    random_rules,
    rows,
    texts,
)
from tests.access.tables import Tables
from tests.access.test_rules import bearer
from tests.support.asgi import AsgiClient

NewDatabase = Callable[[str], str]
SEEN = "The property may not be seen by this caller"
RULES = int(os.environ.get("RULES", "1"))
PATHS = {"Team": "teams", "Member": "members"}
Named = Sequence[tuple[str, str]]
"""The fields that a query names, each with the place of the response 403."""
LISTS: Mapping[str, Mapping[str, Named]] = {
    "teams/": {
        "": [],
        "budget=1": [("budget", "budget")],
        "budget__isnull=true": [("budget", "budget__isnull")],
        "sort=-budget": [("budget", "sort")],
        "fields=name,budget": [("budget", "fields")],
        "fields=name&include=members": [],
        "include=members&members__limit=1": [],
        "include=members&fields=name,members__salary": [("salary", "fields")],
        "members__any__salary=2.50": [("salary", "members__any__salary")],
        "members__none__email__contains=1": [("email", "members__none__email")],
        "members__exists=true": [],
    },
    "members/": {
        "": [],
        "salary=2.50": [("salary", "salary")],
        "salary__gte=2.00&count=exact": [("salary", "salary")],
        "salary__isnull=true": [("salary", "salary")],
        "grade__in=junior&sort=-salary": [("grade", "grade"), ("salary", "sort")],
        "email__contains=1": [("email", "email")],
        "sort=grade,-email": [("grade", "sort"), ("email", "sort")],
        "sort=salary": [("salary", "sort")],
        "q=1": [("email", "q")],
        "q=a": [("email", "q")],
        "fields=email": [("email", "fields")],
        "fields=name&sort=name": [],
        "include=team": [],
        "include=team__members&team__members__limit=2": [],
        "include=team&fields=name,team__budget": [("budget", "fields")],
        "team__budget=1": [("budget", "team__budget")],
        "team__name=a": [],
        "sort=-team__budget": [("budget", "sort")],
        "sort=team__name,salary": [("salary", "sort")],
    },
    "teams/1/members/": {
        "": [],
        "salary__gt=1": [("salary", "salary")],
        "sort=email": [("email", "sort")],
    },
}
REPEATED: Sequence[Row] = ({"salary": "2.75"}, {"email": None, "name": "b"}) if RULES > 1 else ()
"""A default, and a value that is hidden: only in the long form."""
BODIES: Sequence[Row] = (
    {"name": "n"},
    {"salary": "2.50"},
    {"salary": None, "name": "a"},
    {"grade": "senior"},
    {"grade": "junior", "salary": "9.00"},
    {"email": "e1"},
    {"email": None, "pin": "1"},
    {"owner_id": 1, "grade": None},
    *REPEATED,
)


class Staff:
    """An application with rules about teams and members, and its tables."""

    def __init__(self, client: AsgiClient, tables: Tables, rules: Rules, data: Data) -> None:
        self.client, self.tables, self.rules, self.data = client, tables, rules, data
        self.store(data)
        self._kept = tables.keep()
        self.found: list[str] = []
        self.count = 0

    def store(self, data: Data) -> None:
        found = {name.lower(): [*map(_stored, rows.values())] for name, rows in data.items()}
        self.tables.store(found)

    def reset(self) -> None:
        self.tables.restore(self._kept)

    def members(self) -> dict[int, Row]:
        return {row["id"]: _shown(row) for row in self.tables.rows("member")}

    async def ask(
        self, caller: Caller, method: str, path: str, json: Any = None, **headers: str
    ) -> httpx.Response:
        self.count += 1
        sent = bearer(None) if caller is None else bearer(caller[0], **caller[1])
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.client.request(method, f"/{path}", json=json, headers=sent)

    def expect(self, what: str, wanted: object, found: object) -> None:
        if wanted != found:
            self.found.append(f"{what}: {found} instead of {wanted}")


def _stored(row: Row) -> Row:
    return row | {"salary": row["salary"] and Decimal(row["salary"])} if "salary" in row else row


def _shown(row: Row) -> Row:
    """Return a stored row as in JSON: SQLite stores decimals as integers."""
    found = dict(row)
    salary = found["salary"]
    if salary is not None:
        number = Decimal(salary) / 100 if isinstance(salary, int) else Decimal(salary)
        found["salary"] = f"{number:.2f}"
    return found


def without(body: bytes, hidden: set[str]) -> bytes:
    """Return a response without the properties that no row shows."""

    def kept(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: kept(one) for name, one in value.items() if name not in hidden}
        return [*map(kept, value)] if isinstance(value, list) else value

    if not hidden:
        return body
    return json_library.dumps(kept(json_library.loads(body)), separators=(",", ":")).encode()


Answers = dict[str, tuple[int, bytes, str, str]]


async def read_all(staff: Staff, caller: Caller, asked: Sequence[str]) -> Answers:
    """Return the responses to all kinds of reads, with their counts, and their ETags."""
    found: Answers = {}

    async def add(path: str, name: str) -> httpx.Response:
        answer = await staff.ask(caller, "GET", path)
        total, tag = answer.headers.get("x-total-count", ""), answer.headers.get("etag", "")
        found[name] = answer.status_code, answer.content, total, tag
        return answer

    for query in asked:
        await add(f"{query}&count=exact" if "count" not in query else query, query)
        path, page = f"{query}&limit=4&cursor=", 0
        while path:
            answer = await add(path, f"{query} page {page}")
            links, page = answer.headers.get("link", ""), page + 1
            path = links.partition('>; rel="next"')[0].rpartition("</")[2]
            path = path if 'rel="next"' in links else ""
    for name, keys in staff.data.items():
        for key in (*keys, 99)[:: 1 if RULES > 1 else 4]:
            for query in ("", "?include=team" if name == "Member" else "?include=members"):
                path = f"{PATHS[name]}/{key}{query}"
                await add(path, path)
    return found


async def check_reading(staff: Staff, name: str, caller: Caller) -> None:
    hidden = staff.rules.hidden(caller)
    asked = []
    for path, queries in LISTS.items():
        for query, named in queries.items():
            places = [place for field, place in named if field in hidden]
            if not places:
                asked.append(f"{path}?{query}")
                continue
            answer = await staff.ask(caller, "GET", f"{path}?{query}")
            staff.expect(f"{name} {query}", 401 if caller is None else 403, answer.status_code)
            if caller is not None and answer.status_code == 403:
                (problem,) = answer.json()["detail"]
                staff.expect(f"{name} {query}", SEEN, problem["msg"])
                staff.expect(
                    f"{name} {query} {places}", True, problem["loc"][1:] in named_by(places)
                )
    staff.reset()
    first = await read_all(staff, caller, asked)
    staff.store(staff.rules.view(caller, staff.data))
    second = await read_all(staff, ADMIN, asked)
    staff.expect(f"{name} pages", [*second], [*first])
    for path, (status, body, total, tag) in second.items():
        wanted = (status, without(body, hidden), total, "" if hidden else tag)
        seen = first.get(path, (0, b"", "", ""))
        staff.expect(f"{name} GET {path}", wanted, (*seen[:3], "" if hidden else seen[3]))


def named_by(places: Sequence[str]) -> list[list[str]]:
    """Return the locations of parameters: those of filters are without an operator."""
    return [[re.sub("__(isnull|contains)$", "", place)] for place in places]


async def check_interference(staff: Staff, name: str, caller: Caller) -> None:
    """Compare two databases that differ only in values that the caller does not see."""
    rules, found = staff.rules, []
    hidden = {one for names in FIELDS.values() for one in names if not rules.depend_on(one)}
    for other in (1, 2):
        data = {
            entity: {
                key: {
                    **row,
                    **_replaced(rules.seen(entity, caller, staff.data, row), row, hidden, other),
                }
                for key, row in table.items()
            }
            for entity, table in staff.data.items()
        }
        staff.store(data)
        answers = [
            await staff.ask(caller, "GET", f"{path}?{query}&count=exact")
            for path, queries in LISTS.items()
            for query in queries
        ]
        for key in (*data["Member"], 99)[:: 1 if RULES > 1 else 3]:
            answers.append(await staff.ask(caller, "GET", f"members/{key}"))
            for body in BODIES:
                answers.append(await staff.ask(caller, "PATCH", f"members/{key}", body))
                put = {"name": "z", **body}
                answers.append(await staff.ask(caller, "PUT", f"members/{key}", put, if_match="*"))
        found.append(
            [(one.status_code, one.content, one.headers.get("etag", "")) for one in answers]
        )
    for one, same in zip(*found, strict=True):
        staff.expect(f"{name} sees a difference", one, same)


def _replaced(seen: Row, row: Row, hidden: set[str], other: int) -> Row:
    """Return other values of a row in place of those that are hidden."""
    return {
        name: _OTHERS[name][other]
        for name in hidden & row.keys()
        if seen[name] is None and row[name] is not None
    }


_OTHERS: Mapping[str, Mapping[int, Any]] = {
    "budget": {1: 1, 2: 2},
    "email": {1: "e1", 2: "e2"},
    "salary": {1: "1.50", 2: "4.00"},
    "grade": {1: "junior", 2: "senior"},
}


def _effective(
    staff: Staff, caller: Caller, method: str, row: Row, body: Row
) -> tuple[Row, list[str]]:
    """Return a member after an update, and the fields that the caller may not set so."""
    rules, data, hidden = staff.rules, staff.data, staff.rules.hidden(caller)
    seen = rules.seen("Member", caller, data, row)
    sent = dict(body)
    unseen = {*hidden}
    if rules.limits("Member", "pin", "write") and not rules.is_free("Member", "pin", caller):
        unseen.add("pin")
    if method == "PUT":
        default = {name: DEFAULTS.get(name) for name in KINDS["Member"] if name != "id"}
        sent = {**default, "name": "z", **body}
        unseen_here = unseen | {
            name
            for name in FIELDS["Member"]
            if not rules.allow_field("Member", name, "read", caller, data, row)
        }
        sent = {
            name: value for name, value in sent.items() if name in body or name not in unseen_here
        }
    after, changed = dict(row), []
    for name, value in sent.items():
        if name in WRITTEN["Member"] and name not in unseen and seen[name] == value:
            continue
        after[name] = value
        changed.append(name)
    denied = [
        name
        for name in changed
        if not rules.allow_field("Member", name, "write", caller, data, row, after)
    ]
    return after, denied


def writes() -> Iterator[tuple[str, int, Row]]:
    """Yield updates: method, key and body."""
    for key in (4, 1, 2, 6, 9)[: None if RULES > 1 else 1]:
        yield from (("PATCH", key, body) for body in BODIES)
        yield from (("PUT", key, body) for body in BODIES[1::2])


async def check_updates(staff: Staff, name: str, caller: Caller) -> None:
    staff.reset()
    before = staff.members()
    rules, data = staff.rules, staff.data
    for method, key, body in writes():
        row = data["Member"][key]
        full = body if method == "PATCH" else {"name": "z", **body}
        answer = await staff.ask(caller, method, f"members/{key}", full)
        await _settle(staff, caller, f"{name} {method} {key} {body}", [(key, method, body)], answer)
        if method == "PATCH":
            items: list[Row] = [{"id": key, **body}]
            sent = [(key, "PATCH", body)]
            if len(body) == 1:  # a second row, which stays as it is
                items, sent = [{"id": 3}, *items], [(3, "PATCH", {}), *sent]
            answer = await staff.ask(caller, "PATCH", "members/bulk", items)
            await _settle(staff, caller, f"{name} bulk {key} {body}", sent, answer)
        if rules.allow("Member", "read", caller, data, row):
            answer = await staff.ask(caller, "GET", f"members/{key}")
            shown = {one: value for one, value in answer.json().items() if one != "id"}
            answer = await staff.ask(
                caller, "PUT", f"members/{key}", shown, if_match=answer.headers["etag"]
            )
            if answer.status_code == 200:  # only `pin` is not among what was read
                wanted = before[key] | {"pin": staff.members()[key]["pin"]}
                staff.expect(f"{name} sends back {shown}", wanted, staff.members()[key])
                staff.reset()
            staff.expect(f"{name} sends back", True, answer.status_code in {200, 401, 403})


async def _settle(
    staff: Staff,
    caller: Caller,
    what: str,
    sent: Sequence[tuple[int, str, Row]],
    answer: httpx.Response,
) -> None:
    """Compare the response to updates, and the stored rows, with the rules."""
    rules, data = staff.rules, staff.data
    after, denied, status = {**data["Member"]}, [], 200
    for key, method, body in sent:
        row = data["Member"][key]
        if not rules.may("Member", "update", caller) or not rules.may("Member", "read", caller):
            status = 401 if caller is None else 403
        elif not rules.allow("Member", "read", caller, data, row):
            status = 404 if status in {200, 204} else status
        else:
            after[key], found = _effective(staff, caller, method, row, body)
            denied += found
            if found or not rules.allow("Member", "update", caller, data, row, after[key]):
                status = 403 if status in {200, 204} else status
            elif not rules.allow("Member", "read", caller, data, after[key]):
                status = 204 if status == 200 else status
    if len(sent) > 1 and status in {403, 404} and answer.status_code in {403, 404}:
        status = answer.status_code  # either row is the first that is refused
    staff.expect(f"{what} {answer.text}", status, answer.status_code)
    if status == 403 and denied and "set by this caller" in answer.text:
        staff.expect(what, True, answer.json()["detail"][0]["loc"][-1] in denied)
    stored = staff.members()
    wanted = after if status in {200, 204} else {**data["Member"]}
    staff.expect(f"{what} stores", wanted, stored)
    if answer.status_code == 200:
        later = {**data, "Member": after}
        views = [rules.seen("Member", caller, later, after[key]) for key, *_ in sent]
        hidden = rules.hidden(caller) | {"pin"}
        shown = [{one: row[one] for one in row if one not in hidden} for row in views]
        rows_of = answer.json() if isinstance(answer.json(), list) else [answer.json()]
        staff.expect(f"{what} returns", shown, [{**dict.fromkeys(row), **row} for row in rows_of])
        staff.expect(f"{what} hides", set(), hidden & {one for row in rows_of for one in row})
    if stored != data["Member"]:
        staff.reset()


async def check_creation(staff: Staff, name: str, caller: Caller) -> None:
    staff.reset()
    rules, data = staff.rules, staff.data
    for body in BODIES:
        for several in (False, True):
            sent = {"name": "n", "owner_id": 2, "team_id": 1, **body}
            path = "members/bulk" if several else "members/"
            answer = await staff.ask(caller, "POST", path, [sent, sent] if several else sent)
            row = {**dict.fromkeys(KINDS["Member"]), "id": 1001, **DEFAULTS, **sent}
            denied = [
                one
                for one in body
                if body[one] != DEFAULTS.get(one)
                and not rules.allow_field("Member", one, "write", caller, data, row)
            ]
            status = 200 if rules.allow("Member", "read", caller, data, row) else 204
            if not rules.allow("Member", "create", caller, data, row) or denied:
                status = 403
            if not rules.may("Member", "create", caller):
                status = 401 if caller is None else 403
            what = f"{name} POST {path} {body}"
            staff.expect(f"{what} {answer.text}", status, answer.status_code)
            if answer.status_code == 403 and denied:
                loc = answer.json()["detail"][0]["loc"]
                place = ["body", 0] if several else ["body"]
                staff.expect(f"{what} {loc}", True, loc[:-1] == place and loc[-1] in denied)
            if answer.status_code == 200:
                shown = answer.json()[0] if several else answer.json()
                hidden = rules.hidden(caller) | {"pin"}
                seen = rules.seen("Member", caller, data, row)
                wanted = {one: value for one, value in seen.items() if one not in hidden}
                staff.expect(what, wanted | {"id": shown["id"]}, {**dict.fromkeys(shown), **shown})
                staff.reset()


CHECKS = (check_reading, check_interference, check_creation, check_updates)
SHORT = {"sqlite": ("one", "hr"), "postgresql": ("two",)}
"""The callers of the short form."""


async def differences(
    package: Any,
    database: str,
    rules: Any,
    *,
    seed: int = 0,
    short: bool = True,
    stops: bool = False,
) -> tuple[list[str], int]:
    """Send all requests as all callers; return the differences, and how many were sent."""
    return await collected(
        package,
        database,
        lambda client, tables: Staff(client, tables, Rules(rules), rows(seed)),
        lambda staff: (
            check(staff, name, CALLERS[name])
            for name in (CALLERS if RULES > 1 else SHORT[make_url(database).get_backend_name()])
            for check in CHECKS
        ),
        short=short,
        stops=stops,
    )


def package_of(rules: Mapping[str, Any], mutation: Sequence[str] = ()) -> Any:
    return import_tree(mutated(render(load_texts(texts(rules), APP)), mutation))


@pytest.mark.long_cases("postgresql")
@pytest.mark.parametrize("seed", range(RULES))
@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_caller_sees_and_sets_what_the_rules_allow(
    kind: str, seed: int, new_database: NewDatabase
) -> None:
    rules = OWN if seed == 0 else random_rules(seed)
    package = package_of(rules)
    try:
        found, count = asyncio.run(
            differences(package, new_database(kind), rules, seed=seed, short=seed % 2 == 0)
        )
        assert found == [], rules
        assert count > 200
    finally:
        unload(package)


FIELDS_OF, WRITES_OF = "app/kit/access/fields.py", "app/kit/access/field_writes.py"
COLUMNS, VISIBILITY = "app/kit/query/columns.py", "app/kit/query/visibility.py"
MUTANTS: Mapping[str, Sequence[str]] = {
    "filters": (
        "app/kit/query/query.py",
        "columns.value(self.column, kind)",
        "columns.column(self.column)",
    ),
    "sort keys": (COLUMNS, "[(self.value(name, kind), descends)", "[(self.column(name), descends)"),
    "sort keys beside related ones": (
        "app/kit/query/related_columns.py",
        "{name: self.value(name, kind) for name",
        "{name: self.column(name) for name",
    ),
    "search": (
        "app/kit/query/statements.py",
        "column = columns.value(name, kind)",
        "column = columns.column(name)",
    ),
    "rows": (
        COLUMNS,
        "json_name(name): self.value(name, kind)",
        "json_name(name): self.column(name)",
    ),
    "pages": (
        "app/kit/fast/json_objects.py",
        "columns.value(name, kind)",
        "columns.column(name)",
    ),
    "pages with related rows": (
        "app/kit/rows/related_listing.py",
        "selected = [columns.value(name, kind)",
        "selected = [columns.column(name)",
    ),
    "single rows with related rows": (
        "app/kit/rows/related_listing.py",
        "values = [columns.value(name, db.kind)",
        "values = [columns.column(name)",
    ),
    "related rows": (VISIBILITY, "masked(column, masks, kind)", "column"),
    "related properties": (
        "app/kit/query/related_rows.py",
        'found.__dict__["columns"] = self.columns.masked(masks)',
        "pass",
    ),
    "cursors": ("app/kit/query/parts.py", 'getattr(column, "nullable", True)', "False"),
    "named in filters": (FIELDS_OF, "for one in query.filters:", "for one in ():"),
    "named in sort": (FIELDS_OF, "for name, _ in query.sort:", "for name, _ in ():"),
    "named in fields": (FIELDS_OF, 'query.fields), caller, "fields")', '()), caller, "fields")'),
    "named in fields of related rows": (FIELDS_OF, "in query.included_fields:", "in ():"),
    "searched": (FIELDS_OF, "if query.words:", "if False:"),
    "mention": (WRITES_OF, "and _is_same(seen, new)", "and False"),
    "stored values": (WRITES_OF, "self._values[name] = stored", "pass"),
    "unseen values": (WRITES_OF, "is_seen = name not in self._fields._unseen", "is_seen = True"),
    "never": (WRITES_OF, "if self._fields._rules.get(name, True) == []:", "if False:"),
    "sometimes": (WRITES_OF, "if name in self._changed and not holds:", "if False:"),
    "mention in new rows": (WRITES_OF, "if _is_same(value, default):", "if False:"),
    "rules of new rows": (WRITES_OF, "if not found[0][0]:", "if False:"),
    "replacements": (WRITES_OF, "omitted = self._unseen - row.model_fields_set", "omitted = set()"),
    "replacements of rows": (WRITES_OF, "if name in kept or ", "if "),
    "several rows": (
        "app/kit/access/row_batches.py",
        "if found else one for one",
        "if False else one for one",
    ),
    "several new rows": (
        "app/kit/access/row_batches.py",
        "if not operations.masks:",
        "if True:",
    ),
    "new row": ("app/kit/access/row_view.py", "if not operations.masks:", "if True:"),
}
"""Changes of the kit that show or set something: a file, an old text and a new one."""


@pytest.mark.parametrize("mutation", [*MUTANTS.values()][: None if RULES > 1 else 1])
def test_values_that_show_are_found(mutation: Sequence[str], new_database: NewDatabase) -> None:
    package = package_of(OWN, mutation)
    try:
        try:
            found, _ = asyncio.run(differences(package, new_database("sqlite"), OWN, stops=True))
        except Exception:  # noqa: BLE001 -- a broken statement is found too
            found = ["failed"]
        assert found != []
    finally:
        unload(package)
