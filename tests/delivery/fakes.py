"""A small application as text, in the shape of a generated one, and a spec of one line."""

import asyncio
from pathlib import Path

import httpx

from crudgen.codegen.tree import SourceFile, SourceTree
from crudgen.errors import Diagnostic, SpecError

SETTINGS = """
from pydantic import Field
from pydantic_settings import BaseSettings


class Settings(BaseSettings):
    database_url: str = "sqlite:///app.db"
    max_body_bytes: int = Field(default=1024, ge=1)

    @classmethod
    def prepare_workers(cls) -> None:
        pass
"""

API = """
import asyncio
from contextlib import suppress

from fastapi import APIRouter, Request

router = APIRouter()
begun = 0
released = asyncio.Event()


@router.get("/begun")
async def count() -> int:
    return begun


@router.get("/version")
async def version() -> str:
    return {version!r}


@router.get("/slow")
async def slow(request: Request, seconds: float = 0.5) -> dict[str, object]:
    global begun
    begun += 1
    with suppress(TimeoutError):
        await asyncio.wait_for(released.wait(), seconds)
    return {{"version": {version!r}, "open": request.state.opened["open"]}}
"""

MAIN = """
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from .api import router
from .settings import Settings

VERSION = {version!r}


class StartupError(Exception):
    pass


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[dict[str, object]]:
    if VERSION == "differs":
        raise StartupError("table 'hero' lacks the column 'age'")
    if VERSION == "bug":
        raise ZeroDivisionError("a bug")
    opened = {{"open": True}}
    yield {{"opened": opened}}
    opened["open"] = False


def create_app(settings: Settings | None = None) -> FastAPI:
    app = FastAPI(lifespan=lifespan)
    app.include_router(router)
    return app
"""


def fake_tree(version: str) -> SourceTree:
    """Render an application that answers `version`."""
    texts = {
        "app/__init__.py": "",
        "app/settings.py": SETTINGS,
        "app/api.py": API.format(version=version),
        "app/main.py": MAIN.format(version=version),
    }
    return SourceTree(SourceFile(path, text) for path, text in texts.items())


def fake_build(entities: Path) -> SourceTree:
    """Render the spec `entities/hero.yaml`, whose text is the version; `broken` is none."""
    file = entities / "hero.yaml"
    version = file.read_text().strip()
    if not version or version.startswith("broken"):
        raise SpecError([Diagnostic(str(file), 1, 1, f"no version: {version!r}", source=version)])
    return fake_tree(version)


async def until_begun(client: httpx.AsyncClient) -> None:
    """Wait until a request for `/slow` has begun."""
    async with asyncio.timeout(20):
        while (await client.get("/begun")).json() < 1:  # noqa: ASYNC110 - of the application
            await asyncio.sleep(0.005)
