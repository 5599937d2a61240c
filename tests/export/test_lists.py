"""Files of lists have the rows and the values of the JSON list, for random queries and callers.

`CASES=2000 python -m pytest -n0 tests/export/test_lists.py` sends that many queries.
"""

import asyncio
import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import AsyncExitStack
from random import Random
from typing import Any

import httpx
import pytest

from crudgen.codegen import render
from crudgen.delivery.memory import import_tree, unload
from crudgen.language import load_texts
from tests.access.press import APP, CALLERS, SPECS, rows
from tests.access.tables import tables_of
from tests.access.test_rules import SECRET, bearer
from tests.export.walking import CSV, NDJSON, check_csv, walked
from tests.startup.started import Application
from tests.support.asgi import AsgiClient

CASES = int(os.environ.get("CASES", "60"))
PARAMETERS: Mapping[str, Mapping[str, list[str]]] = {
    "/topics/": {
        "sort": ["-name", "open,-id"],
        "name": ["a"],
        "fields": ["name", "articles_count", "id,articles_count"],
        "articles__any__title": ["a"],
        "include": ["articles", "articles__comments"],
    },
    "/articles/": {
        "sort": ["-words", "title", "topic__name", "-topic__name,words"],
        "words__gte": ["2"],
        "topic_id__isnull": ["true", "false"],
        "q": ["n"],
        "fields": ["title", "number,comments_count"],
        "comments__any__text": ["a"],
        "include": ["topic", "tags,comments"],
    },
    "/members/": {
        "sort": ["-salary", "grade,-email"],
        "email": ["z"],
        "fields": ["email", "id,salary"],
        "q": ["n"],
        "include": ["boss", "minions"],
    },
    "/topics/1/articles/": {"sort": ["-words"], "words__gte": ["2"], "include": ["tags"]},
    "/articles/1/tags/": {"sort": ["name"], "name": ["a"]},
    "/articles/1/comments/": {"sort": ["-text"], "fields": ["text"]},
}


def texts() -> dict[str, str]:
    """Return the specs of the press, with files of all lists."""
    found = {}
    for name, spec in SPECS.items():
        if "api:\n" in spec:
            found[name] = spec.replace("api:\n", "api:\n  export: [csv, ndjson]\n")
        elif "api: {" in spec:
            found[name] = spec.replace("api: {", "api: {export: [csv, ndjson], ")
        else:
            found[name] = spec + "api: {export: [csv, ndjson]}\n"
    return found


@pytest.fixture(scope="module")
def package() -> Iterator[Any]:
    imported = import_tree(render(load_texts(texts(), APP)))
    yield imported
    unload(imported)


async def check(client: AsgiClient, plain: AsgiClient, random: Random) -> None:
    """Compare the files of a random query with the list.

    `plain` is a client of the same application without the optimizations of requests.
    """
    path = random.choice([*PARAMETERS])
    chosen = random.sample([*PARAMETERS[path].items()], random.randint(0, 2))
    sent = [(name, random.choice(values)) for name, values in chosen]
    if path.count("/") > 2:
        path = path.replace("/1/", f"/{random.randint(1, 9)}/")
    who = random.choice([*CALLERS])
    caller = CALLERS[who]
    headers = bearer(None) if caller is None else bearer(caller[0], **caller[1])
    as_lines = {**headers, "accept": NDJSON}
    first = await client.request("GET", path, params=sent, headers=headers)
    answer = await client.request("GET", path, params=sent, headers=as_lines)
    other = await plain.request("GET", path, params=sent, headers=as_lines)
    assert (answer.content, _headers(answer)) == (other.content, _headers(other))
    asked = (who, path, sent)
    assert answer.status_code == first.status_code, (asked, answer.text)
    if first.status_code != 200:
        assert answer.content == first.content, asked
        return
    found = await walked(client, path, sent, headers)
    assert answer.text == "".join(f"{row}\n" for row in found), asked
    if random.random() < 0.3:
        part = [*sent, ("limit", "2"), ("offset", "1")]
        page = await client.request("GET", path, params=part, headers=headers)
        lines = await client.request("GET", path, params=part, headers=as_lines)
        assert lines.text.splitlines() == [*map(_dumped, page.json())], asked
        assert lines.headers["link"] == page.headers["link"]
        counted = [*sent, ("count", "exact"), ("offset", "1")]
        rest = await client.request("GET", path, params=counted, headers=as_lines)
        assert rest.text.splitlines() == found[1:], asked
        assert rest.headers["x-total-count"] == str(len(found))
    table = await client.request("GET", path, params=sent, headers={**headers, "accept": CSV})
    if any(name == "include" for name, _ in sent):
        assert table.status_code == 422
        assert table.json()["detail"][0]["type"] == "not_in_csv"
    else:
        check_csv(table.text, [json.loads(row) for row in found])


def _headers(answer: httpx.Response) -> list[tuple[str, str]]:
    return sorted(one for one in answer.headers.items() if one[0] != "x-request-id")


def _dumped(row: object) -> str:
    return json.dumps(row, separators=(",", ":"), ensure_ascii=False)


@pytest.mark.long
@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_files_have_the_rows_of_the_list(
    package: Any, new_database: Callable[[str], str], kind: str
) -> None:
    url = new_database(kind)

    async def compare() -> None:
        application = Application(package)
        async with AsyncExitStack() as stack:
            client, plain = [
                AsgiClient(
                    await stack.enter_async_context(
                        application.running(url, auth_secret=SECRET, shortcut=short)
                    )
                )
                for short in (True, False)
            ]
            random = Random(CASES)  # noqa: S311
            with tables_of(application, url) as tables:
                for number in range(CASES):
                    if number % 20 == 0:
                        data = rows(Random(number + 1))  # noqa: S311
                        tables.store({name: [*found.values()] for name, found in data.items()})
                    await check(client, plain, random)

    asyncio.run(compare())
