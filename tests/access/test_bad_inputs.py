"""Bad credentials, claims, requests and rules: the documented answer, and never a 5xx."""

import asyncio
import hmac
import json
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest

from crudgen.codegen import render
from crudgen.delivery.memory import import_tree, unload
from crudgen.errors import SpecError
from crudgen.language import load_texts
from tests.access.test_rules import SECRET
from tests.startup.started import Application

APP = """\
auth:
  roles: [editor]
  me: {id: int = sub, org: "str?", born: "int?", device: "uuid?", staff: "bool?"}
"""
NOTE = """\
name: Note
fields: {text: str(..20) unique, owner_id: int index, status: "enum(draft, published) = draft"}
api: {operations: [create, list, read, update, replace, delete, create_many]}
access:
  read: [anyone if status = published, user if owner_id = me, editor]
  create: user if owner_id = me
  update: user if owner_id = me
  delete: editor
"""
NOW = int(time.time())
CLAIMS: dict[str, Any] = {"sub": "7", "exp": NOW + 3600}


def signed(claims: Mapping[str, Any], secret: str = SECRET, **headers: Any) -> bytes:
    """Return a token that HS256 signs, whatever its header says."""
    parts = ({"alg": "HS256", "typ": "JWT"} | headers, claims)
    text = b".".join(urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in parts)
    signature = hmac.digest(secret.encode(), text, "sha256")
    return text + b"." + urlsafe_b64encode(signature).rstrip(b"=")


def with_claims(**changes: Any) -> bytes:
    return b"Bearer " + signed({**CLAIMS, **changes})


GOOD = with_claims()
HEAD, PAYLOAD, SIGNATURE = GOOD.removeprefix(b"Bearer ").split(b".")
HEAD_OF_NONE = urlsafe_b64encode(b'{"alg":"none"}').rstrip(b"=")
UNSIGNED = HEAD_OF_NONE + b"." + PAYLOAD + b"."

# values of the header Authorization, and what the 401 says
CREDENTIALS: list[tuple[Sequence[bytes], str]] = [
    ([b""], "Bearer, a space, and a token"),
    ([b" "], "Bearer, a space, and a token"),
    ([b"Bearer"], "Bearer, a space, and a token"),
    ([b"Bearer "], "Bearer, a space, and a token"),
    ([b"Basic YTpi"], "Bearer, a space, and a token"),
    ([b"Digest username=a"], "Bearer, a space, and a token"),
    ([b"Token " + signed(CLAIMS)], "Bearer, a space, and a token"),
    ([signed(CLAIMS)], "Bearer, a space, and a token"),
    ([GOOD + b" " + GOOD], "Bearer, a space, and a token"),
    ([GOOD + b", " + GOOD], "Bearer, a space, and a token"),
    ([b"Bearer \xff\xfe"], "Bearer, a space, and a token"),
    ([b"Bearer \xc3\xa9.\xc3\xa9.\xc3\xa9"], "Bearer, a space, and a token"),
    ([b'Bearer "' + signed(CLAIMS) + b'"'], "Bearer, a space, and a token"),
    ([GOOD, GOOD], "should be given once"),
    ([GOOD, b""], "should be given once"),
    ([b"Bearer a"], "malformed"),
    ([b"Bearer a.b.c"], "malformed"),
    ([b"Bearer ..."], "malformed"),
    ([b"Bearer " + HEAD + b"." + PAYLOAD], "malformed"),
    ([b"Bearer " + HEAD + b"." + PAYLOAD + b"."], "signature"),
    ([b"Bearer " + HEAD + b".e30." + SIGNATURE], "signature"),
    ([b"Bearer " + UNSIGNED], ""),
    (
        [b"Bearer " + signed(CLAIMS, "another secret that has forty-eight characters!!")],
        "signature",
    ),
    ([b"Bearer " + signed(CLAIMS, alg="none")], ""),
    ([b"Bearer " + signed(CLAIMS, alg="RS256")], ""),
    ([b"Bearer " + signed(CLAIMS, alg=1)], "malformed"),
    ([b"Bearer " + signed(CLAIMS, kid=["a"])], "malformed"),
    ([b"Bearer " + signed(CLAIMS, crit=["exp"])], ""),
    ([b"Bearer " + b"a" * 100_000], "malformed"),
    ([b"Bearer " + b"." * 10_000], "malformed"),
    ([with_claims(sub=None)], "lacks the claim sub"),
    ([with_claims(sub=7)], "sub of the token"),
    ([with_claims(sub="")], "invalid value: sub"),
    ([with_claims(sub="ann")], "invalid value: sub"),
    ([with_claims(sub="7\0")], "invalid value: sub"),
    ([with_claims(sub="\u0667")], "invalid value: sub"),
    ([with_claims(sub=str(2**63))], "invalid value: sub"),
    ([with_claims(sub="1" * 5000)], "invalid value: sub"),
    ([with_claims(exp=None)], "lacks the claim exp"),
    ([with_claims(exp=NOW - 3600)], "expired"),
    ([with_claims(exp=-(2**63))], "expired"),
    ([with_claims(exp="soon")], "malformed"),
    ([with_claims(exp=True)], "expired"),
    ([with_claims(exp=[])], ""),
    ([with_claims(nbf=NOW + 3600)], "not valid yet"),
    ([with_claims(iat=NOW + 3600)], "not valid yet"),
    ([with_claims(iat={})], ""),
    ([with_claims(org=7)], "invalid value: org"),
    ([with_claims(org="")], "invalid value: org"),
    ([with_claims(org="a\0b")], "invalid value: org"),
    ([with_claims(org="o" * 256)], "invalid value: org"),
    ([with_claims(born=1.5)], "invalid value: born"),
    ([with_claims(born=True)], "invalid value: born"),
    ([with_claims(born=2**63)], "invalid value: born"),
    ([with_claims(device="7")], "invalid value: device"),
    ([with_claims(device={"a": 1})], "invalid value: device"),
    ([with_claims(staff="yes")], "invalid value: staff"),
    ([with_claims(roles={"editor": True})], "roles of the token"),
    ([with_claims(roles=[["editor"]])], "roles of the token"),
    ([with_claims(roles=7)], "roles of the token"),
]

