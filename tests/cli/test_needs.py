"""`crudgen emit` shows each line that a file of the user lacks."""

from pathlib import Path

import pytest

import crudgen
from tests.cli.test_cli import Project

OLD_MAIN = Path(__file__).parents[1] / "cases" / "upgrading" / "main_0_1_0.py.txt"


@pytest.fixture
def project(tmp_path: Path) -> Project:
    project = Project(tmp_path)
    project.run("emit")
    return project


def test_a_new_project_lacks_nothing(project: Project) -> None:
    done = project.run("emit")
    assert "needs" not in done.stdout + done.stderr
    assert len(done.stdout.splitlines()) == 1


def test_main_of_the_version_before_is_named_with_its_lines(project: Project) -> None:
    project.write("generated/app/main.py", OLD_MAIN.read_text())
    expected = """\
  generated/app/main.py needs, in the call of Database:
      preparing=settings.database_prepared,
      read_only=settings.database_read_only,
  generated/app/main.py needs, in the call of Application:
      root_path=settings.root_path,
  generated/app/main.py needs, at the end:
      app = create_app()
"""
    dry = project.run("emit", "--dry-run")
    assert expected in dry.stderr
    assert not dry.stdout
    assert expected in project.run("emit").stdout
    assert project.read("generated/app/main.py") == OLD_MAIN.read_text()


def test_a_change_of_the_spec_names_requirements_and_imports(project: Project) -> None:
    project.write("crudgen.yaml", "kit: library\ndatabase: postgresql://host/app\n")
    text = project.read("generated/pyproject.toml").replace("psycopg", "psycopg2")
    project.write("generated/pyproject.toml", text)
    lines = project.run("emit", "--prune").stdout.splitlines()[1:]
    assert lines == [
        (
            "  generated/app/main.py needs, instead of"
            " `from .kit.database import session as get_session`:"
        ),
        "      from crudgen.kit.database import session as get_session",
        "  generated/app/main.py needs, instead of `from .kit.wiring import build_application`:",
        "      from crudgen.kit.wiring import build_application",
        (
            "  generated/gunicorn.conf.py needs, instead of"
            ' `"http": "app.kit.http.protocol:HttpProtocol",`:'
        ),
        '      "http": "crudgen.kit.http.protocol:HttpProtocol",',
        "  generated/pyproject.toml needs, in [project] dependencies:",
        f'      "crudgen=={crudgen.__version__}",',
        "  generated/pyproject.toml needs, in [project.optional-dependencies] postgres:",
        '      "psycopg[binary,pool]>=3.3,<3.4",',
    ]
    for path in ("app/main.py", "gunicorn.conf.py", "pyproject.toml"):
        (project.folder / "generated" / path).unlink()
    assert "3 created" in project.run("emit").stdout
    assert "needs" not in project.run("emit").stdout


def test_files_behind_links_and_other_bytes_are_left_alone(project: Project) -> None:
    main = project.folder / "generated" / "app" / "main.py"
    elsewhere = project.folder / "main.py"
    main.unlink()
    elsewhere.write_text(OLD_MAIN.read_text())
    main.symlink_to(elsewhere)
    assert "needs" not in project.run("emit").stdout
    main.unlink()
    main.write_bytes(b"\xff\xfe\x00create_app")
    assert "needs" not in project.run("emit").stdout


def test_line_endings_and_a_byte_order_mark_make_no_difference(project: Project) -> None:
    main = project.folder / "generated" / "app" / "main.py"
    text = main.read_text("utf-8")
    main.write_bytes(b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode())
    assert "needs" not in project.run("emit").stdout
    without = text.replace("app = create_app()", "").replace("\n", "\r\n")
    main.write_bytes(b"\xef\xbb\xbf" + without.encode())
    assert "app = create_app()" in project.run("emit").stdout
