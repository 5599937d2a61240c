"""Responses of middleware and handlers that the owner of an application wrote."""

import asyncio
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

from starlette.responses import Response

from tests.mcp.agents import EDITOR, Agent, agent, running

RETRY_AFTER: list[tuple[str, int | None]] = [
    ("7", 7),
    ("Wed, 21 Oct 2015 07:28:00 GMT", 0),
    ("Wed, 21 Oct 2015 07:28:00 -0000", 0),
    ("soon", None),
    ("-1", None),
    ("1.5", None),
    ("", None),
]


def test_other_responses_become_results(new_database: Any) -> None:
    answer = Response()

    class Answers:
        def __init__(self, app: Any) -> None:
            self.app = app

        async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
            is_meant = scope["type"] == "http" and scope["path"] == "/teams/"
            await (answer if is_meant else self.app)(scope, receive, send)

    async def check(editor: Agent) -> None:
        nonlocal answer
        for text, expected in (("[]", {"rows": []}), ("text", {"row": "text"})):
            answer = Response(text)
            assert await editor.call("read_rows", entity="teams") == expected
        answer = Response("made")
        made = await editor.call("create_row", entity="teams", values={})
        assert made == {"done": "created", "result": "made"}
        answer = Response("[]", headers={"x-total-count": "many"})
        assert await editor.call("read_rows", entity="teams") == {"rows": []}
        for status, title in ((499, "Unknown"), (502, "Bad Gateway")):
            answer = Response("<p>Down", status)
            found = await editor.fail("read_rows", entity="teams")
            assert found == {"status": status, "title": title, "error": "<p>Down"}
        for value, seconds in RETRY_AFTER:
            answer = Response("{}", 503, {"retry-after": value})
            error = (await editor.fail("read_rows", entity="teams"))["error"]
            found = error.get("retry_after_seconds")
            assert found == seconds, value
        date = format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True)
        answer = Response("{}", 503, {"retry-after": date})
        error = (await editor.fail("read_rows", entity="teams"))["error"]
        assert 0 < error["retry_after_seconds"] <= 3600

    async def ask() -> None:
        async with running(new_database("sqlite")) as app:
            app.add_middleware(Answers)
            async with agent(app, EDITOR) as editor:
                await check(editor)

    asyncio.run(ask())
