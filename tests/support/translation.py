"""Requests and responses of applications whose properties have other names than in the tests.

The specs of the tests name fields in snake_case, and the tests use these names everywhere. With
`NAMES=camel`, their JSON names are in camelCase and their columns in PascalCase: what is sent and
received is translated, and the tests stay as they are.
"""

import os
import re
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
from sqlalchemy import MetaData, Table, event

from crudgen.language import load

CAMEL = "names: {columns: PascalCase, json: camelCase}\n"
NAMES = os.environ.get("NAMES", "")
"""`camel`, or nothing."""


class Translation:
    """The JSON names and columns of the fields of a spec, by their names in the tests."""

    def __init__(self, spec: Path) -> None:
        fields = [field for entity in load(spec).entities for field in entity.fields]
        self.columns = {str(field.column): str(field.name) for field in fields}
        json_names = {str(field.name): str(field.json_name) for field in fields}
        self._there = {name: sent for name, sent in json_names.items() if name != sent}
        self._back = {sent: name for name, sent in self._there.items()}

    def client(self, base_url: str, **options: Any) -> httpx.Client:
        """Make a client that translates."""
        kept = {name: options.pop(name) for name in ("verify", "limits") if name in options}
        inner = httpx.HTTPTransport(**kept)
        return httpx.Client(base_url=base_url, transport=self.transport(inner), **options)

    def transport(self, inner: httpx.BaseTransport) -> httpx.BaseTransport:
        """Make a transport that translates what another one sends and receives."""
        return _Transport(self, inner)

    def there(self, text: bytes) -> bytes:
        """Translate the names in a request."""
        return _replaced(text, self._there)

    def back(self, text: bytes) -> bytes:
        """Translate the names in a response."""
        return _replaced(text, self._back)

    def reflect(self, metadata: MetaData) -> None:
        """Let reflected tables have their columns by the names in the tests."""

        @event.listens_for(metadata, "column_reflect")
        def set_key(_inspector: Any, _table: Table, column: dict[str, Any]) -> None:
            column["key"] = self.columns.get(column["name"], column["name"])


class _Transport(httpx.BaseTransport):
    """Sends translated requests, and translates the responses back."""

    def __init__(self, names: Translation, inner: httpx.BaseTransport) -> None:
        self._names, self._inner = names, inner

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        content = request.read()
        translated = self._names.there(content)
        length = str(len(translated)).encode()
        headers = [
            (name, length if name.lower() == b"content-length" else value)
            for name, value in request.headers.raw
        ]
        is_chunked = "transfer-encoding" in request.headers
        path, mark, query = request.url.raw_path.partition(b"?")
        url = request.url.copy_with(raw_path=path + mark + self._names.there(query))
        sent = httpx.Request(
            request.method,
            url,
            headers=headers,
            content=iter([translated]) if is_chunked else translated,
            extensions=request.extensions,
        )
        response = self._inner.handle_request(sent)
        return httpx.Response(
            response.status_code,
            headers=[*self._headers(response)],
            content=self._names.back(response.read()),
            extensions=response.extensions,
        )

    def _headers(self, response: httpx.Response) -> Iterator[tuple[bytes, bytes]]:
        length = len(self._names.back(response.read()))
        for name, value in response.headers.raw:
            if name.lower() == b"content-length" and response.content:
                yield name, str(length).encode()
            elif name.lower() == b"link":
                yield name, self._names.back(value)
            else:
                yield name, value

    def close(self) -> None:
        self._inner.close()


def _replaced(text: bytes, names: Mapping[str, str]) -> bytes:
    """Replace names where they are words, or are followed by an operator as in `age__gt`."""
    if not names:
        return text
    words = "|".join(sorted(map(re.escape, names), key=len, reverse=True))
    pattern = rf"(?<![A-Za-z0-9_])({words})(?=__[a-z]|[^A-Za-z0-9_]|$)".encode()
    return re.sub(pattern, lambda found: names[found[1].decode()].encode(), text)


def sets_names(spec: Path) -> bool:
    """Return whether the settings of a spec say how fields are named."""
    settings = spec.parent / "crudgen.yaml"
    return settings.exists() and "names:" in settings.read_text("utf-8")


def with_names(spec: Path, folder: Path) -> Path:
    """Copy the entities of a spec, with names that differ in JSON and in the database."""
    copied = folder / f"names{spec.as_posix().replace('/', '-')}"
    if not copied.exists():
        shutil.copytree(spec, copied / "entities")
        settings = spec.parent / "crudgen.yaml"
        said = settings.read_text("utf-8") if settings.exists() else ""
        (copied / "crudgen.yaml").write_text(f"{said.rstrip()}\n{CAMEL}".lstrip(), "utf-8")
    return copied / "entities"
