"""The short way and FastAPI's own answer the same, whatever is asked and however it is edited."""

import asyncio
import importlib
import itertools
import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import ModuleType
from typing import Annotated, Any, cast
from urllib.parse import unquote
from uuid import UUID

import pytest
from fastapi import Depends, FastAPI, Header, HTTPException, Request, Response
from fastapi.responses import JSONResponse
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy
from starlette.types import ASGIApp, Message, Receive, Scope, Send

import crudgen
from crudgen.delivery.memory import import_tree, unload

pytestmark = pytest.mark.long

Headers = list[tuple[bytes, bytes]]
NewDatabase = Callable[[str], str]
Tree = dict[str, str]
KINDS = ("sqlite", "postgresql")
TOGETHER = 8
EXAMPLES = int(os.environ.get("EXAMPLES", "8"))
MOST_BYTES = 8192
SHARED = "the secret of both"
STAMPED = b"00000000-0000-4000-8000-00000000000a"


@dataclass(frozen=True)
class Asked:
    """One request, as a server hands it to an application."""

    method: str
    path: str
    """As it stands in the request line, percent-encoded."""
    query: bytes = b""
    headers: tuple[tuple[bytes, bytes], ...] = ()
    chunks: tuple[bytes, ...] = (b"",)


@dataclass
class Answer:
    """What an application sent back."""

    status: int = 0
    headers: Headers = field(default_factory=list)
    body: bytes = b""
    raised: str | None = None
    ended: bool = False

    def header(self, name: bytes) -> bytes:
        return dict(self.headers)[name]


def write(method: str, path: str, value: Any, *headers: tuple[bytes, bytes]) -> Asked:
    body = value if isinstance(value, bytes) else json.dumps(value).encode()
    length = (b"content-length", str(len(body)).encode())
    kind = (b"content-type", b"application/json")
    return Asked(method, path, headers=(kind, length, *headers), chunks=(body,))


async def ask(app: ASGIApp, asked: Asked, root_path: str = "") -> Answer:
    scope: Scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": asked.method,
        "scheme": "http",
        "path": unquote(asked.path),
        "raw_path": asked.path.encode("latin-1"),
        "query_string": asked.query,
        "root_path": root_path,
        "headers": [(b"host", b"test"), *asked.headers],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 2),
        "state": {},
    }
    waiting = [
        {"type": "http.request", "body": chunk, "more_body": at < len(asked.chunks) - 1}
        for at, chunk in enumerate(asked.chunks)
    ]
    answer = Answer()

    async def receive() -> Message:
        if not waiting:
            await asyncio.Event().wait()  # the client stays
        return waiting.pop(0)

    async def send(message: Message) -> None:
        assert not answer.ended
        if message["type"] == "http.response.start":
            assert not answer.status
            answer.status, answer.headers = message["status"], list(message["headers"])
        else:
            assert answer.status
            answer.body += message.get("body", b"")
            answer.ended = not message.get("more_body", False)

    try:
        async with asyncio.timeout(20):
            await app(scope, receive, send)
    except Exception as error:  # noqa: BLE001 - a server would log it
        answer.raised = repr(error)
    assert asked.method != "HEAD" or not answer.body
    return answer


def told(answer: Answer) -> Answer:
    """Leave out what each application makes up: the request's id."""
    made_up = [
        (name, b"made up" if name == b"x-request-id" and value != STAMPED else value)
        for name, value in answer.headers
    ]
    return replace(answer, headers=made_up)


# Applications


def spec_of(root: Path, name: str) -> Path:
    return root / ("entities" if name == "heroes" else "tests/specs/zoo/entities")


def render(root: Path, name: str) -> Tree:
    """Render an application whose clock stands still, and whose UUIDs are counted."""
    tree = dict(crudgen.render(crudgen.load(spec_of(root, name))))
    if name == "zoo":
        edit(
            tree, "kit/types/dates.py", "datetime.now(UTC)", "datetime(2026, 1, 2, 3, 4, 5, 6, UTC)"
        )
        edit(tree, "kit/types/uuid7.py", "time.time_ns()", "next(_CLOCK) * 1_000_000")
        edit(tree, "kit/types/uuid7.py", "secrets.randbits(62)", "0")
        edit(
            tree,
            "kit/types/uuid7.py",
            "import time\n",
            "import itertools\n\n_CLOCK = itertools.count(1)\n",
        )
    return tree


def edit(tree: Tree, path: str, old: str, new: str) -> None:
    text = tree[f"app/{path}"]
    assert old in text
    tree[f"app/{path}"] = text.replace(old, new)


EDITED = ("heroes/routes.py", "api.py", "main.py")
"""Modules that a test may edit, and `api.py` between them; each imports those before it."""


def execute(package: ModuleType, tree: Tree) -> None:
    """Replace the modules that a test may edit; the models and the kit stay imported."""
    for path in EDITED:
        name = f"{package.__name__}.{path.removesuffix('.py').replace('/', '.')}"
        parent, _, child = name.rpartition(".")
        module = ModuleType(name)
        module.__package__ = parent
        sys.modules[name] = module
        exec(compile(tree[f"app/{path}"], f"<{name}>", "exec"), vars(module))  # noqa: S102
        setattr(sys.modules[parent], child, module)


@dataclass
class Packages:
    """Each application, imported twice or more often."""

    root: Path
    times: int = 2
    imported: dict[str, tuple[Tree, list[ModuleType]]] = field(default_factory=dict)

    def edited(self, name: str, change: Callable[[Tree], None]) -> list[ModuleType]:
        """Return the packages, with the modules that a test has edited."""
        if name not in self.imported:
            tree = render(self.root, name)
            self.imported[name] = tree, [import_tree(tree) for _ in range(self.times)]
        tree, packages = self.imported[name]
        changed = dict(tree)
        change(changed)
        assert {path for path in tree if changed[path] != tree[path]} <= {
            f"app/{path}" for path in EDITED
        }
        for package in packages:
            if name == "zoo":
                uuid7 = importlib.import_module(f"{package.__name__}.kit.types.uuid7")
                uuid7._CLOCK = itertools.count(1)  # type: ignore[attr-defined]  # noqa: SLF001
            else:
                execute(package, changed)
        return packages

    def unload(self) -> None:
        for _, packages in self.imported.values():
            for package in packages:
                unload(package)


def make(package: ModuleType, database: str, **options: Any) -> FastAPI:
    main = importlib.import_module(f"{package.__name__}.main")
    chosen = importlib.import_module(f"{package.__name__}.settings").Settings(
        database_url=database,
        max_body_bytes=MOST_BYTES,
        log_level="ERROR",
        secret_key=SHARED,
        **options,
    )
    return cast("FastAPI", main.create_app(chosen))


