"""Rules about rows decide every read and write of every caller as the spec's text says.

`RULES=200` tests 200 random sets of rules.
"""

import asyncio
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

import httpx
import pytest

from crudgen.codegen import render
from crudgen.delivery.memory import import_tree, unload
from crudgen.language import load_texts
from tests.access.asking_many import check_many
from tests.access.mutants import mutated
from tests.access.notes import (
    APP,
    CALLERS,
    DEFAULTS,
    FIELDS,
    Caller,
    Rules,
    random_rules,
    rows,
    spec,
)
from tests.access.tables import Tables, tables_of
from tests.access.test_rules import SECRET, bearer
from tests.startup.started import Application
from tests.support.asgi import AsgiClient

NewDatabase = Callable[[str], str]
RULES = int(os.environ.get("RULES", "1"))
Rows = list[dict[str, Any]]
Row = dict[str, Any]
CHANGES: Sequence[dict[str, Any]] = (
    {},
    {"age": 4},
    {"status": "published"},
    {"owner_id": 2},
    {"owner_id": None, "team": "reds"},
    {"active": True, "price": "2.50"},
    {"secret": "x", "age": None},
    {"title": "a"},
)
LISTS: Sequence[tuple[str, Callable[[dict[str, Any]], bool], str]] = (
    ("", bool, "id"),
    ("sort=-age", bool, "-age"),
    ("sort=owner_id", bool, "owner_id"),
    ("age__gte=3", lambda row: row["age"] is not None and row["age"] >= 3, "id"),
    ("owner_id=2&sort=-title", lambda row: row["owner_id"] == 2, "-title"),
    ("active=true", lambda row: row["active"] is True, "id"),
    ("status=draft", lambda row: row["status"] == "draft", "id"),
    ("q=a", lambda row: "a" in row["title"] or "a" in (row["body"] or ""), "id"),
    ("fields=title", bool, "id"),
)


class Notes:
    """An application with rules about notes, and its table."""

    def __init__(self, client: AsgiClient, tables: Tables, rules: Rules, seed: int) -> None:
        self.client, self.tables, self.rules = client, tables, rules
        self.rows = rows(seed)
        stored = [row | {"price": row["price"] and Decimal(row["price"])} for row in self.rows]
        tables.store({"note": stored})
        self._kept = tables.keep()
        self.count = 0
        self.found: list[str] = []
        self.stops = False
        self.name = ""
        self.caller: Caller = None
        self.headers: dict[str, str] = {}

    def reset(self) -> None:
        self.tables.restore(self._kept)

    def stored(self) -> Sequence[Any]:
        return self.tables.stored()

    def delete(self, keys: Sequence[int]) -> None:
        self.tables.delete("note", keys)

    async def ask(self, method: str, path: str, json: Any = None, **headers: str) -> httpx.Response:
        self.count += 1
        sent = self.headers | {name.replace("_", "-"): one for name, one in headers.items()}
        return await self.client.request(method, f"/notes/{path}", json=json, headers=sent)

    def expect(self, what: str, answer: httpx.Response, wanted: object, found: object) -> None:
        if wanted != found:
            self.found.append(f"{self.name} {what}: {found} instead of {wanted} {answer.text[:90]}")
            assert not self.stops, self.found

    def act_as(self, name: str, caller: Caller) -> None:
        self.name, self.caller = name, caller
        self.headers = bearer(None)
        if caller is not None:
            self.headers = bearer(caller[0], **caller[1])

    def refused(self, action: str) -> int | None:
        if self.rules.may(action, self.caller):
            return None
        return 401 if self.caller is None else 403

    @property
    def readable(self) -> Rows:
        return [row for row in self.rows if self.rules.allow("read", self.caller, row)]


def keys(answer: httpx.Response) -> list[Any]:
    return [row.get("id", row["title"]) for row in answer.json()]


def ordered(found: Rows, by: str) -> Rows:
    """Return rows in the order of a list: null first, the key last."""
    name, descends = by.removeprefix("-"), by.startswith("-")
    key = lambda row: (row[name] is not None, row[name] or 0, row["id"])  # noqa: E731
    if name == "title":
        key = lambda row: (True, row[name], row["id"])  # noqa: E731
    return sorted(found, key=key, reverse=descends)


