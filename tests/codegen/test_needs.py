"""What an edited file of the user lacks is found, and nothing else."""

import warnings
from dataclasses import replace
from pathlib import Path

import pytest

import crudgen.kit
from crudgen.codegen import Ownership, SourceTree, render
from crudgen.codegen.needs import MissingLine
from crudgen.codegen.needs.modules import FORMER_MODULES
from crudgen.language import load_texts
from crudgen.language.schema import KitForm, Schema

HERO = {"hero.yaml": "name: Hero\nfields: {name: str}\n"}
OLD = Path(__file__).parents[1] / "cases" / "upgrading"
MAIN, PYPROJECT, GUNICORN = "app/main.py", "pyproject.toml", "gunicorn.conf.py"

NEW_MAIN = """
from fastapi import FastAPI
from .api import ROUTERS
from .kit.wiring import build_application
from .settings import Settings
def create_app(settings: Settings | None = None) -> FastAPI:
    return build_application(settings or Settings(), ROUTERS)
"""
DATABASE = """
from .kit.database import Database
from .kit.application import Application
def create_app(settings):
    database = Database({arguments})
    return Application({options})
app = create_app(None)
"""
COMPLETE = {
    "arguments": "url, preparing=settings.database_prepared, read_only=False",
    "options": "root_path='/api'",
}


@pytest.fixture(scope="module")
def schema() -> Schema:
    return load_texts(HERO)


def missing(schema: Schema, path: str, text: str) -> list[MissingLine]:
    file = next(file for file in render(schema).files if file.path == path)
    return [line for need in file.needs for line in need.missing_lines(text)]


def lines(schema: Schema, path: str, text: str) -> list[str]:
    return [line.line for line in missing(schema, path, text)]


@pytest.mark.parametrize("kit", KitForm)
@pytest.mark.parametrize("database", ["sqlite:///app.db", "postgresql://host/app"])
def test_new_files_lack_nothing(schema: Schema, kit: KitForm, database: str) -> None:
    tree: SourceTree = render(replace(schema, kit=kit, database=database))
    for file in tree.files:
        assert not file.needs or file.ownership is Ownership.ONCE
        assert [line for need in file.needs for line in need.missing_lines(file.text)] == []
    needing = {file.path for file in tree.files if file.needs}
    assert needing == {MAIN, PYPROJECT, GUNICORN, "Dockerfile", "tests/conftest.py"}


def test_main_of_0_1_0_lacks_settings_and_a_variable(schema: Schema) -> None:
    text = (OLD / "main_0_1_0.py.txt").read_text()
    assert missing(schema, MAIN, text) == [
        MissingLine("preparing=settings.database_prepared,", "in the call of Database"),
        MissingLine("read_only=settings.database_read_only,", "in the call of Database"),
        MissingLine("root_path=settings.root_path,", "in the call of Application"),
        MissingLine("app = create_app()", "at the end"),
        MissingLine("from .kit.http import health", "instead of `from .kit import health`"),
        MissingLine(
            "from .kit.http.logs import REQUEST_ID, configure_logging, server_error",
            "instead of `from .kit.logs import REQUEST_ID, configure_logging, server_error`",
        ),
    ]


def test_main_of_0_1_0_lacks_nothing_once_it_has_the_lines(schema: Schema) -> None:
    text = (OLD / "main_0_1_0.py.txt").read_text()
    for line in missing(schema, MAIN, text):
        if line.where.startswith("in the call"):
            call = f" = {line.where.removeprefix('in the call of ')}("
            end = text.index("\n    )", text.index(call))
            text = f"{text[:end]}\n        {line.line}{text[end:]}"
        elif line.where.startswith("instead of"):
            text = text.replace(line.where.removeprefix("instead of ").strip("`"), line.line)
        else:
            text += f"\n\n{line.line}\n"
    compile(text, MAIN, "exec")
    assert missing(schema, MAIN, text) == []


def test_other_files_of_0_1_0_lack_nothing(schema: Schema) -> None:
    for path, file in (
        ("tests/conftest.py", "conftest_0_1_0.py.txt"),
        (PYPROJECT, "pyproject_0_1_0.toml.txt"),
    ):
        assert missing(schema, path, (OLD / file).read_text()) == []


