import os
import shutil
from pathlib import Path

import httpx
import pytest

from tests.cli.served import ENVIRONMENT, PATIENCE, Load, Serve
from tests.support import forked

pytestmark = pytest.mark.long

HERO = """\
name: Hero
doc: DOC
fields:
  name: str(1..80) index
"""
ROUTES = '''\
"""Reports on heroes."""

from fastapi import APIRouter
from sqlmodel import func, select

from app.heroes.models import Hero

from ..kit.database import SessionDep

router = APIRouter(tags=["reports"])
VERSION = 1


@router.get("/report")
def report(session: SessionDep) -> list[int]:
    """Return the version of this file, and the number of heroes."""
    import app.kit.models

    assert app.kit.models.Model in Hero.__mro__
    return [VERSION, session.exec(select(func.count()).select_from(Hero)).one()]
'''
MAIN = (
    ("from .api import ROUTERS\n", "from .api import ROUTERS\nfrom .own import routes\n"),
    (", ROUTERS)", ", [routes.router, *ROUTERS])"),
)


def emit(folder: Path, *arguments: str) -> None:
    done = forked.run("crudgen", "emit", *arguments, folder=folder, environment=ENVIRONMENT)
    assert done.returncode == 0, done.stderr


def edit(file: Path, *changes: tuple[str, str]) -> None:
    """Replace text in a file, at once as editors do."""
    text = file.read_text()
    for before, after in changes:
        assert before in text
        text = text.replace(before, after)
    draft = file.with_suffix(".draft")
    draft.write_text(text)
    draft.replace(file)


def add_report(app: Path) -> None:
    """Add a route of the user to a project, and a draft that nothing imports."""
    (app / "own").mkdir()
    (app / "own/__init__.py").touch()
    (app / "own/routes.py").write_text(ROUTES)
    (app / "own/draft.py").write_text("not Python")
    edit(app / "main.py", *MAIN)


def contents(folder: Path) -> dict[str, bytes]:
    files = (file for file in folder.rglob("*") if file.is_file())
    return {str(file.relative_to(folder)): file.read_bytes() for file in files}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "entities").mkdir()
    (tmp_path / "entities/hero.yaml").write_text(HERO)
    emit(tmp_path)
    return tmp_path


def report(served: Serve) -> httpx.Response:
    return served.get("/report")


def test_own_code_is_served_and_reloaded_under_load(project: Path) -> None:
    app = project / "generated/app"
    add_report(app)
    routes = app / "own/routes.py"
    before = contents(project / "generated")
    with Serve(project).start() as served:
        assert report(served).json() == [1, 0]
        assert "/report" in served.get("/openapi.json").json()["paths"]
        assert contents(project / "generated") == before
        load = Load(served.url)
        load.start()
        edit(routes, ("VERSION = 1", "VERSION = 2"))
        served.wait_for("reloaded: Hero /heroes")
        assert report(served).json() == [2, 0]

        edit(routes, ("VERSION = 2", "VERSION = 3)"))
        assert "generated/app/own/routes.py:11: SyntaxError: unmatched ')'" in served.wait_for(
            "SyntaxError"
        )
        served.wait_for("VERSION = 3)")
        served.wait_for("the last valid code is still served")
        assert report(served).json() == [2, 0]

        edit(routes, ("VERSION = 3)", "VERSION = unknown"))
        line = served.wait_for("NameError")
        assert line.startswith(
            "error: generated/app/own/routes.py:11: NameError: name 'unknown' is not"
        )
        assert 'File "generated/app/main.py", line 6' in served.wait_for("File")
        served.wait_for("    from .own import routes")
        assert 'File "generated/app/own/routes.py", line 11' in served.wait_for("File")
        served.wait_for("the last valid code is still served")

        edit(routes, ("VERSION = unknown", "raise SystemExit(1)\nVERSION = 3"))
        served.wait_for("generated/app/own/routes.py:11: SystemExit: 1")
        served.wait_for("the last valid code is still served")
        assert report(served).json() == [2, 0]

        edit(routes, ("raise SystemExit(1)\nVERSION = 3", "VERSION = 2"))
        served.wait_for("the code is valid again and unchanged")
        edit(routes, ("VERSION = 2", "VERSION = 4"))
        served.wait_for("reloaded: Hero /heroes")
        assert report(served).json() == [4, 0]
        served.save(HERO.replace("DOC", "Another."))
        served.wait_for("reloaded: Hero /heroes")
        assert report(served).json() == [4, 0]
        load.over.set()
        load.join()
    assert load.failures == []
    assert len(load.ports) == 1
    assert "Traceback" not in served.text()
    assert "<frozen importlib" not in served.text()
    after = before | {"app/own/routes.py": routes.read_bytes()}
    assert contents(project / "generated") == after