@dataclass
class Ways:
    """The same application twice, on databases of its own: with the short way and without it."""

    loop: asyncio.Runner
    new_database: NewDatabase
    known: Packages
    stack: AsyncExitStack = field(default_factory=AsyncExitStack)
    packages: list[ModuleType] = field(default_factory=list)
    apps: list[FastAPI] = field(default_factory=list)

    def start(
        self,
        name: str = "heroes",
        kind: str = "sqlite",
        *,
        change: Callable[[Tree], None] = lambda _: None,
        extend: Callable[[FastAPI, ModuleType], None] = lambda _, __: None,
    ) -> "Ways":
        self.packages = self.known.edited(name, change)
        for package, shortcut in zip(self.packages, (True, False), strict=True):
            app = make(package, self.new_database(kind), shortcut=shortcut)
            extend(app, package)
            self.loop.run(self._open(app))
            self.apps.append(app)
        return self

    async def _open(self, app: FastAPI) -> None:
        await self.stack.enter_async_context(app.router.lifespan_context(app))

    def ask(self, *asked: Asked, root_path: str = "") -> list[Answer]:
        """Send requests both ways, one after another; both must answer the same."""
        return self.loop.run(self._ask(asked, root_path))

    async def _ask(self, asked: tuple[Asked, ...], root_path: str) -> list[Answer]:
        answers = []
        for one in asked:
            short, ordinary = [told(await ask(app, one, root_path)) for app in self.apps]
            assert short == ordinary, one
            assert short.ended or short.raised
            answers.append(short)
        return answers

    def get(self, path: str, query: bytes = b"", **headers: str) -> Answer:
        sent = tuple(
            (name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()
        )
        (answer,) = self.ask(Asked("GET", path, query, sent))
        return answer

    def close(self) -> None:
        self.loop.run(self.stack.aclose())


@pytest.fixture(scope="module")
def packages(root: Path) -> Iterator[Packages]:
    imported = Packages(root)
    yield imported
    imported.unload()


@pytest.fixture
def ways(new_database: NewDatabase, packages: Packages) -> Iterator[Ways]:
    with asyncio.Runner() as loop:
        started = Ways(loop, new_database, packages)
        yield started
        started.close()


# Random requests

UIDS = [str(UUID(int=n << 80 | 7 << 76 | 2 << 62)) for n in range(1, 9)]
CHIPS = [str(UUID(int=n << 90 | 4 << 76 | 2 << 62)) for n in range(5)]
KEYS = {
    "/animals": ["1", "2", "3", "4", "5"],
    "/v1/countries": ["0", "1", "2", "-1", str(2**63 - 1)],
    "/events": UIDS,
    "/tags": ["ab", "%7B%7D", "{}", "x%20y", "%C3%A9%21", "%F0%9F%A6%B8%00", "a%2Cb", "a.b"],
    "/blog-posts": ["a", "b", "abc"],
}
ODD_KEYS = [
    *("0", "01", "+1", "1.0", "1e1", "1_0", "%201", "1%20", "-0", "%D9%A1", "none", "null", "true"),
    *("9" * 19, "-" + "9" * 19, "9" * 30, "9" * 5000, "a" * 3000, "%00", "a%00", "1%00", "%0A"),
    *("a%2Fb", "%2F", "..", ".", "%2E%2E", "%FF", "%ED%A0%80", "\xe9", "%3F", "%23", "%0D%0A"),
    *("{tag_id}", "a%0A", "1%0A", UIDS[0].upper(), UIDS[0].replace("-", ""), "%7B" + UIDS[0]),
    *("00", "-01", "1" + "0" * 4400, "%C0%80", "%C3", "%EF%BF%BD", "%EF%BF%BD%FF"),
    *("1/", "1//", "/1", "1/2", "ab/", "%7B%7D/", "*", ";a=b", "1;a=b", "a:b", "{}x"),
]
COLLECTIONS = list(KEYS)
ODD_PATHS = [
    *("/", "", "*", "//", "/live", "/live/", "/ready", "/openapi.json", "/docs", "/v1", "/v1/"),
    *("/nothing", "/nothing/1", "/Tags/", "/tags//", "//tags/", "/tags/%0A", "/tags%0A", "/tag"),
    *("/tags/../tags/", "/%74ags/", "/tags%2F", "/tags%2Fab", "/countries/1", "/{}", "/%7B%7D"),
]
TEXTS = ["", "a", "b", "é", "🦸", "\u2028", '"\\', "\x7f\x01", "x" * 70, "x" * 300, "\ud800", "\0"]
SCALARS: SearchStrategy[Any] = st.one_of(
    st.sampled_from(TEXTS),
    st.sampled_from([None, True, False, 0, 1, -1, 2**63 - 1, 2**63, 2**80, 1.5, 1e300, 10**400]),
    st.sampled_from([[], {}, [1], {"a": {"b": [None]}}, {"\0": 1}, "2026-01-01", "12:00:00"]),
)

ANIMAL: dict[str, Any] = {
    "title": "t",
    "legs": 4,
    "weight": 1,
    "born": "2020-01-01",
    "feeds_at": "12:00:00.5",
    "seen_at": "2020-01-01T00:00:00+02:00",
    "contact": "a@B.example",
    "page": "https://b.example/",
    "data": {"b": [1, 2.5, None, 1e300]},
    "photo": "AAEC",
    "secret": "12345678",
    "species": "cat",
}
OPTIONS: dict[str, SearchStrategy[Any]] = {
    "note": st.sampled_from([None, *TEXTS[:-2]]),
    "age": st.none() | st.integers(0, 160),
    "height": st.none() | st.floats(allow_nan=False, allow_infinity=False),
    "price": st.sampled_from(["1.50", "-0.01", "99999999.99", "1.505", 1]),
    "tame": st.booleans(),
    "vaccinated": st.none() | st.booleans(),
    "left_at": st.sampled_from(["0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z"]),
    "contact2": st.sampled_from([None, "x@y.example", "no"]),
    "data2": st.sampled_from([None, "é", [1.0, {"": 2**70}], {"\u2028": "\x7f"}]),
}
GOOD: dict[str, SearchStrategy[Any]] = {
    "/animals": st.fixed_dictionaries(
        {name: st.just(value) for name, value in ANIMAL.items()}
        | {"chip": st.sampled_from(CHIPS) | st.uuids().map(str)},
        optional=OPTIONS,
    ),
    "/v1/countries": st.fixed_dictionaries(
        {
            "number": st.sampled_from([0, 1, 2, -1, 2**63 - 1]),
            "name": st.sampled_from(["a", "b", "é", '"', "\x7f\t"]),
        },
        optional={"area": st.none() | st.integers(-(2**63), 2**63 - 1)},
    ),
    "/events": st.fixed_dictionaries(
        {"what": st.sampled_from(TEXTS[1:8])},
        optional={"at": st.just("2020-01-01T00:00:00.5+02:00")},
    ),
    "/tags": st.fixed_dictionaries(
        {
            "code": st.sampled_from([unquote(key).replace("\0", "") for key in KEYS["/tags"]]),
            "plate": st.sampled_from(["X", "AB-1", "AB-12"]),
        },
        optional={"label": st.sampled_from(TEXTS[1:8])},
    ),
    "/blog-posts": st.fixed_dictionaries(
        {"uid": st.sampled_from(KEYS["/blog-posts"])},
        optional={"metadata_json": st.sampled_from([None, 1.0, {"a": [None]}, "\u2029"])},
    ),
}
QUERIES = st.sampled_from(
    [
        *(b"", b"offset=0", b"limit=2", b"offset=1&limit=1", b"limit=100&offset=2", b"count=exact"),
        *(b"cursor=", b"cursor=&limit=1", b"cursor=x", b"sort=-id&cursor=&limit=2", b"fields=id"),
        *(b"what__gte=b", b"legs__in=4&legs__in=5", b"note__isnull=true", b"name__icontains=A"),
        *(b"sort=-number", b"plate__startswith=A&fields=code", b"sort=tame", b"id=1&sort=id"),
        *(b"sort=-number&sort=name", b"fields=id&fields=uid", b"what=%C3%A9", b"what=\xc3\xa9"),
        *(b"fields=what&sort=what&sort=-uid&fields=uid&cursor=&limit=1", b"label=%EF%BF%BD"),
    ]
)
ODD_QUERIES = st.sampled_from(
    [
        *(
            b"limit=0",
            b"limit=101",
            b"limit=-1",
            b"limit=",
            b"offset=-1",
            b"offset=x",
            b"limit=1.0",
        ),
        *(b"limit=1&limit=2", b"offset=0&offset=0", b"unknown=1", b"limit=1&x", b"offset=%00"),
        *(b"limit=1%00", b"%00=1", b"&", b"&&", b"=", b"?", b"limit", b"limit=%31", b"l%69mit=1"),
        *(b"limit=+1", b"limit=1+", b"limit=01", b"offset=1_0", b"offset=" + b"9" * 30, b"a=%FF"),
        *(b"offset=9223372036854775807", b"offset=9223372036854775808", b"limit=1;offset=1"),
        *(b"offset=" + b"9" * 5000, b"\xff=1", b"limit=\xd9\xa1", b"limit=%D9%A1", b"Limit=1"),
        *(b"limit=" + b"1" * 9000, b"limit=1&" * 199, b"limit=1&" * 200, b"&" * 300),
        *(b"code=%FF", b"code=%C0%80", b"code=%ED%A0%80", b"code=%C3", b"c%FFde=a", b"code=\xff"),
        *(b"code=%C3\xa9", b"sort=%FF", b"cursor=%FF", b"plate__startswith=%80", b"limit=1%FF"),
        *(b"sort=id,id", b"sort=what,-what", b"sort=what&sort=what", b"fields=id&fields=id"),
        *(b"id=01", b"id=-0", b"number=00", b"area__lt=01", b"height=01.5", b"price=001.50"),
        *(b"seen_at=2026-01-01T00:00:00+02:00", b"height=1e+5", b"contact=a+b@c.example"),
        *(b"limit=1#x", b"x=1&" * 200, b"limit=true", b"offset=null", b"limit=1e1"),
    ]
)
TYPES = st.sampled_from(
    [
        *(b"application/json", b"application/json; charset=utf-8", b"Application/JSON", b""),
        *(b"text/plain", b"application/merge-patch+json", b"application/x-www-form-urlencoded"),
        *(b"application/json;", b" application/json", b"application/json, text/plain", b"\xff"),
        *(b"application/json; charset=utf-16", b'application/json; charset="UTF-8"'),
        *(b"application/json; charset=latin-1", b"multipart/form-data; boundary=x", b"json"),
    ]
)
MORE_HEADERS = st.sampled_from(
    [
        *((b"x-request-id", STAMPED), (b"x-request-id", b""), (b"x-request-id", b"not a uuid")),
        *((b"x-request-id", b"\xff"), (b"content-type", b"text/plain"), (b"accept", b"text/html")),
        *((b"content-type", b"application/json"), (b"origin", b"http://x"), (b"cookie", b"a=\xff")),
        *(
            (b"expect", b"100-continue"),
            (b"content-encoding", b"gzip"),
            (b"content-encoding", b"identity"),
            (b"content-encoding", b"\xff"),
            (b"if-none-match", b"*"),
            (b"if-match", b"*"),
            (b"if-match", b'"x"'),
            (b"range", b"bytes=0-1"),
        ),
        *((b"x-http-method-override", b"DELETE"), (b"x-forwarded-prefix", b"/x"), (b"te", b"x")),
    ]
)
ODD_BODIES = [
    *(b'{"what":"a","what" :"a"}', b'{"uid":"a","metadata_json":' + b"[" * 32 + b"]" * 32 + b"}"),
    *(b'{"uid":"a","metadata_json":{"a":":","b":{"c":1,"\\u0063":1}}}', b"[" * 33 + b"]" * 33),
    *(b'{"uid":"a","metadata_json":{"a:":"\\u003a"}}', b'{"what":"[{[{"}'),
    *(b"", b" ", b"null", b"[]", b"1", b'"x"', b"{}", b"{", b"{}}", b"{} x", b"NaN", b"\0"),
    *(b'{"a":NaN}', b'{"a":1e999}', b"[" * 1000, b'{"what":"a\\u0000"}', b'{"what":"\\ud800"}'),
    *(
        b'{"what":"a","what":"b"}',
        b'{"what":"\\\\u0000"}',
        b"\xef\xbb\xbf{}",
        b'{"what":"\xff"}',
    ),
    *(
        b'{"what":"a\nb"}',
        b'{"code":"ab","plate":"X","x\\u0000":1}',
        b'{"uid":"a"}  \n',
        b"{}\0",
    ),
    *(b'{"what":"' + b"x" * MOST_BYTES + b'"}', b" " * (MOST_BYTES + 1), b" " * 8000 + b"{}"),
    *(b"{'what':'a'}", b'{"what":"a",}', b'{"number":1.0,"name":"a"}', b'{"area":1E2}'),
    *(b'{"uid":"a","metadata_json":[-' + b"9" * 4301 + b"]}", b"\xef\xbb\xbf", b"9" * 4302),
    *(b'\xef\xbb\xbf{"what":"a"}', b'\xef\xbb\xbf{"what":"a","what":"b"}', b'{"area":1e-9}'),
    *('{"what":"a"}'.encode("utf-32-be"), b'{"number":' + b"9" * 4000 + b".0}"),
    *(b'{"number":' + b"9" * 4000 + b"}", b'{"what":"a"/**/}', '{"what":"a"}'.encode("utf-16")),
]


@st.composite
def well_formed(draw: st.DrawFn) -> Asked:
    collection = draw(st.sampled_from(COLLECTIONS))
    slash = draw(st.sampled_from(["/", ""]))
    key = draw(st.sampled_from(KEYS[collection]))
    body = draw(GOOD[collection])
    match draw(
        st.sampled_from(["POST", "POST", "POST", "GET", "LIST", "PATCH", "PATCH", "DELETE"])
    ):
        case "POST":
            return write("POST", collection + slash, body)
        case "LIST":
            return Asked("GET", collection + slash, draw(QUERIES))
        case "PATCH":
            names = draw(st.sets(st.sampled_from(sorted(body))))
            changes = {name: body[name] for name in sorted(names)}
            return write("PATCH", f"{collection}/{key}", changes)
        case method:
            return Asked(method, f"{collection}/{key}")


@st.composite
def odd(draw: st.DrawFn) -> Asked:  # noqa: C901 - one case for each change
    """Make a well-formed request, and change one thing or several about it."""
    asked = draw(well_formed())
    body = b"".join(asked.chunks)
    collection = draw(st.sampled_from(COLLECTIONS))
    headers = list(asked.headers)
    changes = st.sampled_from(
        ["method", "path", "key", "query", "type", "body", "property", "header", "length", "chunks"]
    )
    for change in sorted(draw(st.sets(changes, min_size=1, max_size=3))):
        match change:
            case "method":
                methods = [
                    "HEAD",
                    "OPTIONS",
                    "PUT",
                    "TRACE",
                    "get",
                    "GET",
                    "POST",
                    "PATCH",
                    "DELETE",
                ]
                asked = replace(asked, method=draw(st.sampled_from(methods)))
            case "path":
                asked = replace(asked, path=draw(st.sampled_from(ODD_PATHS)))
            case "key":
                key = draw(st.sampled_from(ODD_KEYS))
                asked = replace(asked, path=f"{collection}/{key}")
            case "query":
                asked = replace(asked, query=draw(ODD_QUERIES))
            case "type":
                headers = [one for one in headers if one[0] != b"content-type"]
                headers += [(b"content-type", draw(TYPES))]
            case "body":
                body = draw(st.sampled_from(ODD_BODIES))
            case "property" if body.startswith(b"{") and body.endswith(b"}"):
                name = draw(
                    st.sampled_from(["x", "id", "note", "what", "area", "label", "\0", "uid"])
                )
                value = draw(SCALARS)
                added = json.dumps(name) + ":" + json.dumps(value)
                body = b"{" + added.encode() + (b"," if body != b"{}" else b"") + body[1:]
            case "header":
                headers.insert(draw(st.integers(0, len(headers))), draw(MORE_HEADERS))
            case "length":
                headers = [one for one in headers if one[0] != b"content-length"]
            case _:
                at = draw(st.integers(0, len(body)))
                asked = replace(asked, chunks=(body[:at], body[at:], b""))
    if body != b"".join(asked.chunks):
        asked = replace(asked, chunks=(body,))
    fitted = [
        (name, str(len(body)).encode() if name == b"content-length" else value)
        for name, value in headers
    ]
    return replace(asked, headers=tuple(fitted))


REQUESTS = st.lists(well_formed() | odd(), min_size=TOGETHER, max_size=TOGETHER)
ROOT_PATHS = st.sampled_from(["", "", "/api", "/tags", "/v1"])
"""As a server or a mount gives them; two begin as a router does."""


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_both_ways_answer_the_same(ways: Ways, kind: str) -> None:
    ways.start("zoo", kind)
    statuses: list[int] = []

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
    @given(asked=REQUESTS, root_path=ROOT_PATHS)
    def check(asked: list[Asked], root_path: str) -> None:
        statuses.extend(answer.status for answer in ways.ask(*asked, root_path=root_path))

    check()
    assert len(statuses) >= 7 * EXAMPLES
    assert {200, 404, 422} <= set(statuses)
    assert EXAMPLES < 100 or {405, 409, 415} <= set(statuses), "rare, but not that rare"
    assert statuses.count(200) > len(statuses) / 20


@pytest.mark.long_cases("postgresql")
@pytest.mark.parametrize("kind", KINDS)
def test_odd_keys_and_queries_one_by_one(ways: Ways, kind: str) -> None:
    ways.start("zoo", kind)
    for code in ("{}", "ab", "x y"):
        (made,) = ways.ask(write("POST", "/tags/", {"code": code, "plate": "X", "label": code}))
        assert made.status == 200
    assert json.loads(ways.get("/tags/%7B%7D").body)["code"] == "{}"
    for collection, keys in KEYS.items():
        for key in [*keys, *ODD_KEYS]:
            path = f"{collection}/{key}"
            ways.ask(*(Asked(method, path) for method in ("GET", "HEAD", "DELETE", "OPTIONS")))
            ways.ask(write("PATCH", path, {}))
    for path in ODD_PATHS:
        ways.ask(*(Asked(method, path) for method in ("GET", "POST", "PUT")))
        ways.ask(write("POST", path, {"what": "a"}))


@pytest.mark.long_cases("postgresql")
@pytest.mark.parametrize("kind", KINDS)
def test_odd_bodies_one_by_one(ways: Ways, kind: str) -> None:
    ways.start("zoo", kind)
    statuses = set()
    for collection, keys in KEYS.items():
        for body in ODD_BODIES:
            sent = [
                write("POST", f"{collection}/", body),
                write("PATCH", f"{collection}/{keys[0]}", body),
            ]
            sent += [replace(one, headers=one.headers[:1]) for one in sent]
            statuses |= {answer.status for answer in ways.ask(*sent)}
    assert {200, 405, 409, 413, 422} <= statuses


# What FastAPI documents, and what people edit

HERO: dict[str, Any] = {"name": "a", "secret_name": "b", "age": 3}
GET_BODY = "    return await heroes.read(db, hero_id)\n"
ROUTES = "heroes/routes.py"
WAY = "x-way"


def with_body(lines: str, *, more: str = "", parameters: str = "") -> Callable[[Tree], None]:
    """Edit the handler that reads one hero."""

    def change(tree: Tree) -> None:
        edit(tree, ROUTES, GET_BODY, "".join(f"    {line}\n" for line in lines.splitlines()))
        if parameters:
            known = "read_hero(hero_id: HeroId, db: DatabaseDep"
            edit(tree, ROUTES, known, f"{known}, {parameters}")
        if more:
            edit(tree, ROUTES, "\nrouter = ", f"\n{more}\nrouter = ")

    return change


def make_hero(ways: Ways) -> None:
    (made,) = ways.ask(write("POST", "/heroes/", HERO))
    assert (made.status, made.header(b"location")) == (200, b"/heroes/1")


def took_short_way(ways: Ways, asked: Asked) -> bool:
    """Tell by a handler that answers its scope: only FastAPI's router enters itself there."""
    answers = ways.loop.run(_bodies(ways, asked))
    assert answers[1] == b"ordinary"
    return answers[0] == b"short"


async def _bodies(ways: Ways, asked: Asked) -> list[bytes]:
    return [(await ask(app, asked)).body for app in ways.apps]


TELL = 'return Response(b"ordinary" if "router" in request.scope else b"short")'


def test_the_short_way_is_taken(ways: Ways) -> None:
    ways.start(change=with_body(TELL, parameters="request: Request"))
    assert took_short_way(ways, Asked("GET", "/heroes/1"))
    assert not took_short_way(
        ways, Asked("GET", "/heroes/1", headers=((b"x-request-id", STAMPED),))
    )


def test_the_short_way_is_open_below_a_root_path_and_a_mount(ways: Ways) -> None:
    def change(tree: Tree) -> None:
        with_body(TELL, parameters="request: Request")(tree)
        edit(tree, "main.py", "ROUTERS)", 'ROUTERS, root_path="/api")')

    ways.start(change=change)
    for path in ("/heroes/1", "/api/heroes/1"):
        assert took_short_way(ways, Asked("GET", path))
    for root_path in ("/api", "/proxy"):
        given = [ways.loop.run(ask(app, Asked("GET", "/heroes/1"), root_path)) for app in ways.apps]
        assert [answer.body for answer in given] == [b"short", b"ordinary"]
    for app in ways.apps:

        async def mount(scope: Scope, receive: Receive, send: Send, app: ASGIApp = app) -> None:
            await app({**scope, "root_path": "/sub", "app_root_path": ""}, receive, send)

        mounted = ways.loop.run(ask(mount, Asked("GET", "/sub/heroes/1"))).body
        assert mounted == (b"short" if app is ways.apps[0] else b"ordinary")


def test_a_root_path_and_the_path_of_a_mount_are_both_in_links(ways: Ways) -> None:
    def change(tree: Tree) -> None:
        edit(tree, "main.py", "ROUTERS)", 'ROUTERS, root_path="/api")')

    ways.start(change=change)
    for path, root_path, location in (
        ("/heroes/", "", b"/api/heroes/1"),
        ("/api/heroes", "", b"/api/heroes/2"),
        ("/heroes/", "/api", b"/api/heroes/3"),
        ("/api/heroes/", "/api", b"/api/heroes/4"),
        ("/api/api/heroes/", "/api", b"/api/heroes/5"),
        ("/heroes/", "/other", b"/api/other/heroes/6"),
    ):
        (made,) = ways.ask(write("POST", path, HERO), root_path=root_path)
        assert (made.status, made.header(b"location")) == (200, location)
    for app in ways.apps:
        parent = FastAPI()
        parent.mount("/sub", app)
        answer = ways.loop.run(ask(parent, Asked("GET", "/sub/heroes/", b"limit=1")))
        assert b"</api/sub/heroes/?offset=1&limit=1>" in answer.header(b"link")


def test_a_mount_keeps_its_own_parameters(ways: Ways) -> None:
    ways.start(
        change=with_body(
            "return Response(repr(request.path_params))", parameters="request: Request"
        )
    )
    bodies = []
    for app in ways.apps:
        parent = FastAPI()
        parent.mount("/sub/{tenant}", app)
        bodies.append(ways.loop.run(ask(parent, Asked("GET", "/sub/x/heroes/1"))).body)
    assert bodies[0] == bodies[1] == b"{'tenant': 'x', 'hero_id': '1'}"


def test_head_is_answered_as_get_is(ways: Ways) -> None:
    ways.start()
    make_hero(ways)
    for path, query in (
        *(("/heroes/1", b""), ("/heroes/", b"limit=1"), ("/heroes", b"sort=x"), ("/heroes/x", b"")),
        *(("/live", b""), ("/openapi.json", b""), ("/nothing", b""), ("/heroes/2", b"")),
    ):
        got, head = ways.ask(Asked("GET", path, query), Asked("HEAD", path, query))
        assert head == replace(got, body=b"")


def test_a_head_route_of_ones_own_is_used(ways: Ways) -> None:
    def change(tree: Tree) -> None:
        own = OWN.format(
            method="head",
            path="/{hero_id}",
            parameters="hero_id: str",
            returns="Response",
            value='Response(headers={"x-own": hero_id})',
        )
        tree["app/heroes/routes.py"] += "\n" + own.rstrip("\n") + "\n"

    ways.start(change=change)
    (answer,) = ways.ask(Asked("HEAD", "/heroes/7"))
    assert answer.header(b"x-own") == b"7"


def test_routes_of_plain_fastapi_are_left_as_they_are(ways: Ways) -> None:
    def extend(app: FastAPI, _package: ModuleType) -> None:
        @app.get("/own/{name}")
        async def own(name: str) -> str:
            return name

    ways.start(extend=extend)
    got, head, odd = ways.ask(
        Asked("GET", "/own/x"), Asked("HEAD", "/own/x"), Asked("GET", "/own/%FF")
    )
    assert (got.status, head.status, head.body, odd.status) == (200, 405, b"", 200)


def test_added_middleware_sees_every_request(ways: Ways) -> None:
    seen: list[str] = []

    class Seeing:
        def __init__(self, app: ASGIApp) -> None:
            self.app = app

        async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] == "http":
                seen.append(scope["method"])
            await self.app(scope, receive, send)

    ways.start(extend=lambda app, _: app.add_middleware(Seeing))
    make_hero(ways)
    ways.get("/heroes/1")
    ways.get("/heroes/")
    ways.ask(write("PATCH", "/heroes/1", {}), Asked("DELETE", "/heroes/1"))
    assert seen == [
        method for method in ("POST", "GET", "GET", "PATCH", "DELETE") for _ in ways.apps
    ]


