"""Clients that remember what they were answered, and how long it took."""

import threading
import time
from dataclasses import dataclass, field

import httpx

from tests.support.servers import Api


@dataclass
class Seen:
    """What came of requests, each with the seconds that it took."""

    statuses: list[int] = field(default_factory=list)
    longest: float = 0.0
    errors: list[str] = field(default_factory=list)


class Writer(threading.Thread):
    """Creates tags one after another, and remembers which were acknowledged."""

    def __init__(self, api: Api, number: int) -> None:
        super().__init__(daemon=True)
        self.base_url = api.client.base_url
        self.number = number
        self.is_over = threading.Event()
        self.acknowledged: set[str] = set()
        self.seen = Seen()

    def run(self) -> None:
        count = 0
        with httpx.Client(base_url=self.base_url, timeout=30) as client:
            while not self.is_over.is_set() and not self.seen.errors:
                count += 1
                self.create(client, f"w{self.number}-{count}")

    def create(self, client: httpx.Client, code: str) -> None:
        begun = time.monotonic()
        try:
            body = {"code": code, "label": code, "plate": "X"}
            answer = client.post("/tags/", json=body)
        except httpx.HTTPError as error:
            self.seen.errors.append(repr(error))
            return
        self.seen.longest = max(self.seen.longest, time.monotonic() - begun)
        self.seen.statuses.append(answer.status_code)
        if answer.status_code == 200:
            self.acknowledged.add(code)
        elif answer.status_code != 503:
            self.seen.errors.append(answer.text)