async def check_reading(notes: Notes, _: Sequence[Any]) -> None:
    refused = notes.refused("read")
    readable = notes.readable
    for query, matches, by in LISTS:
        answer = await notes.ask("GET", f"?{query}")
        if refused:
            notes.expect(query, answer, refused, answer.status_code)
            continue
        wanted = ordered([row for row in readable if matches(row)], by)
        name = "title" if "fields" in query else "id"
        notes.expect(query, answer, [row[name] for row in wanted], keys(answer))
        path, walked = f"?{query}&limit=2&count=exact&cursor=", list[Any]()
        while path:
            page = await notes.ask("GET", path)
            notes.expect(path, page, str(len(wanted)), page.headers["x-total-count"])
            walked += keys(page)
            links = page.headers.get("link", "")
            path = links.partition('>; rel="next"')[0].rpartition("/notes/")[2]
            path = path if 'rel="next"' in links else ""
        notes.expect(f"walk {query}", answer, [row[name] for row in wanted], walked)
        for offset in range(0, 13, 4):
            page = await notes.ask("GET", f"?{query}&limit=4&offset={offset}")
            part = wanted[offset : offset + 4]
            notes.expect(f"{query} {offset}", page, [row[name] for row in part], keys(page))
            more = 'rel="next"' in page.headers.get("link", "")
            notes.expect(f"{query} {offset} more", page, len(wanted) > offset + 4, more)
    missing = await notes.ask("GET", "999")
    for row in notes.rows:
        answer = await notes.ask("GET", str(row["id"]))
        status = refused or (200 if row in readable else 404)
        notes.expect(f"get {row['id']}", answer, status, answer.status_code)
        if status == 404:
            notes.expect(f"get {row['id']}", answer, missing.content, answer.content)


async def check_creation(notes: Notes, before: Sequence[Any]) -> None:
    bodies = [{"title": title, **change} for change in CHANGES for title in ("new", "c")]
    for body in bodies:
        answer = await notes.ask("POST", "", body)
        row = DEFAULTS | body
        status = notes.refused("create")
        if status is None and not notes.rules.allow("create", notes.caller, row):
            status = 403
        if status is None and row["title"] != "new":
            status = 409
        if status is None:
            status = 200 if notes.rules.allow("read", notes.caller, row) else 204
        notes.expect(f"post {body}", answer, status, answer.status_code)
        settle(notes, answer, before, f"post {body}")


def settle(notes: Notes, answer: httpx.Response, before: Sequence[Any], what: str) -> None:
    """Check that a refused request has changed nothing; undo what another one has changed."""
    after = notes.stored()
    if answer.status_code >= 400:
        notes.expect(f"{what} changed rows", answer, before, after)
    if after != before:
        notes.reset()


def writes() -> Iterator[tuple[str, dict[str, Any] | None]]:
    yield from (("PATCH", change) for change in CHANGES)
    yield from (("PUT", {"title": "z"} | change) for change in CHANGES[::3])
    yield "DELETE", None


def expected_status(notes: Notes, row: Row, body: Row | None, after: Row, match: str) -> int:
    """Return the status of a change that turns a row into another one; without a body, deletes."""
    action, states = ("delete", [row]) if body is None else ("update", [row, after])
    is_taken = body is not None and body.get("title") == "a" and row["id"] != 1
    refusals = (
        (bool(notes.refused(action)), notes.refused(action) or 0),
        (row not in notes.readable, 404),
        (match == '"no"', 412),
        (not notes.rules.allow(action, notes.caller, *states), 403),
        (is_taken, 409),
        (body is not None and not notes.rules.allow("read", notes.caller, after), 204),
    )
    return next((status for applies, status in refusals if applies), 200)


async def check_changes(notes: Notes, before: Sequence[Any]) -> None:
    tags = {}
    for row in notes.rows:
        tags[row["id"]] = (await notes.ask("GET", str(row["id"]))).headers.get("etag")
    for method, body in writes():
        missing = await notes.ask(method, "999", body)
        for row in notes.rows:
            kept = DEFAULTS if method == "PUT" else row
            after = {**row, **{name: kept[name] for name in FIELDS}, **(body or {})}
            for match in filter(None, ("none", '"no"', tags[row["id"]])):
                headers = {} if match == "none" else {"if_match": match}
                what = f"{method} {row['id']} {body} {match}"
                answer = await notes.ask(method, str(row["id"]), body, **headers)
                status = expected_status(notes, row, body, after, match)
                notes.expect(what, answer, status, answer.status_code)
                if status == 404 and not headers:
                    notes.expect(what, answer, missing.content, answer.content)
                if answer.status_code == 200 and body is not None:
                    shown = answer.json()
                    notes.expect(what, answer, {name: after[name] for name in shown}, shown)
                settle(notes, answer, before, what)


async def check_several(notes: Notes, before: Sequence[Any]) -> None:
    await check_many(notes, lambda answer, what: settle(notes, answer, before, what))


