"""Sends messages to one receiver, with pauses while it does not accept them."""

import asyncio
import logging
import random
import time
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any

import httpx

from ..database import Database
from ..database.spans import NoteStatus
from ..database.transaction import Row
from ..events.queue import milliseconds
from ..events.worker import MAX_ATTEMPTS, Worker
from .message import message_body
from .receiver import Receiver
from .signature import sign
from .table import GONE, QUEUE

TOTAL_SECONDS = 15.0
"""Time limit for a response, from the start of the connection to its last header."""
BODY_SECONDS = 1.0
MAX_BODY_BYTES = 65_536
"""How much of a response is read. If it has more, the connection is not used again."""
MAX_PAUSE_SECONDS = 60.0
MAX_RETRY_AFTER_SECONDS = 86_400.0
MAX_ERROR = 200
PAUSING = frozenset({429, 502, 503, 504})
"""Statuses after which nothing is sent for a while: the receiver fails, not the message."""
_log = logging.getLogger(__name__)


class NotAcceptedError(Exception):
    """A receiver has not accepted a message."""

    def __init__(self, problem: str, status: int | None = None, after: float = 0.0) -> None:
        super().__init__(problem)
        self.status = status
        """The status of the response; None without one."""
        self.after = after
        """How many seconds the receiver asks to wait."""


class Sender(Worker):
    """Takes the messages for one receiver from the table, and sends several at a time."""

    def __init__(
        self, db: Database, name: str, receiver: Receiver, client: httpx.AsyncClient
    ) -> None:
        super().__init__(db, QUEUE)
        self.scope = {"webhook__": name}  # type: ignore[misc]
        self._name = name
        self.receiver = receiver
        self._client = client
        self._failures = 0
        self.resumes = 0.0

    def is_paused(self) -> bool:
        """Return whether the receiver should get no messages now."""
        return time.monotonic() < self.resumes

    async def work(self, row: Row) -> None:
        """Send a message. Raises NotAcceptedError unless the response is 2xx."""
        _, uid, entity, _, kind, body, created, attempt = row
        content = message_body(f"{entity}.{kind}", created, body)
        try:
            with self._db.spans.of_message(self._name, self.receiver.url, attempt) as note_status:
                async with asyncio.timeout(TOTAL_SECONDS):
                    await self._post(uid, content, note_status)
        except TimeoutError:
            raise NotAcceptedError(f"no response within {TOTAL_SECONDS:.0f} s") from None
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            text = " ".join(str(error).split())[:MAX_ERROR]
            problem = f"{type(error).__name__}: {text}" if text else type(error).__name__
            raise NotAcceptedError(problem) from None
        self._failures = 0

    async def _post(self, uid: str, content: bytes, note_status: NoteStatus) -> None:
        now = int(time.time())
        headers = {
            "content-type": "application/json",
            "accept-encoding": "identity",
            "webhook-id": uid,
            "webhook-timestamp": str(now),
            "webhook-signature": sign(self.receiver.secrets, uid, now, content),
        }
        url = self.receiver.url
        async with self._client.stream("POST", url, content=content, headers=headers) as response:
            status = response.status_code
            note_status(status)
            if not response.is_success:
                after = retry_after_seconds(response.headers.get("retry-after", ""))
                raise NotAcceptedError(_status_text(status), status, after)
            with suppress(httpx.HTTPError, TimeoutError):  # the message has been accepted
                async with asyncio.timeout(BODY_SECONDS):
                    await _read_up_to_limit(response)

    def failure_values(self, row: Row, error: Exception) -> Mapping[str, Any]:
        """Log why a message was not accepted; return the values to store."""
        uid, attempts = row[1], row[7]
        status = error.status if isinstance(error, NotAcceptedError) else None
        after = error.after if isinstance(error, NotAcceptedError) else 0.0
        retried = attempts < MAX_ATTEMPTS and status != GONE
        delay = max(2**attempts * random.uniform(0.8, 1.2), after)
        what = f"webhook {self._name}: message {uid}"
        if isinstance(error, NotAcceptedError):
            number = f"attempt {attempts} of {MAX_ATTEMPTS}"
            _log.warning("%s was not accepted (%s): %s", what, number, error)
        else:
            _log.error("%s could not be sent", what, exc_info=error)
        if status == GONE:
            _log.warning(
                "webhook %s: after 410, the receiver gets no messages until this one is retried or"
                " dropped with: crudgen events",
                self._name,
            )
        self._pause_receiver(status, after)
        due = milliseconds() + int(delay * 1000) if retried else None
        return {"due__": due, "status__": status, "error__": str(error)[:MAX_ERROR]}

    def _pause_receiver(self, status: int | None, after: float) -> None:
        """Send nothing to the receiver for a while, unless the failure is about one message."""
        if status is None or status in PAUSING:
            self._failures += 1
            seconds = max(min(2.0**self._failures, MAX_PAUSE_SECONDS), after)
            self.resumes = max(self.resumes, time.monotonic() + seconds)


def new_client() -> httpx.AsyncClient:
    """Return the client of all receivers of a process."""
    logger = logging.getLogger("httpx")
    if logger.level == logging.NOTSET:
        logger.setLevel(logging.WARNING)  # it logs URLs, which may contain a secret
    limits = httpx.Limits(max_connections=None, keepalive_expiry=30.0)
    return httpx.AsyncClient(
        timeout=TOTAL_SECONDS,
        limits=limits,
        follow_redirects=False,
        headers={"user-agent": "crudgen-webhooks"},
    )


async def _read_up_to_limit(response: httpx.Response) -> None:
    """Read a response up to a limit, so that its connection can be used again."""
    size = 0
    async for part in response.aiter_raw():
        size += len(part)
        if size > MAX_BODY_BYTES:
            break


def _status_text(status: int) -> str:
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return str(status)


def retry_after_seconds(retry_after: str) -> float:
    """Return the seconds that a header `Retry-After` says; 0 if it is missing or invalid."""
    try:
        if retry_after.strip().isdecimal():
            seconds = float(retry_after)
        else:
            at = parsedate_to_datetime(retry_after)
            at = at if at.tzinfo else at.replace(tzinfo=UTC)
            seconds = (at - datetime.now(UTC)).total_seconds()
    except (ValueError, TypeError, OverflowError):
        return 0.0
    return min(max(seconds, 0.0), MAX_RETRY_AFTER_SECONDS)
