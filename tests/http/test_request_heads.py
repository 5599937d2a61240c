"""The head of a request: one Host, a target, a transfer coding; anything else closes."""

import asyncio
import re
import time

import pytest
from starlette.types import Receive, Scope, Send
from uvicorn import Config
from uvicorn.server import ServerState

from crudgen.kit.http.protocol import HttpProtocol
from tests.support.servers import Api, Everywhere
from tests.support.wire import connect, one_answer, rest

CLOSE = b"Connection: close\r\n"
TAG = b'{"code": "ab", "plate": "X", "label": "one"}'
JSON = b"Content-Type: application/json\r\n"


class _Discarding(asyncio.Transport):
    """A transport that sends nothing."""

    def write(self, data: bytes | bytearray | memoryview) -> None: ...

    def close(self) -> None: ...

    def is_closing(self) -> bool:
        return False

    def get_write_buffer_size(self) -> int:
        return 0


def asked(api: Api, sent: bytes) -> bytes:
    with connect(api, sent) as connection:
        return rest(connection)


def status(answer: bytes) -> int:
    assert answer.count(b"HTTP/1.1 ") == 1, answer
    assert b"connection: close\r\n" in answer.lower(), answer
    return int(answer[9:12])


def get(target: bytes = b"/tags/", head: bytes = b"Host: x\r\n", version: bytes = b"1.1") -> bytes:
    return b"GET %s HTTP/%s\r\n%s%s\r\n" % (target, version, head, CLOSE)


@pytest.mark.parametrize(
    "host",
    [
        *(b"", b"x", b"X.example", b"x:80", b"x:", b"127.0.0.1:8000", b"[::1]", b"[::1]:8000"),
        *(b"xn--bcher-kva.example", b"a_b.example", b"a.example.", b"a%20b", b"[::ffff:1.2.3.4]"),
    ],
)
def test_a_host_is_taken(everywhere: Everywhere, host: bytes) -> None:
    for api in everywhere.apis:
        assert status(asked(api, get(head=b"Host: " + host + b"\r\n"))) == 200


@pytest.mark.parametrize(
    "head",
    [
        *(b"", b"Host: x\r\nHost: x\r\n", b"Host: x\r\nHost: y\r\n", b"Host: x\r\nhOST:\r\n"),
        *(b"Host: a b\r\n", b"Host: a@b\r\n", b"Host: :p@b\r\n", b"Host: a/b\r\n"),
        *(b"Host: a?b\r\n", b"Host: a#b\r\n", b"Host: http://a\r\n", b"Host: a:b\r\n"),
        *(b"Host: a:80:80\r\n", b"Host: :80\r\n", b"Host: [::1\r\n", b"Host: ::1\r\n"),
        *(b"Host: [1.2.3.4]\r\n", b"Host: [fe80::1%25eth0]\r\n", b"Host: a%2\r\n"),
        *(b"Host: \xff\r\n", b"Host: a\\b\r\n", b"Host: a\tb\r\n", b"Host: a, b\r\n"),
        *(b"Host: <a>\r\n", b'Host: "a"\r\n', b"Host : x\r\n", b"Host: x\r\n y\r\n"),
        *(b"Host: %s\r\n" % (b"a" * 60_000), b"Host: x:%s\r\n" % (b"1" * 60_000)),
    ],
)
def test_no_host_two_hosts_and_what_is_no_host_are_400(everywhere: Everywhere, head: bytes) -> None:
    for api in everywhere.apis:
        answer = asked(api, get(head=head) + get())
        assert status(answer) == 400, answer
        assert b'{"detail": "' in answer


def test_the_message_says_what_is_wrong_with_the_host(everywhere: Everywhere) -> None:
    for api in everywhere.apis:
        assert b"should have one Host header" in asked(api, get(head=b""))
        assert b"Host header should be a host" in asked(api, get(head=b"Host: a b\r\n"))


@pytest.mark.parametrize(
    ("version", "head", "wanted"),
    [
        (b"1.0", b"", 200),
        (b"1.0", b"Host: x\r\n", 200),
        (b"1.0", b"Host: x\r\nHost: x\r\n", 400),
        (b"1.0", b"Host: a b\r\n", 400),
        (b"2.0", b"Host: x\r\n", 505),
        (b"0.9", b"", 505),
        (b"1.2", b"Host: x\r\n", 400),
        (b"9.9", b"Host: x\r\n", 400),
    ],
)
def test_a_host_by_the_version_of_http(
    everywhere: Everywhere, version: bytes, head: bytes, wanted: int
) -> None:
    for api in everywhere.apis:
        assert status(asked(api, get(head=head, version=version))) == wanted


@pytest.mark.parametrize(
    ("target", "wanted"),
    [
        (b"http://x/tags/", 200),
        (b"HTTP://X:80/tags?limit=1", 200),
        (b"https://other.example/tags/", 200),
        (b"http://x", 404),
        (b"http://x?limit=1", 404),
        (b"http://x/tags/none", 404),
        (b"//tags/", 404),
        (b"*", 404),
        (b"http://u@x/tags/", 400),
        (b"http:///tags/", 400),
        (b"http://x:a/tags/", 400),
        (b"http://[::1/tags/", 400),
        (b"ftp://x/tags/", 400),
        (b"x:80", 400),
        (b"tags/", 400),
        (b"?limit=1", 400),
        (b"/tags/#a", 400),
        (b"/tags/?limit=1#a", 400),
        (b"/tags/\xff", 400),
        (b"/tags/?label=\xff", 400),
    ],
)
def test_a_target_is_a_path_or_a_url(everywhere: Everywhere, target: bytes, wanted: int) -> None:
    for api in everywhere.apis:
        assert status(asked(api, get(target))) == wanted


