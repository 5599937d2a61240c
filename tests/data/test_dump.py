"""Dumps of databases: the same bytes from both databases, all or nothing when they are loaded."""

import io
import json
import os
import random
import subprocess
import sys
import time
import tracemalloc
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

import pytest

from crudgen.data.csv_text import csv_line, csv_records
from crudgen.data.dump_contents import dumped_tables
from crudgen.data.dumping import check_tables
from crudgen.data.forms import Form, form_of
from crudgen.data.json_text import json_objects
from crudgen.data.lines import MAX_RECORD, bounded_lines, json_lines
from crudgen.data.writing import check_replaceable
from crudgen.errors import ArgumentError, CrudgenError, DatabaseError, DataError
from crudgen.evolution.connecting import Database
from crudgen.evolution.statements import run
from tests.data.rows import Value
from tests.data.spec import Spec, lines, opened, texts_of

ROWS = int(os.environ.get("ROWS", "20000"))
ROUNDS = int(os.environ.get("ROUNDS", "1"))
FORMS = ("ndjson", "json", "zip")
READ_AHEAD = 100_000
"""More bytes than a pipe and the buffer of its reader have: 64 and 8 KiB."""


def words(*known: object) -> Value:
    return lambda chance, _number: chance.choice(known)


ZOO: dict[str, Value] = {
    "animal.title": lambda _chance, number: f"ä{number}",
    "animal.age": words(0, 150),
    "animal.weight": words(0.5, 0.1 + 0.5, 1000.5),
    "animal.mood": words("calm", "in-progress", "no", "a b", "true"),
    "animal.second_mood": words("x", "y"),
    "animal.secret": lambda _chance, number: f"password{number}",
    "animal.score": words(0, 10),
}
SHOP: dict[str, Value] = {
    "address.kind": words("home", "work"),
    "order.status": words("open", "paid", "sent"),
    "customer.tier": words("basic", "silver", "gold"),
    "customer.password": lambda _chance, number: f"password{number}",
    "product.status": words("draft", "on sale", "sold out"),
    "product.sku": lambda _chance, number: f"s{number}",
    "country.code": lambda _chance, number: chr(65 + number // 26) + chr(65 + number % 26),
    "review.stars": words(1, 5),
    "wish.priority": words(1, 9),
    "profile.language": words("en", "de"),
    "category.position": words(0, 3),
    "line.quantity": words(1, 2),
}
CYCLE = {
    "entities/hero.yaml": """
name: Hero
access: anyone
fields:
  name: str(1..80) unique
  age: int?
  born: date?
  code: str? write_only
  team_id: -> Team?
  boss_id: -> Hero? set_null inverse(minions)
""",
    "entities/team.yaml": """
name: Team
access: anyone
fields:
  name: str(1..80)
  lead_id: -> Hero inverse(led)
  motto: str? write_only
""",
    "crudgen.yaml": "auth: {users: true, keys: true}\n",
}
HERO = {"id": 1, "name": "Ann", "age": None, "born": None, "code": None, "team_id": 1, "boss_id": 2}
OTHER = HERO | {"id": 2, "name": "Bob", "team_id": None, "boss_id": 1}
TEAM = {"id": 1, "name": "T", "lead_id": 2, "motto": None}
TYPES = {
    "hero": dict.fromkeys(("id", "age", "team_id", "boss_id"), "int")
    | {"name": "text", "born": "date", "code": "text"},
    "team": {"id": "int", "name": "text", "lead_id": "int", "motto": "text"},
}


def head(**counts: int) -> dict[str, Any]:
    tables = {name: {"rows": rows, "columns": TYPES[name]} for name, rows in counts.items()}
    return {"crudgen_dump": 1, "secrets": True, "tables": tables}


@pytest.fixture(scope="module")
def cycle() -> Iterator[Spec]:
    """Two tables that refer to each other, and one of them to itself."""
    with opened(CYCLE) as spec:
        yield spec


@pytest.fixture
def empty(tmp_path: Path) -> Database:
    return Database(f"sqlite:///{tmp_path}/empty.db")


@pytest.mark.parametrize(("name", "special"), [("zoo", ZOO), ("shop", SHOP)])
def test_both_databases_give_the_same_bytes(
    root: Path,
    new_database: Callable[[str], str],
    tmp_path: Path,
    name: str,
    special: dict[str, Value],
) -> None:
    with opened(texts_of(root / "tests/specs" / name)) as spec:
        first = Database(new_database("postgresql"))
        spec.fill(first, special, 30)
        for form in FORMS:
            dumps = [spec.dump(first, tmp_path / f"0.{form}")]
            for number, kind in enumerate(
                ("sqlite", "postgresql") if form == "zip" else ("sqlite",)
            ):
                other = Database(new_database(kind))
                spec.load(other, tmp_path / f"{number}.{form}")
                dumps.append(spec.dump(other, tmp_path / f"{number + 1}.{form}"))
            assert {*dumps} == {dumps[0]}
            assert len(dumps[0]) > 3000


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_references_may_be_circular(
    cycle: Spec, new_database: Callable[[str], str], tmp_path: Path, kind: str
) -> None:
    file, database = tmp_path / "a.ndjson", Database(new_database(kind))
    file.write_text(lines(head(hero=2, team=1), {"hero": HERO}, {"hero": OTHER}, {"team": TEAM}))
    assert cycle.load(database, file) == {"hero": 2, "team": 1}
    with database.connect() as connection:
        sql = """INSERT INTO hero (name) VALUES ('New') RETURNING id"""
        assert run(connection, sql).scalar_one() == 3, "the keys continue"
        with pytest.raises(Exception, match=r"(?i)foreign key"):
            run(connection, "UPDATE team SET lead_id = 9")
    with database.read_only_connection() as connection:
        assert cycle.target.plan(connection).is_empty, "the constraints are as before"


def test_users_and_hidden_fields_are_secrets(cycle: Spec, empty: Database, tmp_path: Path) -> None:
    file = tmp_path / "a.ndjson"
    file.write_text(
        lines(head(hero=1), {"hero": HERO | {"code": "x", "team_id": None, "boss_id": 1}})
    )
    cycle.load(empty, file)
    with empty.connect() as connection:
        run(
            connection,
            "INSERT INTO _login (name, password, roles, claims, created)"
            " VALUES ('ann', 'hash', '[]', '{}', 1)",
        )
        run(connection, "INSERT INTO _credential (hash, created, expires) VALUES (x'00ff', 1, 2)")
    plain = cycle.dump(empty, tmp_path / "plain.ndjson", secrets=False).decode()
    assert "hash" not in plain
    assert "code" not in plain
    assert "motto" not in plain
    full = cycle.dump(empty, tmp_path / "full.ndjson").decode()
    assert '"password":"hash"' in full
    assert '"hash":"AP8="' in full
    assert "_secret" not in full
    assert "_event" not in full
    for name in ("plain", "full"):
        other = Database(f"sqlite:///{tmp_path}/{name}.db")
        cycle.load(other, tmp_path / f"{name}.ndjson")
        again = cycle.dump(other, tmp_path / "again.ndjson", secrets=name == "full").decode()
        assert again == {"plain": plain, "full": full}[name]
    assert (tmp_path / "full.ndjson").stat().st_mode & 0o077 == 0, "others cannot read it"


REFUSED = {
    "no dump": ([{"hero": HERO}], ":1: this is no dump of crudgen"),
    "another format": ([head() | {"crudgen_dump": 2}], ":1: the format of the dump is 2"),
    "a negative number": ([head(hero=-1)], ":1: tables.hero.rows: Input should be greater"),
    "cut off": ([head(hero=2), {"hero": OTHER}], "2 rows of hero, and the file 1"),
    "no row": ([head(hero=1)], "1 rows of hero, and the file 0"),
    "a value": ([head(hero=1), {"hero": HERO | {"age": "x"}}], ":2: hero.age: Input should be"),
    "a number": ([head(hero=1), {"hero": HERO | {"age": 2**63}}], ":2: hero.age: Input should be"),
    "a date": ([head(hero=1), {"hero": HERO | {"born": "1.2.99"}}], ":2: hero.born: Input should"),
    "null": ([head(hero=1), {"hero": HERO | {"name": None}}], ":2: hero.name: Input should be"),
    "no value": ([head(hero=1), {"hero": {"id": 1}}], ":2: hero.name: Field required"),
    "more": ([head(hero=1), {"hero": HERO | {"x": 1}}], ":2: hero.x: Extra inputs"),
    "no table": ([head(hero=1), {}], ":2: expected a table and its row"),
    "no such table": ([head(hero=1), {"boat": {}}], ":2: boat: Extra inputs"),
    "an order": (
        [head(hero=1, team=1), {"team": TEAM}, {"hero": HERO}],
        ":3: rows of hero: the first line has another order",
    ),
    "twice": ([head(hero=2), {"hero": OTHER}, {"hero": OTHER}], ":3: hero: the database refuses"),
    "no target": ([head(hero=1), {"hero": HERO}], "hero: the row 1 refers to no row of"),
    "no target of another table": ([head(team=1), {"team": TEAM}], "refers to no row of hero"),
}


@pytest.mark.parametrize(("records", "message"), REFUSED.values(), ids=REFUSED)
def test_a_file_that_does_not_fit_loads_nothing(
    cycle: Spec, empty: Database, tmp_path: Path, records: list[dict[str, Any]], message: str
) -> None:
    file = tmp_path / "a.ndjson"
    file.write_text(lines(*records))
    with pytest.raises(DataError) as caught:
        cycle.load(empty, file)
    assert message in str(caught.value)
    assert not empty.exists or not tables_in(empty)


def tables_in(database: Database) -> list[str]:
    with database.connect() as connection:
        return [*run(connection, "SELECT name FROM sqlite_master").scalars()]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda types: types.update(age="text"), "hero.age: the type is text, and int in the spec"),
        (lambda types: types.update(size="int"), "hero.size: the spec has no such column"),
        (lambda types: types.pop("name"), "hero.name: the column is missing"),
    ],
)
def test_a_dump_of_another_spec_is_refused(
    cycle: Spec, empty: Database, tmp_path: Path, change: Callable[[Any], Any], message: str
) -> None:
    first = json.loads(json.dumps(head(hero=0)))
    change(first["tables"]["hero"]["columns"])
    file = tmp_path / "a.ndjson"
    file.write_text(lines(first))
    with pytest.raises(DataError, match=message):
        cycle.load(empty, file)
    assert not empty.exists


