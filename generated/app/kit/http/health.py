"""Health checks: `/live` for the process, `/ready` for the process and its database."""

import time

from fastapi import APIRouter, Request

from ..database import DatabaseDep
from ..errors import Message, Unavailable, errors
from .head_route import HeadRoute

READY_SECONDS = 1.0
"""How many seconds the result of `/ready` is cached."""

router = APIRouter(tags=["health"], route_class=HeadRoute)


@router.get("/live", operation_id="live")
async def live() -> Message:
    """Return 200 while the process runs."""
    return Message(detail="live")


@router.get("/ready", operation_id="ready", responses=errors(503))
async def ready(request: Request, db: DatabaseDep) -> Message:
    """Return 200 if the database can be read and, unless it is read-only, written."""
    state = request.app.state
    checked, failure = getattr(state, "ready", (float("-inf"), None))
    if time.monotonic() - checked > READY_SECONDS:
        failure = None
        try:
            await db.check()
        except Unavailable as error:
            failure = error
        state.ready = (time.monotonic(), failure)
    if failure is not None:
        raise failure
    return Message(detail=db.readiness)
