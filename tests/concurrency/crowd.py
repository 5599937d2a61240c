"""Many clients at once, spread over the processes that serve one database."""

import json
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from threading import Barrier
from types import TracebackType
from typing import Any, Self, TypeVar

from sqlalchemy import ForeignKey, exists, select, text

from tests.concurrency.specs import SPECS
from tests.support.servers import Api, Servers, write_entities

Result = TypeVar("Result")
PATIENT = {"LOCK_SECONDS": "20", "STATEMENT_SECONDS": "20"}
"""No request of a busy machine is refused for the time that it takes."""
PROCESSES = {"sqlite": 4, "postgresql": 2}


@dataclass(frozen=True)
class Answer:
    status: int
    body: Any
    headers: Mapping[str, str]


class Client:
    """One connection of its own; much cheaper than httpx, so that the servers are what is busy."""

    def __init__(self, api: Api) -> None:
        address = api.client.base_url
        self._connection = HTTPConnection(address.host, address.port, timeout=30)

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        """Send a request; `if_match` is the header If-Match. The server must not fail."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if body is not None:
            sent["content-type"] = "application/json"
        content = None if body is None else json.dumps(body)
        self._connection.request(method, path, content, sent)
        response: HTTPResponse = self._connection.getresponse()
        sent_back = response.read()
        assert response.status < 500, (method, path, response.status, sent_back)
        found = {name.lower(): value for name, value in response.getheaders()}
        return Answer(response.status, json.loads(sent_back) if sent_back else None, found)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._connection.close()


@dataclass
class Crowd:
    """The processes, all of one database."""

    apis: Sequence[Api]

    def client(self, number: int = 0) -> Client:
        return Client(self.apis[number % len(self.apis)])

    def together(self, clients: int, work: Callable[[Client, int], Result]) -> list[Result]:
        """Let each client do its work in a thread; all begin at the same moment."""
        barrier = Barrier(clients)

        def begin(number: int) -> Result:
            with self.client(number) as client:
                client.ask("GET", "/live")  # connects
                barrier.wait(60)
                return work(client, number)

        with ThreadPoolExecutor(clients) as threads:
            return list(threads.map(begin, range(clients)))

    def rows(self, path: str) -> list[dict[str, Any]]:
        """Return all rows, page by page."""
        api, found, url = self.apis[0], [], f"{path}?cursor=&limit=100"
        while True:
            page = api.ask("GET", url)
            found += page.json()
            if "next" not in page.links:
                return found
            url = page.links["next"]["url"]

    def logs(self) -> str:
        return "".join(api.log.read_text() for api in self.apis)

    def deadlocks(self, *, after: int = 0) -> list[str]:
        """Return what the log of PostgreSQL says about deadlocks, without the first ones."""
        engine = self.apis[0].engine
        if engine.dialect.name == "sqlite":
            return []
        with engine.connect() as connection:
            log: str = connection.execute(text("SELECT pg_read_file('log')")).scalar_one()
        return [said[:1500] for said in log.split("ERROR:  deadlock detected")[1 + after :]]

    def orphans(self) -> list[str]:
        """Return the columns that have a reference to a row which does not exist."""
        found = []
        with self.apis[0].engine.connect() as connection:
            for key in self._foreign_keys:
                target = key.column.table.alias("target")
                is_target = exists().where(target.c[key.column.key] == key.parent)
                orphans = select(key.parent).where(key.parent.is_not(None), ~is_target)
                if connection.execute(orphans.limit(1)).first():
                    found.append(str(key.parent))
        return found

    @cached_property
    def _foreign_keys(self) -> list[ForeignKey]:
        tables = self.apis[0].tables.tables.values()
        return [key for table in tables for key in table.foreign_keys]


def gather(servers: Servers, folder: Path, kind: str, database: str) -> Crowd:
    """Start several processes for one database."""
    spec = write_entities(folder / "entities", SPECS)
    apis = [
        servers.start(spec, "served", database, wait=False, settings=PATIENT)
        for _ in range(PROCESSES[kind])
    ]
    for api in apis:
        api.wait_until_ready()
    return Crowd(apis)