@pytest.mark.parametrize(
    "text",
    [
        f"{NEW_MAIN}app = create_app()",
        f"{NEW_MAIN}app: FastAPI = create_app()",
        f"{NEW_MAIN}application = app = create_app()",
        f"{NEW_MAIN}app, other = create_app(), 1",
        f"{NEW_MAIN}if True:\n    app = create_app()",
        f"{NEW_MAIN}try:\n    app = create_app()\nexcept OSError:\n    raise",
        f"{NEW_MAIN}with open('x') as app:\n    pass",
        f"{NEW_MAIN}from .mine import app",
        f"{NEW_MAIN}from .mine import asgi as app",
        f"{NEW_MAIN}from .mine import *",
        f"{NEW_MAIN}def app(scope, receive, send): ...",
        "from .factory import app",
        "from .kit.wiring import build_application as build\napp = build(1, [])",
        DATABASE.format(**COMPLETE),
        DATABASE.format(arguments="url, **options", options="**options"),
        DATABASE.format(**COMPLETE | {"arguments": "url, **more(settings.database_prepared)"}),
        "from .mine import Database, Application\nDatabase()\nApplication()",
        "from .kit.database import Database\ndef f(database: Database) -> None: ...",
        (
            "from .kit.database import Database\nx = dict(preparing=settings.database_prepared)\n"
            "x['read_only'] = settings.database_read_only\nDatabase('url', **x)"
        ),
        "",
        "def create_app(:",
        "\x00",
        "(" * 5000,
        "x = " + "+".join("1" * 3000) + f"\n{NEW_MAIN}app = create_app()",
        "import re\nre.compile('\\d')",
    ],
    ids=range(25),
)
def test_an_edited_main_that_works_lacks_nothing(schema: Schema, text: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert lines(schema, MAIN, text) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (NEW_MAIN, ["app = create_app()"]),
        (f"{NEW_MAIN}def f():\n    app = create_app()", ["app = create_app()"]),
        (f"{NEW_MAIN}class A:\n    app = create_app()", ["app = create_app()"]),
        (
            "from .kit.database import Database as Base\nBase('url', preparing='true')",
            ["read_only=settings.database_read_only,"],
        ),
        (
            "from app.kit.application import Application\nApplication()",
            ["root_path=settings.root_path,"],
        ),
        ("from app.kit import routing as r", ["from app.kit.http import routing as r"]),
        (
            "from .kit import health, limits, resource",
            [
                "from .kit.http import health",
                "from .kit import limits",
                "from .kit.rows import resource",
            ],
        ),
        ("def f():\n    from .kit.resource import *", ["from .kit.rows.resource import *"]),
    ],
    ids=range(8),
)
def test_an_edited_main_lacks_a_line(schema: Schema, text: str, expected: list[str]) -> None:
    assert lines(schema, MAIN, text) == expected


def test_former_modules_are_those_of_the_kit() -> None:
    folder = Path(crudgen.kit.__file__).parent
    former = {
        file.stem
        for file in folder.glob("*.py")
        if file.read_text("utf-8").startswith('"""Deprecated alias of')
    }
    assert former == FORMER_MODULES.keys()
    for module in FORMER_MODULES.values():
        assert folder.joinpath(*module.split(".")).with_suffix(".py").exists()


def test_another_form_of_the_kit_needs_other_imports(schema: Schema) -> None:
    copied, library = schema, replace(schema, kit=KitForm.LIBRARY)
    mine, theirs = render(copied), render(library)
    assert lines(library, MAIN, mine[MAIN]) == [
        "from crudgen.kit.database import session as get_session",
        "from crudgen.kit.wiring import build_application",
    ]
    assert lines(copied, MAIN, theirs[MAIN]) == [
        "from .kit.database import session as get_session",
        "from .kit.wiring import build_application",
    ]
    fixture = "from crudgen.kit.database import Database"
    assert lines(copied, "tests/conftest.py", fixture) == ["from app.kit.database import Database"]
    for one, other in ((copied, theirs), (library, mine)):
        expected = next(line for line in render(one)[GUNICORN].splitlines() if "Protocol" in line)
        assert lines(one, GUNICORN, other[GUNICORN]) == [expected.strip()]
    (pinned,) = lines(library, PYPROJECT, mine[PYPROJECT])
    assert pinned == f'"crudgen=={crudgen.__version__}",'
    assert '"fastapi>=0.165,<0.166",' in lines(copied, PYPROJECT, theirs[PYPROJECT])


def test_a_former_path_of_the_protocol_is_named(schema: Schema) -> None:
    text = 'CMD ["uvicorn", "--http", "app.kit.protocol:HttpProtocol", "app.main:app"]\n'
    new = 'CMD ["uvicorn", "--http", "app.kit.http.protocol:HttpProtocol", "app.main:app"]'
    assert missing(schema, "Dockerfile", text) == [
        MissingLine(new, f"instead of `{text.strip()}`"),
    ]
    assert missing(schema, "Dockerfile", f"# {text}{new}\n") == []


