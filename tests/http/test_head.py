"""HEAD answers as GET does, without the body, on a connection that goes on."""

import json
import re

import pytest

from tests.support.servers import Api, Everywhere
from tests.support.wire import connect, rest

PATHS = [
    *("/live", "/ready", "/tags/", "/tags", "/tags/one", "/tags/none", "/tags/?limit=0"),
    *("/tags/?limit=1&sort=-code&count=exact", "/tags/?cursor=", "/tags/?cursor=x", "/nothing"),
    *("/animals/x", "/animals/01", "/animals/99", "/events/1", "/openapi.json", "/docs"),
    *("/redoc", "/tags/?" + "x" * 9000, "/tags/%FF", "/live?x=1"),
]
_DATE = re.compile(rb"\r\n(x-request-id|date): [^\r]*", re.IGNORECASE)


def answers(api: Api, *requests: bytes) -> list[bytes]:
    """Send requests on one connection at once; split what comes by the status lines."""
    last = b"GET /live HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    with connect(api, b"".join(requests) + last) as connection:
        found = rest(connection)
    parts = re.split(rb"(?=HTTP/1\.1 \d{3} )", found)[1:]
    assert len(parts) == len(requests) + 1
    assert parts.pop().endswith(b'{"detail":"live"}')
    return [_DATE.sub(b"", part) for part in parts]


def request(method: str, path: str, head: bytes = b"") -> bytes:
    return f"{method} {path} HTTP/1.1\r\nHost: x\r\n".encode() + head + b"\r\n"


@pytest.mark.parametrize("path", PATHS, ids=[path[:40] for path in PATHS])
def test_head_is_get_without_its_body(everywhere: Everywhere, path: str) -> None:
    for api in everywhere.apis:
        api.ask("POST", "/tags/", json={"code": "one", "plate": "X"})
        got, head, again = answers(
            api, *(request(method, path) for method in ("GET", "HEAD", "GET"))
        )
        assert head == got.partition(b"\r\n\r\n")[0] + b"\r\n\r\n"
        assert again == got
        length = re.search(rb"\r\ncontent-length: (\d+)", head)
        assert length is not None
        assert int(length[1]) == len(got.partition(b"\r\n\r\n")[2]) > 0
        api.emptied()


def test_head_knows_conditions(everywhere: Everywhere) -> None:
    for api in everywhere.apis:
        tag = api.ask("POST", "/tags/", json={"code": "one", "plate": "X"}).headers["etag"].encode()
        for condition in (b"If-None-Match: " + tag, b"If-None-Match: *", b'If-None-Match: "x"'):
            got, head = answers(
                api,
                *(request(method, "/tags/one", condition + b"\r\n") for method in ("GET", "HEAD")),
            )
            assert head == got.partition(b"\r\n\r\n")[0] + b"\r\n\r\n"
            assert head.startswith(b"HTTP/1.1 200 " if b'"x"' in condition else b"HTTP/1.1 304 ")


def test_head_with_a_body_of_its_own_keeps_the_connection(everywhere: Everywhere) -> None:
    for api in everywhere.apis:
        with_body = request("HEAD", "/tags/", b"Content-Length: 2\r\n") + b"{}"
        (head,) = answers(api, with_body)
        assert head.startswith(b"HTTP/1.1 200 ")


def test_allow_lists_head_where_get_is_offered(everywhere: Everywhere) -> None:
    for method, path, allowed in (
        ("PUT", "/tags/one", "DELETE, GET, HEAD, PATCH"),
        ("OPTIONS", "/tags/", "GET, HEAD, POST"),
        ("OPTIONS", "/tags", "GET, HEAD, POST"),
        ("DELETE", "/events/", "GET, HEAD, POST"),
        ("POST", "/live", "GET, HEAD"),
        ("OPTIONS", "/ready", "GET, HEAD"),
    ):
        answer = everywhere.ask(method, path)
        assert answer.status_code == 405, (method, path)
        assert sorted(answer.headers["allow"].split(", ")) == allowed.split(", ")


def test_head_is_in_no_document(everywhere: Everywhere) -> None:
    paths = json.loads(everywhere.ask("GET", "/openapi.json").content)["paths"]
    assert {method for path in paths.values() for method in path} <= {
        *("get", "post", "patch", "put", "delete"),
    }
    assert not any("head" in one.get("operationId", "") for one in paths["/live"].values())
