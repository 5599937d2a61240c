"""The parts of `fast/`: its first page describes them, and each can be deleted alone."""

import asyncio
import re
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

import crudgen.kit.fast
from crudgen.delivery.memory import import_tree, unload
from tests.fast.test_shortcut import (
    HERO,
    Answer,
    Asked,
    NewDatabase,
    ask,
    make,
    render,
    told,
    write,
)

ASKED = (
    write("POST", "/heroes/", HERO),
    write("POST", "/heroes/", {}),
    Asked("GET", "/heroes/1"),
    Asked("GET", "/heroes/", b"limit=1"),
    Asked("GET", "/heroes/7"),
    Asked("GET", "/openapi.json"),
)
PAGE = crudgen.kit.fast.__doc__ or ""
DELETIONS = [
    re.findall(r"`(\w+\.py)`", text)
    for text in re.findall(r"^- .*\bdelete (`.*)", PAGE, re.MULTILINE)
]
"""The modules that the page says can be deleted, by part."""


def test_the_first_page_names_each_module_and_no_other() -> None:
    modules = {path.name for path in Path(crudgen.kit.fast.__file__).parent.glob("*.py")}
    assert {*re.findall(r"\w+\.py", PAGE)} == modules - {"__init__.py"}


def responses(root: Path, database: str, deleted: list[str]) -> list[Answer]:
    """Return the responses of the example without some modules of `fast/`."""
    tree = render(root, "heroes")
    for name in deleted:
        tree.pop(f"app/kit/fast/{name}", None)
    package = import_tree(tree)

    async def collect() -> list[Answer]:
        async with AsyncExitStack() as stack:
            app = make(package, database)
            await stack.enter_async_context(app.router.lifespan_context(app))
            return [told(await ask(app, one)) for one in ASKED]

    found = asyncio.run(collect())
    unload(package)
    return found


@pytest.mark.long
def test_each_part_can_be_deleted_alone(root: Path, new_database: NewDatabase) -> None:
    expected = responses(root, new_database("sqlite"), [])
    assert [one.status for one in expected] == [200, 422, 200, 200, 404, 200]
    assert len(DELETIONS) == 6
    for deleted in DELETIONS:
        assert responses(root, new_database("sqlite"), deleted) == expected, deleted
