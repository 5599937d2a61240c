"""The header `Idempotency-Key`: a POST that is sent again happens once, and is answered the same.

As the Internet-Draft draft-ietf-httpapi-idempotency-key-header says. The answer is kept in the
database, in the transaction of the rows that it tells of.
"""

import time
from collections.abc import Awaitable, Callable, Sequence
from hashlib import blake2b
from typing import Annotated

from fastapi import Header, HTTPException, Request, Response
from sqlalchemy import (
    BigInteger,
    Column,
    Insert,
    LargeBinary,
    MetaData,
    String,
    Table,
    bindparam,
    delete,
    literal_column,
    select,
    update,
)

from ..database import Change, Database
from ..database.backend import Row
from ..errors import Unavailable, problem
from ..http.etag import etag, tagged
from ..http.headers import JsonText
from ..limits import limits_of
from .statements import INSERTS

LONGEST_KEY = 255
ATTEMPTS = 3
MOST_FORGOTTEN = 100
"""How many answers one request forgets, when their time is over."""
HEADER = "Idempotency-Key"

IdempotencyKey = Annotated[
    str | None,
    Header(
        alias=HEADER,
        min_length=1,
        max_length=LONGEST_KEY,
        pattern=r"^[\x21-\x7e]+$",
        description="The client's own name of this request: sent again, it happens once.",
    ),
]


Write = Callable[[Sequence[Change]], Awaitable[list[Sequence[Row]]]]


class _KnownError(Exception):
    """The key has been used before."""


class Answers:
    """The answers to the requests that had a key, for one table."""

    def __init__(self, metadata: MetaData, scope: str) -> None:
        self._scope = scope
        name = "_answer"
        table = metadata.tables.get(name)
        if table is None:
            table = Table(
                name,
                metadata,
                Column("id", LargeBinary, primary_key=True),
                Column("request", LargeBinary, nullable=False),
                Column("body", LargeBinary, nullable=False),
                Column("location", String),
                Column("expires", BigInteger, nullable=False, index=True),
            )
        self._table = table
        column = table.columns
        old = select(column.id).where(column.expires <= bindparam("now")).order_by(column.expires)
        # Without an OFFSET, SQLAlchemy writes one for SQLite, with a value that nobody binds.
        few = old.limit(literal_column(str(MOST_FORGOTTEN))).offset(literal_column("0"))
        unlocked = few.with_for_update(skip_locked=True)
        self._forget = delete(table).where(column.id.in_(unlocked)).returning(column.id)
        same_id = column.id == bindparam("id__")
        self._takes: dict[str, Insert] = {}
        self._keep = update(table).where(same_id).returning(column.id)
        self._read = select(column.request, column.body, column.location).where(same_id)

    async def once(
        self,
        db: Database,
        request: Request,
        *,
        key: str,
        sent: str,
        changes: Sequence[Change],
        write: Write,
        answer: Callable[[Sequence[Sequence[Row]]], Response],
    ) -> Response:
        """Write and answer; or answer as before, if the key has been used for the same.

        `sent` is what the client has sent, `write` writes the changes and those of the key,
        `answer` makes the answer of what the changes found.
        Raises HTTPException 422 if the key has been used for something else.
        """
        if len(request.headers.getlist(HEADER)) > 1:
            raise _refused("repeated_header", "The header should be given once")
        id_ = _digest(db.secret, self._scope, key)
        asked = _digest(db.secret, request.scope["path"].rstrip("/"), sent)
        now = int(time.time())
        expires = now + int(limits_of(request.app).idempotency_seconds)
        row = {"id": id_, "request": asked, "body": b"", "location": None, "expires": expires}

        def answered(found: Sequence[Sequence[Row]]) -> dict[str, object]:
            made = answer(found[2:])
            return {"body": bytes(made.body), "location": made.headers.get("location")}

        steps = [
            Change(self._forget, {"now": now}),
            Change(self._take(db.kind), row | {"now": now}, tuple(row), check=_check_is_new),
            *changes,
            Change(self._keep, {"id__": id_}, ("body", "location"), derive=answered),
        ]
        for _ in range(ATTEMPTS):
            try:
                found = await write(steps)
            except _KnownError:
                if known := await db.read(self._read, {"id__": id_}, short=True):
                    return _again(known[0], asked)
            else:
                return answer(found[2:-1])
        raise Unavailable  # the key's time has ended in between, again and again

    def _take(self, kind: str) -> Insert:
        """Build the statement that takes a key, if it is free or its time is over."""
        if kind not in self._takes:
            statement = INSERTS[kind](self._table)
            taken = {name: statement.excluded[name] for name in ("request", "body", "location")}
            self._takes[kind] = statement.on_conflict_do_update(
                index_elements=[self._table.c.id],
                set_=taken | {"expires": statement.excluded.expires},
                where=self._table.c.expires <= bindparam("now"),
            ).returning(self._table.c.id)
        return self._takes[kind]


def _check_is_new(rows: Sequence[Row]) -> None:
    if not rows:
        raise _KnownError


def _again(known: Row, asked: bytes) -> Response:
    request, body, location = known
    if bytes(request) != asked:
        raise _refused("other_request", "The key was used for another request")
    headers = {"Idempotent-Replayed": "true"}
    if location is None:
        return JsonText(bytes(body), headers=headers)
    return JsonText(bytes(body), headers={**headers, "Location": location, **tagged(etag(body))})


def _refused(kind: str, message: str) -> HTTPException:
    return HTTPException(422, [problem(kind, ["header", HEADER], message)])


def _digest(secret: bytes, *parts: str) -> bytes:
    """Seal what was sent: nobody can try what a write-only property may have been."""
    return blake2b("\0".join(parts).encode(), digest_size=32, key=secret).digest()
