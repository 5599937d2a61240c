"""Conditions: their text is read back, and their value is that of the oracle."""

import json
from decimal import Decimal
from random import Random
from typing import Any

import pytest

from crudgen.language import load_texts
from crudgen.language.conditions.text import condition_text
from crudgen.language.conditions.tree import Condition, constants_of, fields_of
from crudgen.language.conditions.value import value_of
from crudgen.language.resolve.condition_parser import parse_condition
from crudgen.language.resolve.values import to_value
from crudgen.language.schema import Entity, Field, TypeName
from tests.checks.oracle import holds
from tests.checks.test_oracle import KINDS, condition, entity, row

ENTITY: Entity = load_texts({"entities/box.yaml": json.dumps(entity([]))}).entities[0]
FIELDS = {str(field.name): field for field in ENTITY.fields if field.name in KINDS}
NAMES = {field.name: str(field.name) for field in ENTITY.fields}


def typed_value(field: Field, value: Any) -> Any:
    """Return a JSON value as a value of the field's type."""
    if value is None or field.type in {TypeName.JSON, TypeName.BYTES}:
        return value
    is_number = field.type in {TypeName.FLOAT, TypeName.DECIMAL}
    return to_value(field.type, Decimal(str(value)) if is_number else value)


def parsed(text: str) -> Condition:
    return parse_condition(text, FIELDS, "Box")


@pytest.mark.parametrize("seed", range(300))
def test_the_text_of_a_condition_is_read_back(seed: int) -> None:
    random = Random(seed)  # noqa: S311 - the same at every run
    tree = parsed(condition(random, random.randint(0, 4)))
    text = condition_text(tree, NAMES)
    assert parsed(text) == tree
    assert condition_text(parsed(text), NAMES) == text
    for name in fields_of(tree):
        assert str(name) in text
    assert constants_of(tree).keys() <= fields_of(tree)


@pytest.mark.parametrize("seed", range(100))
def test_the_value_of_a_condition_is_that_of_the_oracle(seed: int) -> None:
    random = Random(seed)  # noqa: S311 - the same at every run
    text = condition(random, random.randint(0, 4))
    tree = parsed(text)
    for _ in range(20):
        found = row(random)
        typed = {
            field.name: typed_value(field, found[str(field.name)]) for field in FIELDS.values()
        }
        assert (value_of(tree, typed) is not False) == holds(text, found, KINDS)
