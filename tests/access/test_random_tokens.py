"""Random tokens: a caller has the claims that are valid, and no token causes a 5xx.

`TOKENS=20000 python -m pytest -n0 tests/access/test_random_tokens.py` is the extended run.
"""

import asyncio
import json
import os
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Iterator, Mapping
from random import Random
from typing import Any

import pytest
from fastapi import HTTPException

from crudgen.codegen import render
from crudgen.delivery.memory import import_tree, unload
from crudgen.language import load_texts
from tests.access.key_server import AUDIENCE, KeyServer, SigningKey
from tests.access.test_bad_inputs import signed
from tests.access.test_rules import SECRET
from tests.access.test_tokens import Caller, tokens_of
from tests.startup.started import Application
from tests.support.asgi import AsgiClient

TOKENS = int(os.environ.get("TOKENS", "150"))
APP = """\
auth:
  roles: [editor]
  me:
    id: int = sub
    org: str?
    born: int?
    device: uuid?
    staff: bool?
    plan: enum(free, paid)?
    teams: list(int)?
"""
NOTE = """\
name: Note
fields:
  by: int = me read_only
  org: text? = me.org read_only
  born: int? = me.born read_only
  device: uuid? = me.device read_only
  staff: bool? = me.staff read_only
  plan: enum(free, paid)? = me.plan read_only
  team: int = 7
access: {read: [user if team in me.teams, user if by = me], create: user}
"""
DEVICE = "0198a8b4-7c3a-7000-8000-000000000000"
SOON, LONG_AGO = int(time.time()) + 36_000, 1_000_000
ANYTHING = [7, -1.5, True, "x", "", "\0", "\ud800", [], [[]], {}, {"a": None}, 2**63, 10**400]
VALID: Mapping[str, list[Any]] = {
    "sub": ["7", "-7", "0", str(2**63 - 1), str(-(2**63))],
    "exp": [SOON, SOON + 0.5, 2**63, 1e300],
    "nbf": [None, LONG_AGO, -1, 0.5],
    "iat": [None, LONG_AGO, 0],
    "jti": [None, "a", ""],
    "iss": [None, "", "https://id.example"],
    "aud": [None, "heroes", ["a", "b"], 7],
    "roles": [None, [], ["editor"], "editor x", ["\0"]],
    "org": [None, "a", "\x07", "o" * 255, "\N{GRINNING FACE}" * 255, "' or 1=1 --"],
    "born": [None, 0, -1, 2**63 - 1, "7"],
    "device": [None, DEVICE, DEVICE.upper()],
    "staff": [None, True, False],
    "plan": [None, "free", "paid"],
    "teams": [None, [], [7], ["7", 8], [*range(1000)]],
    "unknown": [None, *ANYTHING],
}
INVALID: Mapping[str, list[Any]] = {
    "sub": [None, "7.0", "07", "+7", *ANYTHING],
    "exp": [None, LONG_AGO, "9999999999", float("inf"), float("nan"), True, "x", [], {}],
    "nbf": [SOON, "1", float("nan"), True, "x", [], {}],
    "iat": [SOON, "1", float("nan"), True, "x", [], {}],
    "jti": [7, True, [], {}],
    "iss": [7, True, ["a"], {}],
    "roles": [7, True, {"a": 1}, [7], [None], [["editor"]]],
    "org": ["o" * 256, *(one for one in ANYTHING if one != "x")],
    "born": [7.0, "7.0", "007", *(one for one in ANYTHING if one != 7)],
    "device": [DEVICE[:-1], f" {DEVICE[1:]}", f"{{{DEVICE}}}", *ANYTHING],
    "staff": ["true", 0, *(one for one in ANYTHING if one is not True)],
    "plan": ["Free", "gold", *ANYTHING],
    "teams": [[True], [1.5], [7, "x"], [2**63], [None], "7", 7, {"7": 7}],
}
"""Values with which a token is 401. None is a missing claim where it is valid."""