async def check_interference(notes: Notes, _: Sequence[Any]) -> None:
    """Compare all that a caller reads with the answers of a database without the hidden rows."""

    async def answers() -> list[tuple[int, bytes, str, str]]:
        found: list[httpx.Response] = []
        pages = ("limit=3&count=exact", "limit=3&cursor=&count=exact", "limit=5&offset=3")
        paths = [f"?{query}&{page}" for query, _, _ in LISTS for page in pages]
        found += [await notes.ask("GET", path) for path in paths]
        found += [await notes.ask("GET", str(row["id"])) for row in notes.rows]
        for hidden in hidden_keys:
            found += [
                await notes.ask(method, str(hidden), body, if_match="*")
                for method, body in writes()
            ]
        return [
            (one.status_code, one.content, one.headers.get("link", ""), one.headers.get("etag", ""))
            for one in found
        ]

    readable = notes.readable
    hidden_keys = [row["id"] for row in notes.rows if row not in readable]
    first = await answers()
    notes.delete(hidden_keys)
    second = await answers()
    if first != second:
        pairs = zip(first, second, strict=True)
        notes.found.append(
            f"{notes.name} sees hidden rows: {next(a for a in pairs if a[0] != a[1])}"
        )
    notes.reset()


def package_of(written: str, mutation: Sequence[str] = ()) -> Any:
    return import_tree(mutated(render(load_texts({"note.yaml": written}, APP)), mutation))


CHECKS = (check_reading, check_creation, check_several, check_interference, check_changes)


async def differences(
    package: Any,
    database: str,
    written: str,
    *,
    seed: int = 0,
    short: bool = True,
    stops: bool = False,
) -> tuple[list[str], int]:
    """Send all requests as all callers; return the differences, and how many were sent.

    `stops` at the first difference, with an AssertionError.
    """
    application = Application(package)
    async with application.running(database, auth_secret=SECRET, shortcut=short) as app:
        with tables_of(application, database, application.metadata) as tables:
            notes = Notes(AsgiClient(app), tables, Rules(written), seed)
            notes.stops = stops
            before = notes.stored()
            for name, caller in CALLERS.items():
                notes.act_as(name, caller)
                await notes.ask("GET", "")  # from now on, the token is known
                for check in CHECKS:
                    await check(notes, before)
    return notes.found, notes.count


OWN: Mapping[str, Sequence[str]] = {
    "read": ["anyone if status = published", "user if owner_id = me.id", "editor"],
    "create": ["user if owner_id = me.id", "editor"],
    "update": ["user if owner_id = me.id", "hr if age > 3", "editor"],
    "delete": ["user if owner_id = me.id and status = draft", "editor"],
}


@pytest.mark.long
@pytest.mark.long_cases("postgresql")
@pytest.mark.parametrize("seed", range(RULES))
@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_the_rules_decide(kind: str, seed: int, new_database: NewDatabase) -> None:
    written = spec(OWN if seed == 0 else random_rules(seed))
    package = package_of(written)
    try:
        short = seed % 2 == 0
        database = new_database(kind)
        found, count = asyncio.run(differences(package, database, written, seed=seed, short=short))
        assert found == [], written
        assert count > 3_000
    finally:
        unload(package)


def test_there_are_rules_of_all_kinds() -> None:
    """Random rules let some callers do something with some rows, and let none do everything."""
    written = [spec(random_rules(seed)) for seed in range(1, 60)]
    for word in (
        "me.plan",
        "me.vip",
        "not (",
        " or ",
        " and ",
        "is null",
        "secret",
        "anyone if",
        "old.",
        "new.",
    ):
        assert sum(word in one for one in written) > 3, word


