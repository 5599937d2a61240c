"""Which tokens are valid, and when keys are fetched, with a key server on the loopback."""

import asyncio
import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable, Iterator
from typing import Any, Literal
from uuid import UUID

import jwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from fastapi import HTTPException
from jwt.warnings import InsecureKeyLengthWarning

from crudgen.kit.access import keys as keys_module
from crudgen.kit.access import tokens as tokens_module
from crudgen.kit.access.caller import BaseCaller, FlagClaim, IntClaim, TextClaim, UuidClaim, claim
from crudgen.kit.access.fetching import fetch_key_set
from crudgen.kit.access.keys import Keys, KeySet, SecretKey
from crudgen.kit.access.tokens import Tokens
from tests.access.key_server import AUDIENCE, KeyServer, SigningKey

SECRET = b"a secret of the tests, " * 4  # as long as HS512 needs it
RSA = SigningKey("RS256", "rsa")
EC = SigningKey("ES256", "ec")
ED = SigningKey("EdDSA", "ed")
OTHER = SigningKey("RS256", "other")


class Caller(BaseCaller):
    """A caller with claims of each type."""

    __roles__ = ("editor", "hr")

    id: IntClaim = claim("sub")
    org: IntClaim = claim("org")
    team: TextClaim | None = claim("realm.team", default=None)
    device: UuidClaim | None = claim("device", default=None)
    staff: FlagClaim | None = claim("staff", default=None)
    plan: Literal["free", "paid"] | None = claim("plan", default=None)