def tokens(random: Random) -> Iterator[tuple[dict[str, Any], set[str]]]:
    """Yield claims, with the names of the invalid ones: each invalid value alone, then several."""
    for name, values in INVALID.items():
        for value in values:
            yield _with_others({name: value}, random), {name}
    for _ in range(TOKENS):
        wrong = {one for one in INVALID if random.random() < 0.06}
        yield _with_others({one: random.choice(INVALID[one]) for one in wrong}, random), wrong


def _with_others(claims: Mapping[str, Any], random: Random) -> dict[str, Any]:
    """Return claims, with a valid value of each other one."""
    found = {name: random.choice(values) for name, values in VALID.items()} | {**claims}
    return {name: value for name, value in found.items() if value is not None}


def stored(claims: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a row of this caller contains."""
    names = ("org", "born", "device", "staff", "plan")
    row = {name: claims.get(name) for name in names} | {"by": int(claims["sub"])}
    row["born"] = None if row["born"] is None else int(row["born"])
    row["device"] = row["device"] and row["device"].lower()
    return row


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_caller_has_the_claims_that_are_valid(
    kind: str, new_database: Callable[[str], str]
) -> None:
    package = import_tree(render(load_texts({"note.yaml": NOTE}, APP)))
    random = Random(11)  # noqa: S311 - the same in each run
    counts = {200: 0, 401: 0}

    async def check() -> None:
        application = Application(package)
        running = application.running(new_database(kind), auth_secret=SECRET)
        async with running as app:
            client = AsgiClient(app)
            for claims, wrong in tokens(random):
                headers = {"authorization": f"Bearer {signed(claims).decode()}"}
                created = await client.post("/notes/", json={}, headers=headers)
                status = 401 if wrong else 200
                assert created.status_code == status, (wrong, claims, created.text)
                counts[status] += 1
                listed = await client.get("/notes/?limit=1", headers=headers)
                assert listed.status_code == status, (wrong, claims, listed.text)
                if status == 200:
                    assert created.json().items() >= stored(claims).items()

    try:
        asyncio.run(check())
    finally:
        unload(package)
    assert min(counts.values()) > TOKENS / 4


def part(text: bytes) -> bytes:
    return urlsafe_b64encode(text).rstrip(b"=")


def changed(token: str, random: Random) -> str:
    """Return a token with a change in the JSON of its header or its claims, or in its bytes."""
    header, claims, signature = token.split(".")
    parts = [json.loads(urlsafe_b64decode(f"{one}==")) for one in (header, claims)]
    which = random.randrange(2)
    name = random.choice([*parts[which], "kid", "alg", "crit", "b64", "jwk", "jku", "x5c", "exp"])
    values = [*ANYTHING, "none", "HS256", "PS256", "ES256", "ec", ["b64"], OTHER.public, SOON]
    parts[which][name] = random.choice(values)
    new = [part(json.dumps(one).encode()) for one in parts]
    if random.random() < 0.3:
        text = bytearray(new[which])
        text[random.randrange(len(text))] = random.choice(b"AZaz09-_")
        new[which] = bytes(text)
    if random.random() < 0.2:
        signature = OTHER.sign({"sub": "7", "exp": SOON}).rpartition(".")[2]
    return f"{new[0].decode()}.{new[1].decode()}.{signature}"


RSA, EC, OTHER = SigningKey("RS256", "rsa"), SigningKey("ES256", "ec"), SigningKey("RS256", "other")


@pytest.mark.parametrize("key", [RSA, EC], ids=lambda key: str(key.kid))
def test_changed_tokens_of_a_provider_are_refused(key: SigningKey) -> None:
    random = Random(5)  # noqa: S311 - the same in each run
    with KeyServer().running() as server:
        server.keys = [RSA, EC]
        verified = tokens_of(server)
        token = key.sign(server.claims(aud=AUDIENCE))

        async def refused(text: str) -> int:
            try:
                await verified.caller(f"Bearer {text}".encode(), Caller)
            except HTTPException as error:
                return error.status_code
            return 200

        async def check() -> None:
            assert await refused(token) == 200
            for _ in range(TOKENS * 2):
                bad = changed(token, random)
                assert await refused(bad) == (200 if bad == token else 401), bad

        asyncio.run(check())
