"""Requests to the press: those of each operation and parameter of its OpenAPI document."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from random import Random
from typing import Any

NUMBERS = ("1", "5", "9")
TEXTS = ("a", "b", "n1", "new", "z", "2.50", "senior")
KEYS = ("1", "2", "3", "9")
BODIES: Mapping[str, Sequence[Any]] = {
    "topic": ({"name": "a"}, {"name": "b", "open": True}, {}),
    "article": (
        {"number": 1, "title": "t", "topic_id": 2},
        {"number": 10, "title": "new", "words": 7},
        {"title": "t", "state": "public"},
        {"owner_id": 2, "title": "a", "number": 2},
        {"number": 11, "title": "t", "comments": [{"text": "x"}, {"text": "y"}]},
        {"words": 1},
    ),
    "tag": ({"name": "a"}, {"name": "b", "secret": True}),
    "comment": (
        {"text": "a", "article_number": 1},
        {"text": "b", "article_number": 3},
        {"text": "c"},
    ),
    "member": (
        {"name": "new"},
        {"name": "fresh", "salary": "2.50", "boss_id": 2},
        {"salary": None, "name": "n9"},
        {"email": None, "grade": None},
        {"grade": "senior", "name": "m"},
        {"pin": "1", "boss_id": 3},
        {"owner_id": 2},
    ),
}
MANY: Mapping[str, Sequence[Any]] = {
    "article": (
        [{"number": 10, "title": "t"}, {"number": 11, "title": "t", "topic_id": 2}],
        [{"number": 2, "title": "t"}, {"number": 1, "words": 2}],
        [{"number": 10, "title": "t", "comments": [{"text": "x"}]}],
    ),
    "member": (
        [{"name": "fresh"}, {"name": "other", "boss_id": 2}],
        [{"id": 2, "email": "z"}, {"id": 1, "salary": "2.50"}],
        [{"id": 3, "boss_id": 9}, {"id": 1, "name": "fresh"}],
    ),
}
LINKS: Sequence[Any] = ([1, 2], [], [9], ["x"])
PRECONDITIONS = ("*", '"no"', "tag")
"""`tag` stands for the ETag of the row."""


@dataclass(frozen=True)
class Sent:
    """A request; its path has keys, and its headers perhaps the ETag of the row."""

    method: str
    path: str
    query: str = ""
    json: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    follows: bool = False
    """Whether the next pages are read too."""
    kind: tuple[str, ...] = ()
    """The method, the path without keys, and the parameter."""


def requests(document: Mapping[str, Any]) -> Iterator[Sent]:
    """Yield requests for each operation and each parameter of a document."""
    yield Sent("GET", "/openapi.json", kind=("GET", "/openapi.json"))
    for template, operations in document["paths"].items():
        for path in _paths(template):
            yield Sent("OPTIONS", path, kind=("OPTIONS", template))
            for method, operation in operations.items():
                for one in _of_operation(method.upper(), template, path, operation):
                    name = one.query.partition("=")[0]
                    yield replace(one, kind=(one.method, template, name, *one.headers))


WRITES = 8


def chosen(random: Random, every: Sequence[Sent], most: int | None) -> list[Sent]:
    """Return requests at random: reads of each kind, WRITES of each other kind, at most so many."""
    kinds: dict[tuple[str, ...], list[Sent]] = {}
    for one in every:
        kinds.setdefault(one.kind, []).append(one)
    found = [
        one
        for (method, *_), same in kinds.items()
        for one in random.sample(same, min(len(same), 1 if method == "GET" else WRITES))
    ]
    return found if most is None else random.sample(found, most)


def _paths(template: str) -> Iterator[str]:
    """Yield a path with keys."""
    parts = [part for part in template.split("/") if part.startswith("{")]
    for keys in product(KEYS, repeat=len(parts)):
        path = template
        for part, key in zip(parts, keys, strict=True):
            path = path.replace(part, key, 1)
        yield path


def _of_operation(
    method: str, template: str, path: str, operation: Mapping[str, Any]
) -> Iterator[Sent]:
    bodies = _bodies(template, method) if "requestBody" in operation else [None]
    if method == "PUT" and template.startswith("/articles/{") and template.endswith("}"):
        key = {"number": int(path.rpartition("/")[2])}
        bodies = [{**body, **key} for body in bodies if isinstance(body, dict)] or bodies
    for body in bodies:
        yield Sent(method, path, json=body)
    if method == "GET":
        yield Sent("HEAD", path)
    for parameter in operation.get("parameters", ()):
        name = parameter["name"]
        if parameter["in"] == "query":
            for value in _samples(parameter["schema"]):
                yield Sent(method, path, f"{name}={value}", bodies[0], follows=name == "cursor")
                if method == "GET" and template.endswith("/") and name != "cursor":
                    query = f"{name}={value}&limit=2&count=exact&cursor="
                    yield Sent(method, path, query, follows=True)
        elif parameter["in"] == "header":
            values = ("one",) if name == "Idempotency-Key" else PRECONDITIONS
            for body, value in product(bodies, values):
                yield Sent(method, path, json=body, headers={name: value})


def _bodies(template: str, method: str) -> Sequence[Any]:
    names = template.strip("/").split("/")
    singular = {
        "topics": "topic",
        "articles": "article",
        "tags": "tag",
        "comments": "comment",
        "members": "member",
        "minions": "member",
    }
    if names[-1] == "bulk":
        return MANY[singular[names[0]]]
    named = [singular[name] for name in names if name in singular]
    if len(named) > 1 and method == "PUT":
        return LINKS
    return BODIES[named[-1]]


def _samples(schema: Mapping[str, Any]) -> Sequence[str]:
    if "anyOf" in schema:
        return [value for one in schema["anyOf"] for value in _samples(one)]
    if schema.get("type") == "array":
        items = schema["items"]
        words = [*map(str, items["enum"])] if "enum" in items else [*_samples(items)[:3]]
        return [*words, *(f"{one},{other}" for one, other in zip(words, words[3:], strict=False))]
    if "enum" in schema or "const" in schema:
        return [*map(str, schema.get("enum", [schema.get("const")]))]
    of_types = {"integer": NUMBERS, "number": NUMBERS, "boolean": ("true", "false")}
    return of_types.get(schema.get("type", ""), TEXTS)
