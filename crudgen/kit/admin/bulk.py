"""Deletes and imports of several rows in one request, where the API has it."""

from collections.abc import AsyncGenerator, Sequence
from typing import Any

from starlette.requests import Request
from starlette_admin.exceptions import ActionFailed
from starlette_admin.importers.base import ImportContext, ImportResult, ImportRowError
from starlette_admin.importers.csv import CsvImporter
from starlette_admin.importers.json import JsonImporter

from .api_client import ApiResponse
from .api_errors import message_of, problems_of
from .batches import parameter_batches
from .rows import Row
from .writing import TableView

MAX_ROWS_OF_REQUEST = 100
"""Maximum number of rows of one request, as in the API."""


class BulkView(TableView):
    """Deletes and imports rows, with as few requests as the API allows."""

    def __init__(self, *args: Any) -> None:
        self.importers = (_NumberedCsv(), _NumberedJson())
        super().__init__(*args)

    def can_delete(self, request: Request) -> bool:
        """Return whether the caller may delete some rows."""
        offers = self.table.offers("delete") or self.table.offers("delete_many")
        return offers and self.table.permits(self.caller_of(request), "delete")

    async def delete(self, request: Request, pks: list[Any]) -> int | None:
        """Delete rows: all or none of a request. Raises ActionFailed if one cannot be deleted."""
        is_single = len(pks) == 1 and self.table.offers("delete")
        if is_single or not self.table.offers("delete_many"):
            return await super().delete(request, pks)
        keys = [*dict.fromkeys(map(str, pks))]
        path, named = f"{self.table.path}bulk", [(self.table.key, key) for key in keys]
        deleted = 0
        for some, query in parameter_batches(self.api.app, path, named, (), MAX_ROWS_OF_REQUEST):
            answer = await self.api.send(request, "DELETE", path, query)
            if not answer.is_success:
                done = f"{deleted} of {len(keys)} rows were" if deleted else "No row was"
                raise ActionFailed(f"{self._failed_deletion_message(answer, some)}. {done} deleted")
            deleted += len(some)
        return len(keys)

    async def before_import(self, request: Request, ctx: ImportContext) -> None:
        """Collect the rows of a file, if the API creates several in one request."""
        if self.table.offers("create_many") and not (ctx.dry_run or ctx.update_existing):
            request.state.admin_rows = []

    async def create(self, request: Request, data: dict[str, Any]) -> Row:
        """Create a row from the values of a form, or collect a row of a file."""
        rows: list[Any] | None = getattr(request.state, "admin_rows", None)
        if rows is None:
            return await super().create(request, data)
        body = self.body_of(data)
        rows.append((request.state.admin_row_number, body))
        return Row(self.table, body)

    async def after_import(
        self, request: Request, ctx: ImportContext, result: ImportResult
    ) -> None:
        """Create the rows of a file, unless some are invalid: all or none of a request."""
        del ctx
        rows: list[tuple[int, Any]] | None = getattr(request.state, "admin_rows", None)
        if rows is None:
            return
        result.rows_created = 0
        if result.errors:
            return
        for start in range(0, len(rows), MAX_ROWS_OF_REQUEST):
            some = rows[start : start + MAX_ROWS_OF_REQUEST]
            bodies = [body for _, body in some]
            answer = await self.api.send(request, "POST", f"{self.table.path}bulk", json=bodies)
            if not answer.is_success:
                result.errors += self._row_errors(answer, [number for number, _ in some])
                return
            result.rows_created += len(some)

    def _failed_deletion_message(self, answer: ApiResponse, keys: Sequence[str]) -> str:
        """Return why rows were not deleted, with the keys of those that it is about."""
        found = [
            f"{self.table.title} {keys[place[2]]}: {message}"
            for place, message in problems_of(answer)
            if len(place) > 2 and place[2] in range(len(keys))
        ]
        return "; ".join(found) or message_of(answer)

    def _row_errors(self, answer: ApiResponse, numbers: Sequence[int]) -> list[ImportRowError]:
        """Return the problems of a request, with the numbers of the rows in the file."""
        found: list[ImportRowError] = []
        for place, message in problems_of(answer):
            if len(place) < 2 or place[1] not in range(len(numbers)):
                continue
            inner = [*map(str, place[2:])]
            name = inner.pop(0) if inner and inner[0] in self.table.by_name else None
            text = f"{'.'.join(inner)}: {message}" if inner else message
            found.append(ImportRowError(numbers[place[1]], name, text))
        return found or [ImportRowError(numbers[0], None, message_of(answer))]


class _NumberedCsv(CsvImporter):
    """CSV; the number of the row is known while it is imported."""

    async def parse(self, ctx: ImportContext) -> AsyncGenerator[dict[str, Any]]:
        async for row in _numbered(super().parse(ctx), ctx):
            yield row


class _NumberedJson(JsonImporter):
    """JSON; the number of the row is known while it is imported."""

    async def parse(self, ctx: ImportContext) -> AsyncGenerator[dict[str, Any]]:
        async for row in _numbered(super().parse(ctx), ctx):
            yield row


async def _numbered(
    rows: AsyncGenerator[dict[str, Any]], ctx: ImportContext
) -> AsyncGenerator[dict[str, Any]]:
    number = 0
    async for row in rows:
        number += 1
        ctx.request.state.admin_row_number = number
        yield row
