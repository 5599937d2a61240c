"""A page of the rows that an index finds for a rule is read without a thread."""

from collections.abc import Callable

import psutil
import pytest

from tests.access.vocabulary import Asker, run

APP = "auth: {me: {id: int = sub}}\n"
SPEC = {
    "note.yaml": """\
name: Note
fields: {text: str(..40), owner_id: int index}
api: {operations: [create_many, list]}
access: {read: user if owner_id = me, create: user}
""",
    "memo.yaml": """\
name: Memo
fields: {text: str(..40), owner_id: int}
api: {operations: [create_many, list]}
access: {read: user if owner_id = me, create: user}
""",
    "card.yaml": """\
name: Card
fields: {owner_id: int, phone: str(..20)? index, street: str(..20)? index}
api: {operations: [create_many, list]}
access: {read: user, create: user, fields: {phone: {read: user if owner_id = me}}}
""",
    "letter.yaml": """\
name: Letter
fields: {owner_id: int index, town: str(..20) index}
api: {operations: [create_many, list]}
access: {read: user if owner_id = me, create: user}
""",
}


def connections(asker: Asker) -> int:
    """Return how often the file of SQLite is open: long reads have connections of their own."""
    file = str(asker.engine.url.database)
    return sum(one.path == file for one in psutil.Process().open_files())


async def check(asker: Asker) -> None:
    rows = [{"text": f"{n}", "owner_id": n % 3} for n in range(24)]
    for path in ("notes", "memos"):
        assert await asker.status(f"POST /{path}/bulk", rows) in {200, 201, 204}
    before = connections(asker)
    for caller in range(4):
        own = [one["text"] for one in rows if one["owner_id"] == caller]
        for offset in (0, 3, 5, 8, 50):
            page = await asker.ask(f"GET /notes/?offset={offset}&limit=5", by=caller)
            assert [one["text"] for one in page.json()] == own[offset : offset + 5]
            assert ("next" in page.links) == (offset + 5 < len(own))
            assert ("prev" in page.links) == (offset > 0)
    assert connections(asker) == before
    assert [one["text"] for one in await asker.row("GET /memos/", by=2)] == [
        one["text"] for one in rows if one["owner_id"] == 2
    ]
    if asker.engine.dialect.name == "sqlite":
        assert connections(asker) > before, "a list without an index is read in a thread"


@pytest.mark.parametrize(
    ("path", "in_thread"),
    [("cards/?street=a", False), ("cards/?phone=1", True), ("letters/?town=a", True)],
)
def test_filters_by_indexed_properties(
    path: str, in_thread: bool, new_database: Callable[[str], str]
) -> None:
    async def check(asker: Asker) -> None:
        before = connections(asker)
        assert await asker.row(f"GET /{path}") == []
        assert (connections(asker) > before) == in_thread

    run(APP, SPEC, new_database("sqlite"), check)


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_pages_of_own_rows(kind: str, new_database: Callable[[str], str]) -> None:
    run(APP, SPEC, new_database(kind), check)
