"""Rows of files that others wrote: validated as by the API, and all or none of them loaded."""

import json
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from crudgen.data.batch_copy import can_copy
from crudgen.data.csv_text import csv_line
from crudgen.errors import DataError
from crudgen.evolution.connecting import Database
from crudgen.evolution.statements import run
from crudgen.language.yaml.problems import quoted
from tests.data.spec import Spec, lines, opened

TEXTS = {
    "hero.yaml": """
name: Hero
fields:
  name: str(1..20) unique
  age: int(0..150)?
  price: decimal(6,2) = 1.50
  rating: float?
  tame: bool = false
  born: date?
  data: json?
  motto: text? = none
  photo: bytes?
  mood: enum(calm, wild) = calm
  team_code: -> Team?
  boss_id: -> Hero? set_null inverse(minions)
  made: datetime = now read_only
check: [age > 3]
""",
    "team.yaml": """
name: Team
fields:
  code: str(2..4) pk
  born_on: date? column(born) json(bornOn)
  parent_code: -> Team? set_null inverse(parts)
""",
    "fan.yaml": """
name: Fan
fields:
  code: str(..9) pk
  text: text = none
  price: decimal(6,2) = 1.50
  size: float = 0
  born: date?
  clock: time?
  at: datetime?
  number: uuid?
  data: json?
  photo: bytes?
  mood: enum(calm, wild) = calm
  pin: str(4..4)? write_only
  conf: json? write_only
  team_code: -> Team?
  made: datetime = now read_only
  length: int? computed
""",
    "log.yaml": "name: Log\nfields: {text: str}\napi: {operations: [list, read]}\n",
}
CSV = """\ufeffname,age,price,rating,tame,born,data,motto,photo,mood,team_code,boss_id
Ann,31,19.5,2,TRUE,2000-01-31,"{""a"": 1}","x
y",AP8=,wild,AB,
"Bob, Jr.",,,,,,5,"",,,,1
"""


@pytest.fixture(scope="module")
def spec() -> Iterator[Spec]:
    with opened(TEXTS) as found:
        yield found


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, new_database: Callable[[str], str], spec: Spec) -> str:
    """Return a database with a team."""
    found = new_database(request.param)
    spec.fill(Database(found), {}, 0)
    return found


@pytest.fixture
def database(url: str, spec: Spec) -> Database:
    """Return a database with the team AB and no heroes, whose keys begin again."""
    found = Database(url)
    tables = spec.target.metadata.tables
    with found.connect() as connection:
        connection.execute(tables["hero"].delete())
        connection.execute(tables["team"].delete())
        if connection.dialect.name == "sqlite":
            connection.exec_driver_sql("DELETE FROM sqlite_sequence")
        else:
            connection.exec_driver_sql("ALTER SEQUENCE hero_id_seq RESTART")
        connection.execute(tables["team"].insert().values(code="AB"))
    return found


def heroes(database: Database, spec: Spec) -> list[dict[str, Any]]:
    table = spec.target.metadata.tables["hero"]
    with database.read_only_connection() as connection:
        found = connection.execute(select(table).order_by(table.columns.id))
        return [dict(row) for row in found.mappings()]


def test_cells_become_values(database: Database, spec: Spec, tmp_path: Path) -> None:
    file = tmp_path / "heroes.csv"
    file.write_text(CSV)
    assert spec.load_rows(database, "Hero", file).inserted == 2
    ann, bob = heroes(database, spec)
    assert ann.pop("made").year > 2000
    assert str(ann.pop("born")) == "2000-01-31"
    expected = {"id": 1, "name": "Ann", "age": 31, "price": Decimal("19.50"), "rating": 2.0}
    expected |= {"tame": True, "data": {"a": 1}, "motto": "x\ny", "photo": b"\0\xff"}
    assert ann == expected | {"mood": "wild", "team_code": "AB", "boss_id": None}
    assert (bob["name"], bob["price"], bob["tame"]) == ("Bob, Jr.", Decimal("1.50"), False)
    assert (bob["motto"], bob["data"], bob["boss_id"]) == ("", 5, 1)


