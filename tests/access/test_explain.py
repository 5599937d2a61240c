"""`crudgen access explain` says whether the rules allow something, and which part does not."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool
from typer.testing import CliRunner

from crudgen.cli import app, first_user
from crudgen.cli.callers import named_caller
from crudgen.delivery.named_callers import NamedCaller
from crudgen.errors import ArgumentError
from crudgen.language import load_texts
from tests.support.servers import write_entities

pytestmark = pytest.mark.long

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
PAGE = """\
name: Page
fields: {title: str, note_id: -> Note?, memo_id: -> Memo?}
access: user
"""
MEMO = "name: Memo\nfields: {text: str}\naccess: editor\n"
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
    write_entities(tmp_path / "entities", {"note": NOTE, "page": PAGE, "memo": MEMO})
    (tmp_path / "crudgen.yaml").write_text("auth: {roles: [editor], me: {id: int = sub}}\n")
    url = new_database(kind)
    monkeypatch.setenv("DATABASE_URL", url)
    assert CliRunner().invoke(app, ["apply"]).exit_code == 0
    engine = create_engine(url.replace("postgresql:", "postgresql+psycopg:"), poolclass=NullPool)
    with engine.begin() as connection:
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
    for caller, reference, wanted in (
        ("id=7", "note_id", 0),
        ("id=8", "note_id", 1),
        ("id=7", "memo_id", 1),
    ):
        body = json.dumps({"title": "t", reference: 1})
        code, said = run("explain", "Page", "create", "--as", caller, "--body", body)
        assert code == wanted, said
        assert (f"'{reference}': no such row exists, or the caller cannot read it" in said) == bool(
            wanted
        )
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


USER = "name: User\nfields: {name: str, team: int?}\naccess: user\n"
BOOK = """\
name: Book
fields: {title: str, team: int? = me.team}
access: {read: user, create: [user if team = me.team, editor], update: editor}
"""
USERS = "auth: {users: User, roles: [editor, hr]}"
WRONG_CALLERS = [
    (["id=7,id=8"], "'id' has two values"),
    (["id=7", "id=7"], "'id' has two values"),
    (["login=ann,id=7"], "remove one"),
    (["team=1,team=2,id=1"], "'team' has two values"),
    (["team=1"], "--as lacks 'id': write id=VALUE, or login=NAME"),
    (["id=99999999999999999999"], "the key of User is an int"),
    (["id=x"], "the key of User is an int"),
    (["id=1", "roles=edtor"], "did you mean 'editor'"),
    (["id=1", "tema=3"], "did you mean 'team'"),
    (["id"], "should be NAME=VALUE"),
]


def test_callers_are_put_together_from_all_options() -> None:
    schema = load_texts({"user.yaml": USER, "book.yaml": BOOK}, USERS)
    found = named_caller(["id=7, team=3", "roles=editor", "roles=hr"], schema)
    assert found == NamedCaller({"row.team": "3"}, ("editor", "hr"), None, 7)
    assert named_caller(["login=ann"], schema) == NamedCaller({}, (), "ann")
    for texts, reason in WRONG_CALLERS:
        with pytest.raises(ArgumentError, match=reason):
            named_caller(texts, schema)
    schema = load_texts({"note.yaml": NOTE}, "auth: {me: {id: int, login: str?}, roles: [editor]}")
    assert named_caller(["id=7", "login=a"], schema) == NamedCaller({"id": "7", "login": "a"})
    with pytest.raises(ArgumentError, match=r"--as lacks 'id': write id=VALUE$"):
        named_caller(["roles=editor"], schema)


KEYS = "auth: {users: User, keys: true, roles: [editor, hr]}"
WRONG_KEYS = [
    (["key=cg_1_x"], "'key' is the number of an API key; see: crudgen key list"),
    (["key=0"], "'key' is the number"),
    (["key=1,key=2"], "'key' has two values"),
    (["key=1,login=ann"], "'login' and 'key' both name the caller"),
    (["key=1", "id=1"], "'key' and 'id' both name the caller"),
    (["team=1"], "--as lacks 'id': write id=VALUE, or login=NAME, or key=ID"),
    (["kye=1"], "did you mean 'key'"),
]


def test_api_keys_are_callers() -> None:
    files = {"user.yaml": USER, "book.yaml": BOOK}
    schema = load_texts(files, KEYS)
    found = named_caller(["key=12,team=3", "roles=hr"], schema)
    assert found == NamedCaller({"row.team": "3"}, ("hr",), api_key=12)
    for texts, reason in WRONG_KEYS:
        with pytest.raises(ArgumentError, match=reason):
            named_caller(texts, schema)
    with pytest.raises(ArgumentError, match="a caller has no 'key'"):
        named_caller(["key=1"], load_texts(files, USERS))
    auth = "auth: {keys: true, roles: [editor], me: {key: str, id: int = sub}}"
    schema = load_texts({"note.yaml": NOTE}, auth)
    assert named_caller(["id=7", "key=a"], schema) == NamedCaller({"sub": "7", "key": "a"})
    with pytest.raises(ArgumentError, match=r"--as lacks 'key': write key=VALUE$"):
        named_caller(["id=7"], schema)
    with pytest.raises(ArgumentError, match=r"allowed: key, id, roles$"):
        named_caller(["x=7"], schema)


def test_what_is_stored_of_an_api_key_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PASSWORD_MEMORY_MB", "12")
    write_entities(tmp_path / "entities", {"user": USER, "book": BOOK})
    (tmp_path / "crudgen.yaml").write_text(KEYS)

    def crudgen(*arguments: str, given: str | None = None, code: int = 0) -> str:
        done = CliRunner().invoke(app, [*arguments], input=given)
        assert done.exit_code == code, (arguments, done.output)
        return done.output + str(done.exception)

    for caller, table in (("key=1", "_credential"), ("login=ann", "_login"), ("id=1", "user")):
        found = crudgen("access", "explain", "User", "1", "read", "--as", caller, code=1)
        assert f"database sqlite:///app.db: no such table: {table}\n  crudgen plan shows" in found
        assert "crudgen apply changes it" in found
        assert "SELECT" not in found
    crudgen("apply")
    add = ("user", "add", "ann", "--set", "name=Ann", "--set", "team=3", "--password-stdin")
    crudgen(*add, given="a long password")
    crudgen("key", "add", "--row", "1")
    crudgen("key", "add", "--row", "1", "--role", "editor")
    create = ("access", "explain", "Book", "create", "--body", '{"title": "a", "team": 3}', "--as")
    assert "A rule allows it: user if team = me.team" in crudgen(*create, "key=1")
    assert "team = me.team  NO" in crudgen(*create, "key=1,team=4", code=1)
    assert "without a condition" in crudgen(*create, "key=1,roles=editor")
    assert "without a condition" in crudgen(*create, "key=2")
    assert "there is no key 9; see: crudgen key list" in crudgen(*create, "key=9", code=2)
    crudgen("user", "disable", "ann")
    disabled = "the key 1 acts as the user 'ann', who is disabled, so it gets 401"
    assert disabled in crudgen(*create, "key=1", code=2)
    crudgen("user", "enable", "ann")
    with create_engine("sqlite:///app.db", poolclass=NullPool).begin() as connection:
        connection.execute(text("UPDATE _credential SET expires = 1 WHERE id = 1"))
        connection.execute(text("UPDATE _credential SET row_id = NULL WHERE id = 2"))
        connection.execute(text("UPDATE _login SET row_id = NULL, disabled = 1"))
    assert "the key 1 has expired, so it gets 401" in crudgen(*create, "key=1", code=2)
    assert "the key 2 has no row, so it gets 401" in crudgen(*create, "key=2", code=2)


def test_the_row_and_the_login_of_a_caller_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PASSWORD_MEMORY_MB", "12")
    write_entities(tmp_path / "entities", {"user": USER, "book": BOOK})
    (tmp_path / "crudgen.yaml").write_text(USERS)
    url = "sqlite:///app.db"
    schema = load_texts({"user.yaml": USER, "book.yaml": BOOK}, USERS)
    entities = tmp_path / "entities"
    assert CliRunner().invoke(app, ["apply"]).exit_code == 0
    said = first_user.advice(schema, url, entities, None)
    command = "crudgen user add NAME --role editor --set PROPERTY=VALUE --entities "
    assert said.startswith(f"There are no users, so nobody can log in. Add one: {command}")
    add = ["user", "add", "ann", "--set", "name=Ann", "--set", "team=3", "--password-stdin"]
    assert CliRunner().invoke(app, add, input="a long password").exit_code == 0
    assert first_user.advice(schema, url, entities, None) == ""
    assert first_user.advice(schema, "postgresql://localhost:1/x", entities, None) == ""

    body = ("--body", '{"title": "a", "team": 3}')
    for caller, code, reason in (
        (("--as", "login=ann"), 0, "A rule allows it: user if team = me.team"),
        (("--as", "id=1"), 0, "A rule allows it: user if team = me.team"),
        (("--as", "id=1", "--as", "team=4"), 1, "team = me.team  NO"),
        (("--as", "login=ann", "--as", "team=4,roles=editor"), 0, "without a condition"),
        (("--as", "login=eve"), 2, "there is no user 'eve'"),
        (("--as", "id=9"), 2, "User has no row 9"),
    ):
        found = CliRunner().invoke(app, ["access", "explain", "Book", "create", *caller, *body])
        assert found.exit_code == code, (caller, found.output)
        assert reason in found.output + str(found.exception), (caller, found.output)
    assert CliRunner().invoke(app, ["user", "disable", "ann"]).exit_code == 0
    found = CliRunner().invoke(app, ["access", "explain", "User", "1", "read", "--as", "login=ann"])
    assert "the user 'ann' is disabled, so they get 401" in str(found.exception) + found.output


PERSON = """\
name: Person
fields: {name: str, salary: int?, grade: int?, owner_id: int = me}
access:
  owner: owner_id
  read: user
  create: user
  update: [owner, hr]
  fields: {salary: {read: owner, write: hr}, grade: {read: hr, write: owner if grade < 5}}
