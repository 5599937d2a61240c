"""The session of the admin page: a cookie with an encrypted token, which the API never reads."""

import base64
import hashlib

from cryptography.fernet import Fernet, InvalidToken
from starlette.requests import Request
from starlette.responses import Response

COOKIE = "admin_session"
SESSION_SECONDS = 43_200
"""How long a session lasts, if its token does not expire before."""
MAX_TOKEN = 2_800
"""Maximum length of a token: browsers accept cookies of 4,096 bytes."""


class Sessions:
    """Keeps the token of a caller in a cookie that only this application can decrypt."""

    def __init__(self, secret: bytes) -> None:
        digest = hashlib.sha256(b"admin session\0" + secret).digest()
        self._cipher = Fernet(base64.urlsafe_b64encode(digest))

    def token(self, request: Request) -> str | None:
        """Return the token of a request's session; None without one, or after it has ended."""
        cookie = request.cookies.get(COOKIE)
        if not cookie:
            return None
        try:
            return self._cipher.decrypt(cookie.encode("latin-1"), ttl=SESSION_SECONDS).decode()
        except (InvalidToken, UnicodeError):
            return None

    def begin(self, request: Request, response: Response, token: str) -> None:
        """Set the cookie of a new session."""
        response.set_cookie(
            COOKIE,
            self._cipher.encrypt(token.encode()).decode(),
            max_age=SESSION_SECONDS,
            path=_path(request),
            secure=request.url.scheme == "https",
            httponly=True,
            samesite="lax",
        )

    def end(self, request: Request, response: Response) -> None:
        """Delete the cookie."""
        response.delete_cookie(
            COOKIE,
            path=_path(request),
            secure=request.url.scheme == "https",
            httponly=True,
            samesite="lax",
        )


def _path(request: Request) -> str:
    """Return the path of the page, below which the browser sends the cookie."""
    return str(request.scope.get("root_path", "")) or "/"
