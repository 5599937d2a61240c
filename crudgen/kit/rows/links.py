"""Operations on links between the rows of two tables: a link is a row of a link table."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from fastapi import HTTPException, Request, Response
from pydantic import BaseModel

from ..database import Change, Database
from ..database.transaction import Row
from ..errors import MAX_PROBLEMS, Message, problem
from ..http.headers import JsonText
from ..models import Model
from .link_statements import NAMES, LinkStatements
from .linked import LinkedCollection
from .resource import Resource
from .values import is_storable_key
from .write_lock import write_lock

LINK_ERRORS: dict[int | str, dict[str, Any]] = {
    412: {"model": Message, "description": "Preconditions are not supported for links"},
}
"""The error responses that differ from those of operations on one row, for OpenAPI."""

SentKeys = tuple[Sequence[str | int], Sequence[Any]]
"""The location of a list of keys in the request, and the keys."""


class LinksChanged(BaseModel):
    """Confirms that links were changed."""

    ok: bool


class LinkedResource(LinkedCollection):
    """The rows that a link table links to one row of `owner`, with operations to change links.

    The attribute `by` of the link table refers to the owner, `to` refers to the rows.
    """

    def __init__(
        self, owner: type[Model], rows: Resource, link: type[Model], *, by: str, to: str
    ) -> None:
        super().__init__(owner, rows, link, by=by, to=to)
        own, other = self._owner, rows._properties
        self.ends = (self._near, own.columns[own.key]), (self._far, other.columns[other.key])
        """The columns of the link table, each with the key that it refers to."""
        self._statements: dict[str, LinkStatements] = {}
        self.words = other.row_words(other.table)
        """The words for a linked row."""
        self._take_lock = write_lock(link.metadata, self._near.table.name)

    def statements(self, kind: str) -> LinkStatements:
        """Return the statements for a dialect, built once."""
        if kind not in self._statements:
            self._statements[kind] = LinkStatements(*self.ends, kind)
        return self._statements[kind]

    async def add(self, db: Database, request: Request, key: Any, other: Any) -> Response:
        """Link a row to the row with this key, unless it is linked already.

        Raises HTTPException 404 if one of the rows does not exist.
        """
        check_no_preconditions(request)
        self._check_owner_key(key)
        self._check_row_key(other)
        use, bound = self.statements(db.kind), {"key__": key, "other__": other}
        await db.write_all(
            [
                Change(use.keep_owner, bound, check=existence_check(self._owner_not_found)),
                Change(use.keep_row, bound, check=existence_check(self._rows._not_found)),
                Change(use.add, bound, NAMES),
            ]
        )
        return JsonText(b'{"ok":true}')

    async def remove(self, db: Database, request: Request, key: Any, other: Any) -> Response:
        """Remove the link of a row to the row with this key.

        Raises HTTPException 404 if there is none.
        """
        check_no_preconditions(request)
        self._check_owner_key(key)
        self._check_row_key(other)
        removal = self.statements(db.kind).remove
        found = await db.write(removal, {"key__": key, "other__": other})
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
        check_no_preconditions(request)
        check_no_repeated_keys([(["body"], others)])
        self._check_owner_key(key)
        await db.write_all(
            [*self.locks(db), self._owner_lock(key), *self.replacement_changes(db, key, others)]
        )
        return JsonText(b'{"ok":true}')

    async def keys(self, db: Database, key: Any) -> list[Any]:
        """Return the keys of the rows that are linked to the row with this key."""
        found = await db.read(self.statements(db.kind).read, {"key__": key})
        return [row[0] for row in found]

    def locks(self, db: Database) -> list[Change]:
        """Return the changes that serialize replacements of links, to avoid deadlocks."""
        return [] if db.kind == "sqlite" else [self._take_lock]

    def replacement_changes(
        self,
        db: Database,
        key: Any,
        others: Sequence[Any],
        place: Sequence[str | int] = ("body",),
    ) -> list[Change]:
        """Return the changes that link these rows, and no others, to the row with this key.

        `place` is the location of the keys in the request.
        """
        raise_missing = all_found_check([(place, others)], self.words)
        storable = [other for other in others if is_storable_key(other)]
        if others and not storable:
            raise_missing([])
        use = self.statements(db.kind).replacement(len(storable))
        bound = {"key__": key, **{f"other_{n}": other for n, other in enumerate(storable)}}
        removal = Change(use.remove_other_links, bound)
        if not others:
            return [removal]
        found = Change(use.keep_rows, bound, check=raise_missing)
        return [found, removal, Change(use.add_all, bound)]

    def _check_row_key(self, key: Any) -> None:
        if not is_storable_key(key):
            raise self._rows._not_found()


def check_no_repeated_keys(sent: Iterable[SentKeys]) -> None:
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


def existence_check(not_found: Callable[[], HTTPException]) -> Callable[[Sequence[Row]], None]:
    """Return the `check` that raises an error if there is no row."""

    def raise_if_missing(found: Sequence[Row]) -> None:
        if not found:
            raise not_found()

    return raise_if_missing


def all_found_check(sent: Sequence[SentKeys], name: str) -> Callable[[Sequence[Row]], None]:
    """Return the `check` that raises HTTPException 409 unless the rows of all keys are found.

    `name` is that of a linked row, for the message.
    """

    def raise_if_missing(found: Sequence[Row]) -> None:
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

    return raise_if_missing


def check_no_preconditions(request: Request) -> None:
    """Raise HTTPException 412 for preconditions: links have no ETag."""
    if "if-match" in request.headers or "if-none-match" in request.headers:
        raise HTTPException(412, "Preconditions are not supported for links")
