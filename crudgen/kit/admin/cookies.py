"""Encrypted cookies of the admin page, which the API never reads. The page makes them secure."""

import base64
import hashlib
import zlib

from cryptography.fernet import Fernet, InvalidToken
from starlette.requests import Request
from starlette.responses import Response

SESSION = "admin_session"
SESSION_SECONDS = 43_200
"""How long a session lasts, if its token does not expire before."""
PART_BYTES = 3_700
"""Maximum size of the value of a cookie: browsers accept cookies of 4,096 bytes."""
PARTS = 2
"""Maximum number of cookies for one value: nginx accepts 8 KB of cookies in a request."""


class CookieSizeError(Exception):
    """A text does not fit into the cookies of one value."""


class EncryptedCookie:
    """A text in a cookie that only this application can decrypt; a long one in several cookies."""

    def __init__(self, secret: bytes, name: str, seconds: int) -> None:
        """`seconds` is how long the text is valid."""
        digest = hashlib.sha256(f"{name}\0".encode() + secret).digest()
        self._cipher = Fernet(base64.urlsafe_b64encode(digest))
        self._name, self._seconds = name, seconds

    def read(self, request: Request) -> str | None:
        """Return the text in the cookies of a request; None without one, or if it is invalid."""
        parts = [request.cookies.get(name, "") for name in self._names()]
        if not parts[0]:
            return None
        try:
            packed = self._cipher.decrypt("".join(parts).encode("latin-1"), ttl=self._seconds)
            return zlib.decompress(packed).decode()
        except (InvalidToken, UnicodeError, zlib.error):
            return None

    def write(self, request: Request, response: Response, text: str) -> None:
        """Set the cookies. Raises CookieSizeError."""
        value = self._cipher.encrypt(zlib.compress(text.encode(), 9)).decode()
        if len(value) > PARTS * PART_BYTES:
            raise CookieSizeError
        for number, name in enumerate(self._names()):
            part = value[number * PART_BYTES : (number + 1) * PART_BYTES]
            if part:
                response.set_cookie(
                    name,
                    part,
                    max_age=self._seconds,
                    path=_path(request),
                    httponly=True,
                    samesite="lax",
                )
            elif name in request.cookies:
                _delete(request, response, name)

    def delete(self, request: Request, response: Response) -> None:
        """Delete the cookies."""
        for name in self._names():
            if name in request.cookies:
                _delete(request, response, name)

    def _names(self) -> list[str]:
        return [self._name, *(f"{self._name}_{number}" for number in range(2, PARTS + 1))]


def _delete(request: Request, response: Response, name: str) -> None:
    response.delete_cookie(
        name,
        path=_path(request),
        httponly=True,
        samesite="lax",
    )


def _path(request: Request) -> str:
    """Return the path of the page, below which the browser sends the cookie."""
    return str(request.scope.get("root_path", "")) or "/"
