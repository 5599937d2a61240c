"""A client that writes values which only it knows, and checks every answer against them."""

import base64
import json
import random
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta, timezone
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlencode

from tests.support.servers import Api

SPECS = {
    "entry": """
name: Entry
plural: entries
fields:
  owner: str(1..60) index
  number: int
  amount: decimal(12,4)
  rate: float
  at: datetime
  day: date
  hour: time
  token: uuid unique
  data: json
  photo: bytes
  kind: enum(credit, debit)
  note: text?
  done: bool = false
  created_at: datetime = now read_only
  updated_at: datetime = now read_only touch
unique:
  - [owner, number]
api:
  operations: [create, list, read, update, delete, create_many, update_many, delete_many]
  idempotency: true
  page: {default: 7, max: 100}
""",
    "slot": """
name: Slot
fields:
  code: str(1..60) pk
  guest: str
  at: datetime
api: {operations: [list, read, replace, delete]}
""",
}
MOST_ROWS = 12
KNOWN = ("id", "created_at", "updated_at")
"""What the server gives an entry."""

Row = dict[str, Any]


class MismatchError(AssertionError):
    """An answer that does not belong to its request."""


class Bookkeeper:
    """One connection; it does every operation again and again until it has sent enough."""

    def __init__(self, api: Api, number: int, requests: int) -> None:
        self._api = api
        self._connection = HTTPConnection(*api.address, timeout=60)
        self._chance = random.Random(number)  # noqa: S311 - values of a test
        self._owner = f"owner {number} {uuid.uuid4()}"
        self._requests = requests
        self._count = 0
        self._rows: dict[int, Row] = {}
        self._tags: dict[int, str] = {}
        self.sent: dict[str, int] = {}
        """How many requests there were of each operation."""
        self.errors: list[str] = []

    def run(self) -> None:
        """Do every operation, in any order, until enough requests are sent."""
        operations: list[Callable[[], None]] = [
            *(self._create, self._create_again, self._create_many, self._read, self._read_known),
            *(self._list, self._walk, self._update, self._update_stale, self._update_many),
            *(self._delete, self._delete_many, self._replace),
        ]
        try:
            while sum(self.sent.values()) < self._requests:
                self._chance.shuffle(operations)
                for operation in operations:
                    operation()
            self._walk()
        except Exception as error:  # noqa: BLE001 - it is the result
            self.errors.append(f"{self._owner}: {error!r}")
        finally:
            self._connection.close()

    def _ask(
        self, operation: str, method: str, path: str, body: object = None, **headers: str
    ) -> tuple[int, Any, Mapping[str, str]]:
        self.sent[operation] = self.sent.get(operation, 0) + 1
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if body is not None:
            sent["content-type"] = "application/json"
        self._connection.request(method, path, json.dumps(body) if body is not None else None, sent)
        response = self._connection.getresponse()
        text = response.read()
        if response.status >= 500:
            raise MismatchError(f"{method} {path} {response.status} {text!r}")
        found = {name.lower(): value for name, value in response.getheaders()}
        return response.status, json.loads(text) if text else None, found

    def _new(self) -> tuple[Row, Row]:
        """Return the values of a new entry: as they are sent, and as they are answered."""
        self._count += 1
        zone = timezone(timedelta(minutes=self._chance.choice((-570, -60, 0, 330, 345, 840))))
        at = datetime(2026, 3, 29, 1, 30, tzinfo=UTC) + timedelta(
            seconds=self._chance.randrange(-(10**8), 10**8)
        )
        sent: Row = {
            "owner": self._owner,
            "number": self._count,
            "amount": f"{self._chance.randrange(10**8)}.{self._chance.randrange(10**4):04}",
            "rate": self._chance.random(),
            "at": at.astimezone(zone).isoformat(),
            "day": str(at.date()),
            "hour": f"{at:%H:%M:%S}",
            "token": str(uuid.UUID(int=self._chance.getrandbits(64) ^ uuid.uuid4().int)),
            "data": {"owner": self._owner, "number": [self._count, None, True, 1.5]},
            "photo": base64.b64encode(self._chance.randbytes(20)).decode(),
            "kind": self._chance.choice(("credit", "debit")),
            "note": self._chance.choice((None, f"note of {self._owner}\n漢字")),
            "done": self._chance.random() < 0.5,
        }
        return sent, sent | {"at": f"{at:%Y-%m-%dT%H:%M:%SZ}"}

    def _accept(self, row: Row, expected: Row) -> None:
        """Check a row that was just written, and remember it."""
        self._check({key: row[key] for key in row if key not in KNOWN}, expected)
        now = datetime.now(UTC)
        for key in ("created_at", "updated_at"):
            age = abs((now - datetime.fromisoformat(row[key])).total_seconds())
            self._check(age < (3600 if key == "created_at" else 60), True, (key, row[key]))
        self._rows[row["id"]] = row
        self._tags.pop(row["id"], None)

    @staticmethod
    def _check(found: object, expected: object, about: object = None) -> None:
        if found != expected:
            raise MismatchError(f"{found!r} instead of {expected!r} {about or ''}")

    def _any(self) -> int:
        """Return the id of one of the own rows."""
        if not self._rows:
            self._create()
        return self._chance.choice(list(self._rows))

    def _create(self) -> None:
        sent, expected = self._new()
        status, row, headers = self._ask("create", "POST", "/entries/", sent)
        self._check(status, 200, row)
        self._accept(row, expected)
        self._check(headers["location"], f"/entries/{row['id']}")
        self._tags[row["id"]] = headers["etag"]
        while len(self._rows) > MOST_ROWS:
            self._delete()

    def _create_again(self) -> None:
        sent, expected = self._new()
        key = str(uuid.uuid4())
        for is_replayed in (False, True):
            status, row, headers = self._ask(
                "idempotent create", "POST", "/entries/", sent, idempotency_key=key
            )
            self._check(status, 200, row)
            self._accept(row, expected)
            self._check("idempotent-replayed" in headers, is_replayed)
        status, body, _ = self._ask(
            "idempotent create", "POST", "/entries/", sent | {"rate": 7.5}, idempotency_key=key
        )
        self._check(status, 422, body)
        duplicate = self._ask("create", "POST", "/entries/", sent)
        self._check(duplicate[0], 409, duplicate[1])

    def _create_many(self) -> None:
        pairs = [self._new() for _ in range(self._chance.randrange(1, 5))]
        status, rows, _ = self._ask(
            "create many", "POST", "/entries/bulk", [sent for sent, _ in pairs]
        )
        self._check(status, 200, rows)
        self._check(len(rows), len(pairs))
        for row, (_, expected) in zip(rows, pairs, strict=True):
            self._accept(row, expected)

    def _read(self) -> None:
        number = self._any()
        status, row, headers = self._ask("read", "GET", f"/entries/{number}")
        self._check((status, row), (200, self._rows[number]))
        self._check(headers["etag"], self._tags.setdefault(number, headers["etag"]))

    def _read_known(self) -> None:
        number = self._tagged()
        status, row, _ = self._ask(
            "read", "GET", f"/entries/{number}", if_none_match=self._tags[number]
        )
        self._check((status, row), (304, None))

    def _tagged(self) -> int:
        number = self._any()
        if number not in self._tags:
            headers = self._ask("read", "GET", f"/entries/{number}")[2]
            self._tags[number] = headers["etag"]
        return number

    def _list(self) -> None:
        self._any()
        day = self._chance.choice([row["day"] for row in self._rows.values()])
        status, rows, headers = self._ask(
            "list",
            "GET",
            "/entries/?"
            + urlencode(
                {"owner": self._owner, "day__gte": day, "sort": "-at,number", "count": "exact"}
                | {"limit": 100}
            ),
        )
        mine = [row for row in self._rows.values() if row["day"] >= day]
        mine.sort(key=lambda row: row["number"])
        mine.sort(key=lambda row: row["at"], reverse=True)
        self._check((status, rows), (200, mine))
        self._check(headers["x-total-count"], str(len(mine)))

    def _walk(self) -> None:
        query = {"owner": self._owner, "sort": "kind,-rate", "limit": 5}
        path = f"/entries/?cursor=&{urlencode(query)}"
        found: list[Row] = []
        while path:
            status, rows, headers = self._ask("walk", "GET", path)
            self._check(status, 200, rows)
            found += rows
            links = [link for link in headers.get("link", "").split(", ") if 'rel="next"' in link]
            path = links[0].partition("<")[2].partition(">")[0] if links else ""
        expected = sorted(self._rows.values(), key=lambda row: -row["rate"])
        # An enum is in the order of its words.
        self._check(found, sorted(expected, key=lambda row: row["kind"]))

    def _change(self) -> Row:
        return {"rate": self._chance.random(), "note": f"changed by {self._owner}"}

    def _update(self) -> None:
        number = self._tagged()
        change = self._change()
        status, row, headers = self._ask(
            "update", "PATCH", f"/entries/{number}", change, if_match=self._tags[number]
        )
        self._check(status, 200, row)
        self._accept(row, self._known(number) | change)
        self._check(headers["etag"] != self._tags.get(number), True)
        self._tags[number] = headers["etag"]

    def _update_stale(self) -> None:
        number = self._tagged()
        status, body, _ = self._ask(
            "update", "PATCH", f"/entries/{number}", {"rate": 0.5}, if_match='"stale"'
        )
        self._check(status, 412, body)

    def _known(self, number: int) -> Row:
        row = self._rows[number]
        return {key: row[key] for key in row if key not in KNOWN}

    def _update_many(self) -> None:
        self._any()
        numbers = self._chance.sample(list(self._rows), min(3, len(self._rows)))
        changes = [{"id": number, **self._change()} for number in numbers]
        status, rows, _ = self._ask("update many", "PATCH", "/entries/bulk", changes)
        self._check(status, 200, rows)
        self._check([row["id"] for row in rows], numbers)
        for row, change in zip(rows, changes, strict=True):
            self._accept(
                row, self._known(row["id"]) | {key: change[key] for key in ("rate", "note")}
            )

    def _delete(self) -> None:
        number = self._any()
        del self._rows[number]
        self._tags.pop(number, None)
        status, body, _ = self._ask("delete", "DELETE", f"/entries/{number}")
        self._check((status, body), (200, {"ok": True}))
        self._check(self._ask("read", "GET", f"/entries/{number}")[0], 404)

    def _delete_many(self) -> None:
        self._any()
        numbers = self._chance.sample(list(self._rows), min(2, len(self._rows)))
        path = f"/entries/bulk?{urlencode([('id', number) for number in numbers])}"
        status, body, _ = self._ask("delete many", "DELETE", path)
        self._check((status, body), (200, {"ok": True}))
        for number in numbers:
            del self._rows[number]
            self._tags.pop(number, None)

    def _replace(self) -> None:
        self._count += 1
        code = f"{self._owner[-12:]}-{self._count}"
        path = f"/slots/{code}"
        slot = {"code": code, "guest": self._owner, "at": "2026-10-25T02:30:00+01:00"}
        expected = slot | {"at": "2026-10-25T01:30:00Z"}
        status, row, _ = self._ask("replace", "PUT", path, slot, if_none_match="*")
        self._check((status, row), (200, expected))
        status, body, _ = self._ask("replace", "PUT", path, slot, if_none_match="*")
        self._check(status, 412, body)
        other = {"guest": f"guest of {self._owner}"}
        status, row, headers = self._ask("replace", "PUT", path, slot | other)
        self._check((status, row), (200, expected | other))
        status, row, again = self._ask("read", "GET", path)
        self._check((status, row, again["etag"]), (200, expected | other, headers["etag"]))
        self._check(self._ask("delete", "DELETE", path)[0], 200)


def keep_books(api: Api, clients: int, requests: int) -> str:
    """Let clients write and check at the same time; return what they did, as a line."""
    keepers = [Bookkeeper(api, number, requests) for number in range(clients)]
    begun = time.monotonic()
    threads = [threading.Thread(target=keeper.run, daemon=True) for keeper in keepers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    errors = [error for keeper in keepers for error in keeper.errors]
    assert not errors, "\n".join([*errors[:5], api.log.read_text()[-3000:]])
    sent: dict[str, int] = {}
    for keeper in keepers:
        for operation, count in keeper.sent.items():
            sent[operation] = sent.get(operation, 0) + count
    seconds = time.monotonic() - begun
    counts = ", ".join(f"{count} {operation}" for operation, count in sorted(sent.items()))
    return f"{clients} clients, {sum(sent.values())} requests in {seconds:.0f} s: {counts}"
