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
  me: {id: int = sub, org: "str?", born: "int?", device: "uuid?", staff: "bool?",
       plan: "enum(free, paid)?", teams: "list(int)?"}
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
DEVICE = "0198a8b4-7c3a-7000-8000-000000000000"
NOW = int(time.time())
CLAIMS: dict[str, Any] = {"sub": "7", "exp": NOW + 86_400}


def signed(claims: Mapping[str, Any], secret: str = SECRET, **headers: Any) -> bytes:
    """Return a token that HS256 signs, whatever its header says."""
    parts = ({"alg": "HS256", "typ": "JWT"} | headers, claims)
    text = b".".join(urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in parts)
    signature = hmac.digest(secret.encode(), text, "sha256")
    return text + b"." + urlsafe_b64encode(signature).rstrip(b"=")


def with_claims(**changes: Any) -> bytes:
    return b"Bearer " + signed({**CLAIMS, **changes})


def of_bytes(payload: bytes, header: bytes = b'{"alg":"HS256"}', secret: str = SECRET) -> bytes:
    """Return a token whose parts are these bytes; HS256 signs it."""
    text = b".".join(urlsafe_b64encode(part).rstrip(b"=") for part in (header, payload))
    signature = hmac.digest(secret.encode(), text, "sha256")
    return b"Bearer " + text + b"." + urlsafe_b64encode(signature).rstrip(b"=")


def with_claim(text: str) -> bytes:
    """Return a token with one more claim in its text, such as `"exp":1e400`."""
    return of_bytes(json.dumps(CLAIMS).encode()[:-1] + f",{text}}}".encode())


def with_header(text: str) -> bytes:
    """Return a token whose header is this text."""
    return of_bytes(json.dumps(CLAIMS).encode(), text.encode())


GOOD = with_claims()
HEAD, PAYLOAD, SIGNATURE = GOOD.removeprefix(b"Bearer ").split(b".")
HEAD_OF_NONE = urlsafe_b64encode(b'{"alg":"none"}').rstrip(b"=")
UNSIGNED = HEAD_OF_NONE + b"." + PAYLOAD + b"."

FORM = "Bearer, a space, and a token"
TOKEN = GOOD.removeprefix(b"Bearer ")

