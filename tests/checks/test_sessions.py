"""Handlers of the owner: a session that violates a check, and operations in its transaction."""

import asyncio
from collections.abc import Callable
from typing import Annotated, Any

import pytest
from fastapi import APIRouter, Depends
from psycopg import errors
from sqlalchemy import insert
from sqlalchemy.dialects.postgresql import psycopg as psycopg_dialect
from sqlmodel import Session

from crudgen.language import load_texts
from tests.startup.started import application
from tests.support.asgi import AsgiClient

SPEC = """
name: Box
fields: {low: int json(theLow), top: int, size: int = 0}
check: [low < top, size < top]
"""


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_violation_in_a_session_names_the_properties(
    kind: str, new_database: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", new_database(kind))
    generated = application(load_texts({"entities/box.yaml": SPEC}))
    box = generated.module("boxes.models").Box
    database, routes = generated.module("kit.database"), generated.module("boxes.routes")
    router = APIRouter(route_class=generated.module("kit.http.routing").Route)

    @router.post("/own")
    def own(session: Annotated[Session, Depends(database.session)]) -> None:
        session.add(box(low=2, top=1))
        session.commit()

    app = generated.module("main").create_app()
    app.include_router(router)
    body = {"theLow": 2, "top": 1, "size": 5}

    async def ask() -> list[Any]:
        client = AsgiClient(app)
        async with app.router.lifespan_context(app):
            return [
                (await client.request("POST", "/own")).json()["detail"],
                (await client.request("POST", "/boxes/", json=body)).json()["detail"],
            ]

    assert routes
    first, second = asyncio.run(ask())
    low = [
        {"type": "check", "loc": ["body", name], "msg": "The row should satisfy: theLow < top"}
        for name in ("theLow", "top")
    ]
    size = [
        {"type": "check", "loc": ["body", name], "msg": "The row should satisfy: size < top"}
        for name in ("top", "size")
    ]
    assert first == low
    assert second == [*low, *size]


def test_texts_are_compared_as_in_the_table() -> None:
    """A database can have another order of texts than its columns have, which is by code point."""
    spec = "name: Box\nfields: {name: str, other: str?}\ncheck: [name < other]\n"
    generated = application(load_texts({"entities/box.yaml": spec}))
    models, kit = generated.module("boxes.models"), generated.module("kit.database.row_rules")
    properties = generated.module("kit.database.properties").Properties(
        models.Box, models.BoxPublic
    )
    dialect = psycopg_dialect.dialect()  # type: ignore[no-untyped-call]
    prepared = generated.module("kit.database.statements").Prepared(
        insert(models.Box), dialect, ("name", "other")
    )
    diagnosis = kit.RuleDiagnosis(properties, None)
    work = diagnosis(errors.CheckViolation(), prepared, {"name": "B", "other": "a"})
    evaluation, values, _ = next(work)
    assert evaluation.sql.count('AS VARCHAR) COLLATE "C"') == 2
    assert values == {"name": "B", "other": "a"}