EDITOR = with_claims(roles=["editor"])
OTHER = with_claims(sub="8")
NEW = {"text": "new", "owner_id": 7}

# caller, request, body, status, and what the answer says
REQUESTS: list[tuple[bytes | None, str, Any, int, str]] = [
    (None, "POST /notes/", NEW, 401, "bearer token is missing"),
    (None, "POST /notes/", {"text": 1}, 401, "bearer token is missing"),
    (None, "PATCH /notes/1", {"text": 1}, 401, "bearer token is missing"),
    (None, "PATCH /notes/x", {}, 401, "bearer token is missing"),
    (None, "DELETE /notes/1", None, 401, "bearer token is missing"),
    (None, "GET /notes/1", None, 404, "Note not found"),
    (None, "GET /notes/9223372036854775808", None, 404, "Note not found"),
    (None, "GET /notes/?owner_id=me", None, 422, "owner_id"),
    (None, "GET /notes/?me=7", None, 422, "me"),
    (GOOD, "GET /notes/?_me__id=8", None, 422, "_me__id"),
    (GOOD, "POST /notes/", {**NEW, "owner_id": 8}, 403, "forbidden"),
    (GOOD, "POST /notes/", {**NEW, "owner_id": None}, 422, "owner_id"),
    (GOOD, "POST /notes/", {**NEW, "_me__id": 7}, 422, "extra_forbidden"),
    (GOOD, "POST /notes/", {**NEW, "text": "taken", "owner_id": 8}, 403, "forbidden"),
    (GOOD, "POST /notes/bulk", [NEW, {**NEW, "text": "n", "owner_id": 8}], 403, "forbidden"),
    (GOOD, "PATCH /notes/1", {"owner_id": 8}, 403, "forbidden"),
    (GOOD, "PUT /notes/1", {**NEW, "owner_id": 8}, 403, "forbidden"),
    (GOOD, "DELETE /notes/1", None, 403, "the role editor"),
    (OTHER, "GET /notes/1", None, 404, "Note not found"),
    (OTHER, "PATCH /notes/1", {"text": "x"}, 404, "Note not found"),
    (OTHER, "PATCH /notes/1", {"owner_id": 8}, 404, "Note not found"),
    (OTHER, "PUT /notes/1", NEW, 404, "Note not found"),
    (EDITOR, "PATCH /notes/2", {"text": "x"}, 403, "forbidden"),
    (EDITOR, "PATCH /notes/9", {"text": "x"}, 404, "Note not found"),
]