# values of the header Authorization, and what the 401 says
HEADERS: list[tuple[Sequence[bytes], str]] = [
    ([b""], FORM),
    ([b" "], FORM),
    ([b"Bearer"], FORM),
    ([b"Bearer "], FORM),
    ([b"Basic YTpi"], FORM),
    ([b"Digest username=a"], FORM),
    ([b"Token " + signed(CLAIMS)], FORM),
    ([signed(CLAIMS)], FORM),
    ([GOOD + b" " + GOOD], FORM),
    ([GOOD + b", " + GOOD], FORM),
    ([b"Bearer \xff\xfe"], FORM),
    ([b"Bearer \xc3\xa9.\xc3\xa9.\xc3\xa9"], FORM),
    ([b'Bearer "' + signed(CLAIMS) + b'"'], FORM),
    ([GOOD, GOOD], "should be given once"),
    ([GOOD, b""], "should be given once"),
    ([b"", GOOD], "should be given once"),
    ([GOOD, b"Basic YTpi"], "should be given once"),
    ([GOOD] * 100, "should be given once"),
    ([b"Bearer\t" + TOKEN], FORM),
    ([b"\x0b" + GOOD], FORM),
    ([GOOD + b"\0"], FORM),
    ([GOOD + b"\r\n"], FORM),
    ([GOOD + b"\xa0"], FORM),
    ([b"Bearer\xa0" + TOKEN], FORM),
    ([b"Bearer:" + TOKEN], FORM),
    ([b"BearerX " + TOKEN], FORM),
    ([b"Bearer Bearer " + TOKEN], FORM),
    ([b"Basic YTpi, " + GOOD], FORM),
    ([GOOD + b";charset=utf-8"], FORM),
    ([b"Bearer {{token}}"], FORM),
    ([b"Bearer ${TOKEN}"], FORM),
    ([b"Bearer <token>"], FORM),
    ([b"Bearer " + TOKEN.replace(b".", b"%2E")], FORM),
    ([b"Bearer token=" + TOKEN], "malformed"),
    ([b"Bearer null"], "malformed"),
    ([b"Bearer undefined"], "malformed"),
    ([b"Bearer cg_1_" + b"a" * 43], "malformed"),
]
TOKENS: list[tuple[Sequence[bytes], str]] = [
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
    ([b"Bearer a.b.c.d.e"], "malformed"),
    ([GOOD + b"." + SIGNATURE], "malformed"),
    ([GOOD + b"=="], "malformed"),
    ([b"Bearer " + HEAD + b".." + PAYLOAD + b"." + SIGNATURE], "malformed"),
    ([b"Bearer " + PAYLOAD + b"." + HEAD + b"." + SIGNATURE], "malformed"),
    ([b"Bearer " + SIGNATURE], "malformed"),
    ([of_bytes(b"")], "malformed"),
    ([of_bytes(b"[]")], "malformed"),
    ([of_bytes(b"7")], "malformed"),
    ([of_bytes(b"null")], "malformed"),
    ([of_bytes(b'"sub"')], "malformed"),
    ([of_bytes(b"{}")], "lacks the claim exp"),
    ([of_bytes(b'{"sub":"7"')], "malformed"),
    ([of_bytes(b"\xff\xfe")], "malformed"),
    ([of_bytes(b"sub: 7")], "malformed"),
    ([of_bytes(b"[" * 100_000)], "malformed"),
    ([of_bytes(b'{"a":' * 5000 + b"1" + b"}" * 5000)], "malformed"),
    ([of_bytes(b"{}", secret="")], "signature"),
    ([with_header("{}")], "malformed"),
    ([with_header("[]")], "malformed"),
    ([with_header("null")], "malformed"),
    ([with_header("[" * 100_000)], "malformed"),
    ([with_header('{"alg":null}')], "malformed"),
    ([with_header('{"alg":["HS256"]}')], "malformed"),
    ([with_header('{"alg":"hs256"}')], "algorithm of its key"),
    ([with_header('{"alg":"HS256 "}')], "algorithm of its key"),
    ([with_header('{"alg":"HS512"}')], "algorithm of its key"),
    ([with_header('{"alg":"ES256"}')], "algorithm of its key"),
    ([with_header('{"alg":"EdDSA"}')], "algorithm of its key"),
    ([with_header('{"alg":"dir"}')], "algorithm of its key"),
    ([with_header('{"alg":"HS256","alg":"none"}')], "algorithm of its key"),
    ([with_header('{"alg":"HS256","b64":false}')], "malformed"),
    ([with_header('{"alg":"HS256","crit":[]}')], "malformed"),
    ([with_header('{"alg":"HS256","crit":"exp"}')], "malformed"),
    ([with_header('{"alg":"HS256","kid":7}')], "malformed"),
    ([with_header('{"alg":"HS256","kid":{}}')], "malformed"),
]
CLAIMS_OF_TOKENS: list[tuple[Sequence[bytes], str]] = [
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
    ([with_claims(nbf=NOW + 40_000)], "not valid yet"),
    ([with_claims(iat=NOW + 40_000)], "not valid yet"),
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
    ([with_claims(roles=[None])], "roles of the token"),
    ([with_claims(roles=True)], "roles of the token"),
    ([with_claims(sub=["7"])], "sub of the token"),
    ([with_claims(sub=True)], "sub of the token"),
    ([with_claims(sub={"id": 7})], "sub of the token"),
    ([with_claims(sub="+7")], "invalid value: sub"),
    ([with_claims(sub=" 7")], "invalid value: sub"),
    ([with_claims(sub="-0")], "invalid value: sub"),
    ([with_claims(sub="7.0")], "invalid value: sub"),
    ([with_claims(sub="1e1")], "invalid value: sub"),
    ([with_claims(sub="7_0")], "invalid value: sub"),
    ([with_claims(sub="\ud800")], "invalid value: sub"),
    ([with_claim('"sub":null')], "lacks the claim sub"),
    ([with_claim('"exp":1e400')], "malformed"),
    ([with_claim('"exp":NaN')], "malformed"),
    ([with_claim('"exp":-Infinity')], "malformed"),
    ([with_claim(f'"exp":{"9" * 5000}')], "malformed"),
    ([with_claims(exp=str(NOW + 3600))], "exp of the token should be a number"),
    ([with_claims(exp=NOW - 3600.5)], "expired"),
    ([with_claims(exp=0)], "expired"),
    ([with_claims(exp={})], "malformed"),
    ([with_claims(nbf="soon")], "malformed"),
    ([with_claims(nbf=True)], "nbf of the token should be a number"),
    ([with_claims(nbf=str(NOW))], "nbf of the token should be a number"),
    ([with_claim('"nbf":NaN')], "malformed"),
    ([with_claims(iat=None)], "iat of the token should be a number"),
    ([with_claims(iat=1e300)], "not valid yet"),
    ([with_claims(jti=7)], "jti of the token should be a text"),
    ([with_claims(jti=[])], "jti of the token should be a text"),
    ([with_claims(iss=7)], "invalid value: iss"),
    ([with_claims(iss=["a"])], "invalid value: iss"),
    ([with_claims(iss="\ud800")], "invalid value: iss"),
    ([with_claims(iss="https://id.example/\0")], "invalid value: iss"),
    ([with_claims(org="e\u0301" * 256)], "invalid value: org"),
    ([with_claims(org=["a"])], "invalid value: org"),
    ([with_claims(org=True)], "invalid value: org"),
    ([with_claims(org="\ud800")], "invalid value: org"),
    ([with_claims(born="0007")], "invalid value: born"),
    ([with_claims(born=" 7")], "invalid value: born"),
    ([with_claims(born=7.0)], "invalid value: born"),
    ([with_claim('"born":1e400')], "invalid value: born"),
    ([with_claims(born=-(2**63) - 1)], "invalid value: born"),
    ([with_claims(born=10**400)], "invalid value: born"),
    ([with_claims(device=f"{{{DEVICE}}}")], "invalid value: device"),
    ([with_claims(device=f"urn:uuid:{DEVICE}")], "invalid value: device"),
    ([with_claims(device=DEVICE.replace("-", ""))], "invalid value: device"),
    ([with_claims(device=f" {DEVICE[1:]}")], "invalid value: device"),
    ([with_claims(device=f"+{DEVICE[1:]}")], "invalid value: device"),
    ([with_claims(device=f"0_{DEVICE[2:]}")], "invalid value: device"),
    ([with_claims(device=f"{DEVICE[:-1]}g")], "invalid value: device"),
    ([with_claims(device=f"{DEVICE}\n")], "invalid value: device"),
    ([with_claims(staff=1)], "invalid value: staff"),
    ([with_claims(staff=[True])], "invalid value: staff"),
    ([with_claims(plan="Free")], "invalid value: plan"),
    ([with_claims(plan=["free"])], "invalid value: plan"),
    ([with_claims(teams=7)], "invalid value: teams"),
    ([with_claims(teams="7")], "invalid value: teams"),
    ([with_claims(teams={"7": 7})], "invalid value: teams"),
    ([with_claims(teams=[True])], "invalid value: teams.0"),
    ([with_claims(teams=[1, "x"])], "invalid value: teams.1"),
    ([with_claims(teams=[1, [2]])], "invalid value: teams.1"),
    ([with_claims(teams=[2**63])], "invalid value: teams.0"),
    ([with_claims(teams=[None])], "invalid value: teams.0"),
]
CREDENTIALS = HEADERS + TOKENS + CLAIMS_OF_TOKENS

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
    (None, "PUT /notes/1", NEW, 401, "bearer token is missing"),
    (None, "POST /notes/bulk", [], 401, "bearer token is missing"),
    (None, "GET /notes/-1", None, 404, "Note not found"),
    (None, "GET /notes/?status=published&owner_id__in=me", None, 422, "owner_id__in"),
    (None, "GET /notes/?_me__roles=editor", None, 422, "_me__roles"),
    (GOOD, "GET /notes/?roles=editor", None, 422, "roles"),
    (GOOD, "GET /notes/?fields=_me__id", None, 422, "fields"),
    (GOOD, "GET /notes/?sort=me", None, 422, "sort"),
    (GOOD, "GET /notes/?cursor=me", None, 404, "Invalid cursor"),
    (GOOD, "GET /notes/1?access_token=a", None, 422, "access_token"),
    (GOOD, "GET /notes/2", None, 404, "Note not found"),
    (GOOD, "DELETE /notes/2", None, 403, "the role editor"),
    (GOOD, "POST /notes/", {**NEW, "owner_id": "me"}, 422, "owner_id"),
    (GOOD, "POST /notes/", {**NEW, "owner_id": True}, 422, "owner_id"),
    (GOOD, "POST /notes/", {**NEW, "owner_id": 2**63}, 422, "owner_id"),
    (GOOD, "POST /notes/", {**NEW, "me": 7}, 422, "extra_forbidden"),
    (GOOD, "POST /notes/", {**NEW, "roles": ["editor"]}, 422, "extra_forbidden"),
    (GOOD, "POST /notes/", {**NEW, "text": "taken"}, 409, "unique"),
    (GOOD, "POST /notes/", [NEW], 422, "body"),
    (GOOD, "PATCH /notes/1", {"owner_id": None}, 422, "owner_id"),
    (GOOD, "PUT /notes/2", NEW, 404, "Note not found"),
    (EDITOR, "POST /notes/", {**NEW, "owner_id": 8}, 403, "forbidden"),
    (EDITOR, "DELETE /notes/9", None, 404, "Note not found"),
    (EDITOR, "PATCH /notes/2", {"text": "x"}, 403, "forbidden"),
    (EDITOR, "PATCH /notes/9", {"text": "x"}, 404, "Note not found"),
]

