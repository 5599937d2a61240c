"""The header `Idempotency-Key`: a repeated POST returns the first response again.

It follows the Internet-Draft draft-ietf-httpapi-idempotency-key-header. The response is stored in
the database, in the same transaction as the rows.
"""

import json
import time
from collections.abc import Callable, Sequence
from hashlib import blake2b
from typing import Annotated, Any

from fastapi import Header, HTTPException, Request, Response
from sqlalchemy import (
    BigInteger,
    Column,
    Insert,
    LargeBinary,
    String,
    Table,
    bindparam,
    delete,
    literal_column,
    select,
    update,
)

from ..database import Change, Database
from ..database.transaction import Row
from ..errors import Unavailable, problem
from ..http.etag import etag, etag_headers
from ..http.headers import JsonText
from ..http.openapi import IDEMPOTENCY_KEY
from ..limits import limits_of
from ..models import Model
from .generated_keys import Write
from .resource import Resource
from .row_responses import CALLER, CallerIdentity, ErrorConversion
from .statements import INSERTS

MAX_KEY_LENGTH = 255
_HASH_SIZE = 32
ATTEMPTS = 3
_KIT = __name__.removesuffix("rows.idempotency")
_EXCLUSIONS = {"serialization_exclude", "serialization_exclude_if"}
"""Keys of pydantic's schema for fields that are not in the JSON of a model."""
MAX_EXPIRED_DELETED = 100
"""Maximum number of expired responses that one request deletes."""

IdempotencyKey = Annotated[
    str | None,
    Header(
        alias=IDEMPOTENCY_KEY,
        min_length=1,
        max_length=MAX_KEY_LENGTH,
        pattern=r"^[\x21-\x7e]+$",
        description="A unique key of this request. A repeated request returns the same response.",
    ),
]


class IdempotentResource(Resource):
    """A resource that returns the first response if a creation with a key is repeated."""

    supports_row_rules = True

    def __init__(self, model: type[Model], *, public: type[Model], **options: Any) -> None:
        super().__init__(model, public=public, **options)
        self._responses = StoredResponses(model)

    async def create(
        self, db: Database, request: Request, row: Model, key: str | None = None
    ) -> Response:
        """Insert a row and return it, or return the stored response if the key was used before."""
        if key is None:
            return await super().create(db, request, row)
        insertion = self._insertion(db, request, row)
        with ErrorConversion(self._properties):
            return await self._responses.respond_idempotently(
                db,
                request,
                key=key,
                sent=[row],
                changes=insertion.changes,
                write=insertion.write,
                answer=insertion.answer,
                status=self._created_status,
                tag=insertion.tag,
            )


class _KeyUsedError(Exception):
    """The Idempotency-Key was used before."""


class StoredResponses:
    """The stored responses of the requests with an Idempotency-Key to create rows of one table."""

    def __init__(self, model: type[Model]) -> None:
        metadata, self._scope = model.metadata, str(model.__tablename__)
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
        # Without an OFFSET, SQLAlchemy adds one for SQLite, with a parameter that is not bound.
        few = old.limit(literal_column(str(MAX_EXPIRED_DELETED))).offset(literal_column("0"))
        unlocked = few.with_for_update(skip_locked=True)
        self._forget = delete(table).where(column.id.in_(unlocked)).returning(column.id)
        same_id = column.id == bindparam("id__")
        self._takes: dict[str, Insert] = {}
        self._hides_values: dict[type[Model], bool] = {}
        self._keep = update(table).where(same_id).returning(column.id)
        self._read = select(column.request, column.body, column.location).where(same_id)

    async def respond_idempotently(
        self,
        db: Database,
        request: Request,
        *,
        key: str,
        sent: Sequence[Model],
        changes: Sequence[Change],
        write: Write,
        answer: Callable[[Sequence[Sequence[Row]]], Response],
        status: int,
        tag: Callable[[bytes], str] = etag,
    ) -> Response:
        """Write the changes and return the response, or the stored one if the key was used.

        `sent` are the rows of the request. `write` runs the changes in a transaction. `answer`
        creates the response from the rows of the changes. A stored response gets the status
        `status`, and the ETag that `tag` returns for its body.
        Raises HTTPException 422 if the key was used for another request, or with roles that the
        caller does not have now.
        """
        if len(request.headers.getlist(IDEMPOTENCY_KEY)) > 1:
            raise _header_error("repeated_header", "The header should be given once")
        caller: CallerIdentity | None = request.scope.get(CALLER)
        names = () if caller is None else (caller.identity,)
        id_ = _keyed_hash(db.secret, self._scope, key, *names)
        text = await self._comparison_text(request, sent)
        hashed = _keyed_hash(db.secret, request.scope["path"].rstrip("/"), text)
        asked = hashed + _roles_text(caller)
        now = int(time.time())
        expires = now + int(limits_of(request.app).idempotency_seconds)
        row = {"id": id_, "request": asked, "body": b"", "location": None, "expires": expires}

        def stored_values(found: Sequence[Sequence[Row]]) -> dict[str, object]:
            made = answer(found[2:])
            return {"body": bytes(made.body), "location": made.headers.get("location")}

        steps = [
            Change(self._forget, {"now": now}),
            Change(
                self._insert_key_statement(db.kind),
                row | {"now": now},
                tuple(row),
                check=_raise_if_used,
            ),
            *changes,
            Change(self._keep, {"id__": id_}, ("body", "location"), derive=stored_values),
        ]
        for _ in range(ATTEMPTS):
            try:
                found = await write(steps)
            except _KeyUsedError:
                if known := await db.read(self._read, {"id__": id_}, short=True):
                    return _replayed_response(known[0], asked, status, tag)
            else:
                return answer(found[2:-1])
        raise Unavailable  # each time, the key expired between the write and the read

    async def _comparison_text(self, request: Request, rows: Sequence[Model]) -> str:
        """Return the text that a repeated request must have in common with the first one.

        It includes the body if different rows may have the same JSON.
        """
        text = "\n".join(row.model_dump_json(exclude_unset=True) for row in rows)
        for kind in {type(row) for row in rows}:
            if kind not in self._hides_values:
                self._hides_values[kind] = _may_lack_values(kind.__pydantic_core_schema__)
            if self._hides_values[kind]:
                return f"{text}\n{_canonical_json(await request.body())}"
        return text

    def _insert_key_statement(self, kind: str) -> Insert:
        """Return the INSERT of an Idempotency-Key, which replaces an expired one."""
        if kind not in self._takes:
            statement = INSERTS[kind](self._table)
            taken = {name: statement.excluded[name] for name in ("request", "body", "location")}
            self._takes[kind] = statement.on_conflict_do_update(
                index_elements=[self._table.c.id],
                set_=taken | {"expires": statement.excluded.expires},
                where=self._table.c.expires <= bindparam("now"),
            ).returning(self._table.c.id)
        return self._takes[kind]


