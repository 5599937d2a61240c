"""An OpenID provider on loopback: oidc-provider-mock, which also checks PKCE."""

import base64
import hashlib
import threading
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

import flask
import jwt
from werkzeug.serving import make_server

with warnings.catch_warnings():
    import authlib.deprecate  # type: ignore[import-untyped]  # noqa: F401 -- shows all warnings

    warnings.simplefilter("ignore")
    import oidc_provider_mock  # type: ignore[import-untyped]
    from oidc_provider_mock._storage import User  # type: ignore[import-untyped]

API = "heroes-api"
"""The audience of access tokens."""


@dataclass
class Provider:
    """A running provider, and what it has been asked."""

    url: str = ""
    seconds: int = 3600
    """How long access tokens are valid."""
    claims: dict[str, Any] = field(default_factory=dict)
    """More claims of access tokens."""
    renews_id_token: bool = True
    grants: list[str] = field(default_factory=list)
    """The grants of requests to the token endpoint."""
    auth: list[str] = field(default_factory=list)
    """How the client authenticated in these requests."""
    revoked: list[tuple[str, str]] = field(default_factory=list)
    """The type of each revoked token, and the token."""
    is_broken: bool = False
    """Whether revocations fail."""
    is_down: bool = False
    """Whether all requests fail."""
    subject: str = "7"
    """The subject of refreshed tokens."""
    _challenges: dict[str, str] = field(default_factory=dict)

    def authenticate(self) -> flask.Response | None:
        """Accept requests of public clients, and revocations (RFC 7009), as the mock does not."""
        request = flask.request
        if self.is_down:
            return flask.Response(status=503)
        if request.path == "/oauth2/revoke":
            assert request.authorization is not None or "client_id" in request.form
            self.revoked.append((request.form["token_type_hint"], request.form["token"]))
            return flask.Response(status=503 if self.is_broken else 200)
        if request.path == "/oauth2/token":
            self.auth.append(request.headers.get("authorization", "").partition(" ")[0])
            if not self.auth[-1]:
                value = base64.b64encode(f"{request.form['client_id']}:any".encode()).decode()
                request.environ["HTTP_AUTHORIZATION"] = f"Basic {value}"
        return None

    def change(self, response: flask.Response) -> flask.Response:
        """Return the response of the mock with what it lacks: PKCE, and access tokens as JWTs."""
        request = flask.request
        if self.is_down:
            return response
        if request.path.endswith("/openid-configuration"):
            return flask.jsonify(
                {**response.get_json(), "revocation_endpoint": f"{self.url}/oauth2/revoke"}
            )
        if request.path == "/oauth2/authorize" and response.status_code == 302:
            query = parse_qs(urlsplit(response.headers["location"]).query)
            if "code" in query and request.args.get("code_challenge_method") == "S256":
                self._challenges[query["code"][0]] = request.args["code_challenge"]
        if request.path != "/oauth2/token" or response.status_code != 200:
            return response
        sent = request.form
        self.grants.append(sent["grant_type"])
        if sent["grant_type"] == "authorization_code":
            digest = hashlib.sha256(sent.get("code_verifier", "").encode()).digest()
            challenge = base64.urlsafe_b64encode(digest).decode().rstrip("=")
            if self._challenges.get(sent["code"]) != challenge:
                answer = flask.jsonify(error="invalid_grant", error_description="PKCE failed")
                answer.status_code = 400
                return answer
        body = response.get_json()
        subject = self.subject
        if "id_token" in body:
            claims = jwt.decode(body["id_token"], options={"verify_signature": False})
            subject = claims["sub"]
        key = jwt.PyJWK(flask.g.oidc_provider_mock_storage.jwk.as_dict(is_private=True))
        now = int(time.time())
        base = {"iss": self.url, "sub": subject, "iat": now, "exp": now + self.seconds}
        base |= self.claims
        body["access_token"] = jwt.encode({**base, "aud": API}, key, algorithm="RS256")
        if sent["grant_type"] == "refresh_token" and self.renews_id_token:
            body["id_token"] = jwt.encode({**base, "aud": "page"}, key, algorithm="RS256")
        return flask.jsonify(body)


@contextmanager
def provider_on_loopback() -> Iterator[Provider]:
    """Run a provider with the users 7, an editor, and 8."""
    provider = Provider()
    users = [User(sub="7", claims={"email": "ada@example.org", "roles": ["editor"]})]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        app = oidc_provider_mock.app(user_claims=[*users, User(sub="8", claims={})])
    app.before_request(provider.authenticate)
    app.after_request(provider.change)
    server = make_server("localhost", 0, app, threaded=True)
    provider.url = f"http://localhost:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield provider
    finally:
        server.shutdown()
        thread.join(5)
        server.server_close()