def test_tracebacks_show_the_files_of_the_user(project: Path) -> None:
    app = project / "generated/app"
    add_report(app)
    edit(app / "own/routes.py", ("return [VERSION", "return [1 // 0, VERSION"))
    with Serve(project).start() as served:
        assert report(served).status_code == 500
        assert f'File "{app}/own/routes.py", line 20, in report' in served.wait_for("routes.py")
        served.wait_for("1 // 0")


def test_code_that_is_broken_at_the_start(project: Path) -> None:
    add_report(project / "generated/app")
    edit(project / "generated/app/own/routes.py", ("from fastapi", "from fastaip"))
    for workers in ("1", "2"):
        with Serve(project, "--workers", workers) as served:
            assert served.process.wait(PATIENCE) == 1
        assert served.output[0] == (
            "error: generated/app/own/routes.py:3: ModuleNotFoundError: No module named 'fastaip'\n"
        )
        assert "Traceback" not in served.text()


def test_edits_of_generated_files_are_served_as_emit_merges_them(project: Path) -> None:
    routes = project / "generated/app/heroes/routes.py"
    edit(routes, ('operation_id="read_hero",', 'operation_id="read_hero",\n    deprecated=True,'))
    before = contents(project / "generated")
    with Serve(project).start() as served:

        def operation(name: str) -> dict[str, object]:
            paths = served.get("/openapi.json").json()["paths"]
            found: dict[str, object] = paths["/heroes/{hero_id}"].get(name, {})
            return found

        assert operation("get")["deprecated"] is True
        served.save(HERO + "api:\n  operations: [create, read, list]\n")
        served.wait_for("reloaded")
        assert operation("get")["deprecated"] is True
        assert operation("delete") == {}
        served.save(HERO + "api:\n  operations: [create, list]\n")
        assert served.wait_for("error: generated cannot be served").endswith("you edited:\n")
        assert "generated/app/heroes/routes.py" in served.wait_for("same lines were edited")
        served.wait_for("the last valid spec is still served")
        assert operation("get")["deprecated"] is True
        assert contents(project / "generated") == before
        served.save(HERO)
        served.wait_for("reloaded")
        assert operation("get")["deprecated"] is True
        assert operation("delete")


def test_a_project_that_is_emitted_later(project: Path) -> None:
    shutil.rmtree(project / "generated")
    with Serve(project).start() as served:
        assert report(served).status_code == 404
        emit(project)
        add_report(project / "generated/app")
        served.wait_for("reloaded")
        assert report(served).json() == [1, 0]
    assert "project" not in served.text()


@pytest.mark.long
def test_which_project_is_served(project: Path) -> None:
    add_report(project / "generated/app")
    with Serve(project, "--workers", "2").start() as served:
        assert report(served).json() == [1, 0]
    assert "  project   generated\n" in served.text()
    with Serve(project, "--spec-only").start() as served:
        assert report(served).status_code == 404
    with Serve(project, "--out", "other") as served:
        assert served.process.wait(PATIENCE) == 1
    assert served.text() == (
        "error: other is not an emitted project\n  create it with: crudgen emit --out other\n"
    )
    (project / "generated").rename(project / "other")
    with Serve(project, "--out", "other").start() as served:
        assert report(served).json() == [1, 0]
    assert "watching  entities, other/app" in served.text()
    with Serve(project, "--out", "other", "--spec-only") as served:
        assert served.process.wait(PATIENCE) == 2


