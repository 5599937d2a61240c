"""A user of the admin page: a browser without JavaScript, in the process of a test."""

import re
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from html import unescape
from types import ModuleType
from typing import Any
from urllib.parse import urlencode

import httpx
from fastapi import FastAPI

ADDRESS = "http://localhost"
_TOKEN = re.compile(r'name="csrftoken" value="([^"]+)"')
_ETAG = re.compile(r'name="_etag" value="([^"]*)"')
_TAGS = re.compile(r"<(script|style)\b.*?</\1>|<[^>]+>", re.DOTALL)
Files = Mapping[str, Any]


class Browser:
    """Opens pages, and sends their forms."""

    def __init__(self, app: FastAPI, address: str = ADDRESS) -> None:
        transport = httpx.ASGITransport(app)
        self.client = httpx.AsyncClient(transport=transport, base_url=address)

    async def open(self, path: str, status: int = 200) -> str:
        """Return the HTML of a page."""
        response = await self.client.get(f"/admin/{path}")
        assert response.status_code == status, text_of(response.text)[:300]
        return response.text

    async def read(self, path: str, status: int = 200) -> str:
        """Return the text of a page, without tags."""
        return text_of(await self.open(path, status))

    async def post(
        self, path: str, values: Mapping[str, Any] | None = None, files: Files | None = None
    ) -> httpx.Response:
        """Send a form with the token of the page."""
        return await self.client.post(
            f"/admin/{path}",
            data={"csrftoken": self.token, **(values or {})},
            files=files or {"_": (None, b"")},
        )

    @property
    def token(self) -> str:
        """The token that forms have."""
        return self.client.cookies.get("starlette_admin_csrftoken") or ""

    async def log_in(self, name: str, password: str) -> httpx.Response:
        """Log in."""
        await self.open("login")
        return await self.post("login", {"username": name, "password": password})

    async def fill(
        self, path: str, values: Mapping[str, Any], files: Files | None = None
    ) -> httpx.Response:
        """Open a page with a form, change some of its inputs, and send it."""
        page = await self.open(path)
        return await self.post(path, {**inputs_of(page), **values}, files)

    async def act(self, table: str, name: str, keys: Sequence[object], **values: Any) -> Any:
        """Call an action on rows of a list, and return the response."""
        query = urlencode([("name", name), *(("pks", str(key)) for key in keys)])
        return await self.client.post(
            f"/admin/_api/{table}/action?{query}",
            data=values,
            headers={"x-csrftoken": self.token},
        )


def text_of(page: str) -> str:
    """Return the text of a page."""
    return " ".join(unescape(_TAGS.sub(" ", page)).split())


def inputs_of(page: str) -> dict[str, Any]:
    """Return the values of the inputs of a form, as a browser sends them."""
    found: dict[str, Any] = {}
    form = page.partition("enctype=")[2].partition("</form>")[0]
    for tag in re.findall(r"<input\b[^>]*>", form):
        attributes = dict(re.findall(r'([\w-]+)="([^"]*)"', tag))
        if not attributes.get("name") or attributes.get("type") == "file":
            continue
        if attributes.get("type") == "checkbox" and not re.search(r"\bchecked\b", tag):
            continue
        default = "on" if attributes.get("type") == "checkbox" else ""
        found[attributes["name"]] = unescape(attributes.get("value", default))
    for name, text in re.findall(
        r'<textarea[^>]*\bname="([^"]+)"[^>]*>\n?(.*?)</textarea>', form, re.DOTALL
    ):
        found[name] = unescape(text)
    for tag, options in re.findall(r"<select\b([^>]*)>(.*?)</select>", form, re.DOTALL):
        attributes = dict(re.findall(r'([\w-]+)="([^"]*)"', tag))
        if initial := attributes.get("data-initial"):
            keys = re.findall(r'"([^"]*)"', unescape(initial))
            found[attributes["name"]] = keys if "multiple" in tag else keys[0]
            continue
        values = re.findall(r'<option value="([^"]*)"\s*(selected)?', options)
        chosen = [unescape(value) for value, selected in values if selected]
        if chosen:
            found[attributes["name"]] = chosen[0]
    return found


def errors_of(page: str) -> dict[str, str]:
    """Return the messages of a form: by property, and of the request as ''."""
    found = {
        name: text_of(text)
        for name, text in re.findall(
            r'<div[^>]*id="([^"]+)-error"[^>]*>(.*?)</div>', page, re.DOTALL
        )
    }
    return {("" if name == "request" else name): text for name, text in found.items()}


@asynccontextmanager
async def running(package: ModuleType, **settings: Any) -> AsyncIterator[FastAPI]:
    """Start the application of a package with an empty database."""
    app: FastAPI = package.main.create_app(
        package.settings.Settings(**{"database_url": "sqlite://", **settings})
    )
    async with app.router.lifespan_context(app):
        yield app