# a rule of `read`, and what `check` says about it: callers, then conditions
RULES: list[tuple[Any, str]] = [
    ("usr", "did you mean 'user'?"),
    ("user iff owner_id = me", "unexpected 'iff'"),
    ("user where owner_id = me", "write 'if'"),
    ("user or editor", "write a list, such as [user, editor]"),
    ("user, editor", "write a list, such as [user, editor]"),
    ("editor if me.roles = 'editor'", "begin the rule with a role"),
    (5, "expected who may do this"),
    (True, "expected who may do this"),
    ("owner", "names no field"),
    ("nobody if owner_id = me", "remove the rule"),
    ("anyone if owner_id = me", "has no 'me'"),
    ("", "unknown role ''"),
    (None, "expected who may do this"),
    ([], "for no caller, write nobody"),
    ([[]], "expected who may do this"),
    (["user", None], "expected who may do this"),
    (["user", "user"], "remove one of them"),
    (["nobody", "user"], "remove it, or the others"),
    ({}, "'rule' is missing"),
    ({"user": "owner_id = me"}, "unknown key 'user'"),
    ({"rule": "user", "says": "No"}, "needs a rule with 'if'"),
    ({"rule": "user if owner_id = me", "says": ""}, "expected one line of text"),
    ({"rule": "user if owner_id = me", "says": "a\nb"}, "expected one line of text"),
    ({"rule": ["user"], "says": "No"}, "expected who may do this"),
    ("USER", "did you mean 'user'?"),
    ("!user", "did you mean 'user'?"),
    ("not user", "begin the rule with a caller"),
    ("if owner_id = me", "begin the rule with a caller"),
    ("me", "write 'owner'"),
    ("everyone", "write 'anyone'"),
    ("admin", "add it to the roles of 'auth'"),
    ("editor|user", "write a list, such as [user, editor]"),
    ("user unless owner_id = me", "write 'if'"),
    ("x" * 3000, "unknown role"),
    ("user if", "the condition is empty"),
    ("user if if owner_id = me", "has no field 'if'"),
    ("user if editor", "has no field 'editor'"),
    ("user if true", "is not a condition"),
    ("user if 1 = 1", "a comparison needs a field"),
    ("user if me", "is an int, not a condition"),
    ("user if me = me", "is compared with itself"),
    ("user if owner_id = me or", "the condition is not complete"),
    ("user if owner_id <> me", "write '!='"),
    ("user if owner_id = 'me'", "expected an integer, found the string 'me'"),
    ("user if owner_id = $me", "unexpected '$'"),
    ("user if owner_id = {me}", "unexpected '{'"),
    ("user if owner_id = m\u0435", "has no field 'm\u0435'"),  # a Cyrillic letter
    ("user if owner_id = me # or not", "unexpected '#'"),
    ("user if owner_id = me /* or not */", "only compare"),
    ("user if owner_id = me || status = draft", "write 'or'"),
    ("user if owner_id = me if status = draft", "unexpected 'if'"),
    ("user if owner_id + 1 = me", "only compare"),
    ("user if owner_id = (select 1)", "unexpected '('"),
    ("user if owner_id in me", "declare a list in crudgen.yaml"),
    ("user if owner_id in 1", "such as 'in (1, 2)'"),
    ("user if owner_id in (1, 'a')", "expected an integer, found the string 'a'"),
    ("user if text in me.teams", "compare what is of the same type"),
    ("user if owner_id = me.teams", "write it after 'in'"),
    ("user if me.teams is null", "write it after 'in'"),
    ("user if 'editor' in me.roles", "begin the rule with a role"),
    ("user if owner_id = me.id.x", "unexpected '.'"),
    ("user if owner_id between 1 and 2", "write '>=' and '<='"),
    ("user if owner_id is me", "write 'owner_id = me'"),
    ("user if owner_id = 1.5", "expected an integer, found the number 1.5"),
    ("user if owner_id = 007", "remove them"),
    ("user if owner_id = 1e999999999", "the number 1e999999999 is out of range"),
    (f"user if owner_id = {'9' * 2000}", "a number of 2000 characters is too long"),
    ("user if text = 'a\0'", "control character in a string"),
    (f"user if text = '{'a' * 1900}'", "is longer than 20 characters"),
    ("user if text > null", "write 'text is not null'"),
    ("user if status > draft", "whose values have no order"),
    ("user if me.staff = 1", "write true or false"),
    ("user if me.plan = gold", "allowed: free, paid"),
    ("user if me.device = '7'", "expected a UUID of 36 characters"),
    ("user if status = me.org", "compare fields of the same type"),
    ("user if note.owner_id = me", "has no relation 'note'"),
    ("user if owner_id.x = me", "has no relation 'owner_id'"),
    ("user if new.owner_id = me", "only for rules of 'update'"),
    ("user if owner_id = now", "compare with a field, or with a constant"),
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
    ("user if old.owner_id = me", "only for rules of 'update'"),
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
            text = str(answer)
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
