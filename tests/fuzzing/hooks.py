"""What schemathesis cannot know: what a document cannot say (see docs/reference/contract.md).

A key names one request, and the tool likes to send the same short text again. A key that is
well-formed becomes a new one, so that the rows behind it reach the database; the others are sent as
they are. Rows are sorted by a property once, up or down: `uniqueItems` tells the two apart. What a
query says about related rows needs their `include`.

References are keys of rows, and most random rows do not have one of the random filters. A fair part
of the valid requests gets what exists and fewer filters. The tool judges a request as it was sent.
"""

import atexit
import json
import os
import re
from collections import Counter, defaultdict
from functools import cache
from math import prod
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import httpx
import schemathesis
from schemathesis.core.parameters import ParameterLocation
from schemathesis.generation.meta import TestPhase

from crudgen.kit.query.related_parameters import MAX_INCLUDED
from crudgen.language import load
from crudgen.language.schema import Entity
from tests.fuzzing.callers import PASSWORD, log_in
from tests.fuzzing.rows import Rows

HEADER = "Idempotency-Key"
CONTROL = re.compile(r"[\x00-\x1f\x7f]")
WELL_FORMED = re.compile(r"[\x21-\x7e]{1,255}")
HOW = {"limit", "sort", "fields", "include", "count"}
"""The parameters of a list that do not say which rows it returns."""
Case = schemathesis.Case[Any]

random = Random(os.environ["SEED"])  # noqa: S311 - the same for the same seed
statuses: dict[str, Counter[int]] = defaultdict(Counter)
"""How often each operation returned each status."""
used: Counter[str] = Counter()
"""How often successful requests used what few of the random ones do."""


@cache
def rows(url: str) -> Rows:
    headers = json.loads(os.environ["HEADERS"])
    client = httpx.Client(base_url=url, headers=headers, timeout=30)
    return Rows(load(Path(os.environ["ENTITIES"])), client, random)


@schemathesis.hook
def before_call(_context: Any, case: Case, _kwargs: dict[str, Any]) -> None:
    headers: Any = case.headers or {}
    for name, value in [*headers.items()]:
        if isinstance(value, str):  # a control character is no HTTP: the connection ends there
            headers[name] = CONTROL.sub("", value)
    query: Any = case.query or {}
    if "sort" in query:
        query["sort"] = _one_way(query["sort"])
    key = headers.get(HEADER)
    if isinstance(key, str) and WELL_FORMED.fullmatch(key):
        headers[HEADER] = f"{key[:200]}-{uuid4()}"
    if (user := os.environ.get("LOGS_IN")) and _is_valid(case, ParameterLocation.BODY):
        _log_in(case, user)
    _use_rows(case)


@schemathesis.hook
def after_call(_context: Any, case: Case, response: Any) -> None:
    statuses[case.operation.label][response.status_code] += 1
    if response.status_code == 422 and _violates_checks(response):
        response.status_code = 409  # for the tool, the schema forbids every request that is 422
    if response.status_code < 300:
        known = rows(case.operation.base_url)
        entity = known.at(case.path)
        known.changed(entity, case.method)
        if entity is not None:
            found = response.json() if response.content else None  # a caller may not read it
            used.update(known.features(case.query, case.body, found))


def _violates_checks(response: Any) -> bool:
    """Return whether a row only violates checks, which a schema cannot express."""
    detail = response.json()["detail"]
    return isinstance(detail, list) and {one["type"] for one in detail} == {"check"}


@atexit.register
def _report() -> None:
    counted = {"statuses": statuses, "used": used}
    Path(os.environ["COUNTS"]).write_text(json.dumps(counted), "utf-8")


def _one_way(sort: Any) -> Any:
    """Leave out what is sorted the other way before; the names may stand in a text."""
    names = sort.split(",") if isinstance(sort, str) else sort
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        return sort
    kept: list[str] = []
    for name in names:
        other = name.removeprefix("-") if name.startswith("-") else f"-{name}"
        if other not in kept:
            kept.append(name)
    return ",".join(kept) if isinstance(sort, str) else kept