@pytest.mark.parametrize("form", ["json", "ndjson"])
def test_objects_are_bodies(database: Database, spec: Spec, tmp_path: Path, form: str) -> None:
    rows = [
        {"name": "A\u0308nn", "price": 0.1, "id": 77, "made": "2000-01-01T00:00:00Z"},
        {"name": "Bob", "price": "12.3", "boss_id": 1},
    ]
    file = tmp_path / f"heroes.{form}"
    file.write_text(json.dumps(rows, indent=1) if form == "json" else lines(*rows))
    assert spec.load_rows(database, "Hero", file).inserted == 2
    first, second = heroes(database, spec)
    assert (first["id"], first["name"], first["price"]) == (1, "\u00c4nn", Decimal("0.10"))
    assert first["made"].year > 2000
    assert first["motto"] == "none"
    assert (second["price"], second["boss_id"]) == (Decimal("12.30"), 1)


WRONG = """name,age,price,team_code,boss_id
Ann,31,,,
Bob,3,,,
Cid,200,1.555,,
,5,,,
Dan,5
Eve,30,,XX,99
Fay,x,,,
Gus,40,,AB,
Gus,41,,,
"Hal",5,,"",
"""
PROBLEMS = [
    ":3: age 3: The row should satisfy: age > 3",
    ":4: age 200: Input should be less than or equal to 150",
    (
        ":4: price '1.555': Input should be a number such as 0.00, or a string with one: up to 4"
        " digits before the point, and up to 2 after it"
    ),
    ":5: name: Field required",
    ":6: 2 cells, but the first line has 5",
    ":7: team_code 'XX': There is no such team",
    ":7: boss_id 99: There is no such hero",
    ":8: age 'x': Input should be a valid integer",
    ":10: name 'Gus': Another row has the same name",
    ":11: team_code '': String should have at least 2 characters",
]


def test_wrong_rows_are_reported_by_line(database: Database, spec: Spec, tmp_path: Path) -> None:
    file, rejected = tmp_path / "heroes.csv", tmp_path / "wrong.csv"
    file.write_text(WRONG)
    with pytest.raises(DataError) as caught:
        spec.load_rows(database, "Hero", file)
    expected = [f"{file}{problem}" for problem in PROBLEMS]
    assert str(caught.value).splitlines() == [*expected, "  nothing was changed"]
    assert heroes(database, spec) == []

    tried = spec.load_rows(database, "Hero", file, skip=True, is_dry_run=True)
    assert (tried.inserted, tried.skipped, tried.problems) == (2, 8, expected)
    assert heroes(database, spec) == []

    done = spec.load_rows(database, "Hero", file, skip=True, rejected=rejected)
    assert (done.inserted, done.skipped, done.problems) == (2, 8, expected)
    assert [row["name"] for row in heroes(database, spec)] == ["Ann", "Gus"]
    first, *others = rejected.read_text().splitlines()
    assert first == "name,age,price,team_code,boss_id"
    assert others[:5] == ["Bob,3,,,", "Cid,200,1.555,,", ",5,,,", "Dan,5", "Eve,30,,XX,99"]
    assert others[5:] == ["Fay,x,,,", "Gus,41,,,", 'Hal,5,,"",']
    rejected.write_text(first + "\nBob,30,,,\n")
    assert spec.load_rows(database, "Hero", rejected).inserted == 1


def test_cells_of_json_contain_one_json_value(
    database: Database, spec: Spec, tmp_path: Path
) -> None:
    file, deep = tmp_path / "heroes.csv", "[" * 5000
    cells = ["calm", '{"a": 1', '{"a": NaN}', "NaN", '5, "tame": true', deep, '{"a": 1, "a": 2}']
    rows = [["Ann", cell, None] for cell in cells]
    rows += [["Bob", None, '1, "tame": true'], ["Cid", None, "9" * 5000], ["Dan", "{}", " 7 "]]
    file.write_text(csv_line(["name", "data", "age"]) + "".join(map(csv_line, rows)), newline="")
    done = spec.load_rows(database, "Hero", file, skip=True)
    problem = 'Input should be JSON, as 5, "text" or {"a": 1} are'
    expected = [f"data {quoted(cell)}: {problem}" for cell in cells[:-1]]
    expected += [
        "data.a: The property should be given once",
        """age '1, "tame": true': Input should be a valid integer""",
    ]
    expected += ["age: The number should have at most 4300 digits"]
    assert [one.partition(": ")[2] for one in done.problems] == expected
    [dan] = heroes(database, spec)
    assert (dan["name"], dan["data"], dan["age"]) == ("Dan", {}, 7)