def test_decorated_middleware_sees_every_request(ways: Ways) -> None:
    def extend(app: FastAPI, _package: ModuleType) -> None:
        @app.middleware("http")
        async def mark(request: Request, call_next: Any) -> Response:
            response: Response = await call_next(request)
            response.headers["x-marked"] = request.method
            return response

    ways.start(extend=extend)
    make_hero(ways)
    assert ways.get("/heroes/1").header(b"x-marked") == b"GET"


def test_dependency_overrides_work_and_end(ways: Ways) -> None:
    ways.start()
    make_hero(ways)
    before = ways.get("/heroes/1")

    def gone() -> Any:
        raise HTTPException(418, "overridden")

    for app, package in zip(ways.apps, ways.packages, strict=True):
        database = importlib.import_module(f"{package.__name__}.kit.database")
        app.dependency_overrides[database.database] = gone
    assert ways.get("/heroes/1").status == 418
    for app in ways.apps:
        app.dependency_overrides.clear()
    assert ways.get("/heroes/1") == before


@pytest.mark.parametrize("raised", ["HTTPException", "Conflict", "Custom", "Unhandled"])
def test_exception_handlers_are_used(ways: Ways, raised: str) -> None:
    calls = {
        "HTTPException": 'raise HTTPException(404, "x", {"x-a": "1"})',
        "Conflict": 'raise Conflict(["name"])',
        "Custom": "raise Custom",
        "Unhandled": "raise ArithmeticError",
    }
    more = "from fastapi import HTTPException\n\nfrom ..kit.errors import Conflict\n"
    more += "\n\nclass Custom(Exception):\n    pass\n\n\nCALLS = []\n"
    change = with_body(f"CALLS.append(hero_id)\n{calls[raised]}", more=more)

    def extend(app: FastAPI, package: ModuleType) -> None:
        routes = importlib.import_module(f"{package.__name__}.heroes.routes")

        async def handle(request: Request, error: Exception) -> Response:
            return JSONResponse([type(error).__name__, request.url.path], 499)

        for kind in (HTTPException, routes.Conflict, routes.Custom):
            app.add_exception_handler(kind, handle)

    ways.start(change=change, extend=extend)
    answer = ways.get("/heroes/1")
    if raised == "Unhandled":
        assert (answer.status, answer.raised) == (500, "ArithmeticError()")
    else:
        assert answer.status == 499
        assert json.loads(answer.body) == [raised, "/heroes/1"]
    called = [
        importlib.import_module(f"{package.__name__}.heroes.routes").CALLS
        for package in ways.packages
    ]
    assert called == [[1], [1]]