# a rule of `read`, and what `check` says about it
RULES: list[tuple[Any, str]] = [
    ("usr", "did you mean 'user'?"),
    ("user iff owner_id = me", "unexpected 'iff'"),
    ("user where owner_id = me", "write 'if'"),
    ("user or editor", "write a list, such as [user, editor]"),
    ("user, editor", "write a list, such as [user, editor]"),
    ("editor if me.roles = 'editor'", "begin the rule with a role"),
    (5, "expected who may do this"),
    (True, "expected who may do this"),
    ("owner", "no field is named"),
    ("nobody if owner_id = me", "remove the rule"),
    ("anyone if owner_id = me", "has no 'me'"),
    ("user if", "the condition is empty"),
    ("user if not", "is not complete"),
    ("user if owner_id", "is an int, not a condition"),
    ("user if owner_id = ", "is not complete"),
    ("user if owner_id == me", "write '='"),
    ("user if (owner_id = me", "is not closed"),
    ("user if owner_id = me)", "unexpected ')'"),
    ("user if ownr_id = me", "did you mean 'owner_id'?"),
    ("user if owner_id = me.idd", "did you mean 'id'?"),
    ("user if owner_id = me.org", "compare fields of the same type"),
    ("user if owner_id = null", "write 'owner_id is null'"),
    ("user if owner_id is", "write 'is null' or 'is not null'"),
    ("user if status = publishd", "did you mean 'published'?"),
    ("user if text = 1", "quote it: '1'"),
    ("user if text = 'a", "is not closed"),
    ("user if text in ()", "the list is empty"),
    ("user if text like 'a'", "write a 'pattern' at the field"),
    ("user if owner_id = 99999999999999999999", "is more than"),
    ("user if owner_id = me; drop table note", "unexpected ';'"),
    ("user if owner_id = me -- x", "only compare"),
    ("user if __class__ = me", "has no field '__class__'"),
    ("user if old.owner_id = me", "'update' alone"),
    (f"user if {'(' * 40}owner_id = me{')' * 40}", "more than 16 levels"),
    (f"user if {' or '.join(['owner_id = me'] * 200)}", "more than 200 words"),
]


async def ask(app: Any, request: str, headers: Sequence[bytes], body: Any) -> tuple[int, Any, Any]:
    """Send a request with some Authorization headers; return status, headers and JSON."""
    method, target = request.split(" ")
    path, _, query = target.partition("?")
    content = b"" if body is None else json.dumps(body).encode()
    sent = [(b"host", b"test"), *((b"authorization", one) for one in headers)]
    if body is not None:
        sent.append((b"content-type", b"application/json"))
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": sent,
        "client": ("127.0.0.1", 1),
        "server": ("test", 80),
    }
    received: list[Any] = []

    async def receive() -> Any:
        return {"type": "http.request", "body": content, "more_body": False}

    async def send(message: Any) -> None:
        received.append(message)

    await app(scope, receive, send)
    start, *parts = received
    answer = json.loads(b"".join(part.get("body", b"") for part in parts))
    return start["status"], dict(start["headers"]), answer


async def problems_of(app: Any) -> list[str]:
    """Return the wrong answers to all rows of the tables."""
    found = []
    for headers, reason in CREDENTIALS:
        for request in ("GET /notes/1", "GET /notes/", "DELETE /notes/x", "POST /notes/bulk"):
            sent_body: Any = {} if request.startswith("POST") else None
            status, sent, answer = await ask(app, request, headers, sent_body)
            challenge = sent.get(b"www-authenticate", b"")
            text = str(answer["detail"])
            if status != 401 or not challenge.startswith(b"Bearer") or reason not in text:
                found.append(f"{request} {headers!r:.80}: {status} {answer}, not 401 {reason!r}")
    for caller, request, body, wanted, reason in REQUESTS:
        headers = [] if caller is None else [caller]
        status, _, answer = await ask(app, request, headers, body)
        if status != wanted or reason not in json.dumps(answer):
            found.append(f"{request} {body}: {status} {answer}, not {wanted} {reason!r}")
    return found


@pytest.mark.parametrize("shortcut", [True, False])
def test_bad_requests_are_refused(shortcut: bool, new_database: Callable[[str], str]) -> None:
    package = import_tree(render(load_texts({"note.yaml": NOTE}, APP)))
    application = Application(package)
    settings = application.module("settings").Settings(
        database_url=new_database("sqlite"), auth_secret=SECRET, shortcut=shortcut
    )
    app = application.module("main").create_app(settings)

    async def check() -> list[str]:
        async with app.router.lifespan_context(app):
            for text, owner in (("taken", GOOD), ("other", with_claims(sub="9"))):
                number = 7 if owner is GOOD else 9
                created = await ask(
                    app, "POST /notes/", [owner], {"text": text, "owner_id": number}
                )
                assert created[0] == 200, created
            return await problems_of(app)

    try:
        assert asyncio.run(check()) == []
    finally:
        unload(package)


@pytest.mark.parametrize(("rule", "message"), RULES, ids=[str(rule)[:30] for rule, _ in RULES])
def test_bad_rules_are_explained(rule: Any, message: str) -> None:
    spec = NOTE.split("access:", maxsplit=1)[0] + f"access:\n  read: {json.dumps(rule)}\n"
    with pytest.raises(SpecError) as caught:
        load_texts({"note.yaml": spec}, APP)
    assert len(caught.value.diagnostics) == 1
    assert str(caught.value).startswith("note.yaml:5:")
    assert message in str(caught.value)