@pytest.mark.parametrize("form", ["json", "ndjson"])
def test_skipped_objects_can_be_loaded(
    database: Database, spec: Spec, tmp_path: Path, form: str
) -> None:
    texts = ['{"name": "Ann"}', '{"name": "Bob", "age": "5"}', '{"nme": "Cid"}', '{"name": ""}']
    if form == "ndjson":
        texts += ["[1]", '{"name"', "nul", '{"name": "a", "name": "b"}', '{"name": "\\u0000"}']
    file, rejected = tmp_path / f"heroes.{form}", tmp_path / f"wrong.{form}"
    file.write_text("\n".join(texts) if form == "ndjson" else f"[{','.join(texts)}]")
    done = spec.load_rows(database, "Hero", file, skip=True, rejected=rejected)
    assert (done.inserted, done.skipped) == (1, len(texts) - 1)
    again = spec.load_rows(database, "Hero", rejected, skip=True)
    assert (again.inserted, again.skipped) == (0, len(texts) - 1)
    places = [(one.partition(": ")[2]) for one in done.problems]
    assert places == [one.partition(": ")[2] for one in again.problems]
    assert "age '5': Input should be a valid integer" in places
    assert "nme 'Cid': Extra inputs are not permitted: did you mean 'name'?" in places


def test_few_of_many_wrong_rows_are_shown(database: Database, spec: Spec, tmp_path: Path) -> None:
    file = tmp_path / "heroes.csv"
    file.write_text("name,age\n" + "".join(f"h{number},{number}\n" for number in range(1200)))
    with pytest.raises(DataError, match="and possibly more") as caught:
        spec.load_rows(database, "Hero", file)
    assert str(caught.value).count("heroes.csv:") == 20
    done = spec.load_rows(database, "Hero", file, skip=True)
    assert (done.inserted, done.skipped, len(done.problems)) == (147, 1053, 20)


REFUSED = [
    ("a.csv", "", "a.csv: the file is empty"),
    (
        "a.csv",
        "name;age\n",
        "a.csv:1: the columns are separated by ';', not by ','\n  say so",
    ),
    ("a.csv", "name\tage\n", "separated by tab, not by ','\n  say so: --delimiter tab"),
    (
        "a.csv",
        '\n"name";"age"\n',
        "a.csv:2: the columns are separated by ';', not by ','\n  say so",
    ),
    ("a.csv", 'name;"age"\n"Ann";1\n', "a.csv:1: the columns are separated by ';'"),
    ("a.csv", '"name;age"\n', "a.csv:1: column 1: Hero has no field 'name;age'"),
    ("a.csv", "Ann,age\n", "has no field 'Ann'\n  the first line names the columns, of: id, name,"),
    ("a.csv", "age,nme\n", "a.csv:1: column 2: Hero has no field 'nme': did you mean 'name'?"),
    ("a.csv", "name,,name\n", "a.csv:1: column 2 has no name\n"),
    ("a.csv", "name,,name\n", "a.csv:1: column 3: the column name is repeated\n"),
    ("a.csv", "age\n", "a.csv:1: Hero requires name, and there is no such column"),
    ("a.csv", 'name\n"a\n', "a.csv:2: a quotation mark is never closed\n  quote the cell"),
    ("a.csv", 'name\nAnn "A"\n', "a.csv:2: a quotation mark in cell 1 is not at its beginning"),
    ("a.csv", "name\nä\n", "a.csv:2: the byte 0xe4 at character 1 of the line is not"),
    (
        "a.csv",
        'name\nAnn,"b\nSmörgås"\n',
        "a.csv:3: the byte 0xf6 at character 3 of the line is not UTF-8",
    ),
    (
        "a.json",
        '[{"name":\n"Zoë"}]',
        "a.json:2: the byte 0xeb at character 4 of the line is not UTF-8",
    ),
    ("a.json", "name\n", "a.json:1: the file is no JSON array"),
    ("a.ndjson", "name\n", "column 2: the row is not valid JSON: expected value"),
    (
        "a.ndjson",
        '\n{"name": "Ann",}',
        "a.ndjson:2: column 16: the row is not valid JSON: trailing",
    ),
    (
        "a.ndjson",
        '\n{"name": "Zoë"}',
        "a.ndjson:2: the byte 0xeb at character 13 of the line is not",
    ),
    ("a.ndjson", '{"name": null}', "a.ndjson:1: name null: Input should be a valid string"),
    (
        "a.json",
        '[{"name":\n "Ann",}]',
        "a.json:2: invalid JSON at character 8 of the line: Expecting",
    ),
    ("a.csv", "n\0a\0m\0e\0", "a.csv: the file is in UTF-16, or is no text\n  convert it"),
    ("a.json", f'[{{"age": {"1" * 5000}}}]', "a.json:1: age: The number should have at most 4300"),
]