def test_a_failing_handler_keeps_the_requests_id(ways: Ways) -> None:
    """The id in the handler's log lines is the one that is answered."""
    from asgi_correlation_id import correlation_id  # noqa: PLC0415

    body = "IDS.append(correlation_id.get())\nraise RuntimeError"
    more = "from asgi_correlation_id import correlation_id\n\nIDS = []\n"
    ways.start(change=with_body(body, more=more))
    for app, package in zip(ways.apps, ways.packages, strict=True):
        answer = ways.loop.run(ask(app, Asked("GET", "/heroes/1")))
        ids = importlib.import_module(f"{package.__name__}.heroes.routes").IDS
        assert (answer.status, [answer.header(b"x-request-id").decode()]) == (500, ids)
    assert correlation_id.get() is None


def test_a_router_dependency_runs(ways: Ways) -> None:
    """The router is included once more, at a prefix, with a dependency that may refuse."""

    async def check(x_badge: Annotated[str, Header()]) -> None:
        if x_badge == "bad":
            raise HTTPException(401, "no")

    def extend(app: FastAPI, package: ModuleType) -> None:
        api = importlib.import_module(f"{package.__name__}.api")
        for router in api.ROUTERS:
            app.include_router(router, prefix="/guarded", dependencies=[Depends(check)])
            app.include_router(router, prefix="/open")

    ways.start(extend=extend)
    make_hero(ways)
    assert ways.get("/guarded/heroes/1").status == 422
    assert ways.get("/guarded/heroes/1", x_badge="bad").status == 401
    assert ways.get("/guarded/heroes/1", x_badge="good").status == 200
    assert ways.get("/open/heroes/1").status == 200
    assert ways.get("/heroes/1").status == 200
    (made,) = ways.ask(write("POST", "/open/heroes", HERO))
    assert made.header(b"location") == b"/open/heroes/2"


