"""Fetches the keys and the metadata of an identity provider. It blocks: run it in a thread."""

import asyncio
import json
from collections.abc import Callable
from concurrent.futures import Future
from http.client import HTTPException
from threading import Thread
from time import monotonic
from typing import Any, TypeVar
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, build_opener

SOCKET_SECONDS = 5.0
"""Timeout to connect, and of each read."""
TOTAL_SECONDS = 10.0
"""Maximum time for a whole response."""
MAX_BYTES = 524_288
"""Maximum size of a response."""
Result = TypeVar("Result")
_DISCOVERY = "/.well-known/openid-configuration"


class FetchError(Exception):
    """A key set cannot be fetched, or is invalid."""


class _NoRedirects(HTTPRedirectHandler):
    """Treats redirects as errors: only the configured server may return keys."""

    def redirect_request(self, *_arguments: Any, **_named: Any) -> None:
        """Return no request, so that the redirect is an HTTPError."""


def fetch_key_set(issuer: str, url: str | None) -> list[Any]:
    """Fetch the keys of an issuer. Without `url`, OIDC discovery finds it.

    Raises FetchError.
    """
    if url is None:
        url = _discover_url(issuer)
    keys = _fetch_json(url).get("keys")
    if not isinstance(keys, list):
        raise FetchError(f"{url} has no list of keys")
    return keys


async def run_in_thread(work: Callable[[], Result]) -> Result:
    """Run a blocking function in a daemon thread; return its result.

    A thread of the event loop's executor would delay the shutdown until the provider responds.
    """
    result: Future[Result] = Future()

    def run() -> None:
        try:
            result.set_result(work())
        except BaseException as error:
            result.set_exception(error)

    Thread(target=run, name="identity provider", daemon=True).start()
    return await asyncio.wrap_future(result)


def is_http_url(text: str) -> bool:
    """Return whether a text is a URL that can be fetched."""
    try:
        parts = urlsplit(text)
        return parts.scheme in {"http", "https"} and bool(parts.hostname)
    except ValueError:
        return False


def fetch_discovery(issuer: str) -> dict[str, Any]:
    """Fetch the discovery document of an OpenID provider. Raises FetchError."""
    document = issuer.rstrip("/") + _DISCOVERY
    found = _fetch_json(document)
    if found.get("issuer") != issuer:
        raise FetchError(f"{document} names another issuer")
    return found


def _discover_url(issuer: str) -> str:
    """Return the URL of the keys of an OpenID provider, from its discovery document."""
    document = issuer.rstrip("/") + _DISCOVERY
    url = fetch_discovery(issuer).get("jwks_uri")
    if not isinstance(url, str) or not is_http_url(url):
        raise FetchError(f"{document} has no valid jwks_uri")
    if urlsplit(issuer).scheme == "https" and urlsplit(url).scheme != "https":
        raise FetchError(f"{document} has a jwks_uri without TLS")
    return url


def _fetch_json(url: str) -> dict[str, Any]:
    """Return the JSON object at a URL."""
    opener = build_opener(_NoRedirects)
    opener.addheaders = [("Accept", "application/json")]
    end = monotonic() + TOTAL_SECONDS
    body = b""
    try:
        with opener.open(url, timeout=SOCKET_SECONDS) as response:
            while part := response.read1(65_536):
                body += part
                if len(body) > MAX_BYTES or monotonic() > end:
                    raise FetchError(f"the response of {url} is too large or too slow")
        found = json.loads(body)
    except (OSError, ValueError, HTTPException, RecursionError) as error:
        if isinstance(error, HTTPError):
            error.close()
        raise FetchError(f"{url}: {error}") from error
    if not isinstance(found, dict):
        raise FetchError(f"{url} is not a JSON object")
    return found