def test_a_url_as_target_is_answered_as_its_path(everywhere: Everywhere) -> None:
    for api in everywhere.apis:
        body = b"POST http://x/tags/?%s HTTP/1.1\r\nHost: x\r\n" + JSON + CLOSE
        made = asked(api, body % b"" + b"Content-Length: %d\r\n\r\n%s" % (len(TAG), TAG))
        assert b"\r\nlocation: /tags/ab\r\n" in made
        listed = asked(api, get(b"http://x/tags/?limit=1&sort=-code"))
        assert b'</tags/?offset=0&limit=1&sort=-code>; rel="first"' in listed


@pytest.mark.parametrize(
    ("target", "head", "wanted"),
    [
        (b"/", b"Host: x:80\r\n", [b"x:80"]),
        (b"http://A.example:8080/", b"Host: x\r\n", [b"A.example:8080"]),
        (b"HTTP://[::1]?limit=1", b"X: y\r\nHost:\r\nX: z\r\n", [b"[::1]"]),
        (b"http://a", b"Host: a\r\n", [b"a"]),
    ],
)
def test_the_host_of_a_url_counts_and_not_the_header(
    target: bytes, head: bytes, wanted: list[bytes]
) -> None:
    async def application(scope: Scope, _receive: Receive, _send: Send) -> None:
        found.append([value for name, value in scope["headers"] if name == b"host"])

    async def connect_and_ask() -> None:
        config = Config(application, log_config=None)
        config.load()
        protocol = HttpProtocol(config, ServerState(), {})
        protocol.connection_made(_Discarding())
        protocol.data_received(b"GET %s HTTP/1.1\r\n%s\r\n" % (target, head))
        await asyncio.gather(*protocol.tasks)
        protocol.connection_lost(None)

    found: list[list[bytes]] = []
    asyncio.run(connect_and_ask())
    assert found == [wanted]


def test_http_1_0_is_never_told_to_continue(everywhere: Everywhere) -> None:
    head = b"POST /tags/ HTTP/%s\r\nHost: x\r\nExpect: 100-continue\r\n" + JSON + CLOSE
    for api in everywhere.apis:
        for version, answers in ((b"1.0", [b"200"]), (b"1.1", [b"100", b"200"])):
            body = b"Content-Length: %d\r\n\r\n%s" % (len(TAG), TAG)
            answer = asked(api, head % version + body)
            assert re.findall(rb"HTTP/1.1 (\d+) ", answer) == answers
            api.emptied()


def coded(coding: bytes, version: bytes = b"1.1") -> bytes:
    head = b"POST /tags/ HTTP/%s\r\nHost: x\r\n%sTransfer-Encoding: %s\r\n\r\n"
    return head % (version, JSON, coding) + b"%x\r\n%s\r\n0\r\n\r\n" % (len(TAG), TAG)


@pytest.mark.parametrize(
    ("coding", "wanted"),
    [
        (b"gzip, chunked", 501),
        (b"gzip\r\nTransfer-Encoding: chunked", 501),
        (b"deflate , br,chunked", 501),
        (b"identity, chunked", 501),
        (b"x-unknown, CHUNKED", 501),
        (b"gzip", 400),
        (b"identity", 400),
        (b"chunked, gzip", 400),
        (b"chunked, chunked", 400),
        (b"chunked\r\nTransfer-Encoding: chunked", 400),
        (b"chunked;a=b", 400),
        (b"chunked;a=b, chunked", 400),
        (b", chunked", 400),
        (b"chunked,", 400),
        (b"", 400),
        (b'"chunked"', 400),
        (b"xchunked", 400),
        (b"chunked\r\nContent-Length: 3", 400),
        (b"gzip, chunked\r\nContent-Length: 3", 400),
        (b"\x0bchunked", 400),
    ],
)
def test_a_transfer_coding_other_than_chunked_is_refused(
    everywhere: Everywhere, coding: bytes, wanted: int
) -> None:
    for api in everywhere.apis:
        answer = asked(api, coded(coding))
        assert status(answer) == wanted, answer
        if wanted == 501:
            named = b", ".join(
                coding.lower().replace(b"\r\ntransfer-encoding:", b",").split(b",")[:1]
            )
            assert named.strip() in answer
        assert api.ask("GET", "/tags/").json() == []


def test_chunked_is_refused_in_http_1_0(everywhere: Everywhere) -> None:
    for api in everywhere.apis:
        assert status(asked(api, coded(b"chunked", b"1.0"))) == 400
        assert api.ask("GET", "/tags/").json() == []
        made = asked(api, coded(b"Chunked").replace(b"Host: x\r\n", b"Host: x\r\n" + CLOSE))
        assert status(made) == 200
        api.emptied()


def test_what_is_refused_ends_a_connection_behind_other_requests(everywhere: Everywhere) -> None:
    good = b"GET /tags/?limit=1 HTTP/1.1\r\nHost: x\r\n\r\n"
    for api in everywhere.apis:
        for bad in (get(head=b""), coded(b"gzip, chunked"), get(b"http://u@x/tags/")):
            with connect(api, good) as connection:
                assert one_answer(connection).startswith(b"HTTP/1.1 200 ")
                connection.sendall(bad + good)
                answer = rest(connection)
            assert answer.count(b"HTTP/1.1 ") == 1
            assert answer[9:10] in b"45"
            begun = time.monotonic()
            assert b"HTTP/1.1 200 " in asked(api, good + bad + good)
            assert time.monotonic() - begun < 4


def test_a_refusal_of_a_head_has_no_body(everywhere: Everywhere) -> None:
    for api in everywhere.apis:
        answer = asked(api, b"HEAD /tags/ HTTP/1.1\r\n\r\n")
        assert status(answer) == 400
        assert answer.endswith(b"\r\n\r\n")