"""


def test_rules_about_fields_are_explained(
    new_database: Callable[[str], str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "entities").mkdir()
    (tmp_path / "entities/person.yaml").write_text(PERSON)
    (tmp_path / "crudgen.yaml").write_text("auth: {roles: [hr], me: {id: int = sub}}\n")
    url = new_database("sqlite")
    monkeypatch.setenv("DATABASE_URL", url)
    assert CliRunner().invoke(app, ["apply"]).exit_code == 0
    with create_engine(url, poolclass=NullPool).begin() as connection:
        row = "INSERT INTO person (id, name, salary, grade, owner_id) VALUES (1, 'a', 5, 3, 7)"
        connection.execute(text(row))

    def explained(who: str, action: str, body: str = "{}") -> str:
        sent = () if action == "read" else ("--body", body)
        return run("explain", "Person", "1", action, "--as", who, *sent)[1].splitlines()[1].strip()

    assert explained("id=8", "read").endswith("; 'salary' is null; 'grade' is absent")
    assert explained("id=7", "read").endswith("; 'grade' is absent")
    denied = "To set 'salary' to another value, a rule must hold: hr"
    assert explained("id=7", "update", '{"salary": 6}') == denied
    assert "allows it" in explained("id=7", "update", '{"salary": 5}')
    assert "allows it" in explained("id=8,roles=hr", "update", '{"salary": 6}')
    denied = (
        "To set 'grade' to another value, a rule must hold: user if owner_id = me.id and grade < 5"
    )
    assert explained("id=7", "update", '{"grade": 6}') == denied
    assert "allows it" in explained("id=7", "update", '{"grade": 4}')
    body = '{"name": "b", "salary": 1}'
    code, said = run("explain", "Person", "create", "--as", "id=7", "--body", body)
    assert (code, "a rule must hold: hr" in said) == (1, True)
