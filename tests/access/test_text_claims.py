"""Text claims are normalized as texts of request bodies are: rules compare them with columns."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from crudgen.codegen import render
from crudgen.delivery.memory import import_tree, unload
from crudgen.language import load_texts
from tests.access.vocabulary import serving

APP = "auth: {me: {id: int = sub, name: str, teams: 'list(str)?'}}\n"
NOTE = """\
name: Note
fields: {text: str, owner: str = me.name, team: str?}
api: {operations: [create, list, read, update, replace]}
access: {read: user, write: "user if owner = me.name or team in me.teams"}
"""
COMPOSED, DECOMPOSED = "Andr\u00e9", "Andre\u0301"


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_both_forms_of_a_text_are_the_same(kind: str, new_database: Callable[[str], str]) -> None:
    package = import_tree(render(load_texts({"note.yaml": NOTE}, APP)))

    async def check() -> None:
        async with serving(package, new_database(kind)) as asker:
            for number, name in enumerate((COMPOSED, DECOMPOSED), 1):
                made = await asker.row("POST /notes/", {"text": "a"}, name=name)
                assert made["owner"] == COMPOSED
                for claim in (COMPOSED, DECOMPOSED):
                    for body in ({"text": "b"}, {"owner": name}, made):
                        request = (
                            f"PUT /notes/{number}" if body is made else f"PATCH /notes/{number}"
                        )
                        sent: dict[str, Any] = {key: body[key] for key in body if key != "id"}
                        changed = await asker.row(request, sent, name=claim)
                        assert changed["owner"] == COMPOSED
            await asker.row("POST /notes/", {"text": "a", "team": DECOMPOSED}, name="x")
            for team in (COMPOSED, DECOMPOSED):
                changes = {"text": "c"}
                await asker.row("PATCH /notes/3", changes, name="y", teams=[team])
            assert await asker.status("PATCH /notes/3", {"text": "d"}, name=COMPOSED) == 403

    asyncio.run(check())
    unload(package)


SUBJECT_APP = "auth: {me: {id: str = sub, name: str?}}\n"
SUBJECT_NOTE = """\
name: Note
fields: {text: str, owner: str = me read_only}
api: {operations: [create, list]}
access: {read: user if owner = me, create: user}
"""


def test_two_subjects_are_not_one_caller(new_database: Callable[[str], str]) -> None:
    """For the issuer, two forms of a text are two users; a column has one form of both."""
    package = import_tree(render(load_texts({"note.yaml": SUBJECT_NOTE}, SUBJECT_APP)))

    async def check() -> None:
        async with serving(package, new_database("sqlite")) as asker:
            await asker.row("POST /notes/", {"text": "a"}, by=COMPOSED)
            answer = await asker.ask("GET /notes/", by=DECOMPOSED)
            assert answer.status_code == 401
            assert "sub of the token should be normalized" in answer.text
            assert len(await asker.row("GET /notes/", by=COMPOSED, name=DECOMPOSED)) == 1

    asyncio.run(check())
    unload(package)
