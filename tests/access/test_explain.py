"""`crudgen access explain` says whether the rules allow something, and which part does not."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text
from typer.testing import CliRunner

from crudgen.cli import app

NOTE = """\
name: Note
fields:
  text: str json(words)
  status: enum(draft, published) = draft
  owner_id: int = me
access:
  owner: owner_id
  read: [owner, editor, user if status = published]
  create: owner
  update:
    - owner if old.status = draft
    - editor if status = published
  delete: editor
"""
ROW = "INSERT INTO note (id, text, status, owner_id) VALUES (1, 'a', 'draft', 7)"


def run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["access", *arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result.exit_code, result.output


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_the_parts_of_rules_are_explained(
    kind: str,
    new_database: Callable[[str], str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "entities").mkdir()
    (tmp_path / "entities/note.yaml").write_text(NOTE)
    (tmp_path / "crudgen.yaml").write_text("auth: {roles: [editor], me: {id: int = sub}}\n")
    url = new_database(kind)
    monkeypatch.setenv("DATABASE_URL", url)
    assert CliRunner().invoke(app, ["apply"]).exit_code == 0
    with create_engine(url.replace("postgresql:", "postgresql+psycopg:")).begin() as connection:
        connection.execute(text(ROW))

    code, said = run("explain", "Note", "1", "update", "--as", "id=7")
    assert (code, said.splitlines()[0]) == (0, "update Note 1: allowed")
    code, said = run("explain", "note", "1", "update", "--as", "id=7", "--body", '{"owner_id": 8}')
    assert code == 1
    assert "owner_id = me.id    before yes, after NO\n      old.status = draft  yes" in said
    assert "entities/note.yaml:11" in said
    code, said = run("explain", "Note", "1", "update", "--as", "id=8,roles=editor", "--json")
    found = json.loads(said)
    assert (code, found["allowed"], found["operation"]) == (1, False, "update")
    assert [one["place"] for one in found["rules"]] == [
        "entities/note.yaml:11",
        "entities/note.yaml:12",
    ]
    assert found["rules"][1]["parts"] == [
        {"condition": "status = published", "values": {"before": False, "after": False}}
    ]
    code, said = run("explain", "Note", "create", "--as", "id=7", "--body", '{"words": "a"}')
    assert (code, "allowed" in said) == (0, True)
    for arguments, reason in (
        (("1", "read", "--as", "id=8"), "cannot read the row"),
        (("2", "read", "--as", "id=8"), "no such row"),
        (("1", "delete", "--as", "id=7"), "needs the role editor"),
        (("1", "delete"), "needs a caller with credentials"),
    ):
        code, said = run("explain", "Note", *arguments)
        assert (code, reason in said) == (1, True)
    for wrong in (
        ("explain", "Note", "create", "--as", "id=7"),
        ("explain", "Note", "1", "update", "--as", "roles=editor"),
        ("explain", "Note", "1", "update", "--as", "id=7,roles=edtor"),
        ("explain", "Note", "1", "update", "--as", "id=x"),
        ("explain", "Note", "1", "update", "--as", "org"),
        ("explain", "Note", "1", "update", "--as", "id=7", "--body", "{}}"),
        ("explain", "Note", "1", "read", "--as", "id=7", "--body", "{}"),
        ("explain", "Note", "x", "update"),
        ("explain", "Nte", "1", "update"),
        ("explain", "Note", "update"),
        ("explain", "Note", "1", "create"),
        ("explain", "Note", "1", "updte"),
        ("explain",),
        ("entities", "more"),
        ("--as", "id=7"),
    ):
        assert run(*wrong)[0] == 2, wrong
    assert run("entities")[0] == run()[0] == 0