def _use_rows(case: Case) -> None:
    """Replace keys in valid parts of a request by those of rows."""
    known = rows(case.operation.base_url)
    entity = known.at(case.path)
    if entity is None or case.meta is None:
        return
    is_free = case.meta.phase.name != TestPhase.STATEFUL  # else the path may be that of a link
    key = _use_path(case, known) if is_free and _is_valid(case, ParameterLocation.PATH) else None
    if case.method == "GET" and _often():
        case.headers.pop("If-None-Match", None)  # `*` is its example: the response is 304
    if _is_valid(case, ParameterLocation.BODY):
        case.body = known.in_body(case.body, entity, case.method, _often)
        if is_free and case.method == "PUT" and isinstance(case.body, dict):
            _agree(case, case.body, str(entity.key.json_name), key)
    if _is_valid(case, ParameterLocation.QUERY):
        if case.method == "DELETE" and entity.key.json_name in case.query and _often():
            case.query[str(entity.key.json_name)] = known.some_keys(entity)
        elif case.method == "GET" and not _often():
            _drop_filters(case.query)
        _include(case, entity)


def _log_in(case: Case, user: str) -> None:
    """Send a password, or in place of the caller's token one that may end, of another user."""
    is_callers = case.headers.get("Authorization") == os.environ["CREDENTIALS"]
    if case.path in {"/logout", "/me/password"} and case.method == "POST" and is_callers:
        token = log_in(case.operation.base_url, user)
        case.headers["Authorization"] = f"Bearer {token}"
    if case.path == "/me/password" and _often():
        case.body = {"current": PASSWORD, "new": PASSWORD}
    if case.path == "/login" and _often():
        case.body = {"username": user, "password": PASSWORD}


def _use_path(case: Case, known: Rows) -> Any:
    """Ask for rows that exist; return the key of the last, None if it was not changed."""
    key: Any = None
    choose = known.new_key if case.method == "DELETE" and _often() else known.key
    for name in case.path_parameters:
        if _often() and (key := choose(known.parameters[name])) is not None:
            case.path_parameters[name] = quote(str(key), safe="")
    if case.method == "DELETE" and len(case.path_parameters) > 1 and _often():
        known.client.put(case.formatted_path)  # the link to remove
    return key


def _agree(case: Case, body: dict[str, Any], name: str, key: Any) -> None:
    """Send the same key in path and body: that of a row, or the new one in the body."""
    if key is not None:
        body[name] = key
    elif name in body and _often():
        for parameter in case.path_parameters:
            case.path_parameters[parameter] = quote(str(body[name]), safe="")


def _is_valid(case: Case, location: ParameterLocation) -> bool:
    component = case.meta.components.get(location) if case.meta else None
    return component is None or component.mode.is_positive


def _often() -> bool:
    return random.random() < 0.7


def _drop_filters(query: dict[str, Any]) -> None:
    """Keep what says how rows are returned, and two parameters that say which."""
    which = [name for name in query if name not in HOW and not name.endswith("__limit")]
    for name in which[:]:
        if random.random() * len(which) > 2:
            del query[name]


def _include(case: Case, entity: Entity) -> None:
    """Include the rows that a query limits, or of which it selects properties; not too many."""
    query: dict[str, Any] = case.query
    paths = ["__".join(path) for path in entity.api.include]
    named = {name.rpartition("__")[0] for name in [*query, *_names(query.get("fields"))]}
    asked = _names(query.get("include"))
    added = [path for path in paths if path in named and path not in asked]
    if added:
        query["include"] = [*asked, *added]
    included = {one for path in [*asked, *added] for one in _with_prefixes(path)}
    for_each = sum(
        prod(int(query.get(f"{one}__limit", 20)) for one in _with_prefixes(path))
        for path in included
    )
    if for_each > MAX_INCLUDED:
        for path in included:
            query.pop(f"{path}__limit", None)
        for_each = 400
    if case.path.endswith("/") and int(query.get("limit", 100)) * for_each > MAX_INCLUDED:
        query["limit"] = MAX_INCLUDED // for_each


def _with_prefixes(path: str) -> list[str]:
    """Return `orders` and `orders__lines` for the latter."""
    steps = path.split("__")
    return ["__".join(steps[:number]) for number in range(1, len(steps) + 1)]


def _names(value: Any) -> list[str]:
    """Return the names in a list, or in a text."""
    return value.split(",") if isinstance(value, str) else value or []
