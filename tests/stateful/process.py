"""The server that a machine sends its requests to."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx

from tests.stateful.connection import Connection
from tests.support.servers import Api, Servers


class Process:
    """The server of one database, which can be started again."""

    def __init__(self, servers: Servers, spec: Path, database: str) -> None:
        self._servers, self._spec, self._database = servers, spec, database
        self._start()
        self.rows = Api(self.api.client, database, self.api.process, self.api.log)
        """For access to the tables. Restarts do not replace it."""
        self.seen: Counter[tuple[str, int]] = Counter()
        """The methods and statuses of all answers."""

    def _start(self) -> None:
        self.api = self._servers.start(self._spec, "served", self._database, keeps_names=True)
        self._connection = Connection(self.api.address)

    def ask(self, method: str, path: str, **options: Any) -> httpx.Response:
        return self._checked(self._connection.ask(method, path, **options))

    def ask_all(self, paths: Sequence[str]) -> list[httpx.Response]:
        return [self._checked(answer) for answer in self._connection.ask_all(paths)]

    def _checked(self, answer: httpx.Response) -> httpx.Response:
        assert answer.status_code < 500, (answer.text, self.api.log.read_text()[-3000:])
        return answer

    def restart(self, *, abruptly: bool) -> None:
        self.seen["RESTART", -9 if abruptly else -15] += 1
        self._connection.close()
        if abruptly:
            self.api.client.close()
            self.api.process.kill()
            self.api.process.wait()
        else:
            self.api.stop()
        self._start()

    def stop(self) -> None:
        self._connection.close()
        self.api.stop()