def test_files_of_another_form_are_refused(spec: Spec, tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}/new.db")
    for name, text, message in REFUSED:
        (tmp_path / name).write_text(text, "cp1252")
        with pytest.raises(DataError) as caught:
            spec.load_rows(database, "Hero", tmp_path / name)
        assert message in str(caught.value)
        assert not database.exists


def test_a_file_in_utf_16_is_named(spec: Spec, tmp_path: Path) -> None:
    for name in ("a.csv", "a.json", "a.ndjson"):
        (tmp_path / name).write_text('[{"name": "Ann"}]\n', "utf-16")
        with pytest.raises(DataError, match="the file is in UTF-16, or is no text\n  convert it"):
            spec.load_rows(Database(f"sqlite:///{tmp_path}/new.db"), "Hero", tmp_path / name)


def test_a_computed_property_has_no_effect(spec: Spec, tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}/new.db")
    (tmp_path / "a.csv").write_text("code,length\na,7\n")
    assert spec.load_rows(database, "Fan", tmp_path / "a.csv").inserted == 1


def test_values_that_are_secret_are_not_shown(spec: Spec, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("code,pin,size\na,12345,x\n")
    with pytest.raises(DataError) as caught:
        spec.load_rows(Database(f"sqlite:///{tmp_path}/new.db"), "Fan", tmp_path / "a.csv")
    assert "a.csv:2: size 'x': Input should be a valid number" in str(caught.value)
    assert "a.csv:2: pin: String should have at most 4 characters" in str(caught.value)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.csv", b"code,conf\na,9876{\n"),
        ("a.csv", b"code,pin\na,9876\xff\n"),
        ("a.ndjson", b'{"code": "a", "pin": "9876\xff"}\n'),
        ("a.ndjson", b'{"code": "a", "pin": "9876}\n'),
        ("a.json", b'[{"code": "a", "pin": "9876\xff"}]'),
        ("a.json", b'[{"code": "a", "pin": "9876" "x"}]'),
        ("a.json", b'[{"code": "a", "pni": "9876"}]'),
    ],
)
def test_text_that_is_invalid_is_not_shown(
    spec: Spec, tmp_path: Path, name: str, text: bytes
) -> None:
    (tmp_path / name).write_bytes(text)
    with pytest.raises(DataError) as caught:
        spec.load_rows(Database(f"sqlite:///{tmp_path}/new.db"), "Fan", tmp_path / name)
    assert "9876" not in str(caught.value).replace(str(tmp_path), "")