def test_all_wrong_rows_are_reported_up_to_a_bound(
    cycle: Spec, empty: Database, tmp_path: Path
) -> None:
    file = tmp_path / "a.ndjson"
    wrong = [{"hero": HERO | {"id": "x"}}] * 3
    file.write_text(lines(head(hero=1003), *wrong, *[{"hero": OTHER}] * 1000))
    with pytest.raises(DataError) as caught:
        cycle.load(empty, file)
    assert str(caught.value).count("hero.id: Input should be") == 3
    file.write_text(lines(head(hero=500), *wrong * 100))
    with pytest.raises(DataError, match="and possibly more") as caught:
        cycle.load(empty, file)
    assert str(caught.value).count("hero.id: Input should be") == 20


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b'{"hero":{"id":1}', ":2: column 16: the row is not valid JSON: EOF while parsing"),
        (b'{"hero":{"name":"Zo\xeb"}}', ":2: the byte 0xeb at character 20 of the line is not"),
    ],
)
def test_a_line_that_is_not_json_is_explained(
    cycle: Spec, empty: Database, tmp_path: Path, line: bytes, message: str
) -> None:
    file = tmp_path / "a.ndjson"
    file.write_bytes(lines(head(hero=1)).encode() + line + b"\n")
    with pytest.raises(DataError) as caught:
        cycle.load(empty, file)
    assert message in str(caught.value)


