"""Health checks: `/live` says that the process answers, `/ready` that its database does too."""

import time

from fastapi import APIRouter, Request

from ..database import DatabaseDep
from ..errors import Message, Unavailable, errors
from .head_route import HeadRoute

READY_SECONDS = 1.0
"""How long the answer of `/ready` holds, so that asking it often costs nothing."""

router = APIRouter(tags=["health"], route_class=HeadRoute)


@router.get("/live", operation_id="live")
async def live() -> Message:
    """Tell that the process answers."""
    return Message(detail="live")


@router.get("/ready", operation_id="ready", responses=errors(503))
async def ready(request: Request, db: DatabaseDep) -> Message:
    """Tell whether requests can be answered now: rows read, and written where they may be."""
    state = request.app.state
    asked, failure = getattr(state, "ready", (float("-inf"), None))
    if time.monotonic() - asked > READY_SECONDS:
        failure = None
        try:
            await db.check()
        except Unavailable as error:
            failure = error
        state.ready = (time.monotonic(), failure)
    if failure is not None:
        raise failure
    return Message(detail="ready")
