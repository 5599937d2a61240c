import json
import os
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from crudgen.errors import SpecError
from crudgen.language import editor_schema, load_texts
from crudgen.language.written.snippets import field_snippets

ROOT = Path(__file__).parent.parent.parent
CASES = ROOT / "tests" / "cases"
SCHEMA = editor_schema()
ENTITY = Draft202012Validator(SCHEMA)
APP = Draft202012Validator({"$ref": "#/$defs/AppSpec", "$defs": SCHEMA["$defs"]})

SHORT = [
    *("str", "str?", "str(1..80) unique", "str(..80)", "str(1..)", "int(0..)? index", "int(-5..5)"),
    *("float(0.5..1.5)", "decimal(10,2) = 0.00", "decimal(10, 2)?", "enum(a, b, c) = a", "enum(a)"),
    *(
        "datetime = now read_only touch",
        "bool = true",
        'str = "quoted text" index',
        "bytes(..1024)",
    ),
    *(
        "str = 'it''s' immutable",
        "date = 2024-01-01",
        "url(..500) unique",
        "email?",
        "json? write_only",
    ),
    *("str=abc", "str (1 .. 80) ? = abc   index", "uuid", "enum(in progress, done) = done", "text"),
    *(
        "str = https://x.y/z?a=b",
        "str = index",
        'str = "a \\"b\\" c"',
        "float = -1.5e3",
        "time = 12:30",
    ),
    *("decimal(10,2) min(0) max(99.5)", "str(3..3) pattern([A-Z]+) example(ABC)", "int max(9)"),
    *(
        'str pattern("(a|b)\\\\d") example(a1)',
        "str pattern('(a|b)')",
        "text? doc( The hero's name. )",
    ),
    *(
        "str (1..) = ab max ( 80 ) was( old_name ) index",
        "float = -3 min(-1.5e2)",
        'json doc("(x)")',
    ),
    *("str was(a, b c,d)", """str was("a, b" , 'c (d)')""", "int? = 3 was(A-B) index"),
    *("enum(a, b) doc(a - b)", "bytes(..9) doc(x)", "email max(99)", 'str example("it\'s")'),
]
TYPOS = [
    *(
        "strng",
        "Str",
        "str(80)",
        "str(1..80",
        "str 1..80",
        "str indx",
        "str = ",
        "int(a..b)",
        "decimal",
    ),
    *(
        "decimal(10)",
        "enum",
        "enum()",
        "enum(a,)",
        "bool(1)",
        'str = "abc',
        "str?index",
        "str unique,",
    ),
    *(
        "-> team?",
        "json unique",
        "json = {}",
        "bytes(1..5)",
        "str touch",
        "float pk",
        "",
        "str (",
        "uuid()",
    ),
    *("str = None", "text? = NULL"),
    *("int min(", "int min()", "int min(a)", "int min", "int min(0", "int min(0)max(9)", "int doc"),
    *("str pattern((a|b))", "str pattern('a)", "str index(a)", "bool min(0)", "int pattern(a)"),
    *(
        "str pattern('a'b)",
        "str (1..80)index",
        "decimal(3,1) precision(3)",
        "int min('0')",
        "int min(0) = 3",
    ),
    *("str was(a,)", "str was(, a)", "str was(it's)", "str was('a' b)", "str was(a", "int was"),
    *("json example([1])", "str example(=a)", "str doc(a) ) index"),
]


def document(short: str) -> dict[str, Any]:
    return {"name": "Hero", "fields": {"key": "uuid pk", "other": "str", "name": short}}


def test_the_schema_is_a_schema() -> None:
    Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("short", SHORT)
def test_short_forms_are_accepted_by_both(short: str) -> None:
    assert ENTITY.is_valid(document(short))
    load_texts({"a.yaml": json.dumps(document(short))})


@pytest.mark.parametrize("short", TYPOS)
def test_typos_are_refused_by_both(short: str) -> None:
    assert not ENTITY.is_valid(document(short))
    with pytest.raises(SpecError):
        load_texts({"a.yaml": json.dumps(document(short))})


