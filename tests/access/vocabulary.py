"""An application in the process of a test, and a client that sends requests as callers."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import httpx
from sqlalchemy import Engine

from crudgen.codegen import render
from crudgen.delivery.memory import import_tree, unload
from crudgen.language import load_texts
from tests.access.mutants import mutated
from tests.access.test_rules import SECRET, bearer
from tests.startup.started import Application
from tests.support.asgi import AsgiClient, DescribedClient

Row = dict[str, Any]


class Asker:
    """Sends requests as callers with given claims; `sub` is given as `id`."""

    def __init__(self, client: AsgiClient, engine: Engine, application: Application) -> None:
        self._client, self.engine, self.application = client, engine, application

    async def ask(
        self,
        request: str,
        json: Any = None,
        *,
        by: int | str | None = 1,
        roles: Sequence[str] = (),
        headers: Mapping[str, str] | None = None,
        **claims: Any,
    ) -> httpx.Response:
        """Send a request such as `GET /notes/1`; `by` is the caller, None for nobody."""
        method, path = request.split(" ", 1)
        sent = {} if by is None else bearer(roles, sub=str(by), **claims)
        return await self._client.request(
            method, path, json=json, headers={**sent, **(headers or {})}
        )

    async def row(self, request: str, json: Any = None, **caller: Any) -> Any:
        """Send a request that succeeds; return the JSON of the response."""
        answer = await self.ask(request, json, **caller)
        assert answer.status_code in {200, 201}, answer.text
        return answer.json()

    async def status(self, request: str, json: Any = None, **caller: Any) -> int:
        """Send a request; return the status."""
        return (await self.ask(request, json, **caller)).status_code


@asynccontextmanager
async def serving(package: Any, database: str) -> AsyncIterator[Asker]:
    """Serve an imported application."""
    application = Application(package)
    async with application.running(database, auth_secret=SECRET, secret_key=SECRET) as app:
        yield Asker(DescribedClient(app), application.engine(database), application)


def run(
    app: str | None,
    entities: Mapping[str, str],
    database: str,
    test: Callable[[Asker], Awaitable[None]],
    mutation: Sequence[str] = (),
) -> None:
    """Run a test with an application of a spec; a mutation replaces a text in a file of it."""
    package = import_tree(mutated(render(load_texts(dict(entities), app)), mutation))

    async def served() -> None:
        async with serving(package, database) as asker:
            await test(asker)

    try:
        asyncio.run(served())
    finally:
        unload(package)
