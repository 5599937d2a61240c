"""Health checks: `/live` says that the process answers, `/ready` that its database does too."""

import time

from fastapi import APIRouter, Request

from .database import DatabaseDep
from .errors import Message, Unavailable, errors
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
    """Tell whether requests can be answered now."""
    state = request.app.state
    asked, answer = getattr(state, "ready", (float("-inf"), False))
    if time.monotonic() - asked > READY_SECONDS:
        answer = await db.ping()
        state.ready = (time.monotonic(), answer)
    if not answer:
        raise Unavailable
    return Message(detail="ready")
