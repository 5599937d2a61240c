"""Links between the rows of two tables, which are the rows of a third table."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from fastapi import HTTPException, Request, Response
from pydantic import BaseModel
from sqlalchemy import (
    Column,
    ColumnElement,
    FromClause,
    Insert,
    Select,
    bindparam,
    delete,
    select,
    true,
)

from ..database import Change, Database
from ..database.statements import COLUMNS, Statement
from ..database.transaction import Row
from ..errors import MAX_PROBLEMS, Message, problem
from ..http.headers import JsonText
from ..models import Model
from .linked import LinkedCollection
from .resource import Resource
from .statements import INSERTS
from .subcollection import ONE
from .values import is_storable_key
from .write_lock import write_lock

LINK_ERRORS: dict[int | str, dict[str, Any]] = {
    412: {"model": Message, "description": "Preconditions are not supported for links"},
}
"""The error responses that differ from those of operations on one row, for OpenAPI."""

SentKeys = tuple[Sequence[str | int], Sequence[Any]]
"""The location of a list of keys in the request, and the keys."""
NAMES = ("key__", "other__")
"""The bound parameters of a link: the keys of its owner and of the other row."""


class LinksChanged(BaseModel):
    """Confirmation of a change of links."""

    ok: bool


class LinkedResource(LinkedCollection):
    """The rows of a resource that a link table links to one row of `owner`; links can be changed.

    The attribute `by` of the link table refers to the owner, `to` refers to the rows.
    """

    def __init__(
        self, owner: type[Model], rows: Resource, link: type[Model], *, by: str, to: str
    ) -> None:
        super().__init__(owner, rows, link, by=by, to=to)
        own, other = self._owner, rows._properties
        self.ends = (self._near, own.columns[own.key]), (self._far, other.columns[other.key])
        """The columns of the link table, each with the key that it refers to."""
        self._statements = _LinkStatements(*self.ends)
        self.words = other.row_words(other.table)
        """The words for a linked row."""
        self._take_lock = write_lock(link.metadata, self._near.table.name)

    async def add(self, db: Database, request: Request, key: Any, other: Any) -> Response:
        """Link a row to the row with this key, unless it is linked already.

        Raises HTTPException 404 if one of the rows does not exist.
        """
        _check_no_preconditions(request)
        self._check_owner_key(key)
        self._check_row_key(other)
        use, bound = self._statements, {"key__": key, "other__": other}
        await db.write_all(
            [
                Change(use.keep_owner, bound, check=_must_exist(self._owner_not_found)),
                Change(use.keep_row, bound, check=_must_exist(self._rows._not_found)),
                Change(use.add(db.kind), bound, NAMES),
            ]
        )
        return JsonText(b'{"ok":true}')

    async def remove(self, db: Database, request: Request, key: Any, other: Any) -> Response:
        """Remove the link of a row to the row with this key; raise HTTPException 404 without it."""
        _check_no_preconditions(request)
        self._check_owner_key(key)
        self._check_row_key(other)
        found = await db.write(self._statements.remove, {"key__": key, "other__": other})
        if not found:
            await self._check_owner(db, key)
            raise self._rows._not_found()
        return JsonText(b'{"ok":true}')

    async def replace(
        self, db: Database, request: Request, key: Any, others: Sequence[Any]
    ) -> Response:
        """Link the rows with the keys `others`, and no others, to the row with this key.

        Raises HTTPException 404 if the row does not exist, 409 if one of the others does not, 422
        for a repeated key.
        """
        _check_no_preconditions(request)
        check_repeated([(["body"], others)])
        self._check_owner_key(key)
        await db.write_all([*self.locks(db), self._lock(key), *self.replacing(db, key, others)])
        return JsonText(b'{"ok":true}')

    async def keys(self, db: Database, key: Any) -> list[Any]:
        """Return the keys of the rows that are linked to the row with this key."""
        return [row[0] for row in await db.read(self._statements.read, {"key__": key})]

    def locks(self, db: Database) -> list[Change]:
        """Return the changes that serialize replacements of links, to avoid deadlocks."""
        return [] if db.kind == "sqlite" else [self._take_lock]

    def replacing(
        self,
        db: Database,
        key: Any,
        others: Sequence[Any],
        place: Sequence[str | int] = ("body",),
    ) -> list[Change]:
        """Return the changes that link these rows, and no others, to the row with this key.

        `place` is the location of the keys in the request.
        """
        raise_missing = missing_rows([(place, others)], self.words)
        storable = [other for other in others if is_storable_key(other)]
        if others and not storable:
            raise_missing([])
        use = self._statements.replacing(db.kind, len(storable))
        bound = {"key__": key, **{f"other_{n}": other for n, other in enumerate(storable)}}
        removal = Change(use.remove_others, bound)
        if not others:
            return [removal]
        found = Change(use.keep_rows, bound, check=raise_missing)
        return [found, removal, Change(use.add_all, bound)]

    def _check_row_key(self, key: Any) -> None:
        if not is_storable_key(key):
            raise self._rows._not_found()


@dataclass(frozen=True, slots=True)
class _Replacing:
    """The statements that replace links by a number of others."""

    keep_rows: Select[Any]
    """Returns the keys of the rows to link, and keeps the rows from being deleted."""
    remove_others: Statement
    add_all: Insert


class _LinkStatements:
    """The statements that change links. The keys are bound as `key__` and `other__`.

    Both ends are a column of the link table, and the key that it refers to.
    """

    def __init__(
        self, owner: tuple[Column[Any], Column[Any]], row: tuple[Column[Any], Column[Any]]
    ) -> None:
        (self._near, owner_key), (self._far, row_key) = owner, row
        self._owner_key = _aliased(owner_key, "owner_")
        self._row_key = _aliased(row_key, "row_")
        removal = delete(self._near.table).where(self._near == bindparam("key__"))
        self._of_owner = removal.returning(self._far)
        self.read = select(self._far).where(self._near == bindparam("key__"))
        self.keep_owner = _kept(select(ONE).where(self._owner_key == bindparam("key__")))
        self.keep_row = _kept(select(ONE).where(self._row_key == bindparam("other__")))
        self.remove = self._of_owner.where(self._far == bindparam("other__"))
        self._replacing: dict[tuple[str, int], _Replacing] = {}
        self._adding: dict[str, Insert] = {}

    def add(self, kind: str) -> Insert:
        """Return the statement that adds a link, unless it exists."""
        if kind not in self._adding:
            columns = dict(zip(NAMES, (self._near, self._far), strict=True))
            new = _new_links(self._near.table, kind).returning(self._far)
            self._adding[kind] = new.execution_options(**{COLUMNS: columns})
        return self._adding[kind]

    def replacing(self, kind: str, count: int) -> _Replacing:
        """Return the statements that replace links by `count` others."""
        known = self._replacing.get((kind, count))
        if known is None:
            known = self._replacing[kind, count] = self._build(kind, count)
        return known

    def _build(self, kind: str, count: int) -> _Replacing:
        bound = [bindparam(f"other_{n}", type_=self._far.type) for n in range(count)]
        is_wanted = self._row_key.in_(bound)
        wanted = select(self._owner_key, self._row_key).where(
            self._owner_key == bindparam("key__"), is_wanted
        )
        new = _new_links(self._near.table, kind).from_select([self._near, self._far], wanted)
        return _Replacing(
            keep_rows=_kept(select(self._row_key).where(is_wanted).order_by(self._row_key)),
            remove_others=self._of_owner.where(self._far.not_in(bound) if count else true()),
            add_all=new.returning(self._far),
        )


def _aliased(key: Column[Any], name: str) -> ColumnElement[Any]:
    """Return the key of a table by an alias: both ends may be one table."""
    return key.table.alias(name).c[key.key]


def _new_links(table: FromClause, kind: str) -> Any:
    """Return the INSERT into a link table that ignores links that exist."""
    return INSERTS[kind](table).on_conflict_do_nothing()


def _kept(statement: Select[Any]) -> Select[Any]:
    """Return the SELECT with a lock: its rows cannot be deleted until the transaction ends."""
    return statement.with_for_update(read=True, key_share=True)


def check_repeated(sent: Iterable[SentKeys]) -> None:
    """Raise HTTPException 422 if a key occurs twice in a list of keys."""
    problems = []
    for place, keys in sent:
        seen = set()
        for index, key in enumerate(keys):
            if key in seen:
                message = "The key should be given once"
                problems.append(problem("repeated_key", [*place, index], message))
            seen.add(key)
    if problems:
        raise HTTPException(422, problems[:MAX_PROBLEMS])


def _must_exist(not_found: Callable[[], HTTPException]) -> Callable[[Sequence[Row]], None]:
    def check(found: Sequence[Row]) -> None:
        if not found:
            raise not_found()

    return check


def missing_rows(sent: Sequence[SentKeys], name: str) -> Callable[[Sequence[Row]], None]:
    """Return the `check` that raises HTTPException 409 unless all rows with the keys are found."""

    def check(found: Sequence[Row]) -> None:
        known = {row[0] for row in found}
        message = f"There is no such {name}"
        problems = [
            problem("no_target", [*place, index], message)
            for place, keys in sent
            for index, key in enumerate(keys)
            if key not in known
        ]
        if problems:
            raise HTTPException(409, problems[:MAX_PROBLEMS])

    return check


def _check_no_preconditions(request: Request) -> None:
    """Raise HTTPException 412 for preconditions: links have no ETag."""
    if "if-match" in request.headers or "if-none-match" in request.headers:
        raise HTTPException(412, "Preconditions are not supported for links")