@pytest.mark.parametrize(
    ("short", "message"),
    [
        ("strng", "Unknown type. "),
        ("Str", "Unknown type. "),
        ("-> team", "Write an entity after '->', such as -> Team."),
        ("str,", "Unknown type. "),
        ("str(80)", "Write the arguments of 'str' as str(1..80), "),
        ("str (80) unique", "Write the arguments of 'str' as str(1..80), "),
        ("str(", "Write the arguments of 'str' as str(1..80), "),
        ("decimal", "Write the arguments of 'decimal' as decimal(10,2)."),
        ("decimal?", "Write the arguments of 'decimal' as decimal(10,2)."),
        ("enum() = a", "Write the arguments of 'enum' as enum(red, green)."),
        ("uuid()", "'uuid' takes no arguments."),
        ("str =", "Invalid default for "),
        ("str(1..80)? = ", "Invalid default for "),
        ('str = "a', "Invalid default for "),
        ("json = {}", "Invalid default for "),
        ("str indx", "Unknown or misplaced option. Options of 'str': pk, "),
        ("str unique = a", "Unknown or misplaced option. Options of 'str': pk, "),
        ("str?index", "Unknown or misplaced option. Options of 'str': pk, "),
        ("int min()", "Unknown or misplaced option. Options of 'int': pk, "),
        ("json pk", "Unknown or misplaced option. Options of 'json': read_only, "),
        (5, "Expected a type, such as str(1..80)."),
        (None, "Expected a type, such as str(1..80)."),
        (["str"], "Expected a type, such as str(1..80)."),
    ],
)
def test_a_mistake_in_the_short_form_gives_one_message(short: object, message: str) -> None:
    """An editor shows the message that the schema gives instead of the validator's own."""
    spec = {**document("str"), "fields": {"name": short}}
    [found] = ENTITY.iter_errors(spec)
    key = "patternErrorMessage" if found.validator == "pattern" else "errorMessage"
    assert found.schema[key].startswith(message)


@pytest.mark.parametrize("snippet", field_snippets(), ids=lambda snippet: snippet["label"])
def test_proposals_of_editors_are_accepted(snippet: dict[str, Any]) -> None:
    short = re.sub(r"\$\{[0-9]+:((?:[^}\\]|\\.)*)\}", r"\1", snippet["body"])
    assert short == snippet["label"]
    spec = {"name": "Hero", "fields": {"team_id": short, "other": "str"}}
    assert ENTITY.is_valid(spec)
    team = "name: Team\nfields: {name: str}\n"
    load_texts({"a.yaml": json.dumps(spec), "team.yaml": team})


@pytest.mark.parametrize(
    "file", sorted((CASES / "specs").glob("*.yaml")), ids=lambda file: file.stem
)
def test_what_load_accepts_is_valid(file: Path) -> None:
    found = yaml.load(file.read_text(encoding="utf-8"), Loader=yaml.BaseLoader)  # noqa: S506 texts only
    load_texts({file.name: file.read_text(encoding="utf-8")})
    errors = [error.message for error in ENTITY.iter_errors(typed(found))]
    assert errors == []


def typed(node: Any) -> Any:
    """Give the texts of PyYAML's plainest loader the types of YAML 1.2."""
    if isinstance(node, dict):
        return {key: typed(value) for key, value in node.items()}
    if isinstance(node, list):
        return [typed(item) for item in node]
    try:
        return json.loads(node)
    except ValueError:
        return node


@pytest.mark.parametrize(
    "change",
    [
        {"nam": "x"},
        {"fields": {"a": {"type": "str", "maxx": 3}}},
        {"fields": {"a": {"max": 3}}},
        {"fields": {"A": "str"}},
        {"fields": {"a": {"type": "strng"}}},
        {"api": {"operations": ["lst"]}},
        {"api": {"page": {"defualt": 3}}},
        {"name": "hero"},
        {"path": "heroes"},
        {"doc": 5},
        {"unique": ["a"]},
    ],
)
def test_what_load_refuses_in_the_long_form_is_invalid(change: dict[str, Any]) -> None:
    spec = {**document("str"), **change}
    assert not ENTITY.is_valid(spec)
    with pytest.raises(SpecError):
        load_texts({"a.yaml": json.dumps(spec)})


def test_the_application_has_a_definition() -> None:
    assert APP.is_valid({"title": "x", "limits": {"body_bytes": 5000}})
    assert not APP.is_valid({"titel": "x"})
    assert not APP.is_valid({"limits": {"body": 5}})


def test_every_key_is_described() -> None:
    for schema in (SCHEMA, *SCHEMA["$defs"].values()):
        for key, value in schema.get("properties", {}).items():
            assert value.get("description"), key


def test_the_published_schema_is_current() -> None:
    """`ACCEPT=1 pytest tests/language/test_json_schema.py` writes it anew."""
    published = ROOT / "crudgen.schema.json"
    text = f"{json.dumps(SCHEMA, indent=2)}\n"
    if os.environ.get("ACCEPT"):
        published.write_text(text, encoding="utf-8")
    assert published.read_text(encoding="utf-8") == text
