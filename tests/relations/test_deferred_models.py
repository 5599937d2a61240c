"""Response models with related rows, whose schemas pydantic builds when they are first used."""

import importlib
from pathlib import Path

import crudgen

TEAMS = Path("tests/specs/teams/entities")


def test_schemas_are_built_when_a_model_is_first_used() -> None:
    """Importing the application builds none of them. Owners can use the models as others."""
    package = crudgen.import_app(TEAMS).__name__
    importlib.import_module(f"{package}.api")
    model = importlib.import_module(f"{package}.heroes.related").HeroPublicWithRelated
    assert not model.__pydantic_complete__
    hero = model.model_validate(
        {"id": 1, "name": "Deadpond", "team": {"id": 7, "name": "Z-Force", "headquarters": "x"}}
    )
    assert model.__pydantic_complete__
    assert hero.team.name == "Z-Force"