def test_postgresql_names_the_line_of_a_row(
    cycle: Spec, new_database: Callable[[str], str], tmp_path: Path
) -> None:
    file, database = tmp_path / "a.ndjson", Database(new_database("postgresql"))
    for records, message in (
        (
            [{"hero": OTHER}, {"hero": OTHER}],
            r":3: hero: the database refuses .*\n.*already exists",
        ),
        ([{"hero": OTHER}, {"hero": HERO | {"name": ""}}], ":3: hero: the database refuses"),
        ([{"hero": OTHER}, {"hero": HERO | {"name": "a\0"}}], ":3: hero: the database refuses"),
        ([{"hero": OTHER}, {"hero": HERO | {"boss_id": 7}}], r"\(boss_id\)=\(7\) is not present"),
        ([{"hero": OTHER}, {"hero": HERO | {"team_id": 7}}], r"\(team_id\)=\(7\) is not present"),
    ):
        fitting = (
            records if "present" not in message else [{"hero": OTHER | {"boss_id": 2}}, records[1]]
        )
        file.write_text(lines(head(hero=2), *fitting))
        with pytest.raises(CrudgenError, match=message):
            cycle.load(database, file)
    with database.read_only_connection() as connection:
        assert run(connection, "SELECT to_regclass('hero')").scalar_one() is None