FANS: list[dict[str, Any]] = [
    {"code": "a", "text": "\\N", "born": "2000-02-29", "mood": "wild", "team_code": "AB"},
    {"code": "b", "text": "\t\\.\r\n\\", "data": None, "size": 1e-300, "price": "-9.9"},
    {"code": "c", "text": "'ä😀\"", "data": {"a": ["\\", 1.5, None]}, "photo": "AP8="},
    {"code": "d", "number": "00000000-0000-0000-0000-00000000000A", "clock": "23:59:59.5"},
    {"code": "e", "at": "2000-01-01T00:00:00.123456+05:00", "data": "null", "size": 1e300},
    {"code": "b", "text": "again"},
    {"code": "f", "price": 1.555},
    {"code": "g", "team_code": "ZZ"},
    {"code": "h", "size": 2},
    {"code": "i", "pin": "1234"},
]
TRIGGER = """
CREATE FUNCTION nothing() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TRIGGER nothing BEFORE INSERT ON fan FOR EACH ROW EXECUTE FUNCTION nothing();
"""
NOT_COPIED = {
    TRIGGER: "DROP TRIGGER nothing ON fan",
    "ALTER TABLE fan ENABLE ROW LEVEL SECURITY": "ALTER TABLE fan DISABLE ROW LEVEL SECURITY",
    "CREATE RULE r AS ON INSERT TO fan DO ALSO NOTHING": "DROP RULE r ON fan",
}
"""Changes to a table that COPY does not support or sees at other times, and how to undo them."""


def test_copy_has_the_result_of_insert(
    new_database: Callable[[str], str], spec: Spec, tmp_path: Path
) -> None:
    file, tables = tmp_path / "fans.ndjson", spec.target.metadata.tables
    file.write_text(lines(*FANS))
    found = []
    for kind, changes in [("sqlite", [""]), ("postgresql", ["", *NOT_COPIED])]:
        database = Database(new_database(kind))
        spec.fill(database, {}, 0)
        for change in changes:
            with database.connect() as connection:
                connection.execute(tables["fan"].delete())
                connection.execute(tables["team"].delete())
                connection.execute(tables["team"].insert().values(code="AB"))
                if change:
                    run(connection, change)
                if kind == "postgresql":
                    assert can_copy(connection, tables["fan"]) == (not change)
                    assert not can_copy(connection, tables["hero"])
            done = spec.load_rows(database, "Fan", file, skip=True)
            with database.connect() as connection:
                fans = connection.execute(select(tables["fan"]).order_by("code")).mappings()
                rows = [{**fan, "made": fan["made"].year > 2000} for fan in fans]
                if change:
                    run(connection, NOT_COPIED[change])
            found.append((done.inserted, done.problems, repr(rows)))
    assert {*map(repr, found)} == {repr(found[0])}
    inserted, problems, _ = found[0]
    assert inserted == 7
    assert [one.partition(":")[2] for one in problems] == [
        "6: code 'b': Another row has the same code",
        "7: price 1.555: Decimal input should have no more than 2 decimal places",
        "8: team_code 'ZZ': There is no such team",
    ]


def test_a_row_never_refers_to_a_later_one(database: Database, spec: Spec, tmp_path: Path) -> None:
    file = tmp_path / "teams.csv"
    file.write_text("code,parent_code\nCD,EF\nEF,AB\nGH,EF\n")
    done = spec.load_rows(database, "Team", file, skip=True)
    assert done.inserted == 2
    assert done.problems == [f"{file}:2: parent_code 'EF': There is no such team"]


@pytest.mark.parametrize("delimiter", [";", "\t", "|"])
def test_other_delimiters(spec: Spec, tmp_path: Path, delimiter: str) -> None:
    file, rejected = tmp_path / "heroes.csv", tmp_path / "wrong.csv"
    rows = [["name", "age", "motto"], ["Ann", "31", f"a,b{delimiter}"], ["Bob", "x", ""]]
    file.write_text("".join(csv_line(row, delimiter) for row in rows), newline="")
    database = Database(f"sqlite:///{tmp_path}/new.db")
    done = spec.load_rows(database, "Hero", file, skip=True, rejected=rejected, delimiter=delimiter)
    assert (done.inserted, done.skipped) == (1, 1)
    [ann] = heroes(database, spec)
    assert (ann["name"], ann["age"], ann["motto"]) == ("Ann", 31, f"a,b{delimiter}")
    assert rejected.read_text() == delimiter.join(rows[0]) + f'\nBob{delimiter}x{delimiter}""\n'


def test_other_names_and_entities(database: Database, spec: Spec, tmp_path: Path) -> None:
    file = tmp_path / "teams.csv"
    file.write_text("bornOn,code\n2000-01-01,CD\n")
    assert spec.load_rows(database, "Team", file).inserted == 1
    with pytest.raises(DataError, match="no operation of the API creates a Log"):
        spec.load_rows(database, "Log", file)