def test_an_applications_dependency_runs(ways: Ways) -> None:
    def change(tree: Tree) -> None:
        edit(
            tree,
            "main.py",
            "ROUTERS)",
            "ROUTERS, dependencies=[Depends(refuse)])",
        )
        edit(
            tree,
            "main.py",
            "from fastapi import FastAPI",
            "from fastapi import Depends, FastAPI, HTTPException",
        )
        edit(
            tree,
            "main.py",
            "\ndef create_app",
            "\ndef refuse() -> None:\n    raise HTTPException(401)\n\n\ndef create_app",
        )

    ways.start(change=change)
    assert ways.get("/heroes/").status == 401


OWN = """
@router.{method}("{path}")
async def own({parameters}) -> {returns}:
    return {value}


"""


def own_route(before: str, **parts: str) -> Callable[[Tree], None]:
    """Put a route of one's own in front of a generated one."""
    filled = {"method": "get", "parameters": "", "returns": "Response", "value": 'Response("own")'}

    def change(tree: Tree) -> None:
        edit(tree, ROUTES, before, (OWN.format(**(filled | parts)) + before).lstrip("\n"))

    return change


FIRST = '@router.post(\n    "/",'
LIST = '@router.get(\n    "/",'


@pytest.mark.parametrize("parameters", ["", "request: Request", "x_a: str = Header('')"])
@pytest.mark.parametrize(
    ("template", "paths"),
    [
        ("/", ["/heroes/", "/heroes"]),
        ("", ["/heroes"]),
        ("/{hero_id}", ["/heroes/1"]),
        ("/1", ["/heroes/1"]),
        ("/{key:path}", ["/heroes/1", "/heroes/"]),
        ("/1{rest}", ["/heroes/11"]),
    ],
)
def test_an_earlier_route_of_ones_own_wins(
    ways: Ways, template: str, paths: list[str], parameters: str
) -> None:
    def change(tree: Tree) -> None:
        takes = [] if "{" not in template else [template.strip("/1{}").partition(":")[0] + ": str"]
        given = ", ".join([*takes, *([parameters] if parameters else [])])
        own_route(FIRST, path=template, parameters=given)(tree)
        edit(tree, ROUTES, "from fastapi import Path,", "from fastapi import Header, Path,")

    ways.start(change=change)
    for path in paths:
        assert ways.get(path).body == b"own", path
        ways.ask(Asked("DELETE", path), write("POST", path, HERO))


