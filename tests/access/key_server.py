"""An identity provider on the loopback interface: its keys, and the tokens that it signs."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

AUDIENCE = "heroes"
DISCOVERY = "/.well-known/openid-configuration"


class SigningKey:
    """A private key, and its public part as a JWK."""

    def __init__(self, kind: str, kid: str | None, *, bits: int = 2048, **jwk: Any) -> None:
        self.kid = kid
        if kind == "RS256":
            self.private: Any = rsa.generate_private_key(public_exponent=65537, key_size=bits)
            public = RSAAlgorithm.to_jwk(self.private.public_key(), as_dict=True)
        elif kind == "ES256":
            self.private = ec.generate_private_key(ec.SECP256R1())
            public = ECAlgorithm.to_jwk(self.private.public_key(), as_dict=True)
        else:
            self.private = ed25519.Ed25519PrivateKey.generate()
            public = OKPAlgorithm.to_jwk(self.private.public_key(), as_dict=True)
        self.algorithm = kind
        named = {} if kid is None else {"kid": kid}
        self.public = {**public, "use": "sig", **named, **jwk}

    def sign(self, claims: dict[str, Any], **headers: Any) -> str:
        named = {} if self.kid is None else {"kid": self.kid}
        return jwt.encode(claims, self.private, self.algorithm, headers={**named, **headers})


class KeyServer:
    """Serves keys and the discovery document, and counts the requests."""

    def __init__(self) -> None:
        self.keys: list[Any] = []
        self.requests: list[str] = []
        self.fails = False
        self.changes: dict[str, Any] = {}
        """Changes of the discovery document."""
        self.body: bytes | None = None
        """The response instead of keys."""
        self.redirect: str | None = None
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.requests.append(self.path)
                status, body = outer.answer(self.path)
                self.send_response(status)
                if status == 302:
                    self.send_header("Location", str(outer.redirect))
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_arguments: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))

    @property
    def fetches(self) -> int:
        """How often the keys were fetched."""
        return self.requests.count("/keys")

    def answer(self, path: str) -> tuple[int, bytes]:
        if self.fails:
            return 500, b"down"
        if self.redirect is not None and path == "/keys":
            return 302, b""
        if path == DISCOVERY:
            document = {"issuer": self.url, "jwks_uri": f"{self.url}/keys"} | self.changes
            return 200, json.dumps(document).encode()
        if path == "/keys":
            found = [one.public if isinstance(one, SigningKey) else one for one in self.keys]
            body = json.dumps({"keys": found}).encode() if self.body is None else self.body
            return 200, body
        return 404, b""

    def claims(self, **changes: Any) -> dict[str, Any]:
        """Return the claims of a valid token; None removes one."""
        now = int(time.time())
        claims = {"iss": self.url, "aud": AUDIENCE, "sub": "7", "iat": now, "exp": now + 600}
        claims |= {"roles": ["editor"], "org": 3} | changes
        return {name: value for name, value in claims.items() if value is not None}

    @contextmanager
    def running(self) -> Iterator["KeyServer"]:
        self._thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            self._server.server_close()
            self._thread.join()