def test_rows_are_not_mixed_with_others(cycle: Spec, empty: Database, tmp_path: Path) -> None:
    file = tmp_path / "a.ndjson"
    file.write_text(lines(head(hero=1), {"hero": OTHER | {"boss_id": 2}}))
    assert cycle.load(empty, file, is_dry_run=True) == {"hero": 1}
    assert not empty.exists
    cycle.load(empty, file)
    with pytest.raises(DatabaseError, match="hero has rows"):
        cycle.load(empty, file)


def test_tables_that_differ_are_neither_dumped_nor_filled(
    cycle: Spec, empty: Database, tmp_path: Path
) -> None:
    with empty.connect() as connection:
        run(connection, "CREATE TABLE hero (id INTEGER PRIMARY KEY, name TEXT, age TEXT)")
    file = tmp_path / "a.ndjson"
    file.write_text(lines(head()))
    with pytest.raises(DatabaseError, match="crudgen apply"):
        cycle.load(empty, file)
    tables = dumped_tables(cycle.target.metadata, cycle.schema, secrets=False)
    with (
        empty.read_only_connection() as connection,
        pytest.raises(DatabaseError, match="table team: missing"),
    ):
        check_tables(connection, tables, empty.where)


def test_a_value_without_json_form_is_reported(
    cycle: Spec, empty: Database, tmp_path: Path
) -> None:
    file = tmp_path / "a.ndjson"
    file.write_text(lines(head(hero=1), {"hero": OTHER | {"boss_id": 2}}))
    cycle.load(empty, file)
    with empty.connect() as connection:
        run(connection, "UPDATE hero SET born = '31.1.2026'")
    before = file.read_bytes()
    with pytest.raises(DataError, match="table hero: a row has a value"):
        cycle.dump(empty, file)
    assert file.read_bytes() == before, "the former dump stays"
    assert not [*tmp_path.glob(".*")]


def test_a_dump_never_replaces_another_kind_of_file(tmp_path: Path) -> None:
    database = tmp_path / "app.db"
    with pytest.raises(ArgumentError, match="does not end in"):
        form_of(database, None)
    database.write_text("rows")
    for form in Form:
        with pytest.raises(ArgumentError, match="its name is not that of a file of"):
            check_replaceable(database, form)
    with pytest.raises(ArgumentError, match="is a folder"):
        check_replaceable(tmp_path, Form.JSON)
    check_replaceable(tmp_path / "new", Form.JSON)