class Clock:
    """The clock of the cooldowns, which tests move."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now

    def time(self) -> float:
        return time.time()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(keys_module, "monotonic", clock.monotonic)
    monkeypatch.setattr(tokens_module, "time", clock)
    return clock


@pytest.fixture
def server() -> Iterator[KeyServer]:
    with KeyServer().running() as server:
        server.keys = [RSA, EC, ED]
        yield server


def key_set(server: KeyServer) -> KeySet:
    return KeySet(server.url, None, 60.0)


def tokens_of(server: KeyServer, keys: Keys | None = None) -> Tokens:
    keys = keys or key_set(server)
    return Tokens(keys, issuer=server.url, audience=AUDIENCE, seconds=60.0)


async def ask(tokens: Tokens, token: str, scheme: str = "Bearer") -> BaseCaller:
    return await tokens.caller(f"{scheme} {token}".encode("latin-1"), Caller)


def refused(tokens: Tokens, token: str, status: int = 401) -> str:
    """Return the reason why a token is refused."""
    with pytest.raises(HTTPException) as caught:
        asyncio.run(ask(tokens, token))
    assert caught.value.status_code == status
    return str(caught.value.detail)


@pytest.mark.parametrize("key", [RSA, EC, ED], ids=lambda key: str(key.kid))
def test_the_key_of_a_token_verifies_it(server: KeyServer, key: SigningKey) -> None:
    token = key.sign(server.claims(roles=["editor", "visitor"]))
    caller = asyncio.run(ask(tokens_of(server), token))
    assert isinstance(caller, Caller)
    assert (caller.id, caller.org, caller.subject, caller.issuer) == (7, 3, "7", server.url)
    assert caller.roles == {"editor"}
    assert server.fetches == 1


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER", " \tBearer  "])
def test_the_scheme_ignores_case_and_spaces_around_it(server: KeyServer, scheme: str) -> None:
    for end in ("", " ", " \t "):
        assert asyncio.run(ask(tokens_of(server), RSA.sign(server.claims()) + end, scheme))


@pytest.mark.parametrize(
    "header", [b"", b"Bearer", b"Bearer ", b"Basic abc", b"Bearer a b", b"Bearer \xff", b"x"]
)
def test_other_credentials_are_refused(server: KeyServer, header: bytes) -> None:
    with pytest.raises(HTTPException) as caught:
        asyncio.run(tokens_of(server).caller(header, Caller))
    assert caught.value.status_code == 401
    assert server.requests == []


CLAIMS: dict[str, tuple[dict[str, Any], str]] = {
    "no subject": ({"sub": None}, "lacks the claim sub"),
    "no issuer": ({"iss": None}, "lacks the claim iss"),
    "no audience": ({"aud": None}, "lacks the claim aud"),
    "no end": ({"exp": None}, "lacks the claim exp"),
    "another issuer": ({"iss": "https://other.example"}, "of another issuer"),
    "another audience": ({"aud": ["others"]}, "for another audience"),
    "expired": ({"exp": 1}, "has expired"),
    "just expired": ({"exp": int(time.time()) - 3600}, "has expired"),
    "not yet valid": ({"nbf": int(time.time()) + 40_000}, "not valid yet"),
    "issued in the future": ({"iat": int(time.time()) + 40_000}, "not valid yet"),
    "an end that is text": ({"exp": "soon"}, "malformed"),
    "an end in digits": ({"exp": "9_000_000_000"}, "exp of the token should be a number"),
    "a start in digits": ({"nbf": "1"}, "nbf of the token should be a number"),
    "an issue that is true": ({"iat": True}, "iat of the token should be a number"),
    "an issue that is text": ({"iat": "now"}, "iat of the token should be a number"),
    "an ID that is a number": ({"jti": 1}, "jti of the token should be a text"),
    "an infinite end": ({"exp": float("inf")}, "malformed"),
    "an end that is no number": ({"exp": float("nan")}, "malformed"),
    "a subject that is no number": ({"sub": "ann"}, "invalid value: sub"),
    "a subject with a sign": ({"sub": "+7"}, "invalid value: sub"),
    "a subject with a zero": ({"sub": "07"}, "invalid value: sub"),
    "too large a subject": ({"sub": str(2**63)}, "invalid value: sub"),
    "a subject that is a number": ({"sub": 7}, "sub of the token should be a text"),
    "no organization": ({"org": None}, "lacks what this API asks of a caller: org"),
    "an organization that is true": ({"org": True}, "invalid value: org"),
    "a fraction": ({"org": 1.5}, "invalid value: org"),
    "a nested claim": ({"realm": {"team": 5}}, "invalid value: realm.team"),
    "no UUID": ({"device": "1"}, "invalid value: device"),
    "a flag as text": ({"staff": "true"}, "invalid value: staff"),
    "another word": ({"plan": "gold"}, "invalid value: plan"),
    "roles that are a map": ({"roles": {"editor": True}}, "roles of the token should be a list"),
    "roles that are numbers": ({"roles": [1]}, "roles of the token should be a list"),
}


@pytest.mark.parametrize(("changes", "reason"), CLAIMS.values(), ids=CLAIMS)
@pytest.mark.parametrize("kind", ["keys", "secret"])
def test_claims_are_checked(
    server: KeyServer, kind: str, changes: dict[str, Any], reason: str
) -> None:
    claims = server.claims(**changes)
    if kind == "secret":
        tokens = tokens_of(server, SecretKey(SECRET))
        token = jwt.api_jws.encode(json.dumps(claims).encode(), SECRET, "HS256")
    else:
        tokens = tokens_of(server)
        payload = json.dumps(claims).encode()
        token = jwt.api_jws.encode(payload, RSA.private, "RS256", headers={"kid": "rsa"})
    assert reason in refused(tokens, token)


def test_claims_have_types(server: KeyServer) -> None:
    device = "0198a8b4-7c3a-7000-8000-000000000000"
    claims = server.claims(
        realm={"team": "red"}, device=device, staff=True, plan="paid", roles="hr editor x"
    )
    caller = asyncio.run(ask(tokens_of(server), RSA.sign(claims)))
    assert isinstance(caller, Caller)
    assert (caller.team, caller.device, caller.staff) == ("red", UUID(device), True)
    assert caller.plan == "paid"
    assert caller.roles == {"hr", "editor"}


class Grouped(BaseCaller):
    """A caller whose roles are in another claim than `roles`."""

    __roles__ = ("editor",)
    __roles_claim__ = "groups"

    title: TextClaim | None = claim("roles", default=None)


@pytest.mark.parametrize("title", [None, "boss"])
def test_the_claim_roles_may_be_another_thing(title: str | None) -> None:
    claims = {"sub": "7", "groups": ["editor", "x"], "\0roles": ["hr"], "roles": title}
    caller = Grouped.from_claims({name: value for name, value in claims.items() if value})
    assert isinstance(caller, Grouped)
    assert caller.title == title
    assert caller.roles == {"editor"}
    assert BaseCaller.model_validate({"sub": "7", "roles": ["hr"]}).roles == {"hr"}


def test_identities_tell_callers_apart() -> None:
    named = [("a", "b\nc"), ("a\nb", "c"), ('a", "b', "c"), ("a", 'b", "c'), ("", "a"), ("a", "")]
    found = {
        BaseCaller.model_construct(issuer=issuer, subject=subject).identity
        for issuer, subject in named
    }
    assert len(found) == len(named)


@pytest.mark.parametrize("seconds", [-20, 20])
def test_clocks_may_differ_a_little(server: KeyServer, seconds: int) -> None:
    now = int(time.time()) + seconds
    token = RSA.sign(server.claims(iat=now, nbf=now, exp=now + (10 if seconds < 0 else 600)))
    assert asyncio.run(ask(tokens_of(server), token))


def test_the_algorithm_is_that_of_the_key(server: KeyServer) -> None:
    claims = server.claims()
    public = RSA.private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    forged = {
        "none": _unsigned(claims, {"alg": "none", "kid": "rsa"}),
        "None": _unsigned(claims, {"alg": "None", "kid": "rsa"}),
        "HS256 with the public key": _signed_with(public, claims, {"alg": "HS256", "kid": "rsa"}),
        "HS256 with nothing": _signed_with(b"", claims, {"alg": "HS256", "kid": "rsa"}),
        "RS512": jwt.encode(claims, RSA.private, "RS512", headers={"kid": "rsa"}),
        "PS256": jwt.encode(claims, RSA.private, "PS256", headers={"kid": "rsa"}),
        "the key of another": jwt.encode(claims, RSA.private, "RS256", headers={"kid": "ec"}),
        "a foreign key": jwt.encode(claims, OTHER.private, "RS256", headers={"kid": "rsa"}),
        "a key in the header": jwt.encode(
            claims, OTHER.private, "RS256", headers={"kid": "rsa", "jwk": OTHER.public}
        ),
        "critical": jwt.encode(
            claims, RSA.private, "RS256", headers={"kid": "rsa", "crit": ["b64"], "b64": False}
        ),
    }
    tokens = tokens_of(server)
    for name, token in forged.items():
        assert "token" in refused(tokens, token), name
    assert asyncio.run(ask(tokens, RSA.sign(claims)))


def test_a_secret_signs_with_hs256_alone(server: KeyServer) -> None:
    tokens = tokens_of(server, SecretKey(SECRET))
    claims = server.claims()
    assert asyncio.run(ask(tokens, jwt.encode(claims, SECRET, "HS256", headers={"kid": "any"})))
    for token in (
        jwt.encode(claims, SECRET, "HS512"),
        _unsigned(claims, {"alg": "none"}),
        RSA.sign(claims),
        jwt.encode(claims, SECRET + b"x", "HS256"),
    ):
        assert "token" in refused(tokens, token)
    assert server.requests == []


def _part(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def _unsigned(claims: Any, header: Any) -> str:
    return f"{_part(header)}.{_part(claims)}."


def _signed_with(secret: bytes, claims: Any, header: Any) -> str:
    text = f"{_part(header)}.{_part(claims)}"
    signature = hmac.new(secret, text.encode(), hashlib.sha256).digest()
    return f"{text}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"


def test_keys_rotate(server: KeyServer, clock: Clock) -> None:
    tokens = tokens_of(server)
    old, new = RSA.sign(server.claims()), OTHER.sign(server.claims())
    assert asyncio.run(ask(tokens, old))
    server.keys = [RSA, OTHER]
    clock.now += keys_module.FETCH_SECONDS
    assert asyncio.run(ask(tokens, new))
    server.keys = [OTHER]
    assert asyncio.run(ask(tokens, old)), "it counts for at most a minute"
    clock.now += 60
    assert "unknown key" in refused(tokens, old)
    assert asyncio.run(ask(tokens, new))
    assert server.fetches == 3


def test_a_revoked_key_counts_no_longer_than_token_seconds(server: KeyServer, clock: Clock) -> None:
    tokens = tokens_of(server)
    assert asyncio.run(ask(tokens, EC.sign(server.claims())))
    server.keys = [RSA]
    clock.now += 59
    token = EC.sign(server.claims(jti="seen late"))
    assert asyncio.run(ask(tokens, token))
    clock.now += 1
    assert "unknown key" in refused(tokens, token)


def test_unknown_keys_are_not_fetched_again_and_again(server: KeyServer, clock: Clock) -> None:
    tokens = tokens_of(server)
    for number in range(30):
        token = jwt.encode(server.claims(), OTHER.private, "RS256", headers={"kid": f"k{number}"})
        assert "unknown key" in refused(tokens, token)
    assert server.fetches == 1
    clock.now += keys_module.FETCH_SECONDS
    refused(tokens, token)
    assert server.fetches == 2


@pytest.mark.parametrize("seconds", [0.0, 1.0])
def test_forged_tokens_do_not_fetch_again_and_again(
    server: KeyServer, clock: Clock, seconds: float
) -> None:
    keys = KeySet(server.url, None, seconds)
    tokens = Tokens(keys, issuer=server.url, audience=AUDIENCE, seconds=seconds)
    assert asyncio.run(ask(tokens, RSA.sign(server.claims())))
    for number in range(30):
        clock.now += 0.3
        claims = server.claims(jti=str(number))
        token = jwt.encode(claims, OTHER.private, "RS256", headers={"kid": "rsa"})
        assert "signature" in refused(tokens, token)
    assert server.fetches == 1
    clock.now += keys_module.FETCH_SECONDS
    refused(tokens, token)
    assert server.fetches == 2


def test_keys_are_not_fetched_for_each_request(server: KeyServer, clock: Clock) -> None:
    keys = KeySet(server.url, None, 0.0)
    tokens = Tokens(keys, issuer=server.url, audience=AUDIENCE, seconds=0.0)
    for number in range(10):
        assert asyncio.run(ask(tokens, RSA.sign(server.claims(jti=str(number)))))
    assert server.fetches == 1
    clock.now += keys_module.FETCH_SECONDS
    assert asyncio.run(ask(tokens, RSA.sign(server.claims())))
    assert server.fetches == 2


def test_an_outage_is_503_until_keys_are_known(server: KeyServer, clock: Clock) -> None:
    server.fails = True
    tokens = tokens_of(server)
    token = RSA.sign(server.claims())
    for _ in range(20):
        assert "identity provider" in refused(tokens, token, 503)
    assert len(server.requests) == 1
    server.fails = False
    clock.now += keys_module.FETCH_SECONDS
    assert asyncio.run(ask(tokens, token))


def test_good_keys_count_during_an_outage(server: KeyServer, clock: Clock) -> None:
    tokens = tokens_of(server)
    assert asyncio.run(ask(tokens, RSA.sign(server.claims())))
    server.fails = True
    for minute in range(5):
        clock.now += 60
        assert asyncio.run(ask(tokens, RSA.sign(server.claims(jti=str(minute)))))
        assert asyncio.run(ask(tokens, RSA.sign(server.claims(jti=f"again {minute}"))))
    assert len(server.requests) == 2 + 5
    server.fails = False
    server.keys = [EC]
    clock.now += 60
    assert "unknown key" in refused(tokens, RSA.sign(server.claims()))


def test_requests_share_a_fetch(server: KeyServer) -> None:
    tokens = tokens_of(server)

    async def many() -> list[BaseCaller]:
        made = [RSA.sign(server.claims(jti=str(n))) for n in range(20)]
        return await asyncio.gather(*(ask(tokens, one) for one in made))

    assert len(asyncio.run(many())) == 20
    assert server.fetches == 1


def test_a_fetch_does_not_block_the_event_loop(
    server: KeyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    released = asyncio.Event()
    fetch = fetch_key_set
    ticks: list[int] = []

    async def run() -> BaseCaller:
        loop = asyncio.get_running_loop()

        def slow(issuer: str, url: str | None) -> list[Any]:
            asyncio.run_coroutine_threadsafe(released.wait(), loop).result(20)
            return fetch(issuer, url)

        monkeypatch.setattr(keys_module, "fetch_key_set", slow)
        asking = asyncio.create_task(ask(tokens_of(server), RSA.sign(server.claims())))
        for tick in range(5):
            await asyncio.sleep(0)
            ticks.append(tick)
        released.set()
        return await asking

    assert asyncio.run(run())
    assert ticks == [0, 1, 2, 3, 4]


def test_a_token_without_an_id_needs_the_only_key(server: KeyServer) -> None:
    key = SigningKey("RS256", None)
    server.keys = [key]
    assert asyncio.run(ask(tokens_of(server), key.sign(server.claims())))
    server.keys = [key, EC]
    assert "has no kid" in refused(tokens_of(server), key.sign(server.claims()))


def test_the_only_key_needs_no_id(server: KeyServer) -> None:
    key = SigningKey("RS256", None)
    server.keys = [key]
    assert asyncio.run(ask(tokens_of(server), key.sign(server.claims(), kid="any")))
    assert "signature" in refused(tokens_of(server), OTHER.sign(server.claims()))
    server.keys = [key, EC]
    assert "unknown key" in refused(tokens_of(server), key.sign(server.claims(), kid="any"))


def test_keys_with_one_id_differ_in_their_algorithms(server: KeyServer) -> None:
    keys = [SigningKey(kind, "shared") for kind in ("RS256", "ES256", "EdDSA")]
    server.keys = [*keys]
    for key in keys:
        assert asyncio.run(ask(tokens_of(server), key.sign(server.claims())))
    token = _signed_with(b"x", server.claims(), {"alg": "HS256", "kid": "shared"})
    assert "algorithm" in refused(tokens_of(server), token)


def test_short_keys_are_ignored(server: KeyServer, caplog: pytest.LogCaptureFixture) -> None:
    key = SigningKey("RS256", "short", bits=1024)
    server.keys = [key, EC]
    with pytest.warns(InsecureKeyLengthWarning):
        token = key.sign(server.claims())
    assert "unknown key" in refused(tokens_of(server), token)
    assert "The key 'short' is ignored: it has 1024 bits, RSA needs 2048" in caplog.text


@pytest.mark.parametrize("kid", [1, ["rsa"], {"a": 1}, True])
def test_an_id_is_text(server: KeyServer, kid: Any) -> None:
    token = _unsigned(server.claims(), {"alg": "RS256", "kid": kid}) + "x"
    assert "malformed" in refused(tokens_of(server), token)


USELESS: dict[str, Any] = {
    "a secret": {"kty": "oct", "kid": "rsa", "k": "c2VjcmV0", "alg": "HS256"},
    "for encryption": {**RSA.public, "use": "enc"},
    "of another kind": {"kty": "XYZ", "kid": "rsa"},
    "broken": {"kty": "RSA", "kid": "rsa", "n": "!", "e": "AQAB"},
    "with an algorithm of secrets": {**RSA.public, "alg": "HS256"},
    "with no algorithm": {**RSA.public, "alg": "none"},
    "text": "rsa",
}


@pytest.mark.parametrize("key", USELESS.values(), ids=USELESS)
def test_useless_keys_are_ignored(server: KeyServer, key: Any) -> None:
    server.keys = [key, EC]
    tokens = tokens_of(server)
    assert "unknown key" in refused(tokens, RSA.sign(server.claims()))
    assert asyncio.run(ask(tokens, EC.sign(server.claims())))


def _no_keys(server: KeyServer) -> None:
    server.keys = []


def _not_json(server: KeyServer) -> None:
    server.body = b"<html>"


def _a_list(server: KeyServer) -> None:
    server.body = b"[]"


def _too_deep(server: KeyServer) -> None:
    server.body = b"[" * 200_000


def _too_large(server: KeyServer) -> None:
    server.body = b" " * 600_000 + b"{}"


def _another_issuer(server: KeyServer) -> None:
    server.changes = {"issuer": "https://other.example"}


def _a_file(server: KeyServer) -> None:
    server.changes = {"jwks_uri": "file:///etc/passwd"}


def _no_url(server: KeyServer) -> None:
    server.changes = {"jwks_uri": None}


def _a_redirect(server: KeyServer) -> None:
    server.redirect = "http://169.254.169.254/keys"


@pytest.mark.parametrize(
    "breaks",
    [
        *(_no_keys, _not_json, _a_list, _too_deep, _too_large),
        *(_another_issuer, _a_file, _no_url, _a_redirect),
    ],
)
def test_a_broken_provider_is_503(
    server: KeyServer, breaks: Callable[[KeyServer], None], caplog: pytest.LogCaptureFixture
) -> None:
    breaks(server)
    assert refused(tokens_of(server), RSA.sign(server.claims()), 503)
    assert "cannot be fetched" in caplog.text


def test_a_url_of_keys_needs_no_discovery(server: KeyServer) -> None:
    tokens = tokens_of(server, KeySet(server.url, f"{server.url}/keys", 60.0))
    assert asyncio.run(ask(tokens, RSA.sign(server.claims())))
    assert server.requests == ["/keys"]


def test_verified_tokens_are_kept_for_a_while(server: KeyServer, clock: Clock) -> None:
    tokens = tokens_of(server)
    short = f"Bearer {RSA.sign(server.claims(exp=int(time.time()) + 10))}".encode()
    long = f"Bearer {RSA.sign(server.claims())}".encode()
    for header in (short, long):
        assert tokens.cached_caller(header) is None
        asyncio.run(tokens.caller(header, Caller))
        assert tokens.cached_caller(header) is not None
    clock.now += 11
    assert tokens.cached_caller(short) is None
    assert tokens.cached_caller(long) is not None
    clock.now += 50
    assert tokens.cached_caller(long) is None


def test_a_token_can_be_valid_for_ever(server: KeyServer) -> None:
    token = RSA.sign(server.claims(exp=10**400))
    assert asyncio.run(ask(tokens_of(server), token))


def test_few_tokens_are_kept(server: KeyServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokens_module, "MAX_KNOWN", 3)
    tokens = tokens_of(server, SecretKey(SECRET))
    headers = [
        f"Bearer {jwt.encode(server.claims(jti=str(n)), SECRET, 'HS256')}".encode()
        for n in range(5)
    ]
    for header in headers:
        asyncio.run(tokens.caller(header, Caller))
    assert [tokens.cached_caller(one) is not None for one in headers] == [
        False,
        False,
        True,
        True,
        True,
    ]
    large = f"Bearer {jwt.encode(server.claims(x='y' * 9000), SECRET, 'HS256')}".encode()
    assert asyncio.run(tokens.caller(large, Caller))
    assert tokens.cached_caller(large) is None


def test_a_token_has_one_entry(server: KeyServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokens_module, "MAX_KNOWN", 3)
    tokens = tokens_of(server, SecretKey(SECRET))
    other, token = (jwt.encode(server.claims(jti=one), SECRET, "HS256") for one in ("a", "b"))
    asyncio.run(ask(tokens, other))
    for spaces in range(1, 100):
        for scheme in ("Bearer", "bearer", "bEARER"):
            assert asyncio.run(ask(tokens, " " * (spaces - 1) + token, scheme))
    for one in (other, token):
        assert tokens.cached_caller(f"Bearer {one}".encode()) is not None
    assert tokens.cached_caller(f"bearer  {token}".encode()) is None