def test_a_later_route_of_ones_own_does_not_win(ways: Ways) -> None:
    def change(tree: Tree) -> None:
        own = OWN.format(
            method="get", path="/1", parameters="", returns="Response", value='Response("own")'
        )
        tree["app/heroes/routes.py"] += "\n" + own.rstrip("\n") + "\n"

    ways.start(change=change)
    make_hero(ways)
    assert json.loads(ways.get("/heroes/1").body)["name"] == "a"


def test_a_route_included_earlier_wins(ways: Ways) -> None:
    def change(tree: Tree) -> None:
        text = (
            '@router.get("/heroes/{hero}")\nasync def own(hero: str) -> str:\n    return hero\n\n\n'
        )
        edit(
            tree, "main.py", "\ndef create_app", f"\nrouter = APIRouter()\n\n\n{text}def create_app"
        )
        edit(
            tree, "main.py", "from fastapi import FastAPI", "from fastapi import APIRouter, FastAPI"
        )
        edit(tree, "main.py", "ROUTERS)", "[router, *ROUTERS])")

    ways.start(change=change)
    assert ways.get("/heroes/1").body == b'"1"'
    assert ways.get("/heroes/").body == b"[]"


@pytest.mark.parametrize(
    ("lines", "parameters", "query", "headers", "body"),
    [
        ('return Response(f"{hero_id!r}")', "", b"", {}, b"1"),
        ('return Response(f"{hero_id} {q}")', "q: str = 'd'", b"q=x", {}, b"1 x"),
        ('return Response(f"{hero_id} {q}")', "q: str = 'd'", b"", {}, b"1 d"),
        ('return Response(f"{q}")', "q: bool = False", b"q=yes", {}, b"True"),
        ('return Response(f"{q}")', "q: list[int] = Query([])", b"q=1", {}, b"[1]"),
        (
            'return Response(f"{q}")',
            "q: Annotated[int, Query(alias='r-s')] = 0",
            b"r-s=7",
            {},
            b"7",
        ),
        ('return Response(f"{x_a}")', "x_a: str = Header('-')", b"", {"x_a": "v"}, b"v"),
        ('return Response(f"{x_a}")', "x_a: str = Header('-')", b"", {}, b"-"),
        ('return Response(f"{c}")', "c: str = Cookie('-')", b"", {"cookie": "c=v"}, b"v"),
        ('return Response(request.headers["x-a"])', "request: Request", b"", {"x_a": "v"}, b"v"),
        (
            'return Response(request.query_params["q"])',
            "q: str, request: Request",
            b"q=1",
            {},
            b"1",
        ),
        ("return Response(str(request.url))", "request: Request", b"", {}, b"http://test/heroes/1"),
        (
            'return Response(str(request.url_for("read_hero", hero_id=7)))',
            "request: Request",
            b"",
            {},
            b"http://test/heroes/7",
        ),
        (
            "return Response(str(request.path_params))",
            "request: Request",
            b"",
            {},
            b"{'hero_id': '1'}",
        ),
        (
            'return Response(request.scope["route"].path)',
            "request: Request",
            b"",
            {},
            b"/heroes/{hero_id}",
        ),
        (
            'return Response(request.scope["endpoint"].__name__)',
            "request: Request",
            b"",
            {},
            b"read_hero",
        ),
        ("return Response(await request.body())", "request: Request", b"", {}, b""),
        ('return Response(b"x", 201, {"x-a": "b"}, "text/x")', "", b"", {}, b"x"),
        ('return PlainTextResponse("plain")', "", b"", {}, b"plain"),
        ('return StreamingResponse(iter(["a", "b"]))', "", b"", {}, b"ab"),
        ('return FileResponse("/nowhere")', "", b"", {}, b""),
        ("return Response(status_code=204)", "", b"", {}, b""),
    ],
)
def test_an_edited_handler_behaves_as_edited(  # noqa: PLR0917 - the columns of a table
    ways: Ways, lines: str, parameters: str, query: bytes, headers: dict[str, str], body: bytes
) -> None:
    more = "from fastapi import Cookie, Header, Query\n"
    more += "from fastapi.responses import FileResponse, PlainTextResponse, StreamingResponse\n"
    ways.start(change=with_body(lines, parameters=parameters, more=more))
    answer = ways.get("/heroes/1", query, **headers)
    if body:
        assert answer.body == body, answer
    ways.get("/heroes/1", b"q=")
    ways.get("/heroes/1", b"q=%00")
    ways.get("/heroes/1", b"q=1&q=2")
    ways.get("/heroes/1", b"unknown=1")
    ways.get("/heroes/x", query, **headers)


