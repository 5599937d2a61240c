"""Each option in the short form, and the same option in the long form, give the same field."""

import json
from typing import Any

import pytest

from crudgen.language import Schema, load_texts
from crudgen.language.types import OPTIONS, Argument

EQUAL: dict[str, dict[str, Any]] = {
    "decimal(10,2) min(0)": {"type": "decimal", "precision": 10, "scale": 2, "min": 0},
    "int min(-5) max(5)": {"type": "int", "min": -5, "max": 5},
    "int(-5..) max(5)": {"type": "int", "min": -5, "max": 5},
    "float? min(1.5e1)": {"type": "float", "optional": True, "min": 15},
    "email max(99) unique": {"type": "email", "max": 99, "unique": True},
    "str pattern([A-Z]{3}) example(ABC)": {"type": "str", "pattern": "[A-Z]{3}", "example": "ABC"},
    "str pattern( '(a|b)''?' )": {"type": "str", "pattern": "(a|b)'?"},
    r'str pattern("\"(\\d)") example("\"1")': {
        "type": "str",
        "pattern": r'"(\d)',
        "example": '"1',
    },
    "str doc(The hero's name: one line, = required.)": {
        "type": "str",
        "doc": "The hero's name: one line, = required.",
    },
    "str doc(12) example(12.50 EUR)": {"type": "str", "doc": "12", "example": "12.50 EUR"},
    "date column(Date of birth) json( bornOn )": {
        "type": "date",
        "column": "Date of birth",
        "json": "bornOn",
    },
    "str? = 'None'": {"type": "str", "optional": True, "default": "None"},
    "enum(None, Some) = None": {"type": "enum", "values": ["None", "Some"], "default": "None"},
    "int example(12)": {"type": "int", "example": 12},
    "str = a was(b) index": {"type": "str", "default": "a", "was": "b", "index": True},
    "str was(b, a name,c)": {"type": "str", "was": ["b", "a name", "c"]},
    """str was( "b, c" , 'd''e',f )""": {"type": "str", "was": ["b, c", "d'e", "f"]},
    "-> Hero? relation(b) was(Boss, boss)": {
        "type": "reference",
        "to": "Hero",
        "optional": True,
        "relation": "b",
        "was": ["Boss", "boss"],
    },
}


def schema(field: object) -> Schema:
    entity = {"name": "Hero", "fields": {"a_field": field}}
    return load_texts({"hero.yaml": json.dumps(entity)})


@pytest.mark.parametrize("short", EQUAL)
def test_short_and_long_form_are_equal(short: str) -> None:
    assert schema(short) == schema(EQUAL[short])


def test_each_option_is_tested() -> None:
    with_argument = {name for name, option in OPTIONS.items() if option.argument != Argument.NONE}
    assert with_argument == with_argument & {key for long in EQUAL.values() for key in long}


@pytest.mark.parametrize("name", OPTIONS)
def test_the_example_of_an_option_is_valid(name: str) -> None:
    """Messages show it."""
    option = OPTIONS[name]
    if option.argument is not Argument.NONE:
        kind = "int" if option.argument is Argument.NUMBER else "str"
        schema(f"{kind} {option.example}")
