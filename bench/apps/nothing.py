"""FastAPI handlers that return a constant."""

from typing import Any

from fastapi import FastAPI
from starlette.responses import Response

app = FastAPI()
BODY = b'{"name":"Deadpond","age":48,"id":1}'
LIST = b"[" + b",".join([BODY] * 100) + b"]"


@app.get("/heroes/")
async def read_heroes(offset: int = 0, limit: int = 100) -> Response:  # noqa: ARG001
    return Response(LIST, media_type="application/json")


@app.get("/heroes/{hero_id}")
async def read_hero(hero_id: int) -> Response:  # noqa: ARG001
    return Response(BODY, media_type="application/json")


@app.post("/heroes/")
async def create_hero(hero: dict[str, Any]) -> Response:  # noqa: ARG001
    return Response(BODY, media_type="application/json")


@app.patch("/heroes/{hero_id}")
async def update_hero(hero_id: int, hero: dict[str, Any]) -> Response:  # noqa: ARG001
    return Response(BODY, media_type="application/json")