@pytest.mark.long
def test_damaged_archives_are_refused(cycle: Spec, empty: Database, tmp_path: Path) -> None:
    file = tmp_path / "a.ndjson"
    file.write_text(lines(head(hero=1), {"hero": OTHER | {"boss_id": 2}}))
    cycle.load(empty, file)
    whole = cycle.dump(empty, tmp_path / "a.zip")
    other = Database(f"sqlite:///{tmp_path}/other.db")
    for place in range(0, len(whole), 11):
        damaged = bytearray(whole)
        damaged[place] ^= 0x41
        (tmp_path / "b.zip").write_bytes(damaged)
        try:
            cycle.load(other, tmp_path / "b.zip")
        except DataError:
            assert not other.exists
        else:
            assert cycle.dump(other, tmp_path / "c.zip") == whole
            assert other.file is not None
            other.file.unlink()


def test_a_column_may_have_the_name_of_the_number_of_a_row(tmp_path: Path) -> None:
    kinds = dict.fromkeys(("id", "rowid", "boss_id"), "int")
    tables = {"note": {"rows": 1, "columns": kinds}}
    note = "name: Note\nfields: {rowid: int, boss_id: '-> Note? inverse(subs)'}\n"
    file, database = tmp_path / "a.ndjson", Database(f"sqlite:///{tmp_path}/a.db")
    row = {"note": {"id": 5, "rowid": 7, "boss_id": 9}}
    file.write_text(lines({"crudgen_dump": 1, "secrets": True, "tables": tables}, row))
    message = "table note: the row 5 refers to no row of note"
    with opened({"entities/note.yaml": note}) as spec, pytest.raises(DataError, match=message):
        spec.load(database, file)


def test_columns_may_have_all_names_of_the_number_of_a_row(tmp_path: Path) -> None:
    kinds = dict.fromkeys(("id", "rowid", "oid", "_rowid_", "boss_id"), "int")
    tables = {"note": {"rows": 1, "columns": kinds}}
    names = "rowid: int, oid: int, number: int column(_rowid_)"
    note = f"name: Note\nfields: {{{names}, boss_id: '-> Note? inverse(subs)'}}\n"
    file, database = tmp_path / "a.ndjson", Database(f"sqlite:///{tmp_path}/a.db")
    row = {"note": {"id": 5, "rowid": 7, "oid": 8, "_rowid_": 6, "boss_id": 9}}
    file.write_text(lines({"crudgen_dump": 1, "secrets": True, "tables": tables}, row))
    message = "table note: a row refers to no row of note"
    with opened({"entities/note.yaml": note}) as spec, pytest.raises(DataError, match=message):
        spec.load(database, file)


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_key_is_never_given_twice(tmp_path: Path) -> None:
    """A parser that keeps the last value would lose the first."""
    note = "name: Note\nfields: {text: str?, data: json?}\n"
    columns = {"id": "int", "text": "text", "data": "json"}
    tables = {"note": {"rows": 1, "columns": columns}}
    first = lines({"crudgen_dump": 1, "secrets": True, "tables": tables})
    twice = {
        '{"note": {"id": 1, "text": "a", "text": "b", "data": 1}}': ":2: note: the key 'text' is",
        '{"note": {"id": 1, "te\\u0078t" : ":", "text"\t:"b", "data": null}}': "the key 'text' is",
        '{"note": {"id": 1, "text": "\\":", "data": {"a": [{"b": 1, "b": 1}]}}}': "the key 'b' is",
        '{"note": {"id": 1}, "note": {"id": 1, "text": null, "data": 1}}': ":2: note.",
    }
    once = '{"note": {"id": 1, "text": "\\":\\"a\\" : \\":", "data": {"a": {"a": "a:"}}}}'
    with opened({"entities/note.yaml": note}) as spec:
        for number, (text, message) in enumerate([*twice.items(), (once, "")]):
            file, database = tmp_path / "a.ndjson", Database(f"sqlite:///{tmp_path}/{number}.db")
            file.write_text(first + text)
            if message:
                with pytest.raises(DataError, match=message):
                    spec.load(database, file)
            else:
                assert spec.load(database, file) == {"note": 1}
        again = Database(f"sqlite:///{tmp_path}/again.db")
        file.write_text(first.replace('"tables"', '"secrets": false, "tables"') + once)
        with pytest.raises(DataError, match=":1: the key 'secrets' is repeated"):
            spec.load(again, file)
        for names, data, message in (
            (["note.csv", "note.csv"], "1", "the archive has note.csv more than once"),
            (["note.csv", "boat.csv"], "1", "names no table of the file boat.csv"),
            (["note.csv"], '{"a": 1, "a": 2}', "note.csv:2: note: .*the key 'a' is repeated"),
        ):
            with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
                archive.writestr("dump.json", first)
                for name in names:
                    with archive.open(zipfile.ZipInfo(name), "w") as member:
                        member.write((csv_line(columns) + csv_line(["1", None, data])).encode())
            with pytest.raises(DataError, match=message):
                spec.load(again, tmp_path / "a.zip")


