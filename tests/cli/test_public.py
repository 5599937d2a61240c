import asyncio
import importlib
import os
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

import crudgen
from crudgen.delivery.memory import unload


@pytest.fixture
def entities(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "entities").mkdir()
    (tmp_path / "entities/hero.yaml").write_text("name: Hero\nfields:\n  name: str\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path / "entities"


def test_public_names_and_all_agree() -> None:
    assert set(crudgen.__all__) <= set(dir(crudgen))


def test_load_and_render(entities: Path) -> None:
    tree = crudgen.render(crudgen.load(entities))
    assert "class Hero" in tree["app/heroes/models.py"]
    with pytest.raises(crudgen.SpecError):
        crudgen.load(entities / "nothing")


def test_an_application_of_a_folder(entities: Path) -> None:
    app = crudgen.create_app(entities, database="sqlite:///mine.db")
    assert isinstance(app, FastAPI)

    async def ask() -> None:
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(
                transport=httpx.ASGITransport(app=app), base_url="http://test"
            ) as client,
        ):
            assert (await client.get("/heroes/")).json() == []

    asyncio.run(ask())
    assert (entities.parent / "mine.db").exists()


def test_a_package_of_a_folder(entities: Path) -> None:
    package = crudgen.import_app(entities)
    api = importlib.import_module(f"{package.__name__}.api")
    assert api.ROUTERS
    unload(package)


def test_importing_costs_nothing() -> None:
    program = (
        "import sys, crudgen\n"
        "assert not {'pydantic', 'typer', 'fastapi', 'jinja2', 'yaml'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], check=False, env={**os.environ})
    assert done.returncode == 0