BATCHES = "app/kit/access/row_batches.py"
CLAUSES, OPERATIONS = "app/kit/access/clauses.py", "app/kit/access/row_operations.py"
VIEW, STATEMENTS = "app/kit/access/row_view.py", "app/kit/rows/statements.py"
MUTANTS: Mapping[str, Sequence[str]] = {
    "pages": ("app/kit/query/statements.py", "*columns.visible(kind), ", ""),
    "counts": (
        "app/kit/query/statements.py",
        "return counted.where(*conditions(columns, query, kind))",
        "return counted.where(*columns.conditions(query.filters, kind))",
    ),
    "more rows": (
        *("app/kit/fast/json_objects.py", '.where(*conditions(columns, query, "sqlite"))', ""),
        *("app/kit/query/columns.py", "return self._is_in_order", "return True"),
    ),
    "single rows": (STATEMENTS, "(same_key, *columns.visible(kind))", "(same_key,)"),
    "rules of updates": (OPERATIONS, "statement.where(allows_change(", "statement.where(any_all("),
    "several updates": (BATCHES, "if operations.update_needs_rule else ()", "if False else ()"),
    "several deletions": (BATCHES, "if operations.deletion_needs_rule:", "if False:"),
    "several creations": (BATCHES, "if asked is not None", "if False"),
    "a row to update": (VIEW, "Change(use.lock, {", "Change(rows._statements_for(db).lock, {"),
    "a row to delete": (
        *(VIEW, "use.lock_to_delete,", "operations.all._statements_for(db).lock_to_delete,"),
    ),
    "several rows to update": (
        BATCHES,
        "Change(use.lock, {",
        "Change(every._statements_for(db).lock, {",
    ),
    "several rows to delete": (
        BATCHES,
        "use.lock_to_delete,",
        "every._statements_for(db).lock_to_delete,",
    ),
    "several new rows": (
        BATCHES,
        "if not all(visible):\n                return",
        "if False:\n                return",
    ),
    "several rows after writes": (
        BATCHES,
        "if not all(visible):\n            return",
        "if not visible:\n            return",
    ),
    "rows before": (
        CLAUSES,
        "and_(one.before_write(kind, changed), one.after_write",
        "and_(one.after_write",
    ),
    "rows after": (
        CLAUSES,
        "and_(one.before_write(kind, changed), one.after_write(changed, kind))",
        "one.before_write(kind, changed)",
    ),
    "one rule for both": (
        CLAUSES,
        "return or_(false(), *both)",
        "del both; return and_(allows_row(clauses, kind), allows_new_row(clauses, changed, kind))",
    ),
    "deletions": (OPERATIONS, "statement.where(allowed)", "statement"),
    "creations": (VIEW, "if asked is not None:", "if False:"),
    "rows after writes": (
        *(VIEW, "Change(use.read, {", "Change(rows._statements_for(db).read, {"),
    ),
    "new rows": (VIEW, "if not found[-1]:", "if False:"),
    "If-Match": (VIEW, "row = visible._existing_row(found)", "row = found[0] if found else ()"),
    "null": (
        CLAUSES,
        "self._table = table",
        "self._table = table; condition = not_false(condition)",
    ),
    "all constants": ("app/kit/access/caller.py", "getattr(self, name) for", "1 for"),
    "rules of other roles": ("app/kit/access/rules.py", "self.who in roles)", "True)"),
}
"""Changes of the kit that let something through: files, each with an old text and a new one."""
HELP = {
    "any_all(": (
        "\n\ndef any_all(*_: Any) -> Any:\n    from sqlalchemy import true\n    return true()\n"
    ),
    "not_false(": (
        "\n\ndef not_false(one: Any) -> Any:\n"
        "    from sqlalchemy import true\n    from sqlalchemy.sql import func\n"
        "    return func.coalesce(one, true()) == true()\n"
    ),
}
LEAKY: Mapping[str, Sequence[str]] = {
    "read": ["anyone if status = published", "user if owner_id = me.id", "hr if not (age > 3)"],
    "create": ["user if owner_id = me.id", "hr if age > 3"],
    "update": ["user if status = published", "user if owner_id = me.id", "hr if title != 'zz'"],
    "delete": ["user if owner_id = me.id and status = draft"],
}
"""Rules under which each of these changes lets something through."""


@pytest.mark.long
@pytest.mark.parametrize("mutation", MUTANTS.values(), ids=MUTANTS)
def test_what_is_not_asked_for_is_found(mutation: Sequence[str], new_database: NewDatabase) -> None:
    written, changed = spec(LEAKY), [*mutation]
    for word, added in HELP.items():
        if word in changed[2]:
            first = "from sqlalchemy import"
            changed += [changed[0], first, f"from typing import Any{added}\n\n{first}"]
    package = package_of(written, changed)
    try:
        try:
            running = differences(package, new_database("sqlite"), written, stops=True)
            found, _ = asyncio.run(running)
        except Exception:  # noqa: BLE001 -- a broken statement is found too
            found = ["failed"]
        assert found != []
    finally:
        unload(package)


def test_other_resources_are_refused() -> None:
    """Operations that do not ask rules about rows cannot be combined with them by hand."""
    package = package_of(spec(OWN))
    try:
        application = Application(package)
        notes: Any = application.module("notes.routes").notes
        views: Any = application.module("kit.access.views")
        errors: Any = application.module("kit.errors")
        other = type("Other", (type(notes.unguarded),), {"update": None, "add": lambda _: None})
        notes.unguarded.__class__ = other
        with pytest.raises(errors.StartupError, match="not supported for Other"):
            views.Guarded(notes.unguarded, notes.access)
    finally:
        unload(package)
