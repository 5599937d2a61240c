"""Runs checks of an application that collect the differences from what rules say."""

from collections.abc import Awaitable, Callable, Iterable
from typing import Any, Protocol, TypeVar

from tests.access.tables import Tables, tables_of
from tests.access.test_rules import SECRET
from tests.startup.started import Application
from tests.support.asgi import AsgiClient, DescribedClient


class _Compared(Protocol):
    """An application whose responses are compared."""

    found: list[str]
    count: int


Compared = TypeVar("Compared", bound=_Compared)


async def collected(
    package: Any,
    database: str,
    made: Callable[[AsgiClient, Tables], Compared],
    checks: Callable[[Compared], Iterable[Awaitable[None]]],
    *,
    short: bool,
    stops: bool,
) -> tuple[list[str], int]:
    """Run checks one after another; return the differences, and how many requests were sent.

    With `stops`, the first check with a difference is the last one.
    """
    application = Application(package)
    async with application.running(database, auth_secret=SECRET, shortcut=short) as app:
        with tables_of(application, database) as tables:
            compared = made(DescribedClient(app), tables)
            for check in checks(compared):
                await check
                if stops and compared.found:
                    break
            return compared.found, compared.count