def project(*dependencies: str, more: str = "") -> str:
    listed = ", ".join(f"'{one}'" for one in dependencies)
    return f"[project]\nname = 'x'\ndependencies = [{listed}]\n{more}"


LIBRARY = f"crudgen=={crudgen.__version__}"


@pytest.mark.parametrize(
    "text",
    [
        project(LIBRARY),
        project("crudgen"),
        project("Crudgen >= 0.0.1 ; python_version > '3'"),
        project("crudgen[postgres]~=0.1"),
        project("crudgen==0.1.*"),
        project("crudgen @ https://example.com/crudgen.whl"),
        project(more=f"[project.optional-dependencies]\nall = ['{LIBRARY}']"),
        project(more=f"[dependency-groups]\nall = ['{LIBRARY}', {{include-group = 'x'}}]"),
        "[project]\nname = 'x'\ndynamic = ['dependencies']",
        "[project]\nname = 'x'\n",
        project(more="dynamic = ['optional-dependencies']"),
        "[tool.poetry.dependencies]\ncrudgen = '0.1.0'",
        "[project]\nname = 'x'\ndependencies = 'crudgen'",
        "[project",
        "",
    ],
    ids=range(15),
)
def test_a_requirement_may_be_written_in_many_ways(schema: Schema, text: str) -> None:
    assert lines(replace(schema, kit=KitForm.LIBRARY), PYPROJECT, text) == []


@pytest.mark.parametrize(
    "text",
    [
        project(),
        project("fastapi"),
        project(more="dynamic = ['version']"),
        project("crudgen==0.0.9"),
        project("crudgen<0.1"),
        project("crudgen-tools"),
        project("not a requirement !"),
    ],
    ids=range(7),
)
def test_a_requirement_is_missing(schema: Schema, text: str) -> None:
    library = replace(schema, kit=KitForm.LIBRARY)
    found = missing(library, PYPROJECT, text)
    assert found == [MissingLine(f'"{LIBRARY}",', "in [project] dependencies")]


def test_another_version_of_a_library_fits_or_not(schema: Schema) -> None:
    text = render(schema)[PYPROJECT]
    needed = '"fastapi>=0.165,<0.166"'
    for listed in ("fastapi[standard]>0.165", "fastapi==0.165.9", "FastAPI>=0.120", "fastapi<1"):
        assert lines(schema, PYPROJECT, text.replace(needed, f'"{listed}"')) == []
    for listed in ("fastapi>=0.120,<0.121", "fastapi==0.170.1", "fastapi~=0.166.0"):
        assert lines(schema, PYPROJECT, text.replace(needed, f'"{listed}"')) == [f"{needed},"]


def test_a_library_of_the_extra_test_is_missing_where_the_application_needs_it() -> None:
    app = "webhooks: {crm: {events: [Hero.created]}}"
    served = load_texts({"hero.yaml": "name: Hero\nfields: {name: str}\n"}, app)
    text = render(served)[PYPROJECT]
    assert lines(served, PYPROJECT, text) == []
    without = text.replace('    "httpx>=0.28",\n', "")
    assert '"httpx>=0.28"' in without
    assert missing(served, PYPROJECT, without) == [
        MissingLine('"httpx>=0.28",', "in [project] dependencies")
    ]
    fixtures = "tests/conftest.py"
    assert lines(served, fixtures, render(served)[fixtures]) == []
    assert lines(served, fixtures, "Settings(database_url=url)") == ["webhooks=False,"]


def test_fixtures_of_a_traced_application_send_no_spans(schema: Schema) -> None:
    served, fixtures = replace(schema, tracing=True), "tests/conftest.py"
    text = render(served)[fixtures]
    line = 'os.environ["OTEL_TRACES_EXPORTER"] = "none"'
    assert f"\n{line}" in text
    assert lines(served, fixtures, text) == []
    assert lines(served, fixtures, render(schema)[fixtures]) == [line]


def test_postgresql_needs_its_driver(schema: Schema) -> None:
    served = replace(schema, database="postgresql://host/app")
    text = render(schema)[PYPROJECT]
    without = "".join(
        line for line in text.splitlines(keepends=True) if not line.startswith("postgres =")
    )
    assert lines(schema, PYPROJECT, without) == []
    assert missing(served, PYPROJECT, without) == [
        MissingLine(
            '"psycopg[binary,pool]>=3.3,<3.4",', "in [project.optional-dependencies] postgres"
        )
    ]
    assert lines(served, PYPROJECT, without.replace('"fastapi', '"psycopg", "fastapi')) == []
