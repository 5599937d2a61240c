"""The server that a machine sends its requests to."""

from collections import Counter
from pathlib import Path

from tests.support.servers import Api, Servers


class Process:
    """The server of one database, which can be started again."""

    def __init__(self, servers: Servers, spec: Path, database: str) -> None:
        self._servers, self._spec, self._database = servers, spec, database
        self.api = self._start()
        self.rows = Api(self.api.client, database, self.api.process, self.api.log)
        """For access to the tables. Restarts do not replace it."""
        self.seen: Counter[tuple[str, int]] = Counter()
        """The methods and statuses of all answers."""

    def _start(self) -> Api:
        return self._servers.start(self._spec, "served", self._database)

    def restart(self, *, abruptly: bool) -> None:
        self.seen["RESTART", -9 if abruptly else -15] += 1
        if abruptly:
            self.api.client.close()
            self.api.process.kill()
            self.api.process.wait()
        else:
            self.api.stop()
        self.api = self._start()
