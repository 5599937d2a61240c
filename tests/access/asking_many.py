"""Requests about several notes, and what the rules say about the responses."""

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Any, Protocol

import httpx

from tests.access.notes import DEFAULTS, Caller, Rules

Row = dict[str, Any]
CREATED: Sequence[Sequence[Row]] = (
    [{"title": "new", "owner_id": 1}, {"title": "more", "owner_id": 2, "age": 4}],
    [{"title": "new", "status": "published"}, {"title": "more", "team": "reds", "active": True}],
    [{"title": "new", "status": "published", "owner_id": 2}, {"title": "b", "owner_id": 2}],
)
CHANGED: Sequence[Row] = ({}, {"age": 4}, {"status": "published"}, {"owner_id": 2}, {"team": None})


class Asked(Protocol):
    """An application with rules about notes, as one caller uses it."""

    rules: Rules
    caller: Caller
    rows: list[Row]

    def refused(self, action: str) -> int | None: ...

    async def ask(
        self, method: str, path: str, json: Any = None, **headers: str
    ) -> httpx.Response: ...

    def expect(self, what: str, answer: httpx.Response, wanted: object, found: object) -> None: ...


async def check_many(notes: Asked, settle: Callable[[httpx.Response, str], None]) -> None:
    """Create, update and delete several notes in one request; `settle` undoes it."""
    for rows in CREATED:
        answer = await notes.ask("POST", "bulk", rows)
        what = f"create {rows}"
        _expect(notes, what, answer, *_created(notes, rows))
        settle(answer, what)
    seen = [row["id"] for row in notes.rows if _sees(notes, row)]
    hidden = [row["id"] for row in notes.rows if not _sees(notes, row)]
    chosen = [[b, a] for a, b in pairwise(seen)]
    chosen += [[one] for one in seen[::2]] + [[*seen[:1], one] for one in [*hidden[:2], 999]]
    for number, keys in enumerate(chosen):
        change = CHANGED[number % len(CHANGED)]
        sent = [{"id": key, **change} for key in keys]
        answer = await notes.ask("PATCH", "bulk", sent)
        _expect(notes, f"update {sent}", answer, *_written(notes, "update", keys, change))
        settle(answer, f"update {sent}")
        answer = await notes.ask("DELETE", f"bulk?{'&'.join(f'id={key}' for key in keys)}")
        _expect(notes, f"delete {keys}", answer, *_written(notes, "delete", keys, {}))
        settle(answer, f"delete {keys}")


def _expect(
    notes: Asked, what: str, answer: httpx.Response, status: int, loc: Sequence[Any] | None
) -> None:
    notes.expect(what, answer, status, answer.status_code)
    if loc is not None and answer.status_code == status:
        notes.expect(what, answer, [*loc], answer.json()["detail"][0]["loc"])


def _created(notes: Asked, rows: Sequence[Row]) -> tuple[int, Sequence[Any] | None]:
    if refused := notes.refused("create"):
        return refused, None
    full = [DEFAULTS | row for row in rows]
    for index, row in enumerate(full):
        if not notes.rules.allow("create", notes.caller, row):
            return 403, ["body", index]
    for index, row in enumerate(full):
        if row["title"] in {one["title"] for one in notes.rows}:
            return 409, ["body", index, "title"]
    return (200 if all(_sees(notes, row) for row in full) else 204), None


def _written(
    notes: Asked, action: str, keys: Sequence[int], change: Row
) -> tuple[int, Sequence[Any] | None]:
    if refused := notes.refused(action):
        return refused, None
    stored: Mapping[int, Row] = {row["id"]: row for row in notes.rows}
    for key in sorted(keys):
        if key not in stored or not _sees(notes, stored[key]):
            return 404, _place(action, keys.index(key), "id")
    after = {key: {**stored[key], **change} for key in keys}
    for key in sorted(keys):
        states = [stored[key]] if action == "delete" else [stored[key], after[key]]
        if not notes.rules.allow(action, notes.caller, *states):
            return 403, _place(action, keys.index(key))
    hides = action == "update" and not all(_sees(notes, row) for row in after.values())
    return (204 if hides else 200), None


def _place(action: str, index: int, *key: str) -> Sequence[Any]:
    return ["query", "id", index] if action == "delete" else ["body", index, *key]


def _sees(notes: Asked, row: Row) -> bool:
    return notes.rules.allow("read", notes.caller, row)