def test_a_background_task_of_an_answer_runs(ways: Ways) -> None:
    more = "from starlette.background import BackgroundTask\n\nRAN = []\n"
    lines = 'return Response("x", background=BackgroundTask(RAN.append, hero_id))'
    ways.start(change=with_body(lines, more=more))
    assert ways.get("/heroes/5").body == b"x"
    for package in ways.packages:
        assert importlib.import_module(f"{package.__name__}.heroes.routes").RAN == [5]


@pytest.mark.parametrize(
    ("returns", "value"),
    [
        ("HeroPublic", 'HeroPublic(id=hero_id, name="x")'),
        ("dict[str, object]", '{"id": hero_id, "name": "x", "age": None}'),
        ("HeroPublic | Response", 'HeroPublic(id=hero_id, name="x")'),
        ("JSONResponse", 'JSONResponse({"a": 1})'),
        ("object", 'HeroPublic(id=hero_id, name="x")'),
    ],
)
def test_another_return_annotation_works(ways: Ways, returns: str, value: str) -> None:
    def change(tree: Tree) -> None:
        with_body(f"return {value}", more="from fastapi.responses import JSONResponse\n")(tree)
        known = "read_hero(hero_id: HeroId, db: DatabaseDep) -> "
        edit(tree, ROUTES, f"{known}Response", f"{known}{returns}")

    ways.start(change=change)
    answer = ways.get("/heroes/4")
    assert answer.status == 200
    wanted = {"a": 1} if returns == "JSONResponse" else {"id": 4, "name": "x", "age": None}
    assert json.loads(answer.body) == wanted


@pytest.mark.parametrize(
    "parameter",
    [
        "hero: HeroCreate",
        "hero: HeroCreate | None = None",
        "hero: Annotated[HeroCreate, Body(embed=True)]",
        "body: Annotated[HeroCreate, Body(embed=True)]",
        "hero: Any = Body()",
        "hero: Any = Body(7)",
        "hero: HeroCreate, other: HeroCreate",
        "hero: dict[str, int]",
        "hero: Annotated[list[int], Body()]",
    ],
)
def test_an_edited_body_is_read_as_edited(ways: Ways, parameter: str) -> None:
    name = parameter.partition(":")[0]

    def change(tree: Tree) -> None:
        edit(tree, ROUTES, "create_hero(hero: HeroCreate,", f"create_hero({parameter},")
        if " = " in parameter:
            text = tree[f"app/{ROUTES}"]
            here = f"{parameter}, request: Request, db: DatabaseDep"
            tree[f"app/{ROUTES}"] = text.replace(
                here, f"request: Request, db: DatabaseDep, {parameter}"
            )
        edit(
            tree,
            ROUTES,
            "    return await heroes.create(db, request, hero)",
            f"    return Response(repr({name}))",
        )
        edit(
            tree,
            ROUTES,
            "\nrouter = ",
            "\nfrom typing import Any\n\nfrom fastapi import Body\n\nrouter = ",
        )

    def given(value: Any) -> Asked:
        return write("POST", "/heroes/", value)

    ways.start(change=change)
    ways.ask(
        given(HERO),
        given({"hero": HERO}),
        given({"body": HERO}),
        given({"hero": HERO, "other": HERO}),
        given(b"null"),
        given(b""),
        given(b"[1]"),
        given(b'{"a":1}'),
        given(b"7"),
        Asked("POST", "/heroes/"),
    )