def test_a_row_has_a_greatest_length() -> None:
    long = "x" * (MAX_RECORD + 10)
    with pytest.raises(DataError, match=r"a\.ndjson:1: a row is longer than 100 MiB"):
        next(json_lines(io.BytesIO(long.encode()), "a.ndjson"))
    with pytest.raises(DataError, match=r"a\.csv:1: a row is longer than 100 MiB"):
        next(bounded_lines(io.StringIO(long), "a.csv"))
    with pytest.raises(DataError, match=r"a\.json:2: a row is longer than 100 MiB"):
        next(json_objects(io.StringIO('[\n{"a": "' + long), "a.json"))
    with pytest.raises(DataError, match=r"a\.ndjson:1: a row is longer than 100 MiB"):
        next(json_lines(io.BytesIO(long.encode()), "a.ndjson", limit=None))


@pytest.mark.long
def test_a_row_that_is_longer_is_dumped_and_loaded(tmp_path: Path) -> None:
    with opened({"entities/note.yaml": "name: Note\nfields: {body: json}\n"}) as spec:
        file, database = tmp_path / "a.ndjson", Database(f"sqlite:///{tmp_path}/a.db")
        tables = {"note": {"rows": 2, "columns": {"id": "int", "body": "json"}}}
        first = {"crudgen_dump": 1, "secrets": True, "tables": tables}
        body = ("a" * 1000 + "\n") * (MAX_RECORD // 1000)
        rows = [{"note": {"id": key, "body": body}} for key, body in ((1, ""), (2, body))]
        file.write_text("".join(f"{json.dumps(one)}\n" for one in (first, *rows)))
        assert file.stat().st_size > MAX_RECORD
        assert spec.load(database, file) == {"note": 2}
        again = tmp_path / "b.ndjson"
        assert spec.dump(database, again).endswith(b'a\\n"}}\n')
        assert spec.load(Database(f"sqlite:///{tmp_path}/b.db"), again) == {"note": 2}
    long = "x" * (MAX_RECORD + 10)
    objects = json_objects(io.StringIO(f'[{{}}, {{"a": "{long}"}}]'), "a.json", limit=None)
    assert len([*objects]) == 2
    cells = csv_records(["a\n", f'"{long}\n', '"\n'], "a.csv", limit=None)
    assert len([*cells]) == 2


def test_a_cell_that_is_no_json_is_refused(tmp_path: Path) -> None:
    tables = {"note": {"rows": 1, "columns": {"id": "int", "data": "json"}}}
    first = {"crudgen_dump": 1, "secrets": True, "tables": tables}
    with opened({"entities/note.yaml": "name: Note\nfields: {data: json?}\n"}) as spec:
        for number, (cell, is_json) in enumerate([('"a"', True), ("a", False), ("NaN", False)]):
            with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
                archive.writestr("dump.json", json.dumps(first))
                archive.writestr("note.csv", csv_line(["id", "data"]) + csv_line(["1", cell]))
            database = Database(f"sqlite:///{tmp_path}/{number}.db")
            if is_json:
                spec.load(database, tmp_path / "a.zip")
                continue
            with pytest.raises(DataError, match=r"a\.zip/note\.csv:2: note: .* should be JSON"):
                spec.load(database, tmp_path / "a.zip")


def test_csv_keeps_empty_texts_and_finds_wrong_marks() -> None:
    chance = random.Random(3)  # noqa: S311 -- tests need no secrets
    cells = (None, "", "a", '"', ',"', "\r", "\n", "\r\n", "ü", " ", '""', "a b")
    written = [[chance.choice(cells) for _ in range(3)] for _ in range(500)]
    text = csv_line("xyz") + "".join(csv_line(row) for row in written)
    found = [[*row] for _, row in csv_records(text.splitlines(keepends=True), "a.csv")]
    assert found[1:] == written
    for wrong in ('a"b,c"\n', '"a"b\n', 'a,"b\nc\n', 'x,"\n'):
        with pytest.raises(DataError, match=r"a\.csv:1: .*quotation mark"):
            list(csv_records(wrong.splitlines(keepends=True), "a.csv"))
    inches = ["name,motto\n", '5" nail,x\n', *["Ann,y\n"] * 100_000]
    with pytest.raises(DataError, match=r"a\.csv:2: a quotation mark is never closed"):
        list(csv_records(inches, "a.csv"))


def test_a_long_cell_takes_little_memory() -> None:
    for content in ("x" * 1_000_000, '""' * 500_000, 'a""b' * 250_000):
        record = f'1,"{content}"\r\n'
        tracemalloc.start()
        try:
            [(_, cells)] = csv_records([record], "a.csv")
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert cells == ["1", content.replace('""', '"')]
        assert peak < 10 * len(record)


def test_json_arrays_of_any_form_are_read() -> None:
    class Slowly:
        """A stream that returns one character at a time."""

        def __init__(self, text: str) -> None:
            self._characters = iter(text)

        def read(self, _size: int) -> str:
            return next(self._characters, "")

    def objects(text: str) -> list[Any]:
        found = json_objects(Slowly(text), "a.json")  # type: ignore[arg-type]
        return [(line, json.loads(one)) for line, one in found]

    assert objects(' [ {"a": "]},\\""} \n, {"b": [1.5e3, {}]}\n]\n ') == [
        (1, {"a": ']},"'}),
        (2, {"b": [1500.0, {}]}),
    ]
    assert objects("[]") == []
    for wrong, message in {
        "{}": ":1: the file is no JSON array",
        "": ":1: the file is no JSON array",
        "[1]": ":1: expected a JSON object",
        "[{}\n": ":2: the file ends before the array does",
        "[{},\n{]": ":2: invalid JSON",
        '[{"a\n': ":1: invalid JSON",
        "[{}\n{}]": ":2: expected ',' or ']'",
        "[{}]\nx": ":2: nothing can follow",
        "[{},]": ":1: expected a JSON object",
        '[{"a":' + "[" * 5000: ":1: invalid JSON",
    }.items():
        with pytest.raises(DataError) as caught:
            objects(wrong)
        assert message in str(caught.value), wrong


def _large(tmp_path: Path, rows: int) -> Path:
    """Write the spec of a cycle and a dump with many rows."""
    for name, text in CYCLE.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    file = tmp_path / "large.ndjson"
    with file.open("w") as stream:
        stream.write(lines(head(hero=rows)))
        for number in range(1, rows + 1):
            row = HERO | {
                "id": number,
                "name": f"hero {number}",
                "team_id": None,
                "boss_id": number,
            }
            stream.write(json.dumps({"hero": row}, separators=(",", ":")) + "\n")
    return file


@pytest.mark.long
def test_many_rows_take_little_memory(tmp_path: Path) -> None:
    file = _large(tmp_path, ROWS)
    peaks = {}
    for command in (
        ["load", str(file), "--database", "sqlite:///app.db"],
        ["dump", "--database", "sqlite:///app.db", "--secrets", "--out", "again.ndjson"],
    ):
        script = (
            "import re, sys, time\nfrom crudgen.cli import main\n"
            f"sys.argv = ['crudgen', *{command!r}]\n"
            "try:\n    main()\nfinally:\n"
            "    status = open('/proc/self/status').read()\n"
            "    print(re.search('VmHWM:\\s*([0-9]+)', status)[1], time.process_time())\n"
        )
        done = subprocess.run(
            [sys.executable, "-c", script],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        peak, seconds = done.stdout.split()[-2:]
        peaks[command[0]] = int(peak)
        report = f"{command[0]}: {ROWS:,} rows, {int(peak) // 1024} MB, {float(seconds):.1f} s"
        sys.stdout.write(f"{report}\n")
    assert max(peaks.values()) < 200 * 1024
    assert (tmp_path / "again.ndjson").read_text().count("\n") == ROWS + 1


@pytest.mark.long
@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_load_that_is_killed_between_rows_loads_nothing(
    tmp_path: Path, new_database: Callable[[str], str], cycle: Spec, kind: str
) -> None:
    content, url = _large(tmp_path, ROWS).read_bytes(), new_database(kind)
    assert len(content) > 4 * READ_AHEAD
    for number in range(ROUNDS):
        end = random.Random(number).randrange(2 * READ_AHEAD, len(content))  # noqa: S311 -- no secret
        with _loading(url, tmp_path) as (process, stdin):
            stdin.write(content[:end])  # returns when all but READ_AHEAD was read
            assert process.poll() is None
            process.kill()
        assert _stored_heroes(Database(url)) is None, number
    assert cycle.load(Database(url), tmp_path / "large.ndjson") == {"hero": ROWS}


@pytest.mark.long
@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_load_that_is_killed_at_its_end_loads_all_or_nothing(
    tmp_path: Path, new_database: Callable[[str], str], kind: str
) -> None:
    content, url = _large(tmp_path, ROWS).read_bytes(), new_database(kind)
    found = []
    for number in range(ROUNDS):
        with _loading(url, tmp_path) as (process, stdin):
            stdin.write(content)
            stdin.close()
            time.sleep(random.Random(number).random() / 4)  # noqa: S311 -- no secret
            process.kill()
        found.append(_stored_heroes(Database(url)))
        if found[-1] is not None:
            url = new_database(kind)
    assert {*found} <= {None, ROWS}
    sys.stdout.write(f"{kind}: {found.count(None)} of {ROUNDS} loads were not committed\n")


@contextmanager
def _loading(url: str, folder: Path) -> Iterator[tuple[subprocess.Popen[bytes], IO[bytes]]]:
    """Start a load from standard input."""
    command = [sys.executable, "-m", "crudgen", "load", "-", "--database", url]
    with subprocess.Popen(command, cwd=folder, stdin=subprocess.PIPE, bufsize=0) as process:
        assert process.stdin is not None
        with io.BufferedWriter(process.stdin) as stdin, suppress(BrokenPipeError):
            yield process, stdin


def _stored_heroes(database: Database) -> int | None:
    """Return the number of heroes; None if there is no table."""
    with database.read_only_connection() as connection:
        if connection.dialect.name == "sqlite":
            tables = "SELECT max(name) FROM sqlite_master"
        else:
            tables = "SELECT to_regclass('hero')"
        if run(connection, tables).scalar_one() is None:
            return None
        return int(run(connection, "SELECT count(*) FROM hero").scalar_one())
