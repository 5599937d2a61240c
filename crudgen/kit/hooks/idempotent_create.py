"""The header `Idempotency-Key` of requests whose rows functions of the owner create."""

from collections.abc import Sequence
from typing import Any

from fastapi import Request, Response

from ..database import Change, Database
from ..database.transaction import Row
from ..models import Model
from ..rows.row_responses import CALLER
from .function_calls import Call, FunctionCalls, Work
from .inline import result_of
from .transaction import CallerT


async def create_idempotently(
    calls: FunctionCalls[CallerT],
    db: Database,
    request: Request,
    *,
    key: str,
    rows: Sequence[Model],
    work: Work[Response],
) -> Response:
    """Run `work` and store its response, or return the stored one if the key was used before."""
    made: list[Response] = []
    if calls.identity is not None:
        request.scope[CALLER] = calls.identity

    async def write(steps: Sequence[Change]) -> list[Sequence[Row]]:
        *before, after = steps

        def run(call: Call[Any]) -> list[Sequence[Row]]:
            found = result_of(call.db.write_all(before))
            made[:] = [work(call)]
            return [*found, *result_of(call.db.write_all([after]))]

        return await calls.run(db, request, "create", run)

    response: Response = await calls.rows._responses.respond_idempotently(
        db,
        request,
        key=key,
        sent=rows,
        changes=(),
        write=write,
        answer=lambda _: made[0],
        status=calls.rows._created_status,
        tag=calls.rows._created_tag,
    )
    return response