def test_a_handler_with_the_body_and_the_request_reads_both(ways: Ways) -> None:
    def change(tree: Tree) -> None:
        edit(
            tree,
            ROUTES,
            "    return await heroes.create(db, request, hero)",
            "    return Response(hero.name.encode() + await request.body())",
        )

    ways.start(change=change)
    (answer,) = ways.ask(write("POST", "/heroes/", HERO))
    assert answer.body == b"a" + json.dumps(HERO).encode()


def test_two_headers_of_one_name(ways: Ways) -> None:
    """FastAPI reads the first."""
    ways.start()
    body = write("POST", "/heroes/", HERO)
    text = (b"content-type", b"text/plain")
    first, last = ways.ask(
        replace(body, headers=(text, *body.headers)), replace(body, headers=(*body.headers, text))
    )
    assert (first.status, last.status) == (415, 200)


def test_a_body_that_ends_too_early(ways: Ways) -> None:
    ways.start()
    body = json.dumps(HERO).encode()
    asked = write("POST", "/heroes/", body + b" ")

    async def cut_short(app: FastAPI) -> tuple[list[Message], str | None]:
        messages: list[Message] = [{"type": "http.request", "body": body, "more_body": True}]
        sent: list[Message] = []

        async def receive() -> Message:
            return messages.pop(0) if messages else {"type": "http.disconnect"}

        async def send(message: Message) -> None:
            sent.append(message)

        scope: Scope = {"type": "http", "method": "POST", "path": "/heroes/", "query_string": b""}
        scope.update(headers=list(asked.headers), root_path="", state={})
        raised = None
        try:
            await app(scope, receive, send)
        except Exception as error:  # noqa: BLE001 - compared
            raised = type(error).__name__
        return sent, raised

    short, ordinary = [ways.loop.run(cut_short(app)) for app in ways.apps]
    assert [message.get("status") for message in short[0]] == [
        message.get("status") for message in ordinary[0]
    ]
    assert short[1] == ordinary[1]
    assert ways.get("/heroes/").body == b"[]"


def test_under_a_prefix_and_a_root_path(ways: Ways) -> None:
    ways.start()
    make_hero(ways)
    mounted = []
    for app in ways.apps:
        parent = FastAPI()
        parent.mount("/sub", app)
        mounted.append(parent)

    async def both(asked: Asked, root_path: str = "") -> Answer:
        short, ordinary = [told(await ask(app, asked, root_path)) for app in mounted]
        assert short == ordinary
        return short

    assert ways.loop.run(both(Asked("GET", "/sub/heroes/1"))).status == 200
    made = ways.loop.run(both(write("POST", "/sub/heroes", HERO)))
    listed = ways.loop.run(both(Asked("GET", "/sub/heroes/", b"limit=1")))
    assert made.header(b"location").endswith(b"/heroes/2")
    assert b"/heroes/?offset=1" in listed.header(b"link")
    assert ways.loop.run(both(Asked("GET", "/heroes/1"))).status == 404
    for path in ("/heroes/1", "/proxy/heroes/1", "/proxy/heroes"):
        (answer,) = ways.ask(Asked("GET", path), root_path="/proxy")
        assert answer.status == 200
    for path in ("/heroes/1", "/heroes/heroes/1", "/heroes/heroes/", "/heroes"):
        ways.ask(Asked("GET", path), root_path="/heroes")


@pytest.mark.parametrize("root_path", ["/heroes", "/proxy"])
def test_an_applications_own_root_path(ways: Ways, root_path: str) -> None:
    def extend(app: FastAPI, _package: ModuleType) -> None:
        app.root_path = root_path

    change = with_body("return Response(str(request.base_url))", parameters="request: Request")
    ways.start(change=change, extend=extend)
    answers = [
        ways.get(path) for path in ("/heroes/1", f"{root_path}/heroes/1", "/heroes", "/heroes/")
    ]
    assert f"http://test{root_path}/".encode() in [answer.body for answer in answers]


def test_an_own_application_takes_the_routers(ways: Ways) -> None:
    """As crudgen's own documentation has it: the routes in an application of one's own."""
    ways.start()
    for app, package in zip(ways.apps, ways.packages, strict=True):
        api = importlib.import_module(f"{package.__name__}.api")
        own = FastAPI()
        own.state.database = app.state.database
        for router in api.ROUTERS:
            own.include_router(router)
        answer = ways.loop.run(ask(own, Asked("GET", "/heroes/")))
        assert (answer.status, answer.body) == (200, b"[]")


def test_a_handler_is_called_once(ways: Ways) -> None:
    """Also when it raises, and when the request went the ordinary way."""
    more = "from fastapi import HTTPException\n\nCALLS = []\n"
    body = "CALLS.append(hero_id)\nif hero_id % 2:\n    raise HTTPException(409)\nreturn Response()"
    ways.start(change=with_body(body, more=more))
    for key in ("1", "2", "x", "3"):
        ways.get(f"/heroes/{key}")
        ways.get(f"/heroes/{key}", x_request_id=STAMPED.decode())
        ways.get(f"/heroes/{key}", b"x=1")
    for package in ways.packages:
        calls = importlib.import_module(f"{package.__name__}.heroes.routes").CALLS
        assert calls == [1, 1, 2, 2, 3, 3]


def test_an_answer_may_be_given_twice(ways: Ways) -> None:
    ways.start(change=with_body("return KEPT", more="KEPT = Response(b'kept')\n"))
    assert ways.get("/heroes/1") == ways.get("/heroes/1")


def test_an_answer_that_is_no_response_is_an_error(ways: Ways) -> None:
    """Only the short way asks that a handler keeps to `-> Response`; it says so in the log."""
    ways.start(change=with_body("return {'id': hero_id}"))
    answer = ways.loop.run(ask(ways.apps[0], Asked("GET", "/heroes/1")))
    assert (answer.status, answer.ended) == (500, True)
    assert "annotated `-> Response`, but returned dict" in str(answer.raised)