def test_kept_code_contains_that_of_the_user(project: Path) -> None:
    app = project / "generated/app"
    add_report(app)
    with Serve(project, "--keep", "kept").start() as served:
        assert report(served).json() == [1, 0]
        edit(app / "own/routes.py", ("VERSION = 1", "VERSION = 2"))
        served.wait_for("reloaded")
        assert report(served).json() == [2, 0]
        edit(app / "own/routes.py", ("VERSION = 2", "VERSION = unknown"))
        served.wait_for("kept/app/own/routes.py:11: NameError")
        served.wait_for("still served")
    with Serve(project, "--keep", "generated") as served:
        assert served.process.wait(PATIENCE) == 1
    assert "error: generated/app/own/routes.py:11: NameError" in served.output[0]


@pytest.mark.long
@pytest.mark.parametrize("form", ["library", "plain"])
def test_other_forms_of_the_kit(project: Path, form: str) -> None:
    (project / "crudgen.yaml").write_text(f"kit: {form}\n")
    shutil.rmtree(project / "generated")
    emit(project)
    app = project / "generated/app"
    add_report(app)
    if form == "library":
        assert not list((app / "kit").rglob("*.py"))
        edit(
            app / "own/routes.py",
            ("from ..kit", "from crudgen.kit"),
            ("import app.kit.models", "import crudgen.kit.models"),
            ("assert app.kit.", "assert crudgen.kit."),
        )
    with Serve(project, PYTHONPATH=os.environ.get("PYTHONPATH", "")).start() as served:
        assert report(served).json() == [1, 0]
        edit(app / "own/routes.py", ("VERSION = 1", "VERSION = 2"))
        served.wait_for("reloaded")
        assert report(served).json() == [2, 0]
    assert "Traceback" not in served.text()


NOTES = '''\
"""Notes: a table of the user."""

from fastapi import APIRouter
from sqlmodel import Field, select

from .kit.database import SessionDep
from .kit.models import Model

router = APIRouter()


class Note(Model, table=True):
    id: int | None = Field(default=None, primary_key=True)
    text: str


@router.post("/notes")
def add_note(session: SessionDep) -> list[str]:
    """Add a note. Return the columns and the number of notes."""
    session.add(Note(text="a"))
    session.commit()
    return [*Note.model_fields, str(len(session.exec(select(Note)).all()))]
'''


def test_tables_of_the_user_follow_and_missing_modules_are_named(project: Path) -> None:
    app = project / "generated/app"
    (app / "notes.py").write_text(NOTES)
    edit(
        app / "main.py",
        ("from .api import ROUTERS\n", "from . import notes\nfrom .api import ROUTERS\n"),
        (", ROUTERS)", ", [notes.router, *ROUTERS])"),
    )
    with Serve(project).start() as served:

        def add() -> object:
            return served.post("/notes").json()

        assert add() == ["id", "text", "1"]
        edit(app / "notes.py", ("    text: str\n", "    text: str\n    more: str | None = None\n"))
        served.wait_for("1 change made in the database")
        served.wait_for("reloaded")
        assert add() == ["id", "text", "more", "2"]
        models = app / "heroes/models.py"
        models.rename(project / "models.py")
        line = served.wait_for("error: ")
        assert line.endswith("ModuleNotFoundError: No module named 'app.heroes.models'\n")
        served.wait_for("still served")
        assert add() == ["id", "text", "more", "3"]
        (project / "models.py").rename(models)
        served.wait_for("the code is valid again and unchanged")
    assert "Traceback" not in served.text()
