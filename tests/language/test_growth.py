"""The work for a spec is proportional to its references, also where all of them form circles."""

import random

import pytest

from crudgen.codegen import render
from crudgen.language import load_texts
from tests.support.instructions import growth

pytestmark = pytest.mark.long

ENTITIES = 20
LIMIT = 2.02
"""A little more than 2: a search through all entities for each reference exceeds it."""
FIELDS = "  name: str(1..80) unique\n  age: int? index\n  note: text?\n  city: str\n"


def texts(entities: int) -> dict[str, str]:
    """Write entities of six fields; two of them are references to random entities."""
    source = random.Random(1)  # noqa: S311 - the same at every run
    files = {}
    for number in range(100, 100 + entities):
        files[f"e{number}.yaml"] = f"name: Entity{number}\nfields:\n{FIELDS}" + "".join(
            f"  to{key}_id: -> Entity{100 + source.randrange(entities)}?"
            f" inverse(from_{number}_{key})\n"
            for key in range(2)
        )
    return files


def test_loading_grows_with_the_number_of_references() -> None:
    """Loading executes twice as many instructions for twice as many references."""
    specs = {size: texts(size) for size in (ENTITIES, 2 * ENTITIES, 4 * ENTITIES)}
    assert growth(lambda size: load_texts(specs[size]), ENTITIES) < LIMIT


def test_rendering_grows_with_the_number_of_references() -> None:
    """So does rendering."""
    schemas = {size: load_texts(texts(size)) for size in (ENTITIES, 2 * ENTITIES, 4 * ENTITIES)}
    assert growth(lambda size: render(schemas[size]), ENTITIES) < LIMIT