def _may_lack_values(schema: Any) -> bool:
    """Return whether the JSON of a model may lack or mask values, by `exclude` or a serializer.

    The kit's own serializers keep all values.
    """
    if isinstance(schema, list | tuple):
        return any(map(_may_lack_values, schema))
    if not isinstance(schema, dict):
        return False
    serializer = schema.get("serialization", {})
    module = getattr(serializer.get("function"), "__module__", "")
    if (serializer and not module.startswith(_KIT)) or not schema.keys().isdisjoint(_EXCLUSIONS):
        return True
    return any(map(_may_lack_values, schema.values()))


def _canonical_json(body: bytes) -> str:
    """Return a JSON body with its keys sorted, and without spaces between tokens."""
    try:
        return json.dumps(json.loads(body), sort_keys=True, separators=(",", ":"))
    except ValueError:  # a handler of the owner accepts other bodies
        return body.hex()


def _raise_if_used(rows: Sequence[Row]) -> None:
    if not rows:
        raise _KeyUsedError


def _replayed_response(
    known: Row, asked: bytes, status: int, tag: Callable[[bytes], str]
) -> Response:
    """Return the stored response; raise HTTPException 422 if it belongs to another request."""
    request, body, location = known
    first, first_roles = _hash_and_roles(bytes(request))
    hashed, roles = _hash_and_roles(asked)
    if first != hashed:
        raise _header_error("other_request", "The key was used for another request")
    if not first_roles <= roles:
        message = "The key was used with roles that the caller does not have now"
        raise _header_error("other_roles", message)
    headers = {"Idempotent-Replayed": "true"}
    if location is not None:
        headers["Location"] = location
    if not body:  # the caller could not read what they wrote
        return Response(status_code=204, headers=headers)
    tags = {} if location is None else etag_headers(tag(body))
    return JsonText(bytes(body), status, {**headers, **tags})


def _roles_text(caller: CallerIdentity | None) -> bytes:
    """Return the roles of a caller as they are stored behind the hash of a request."""
    return b"" if caller is None else json.dumps(sorted(caller.roles)).encode()


def _hash_and_roles(request: bytes) -> tuple[bytes, set[str]]:
    """Return the hash of a request, and the roles of its caller: none without callers."""
    hashed, roles = request[:_HASH_SIZE], request[_HASH_SIZE:]
    return hashed, set(json.loads(roles)) if roles else set()


def _header_error(kind: str, message: str) -> HTTPException:
    return HTTPException(422, [problem(kind, ["header", IDEMPOTENCY_KEY], message)])


def _keyed_hash(secret: bytes, *parts: str) -> bytes:
    """Return a keyed hash of texts: without the secret, nobody can guess and verify the texts."""
    return blake2b("\0".join(parts).encode(), digest_size=_HASH_SIZE, key=secret).digest()
