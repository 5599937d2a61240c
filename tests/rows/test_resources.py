"""A project has the modules of the operations that its spec has, and every combination works."""

import importlib
from itertools import product
from pathlib import Path

import pytest

import crudgen
from crudgen.delivery.memory import import_tree, unload
from tests.support.servers import write_entities

pytestmark = pytest.mark.long

ALWAYS = {
    "__init__",
    "row_responses",
    "generated_keys",
    "related_writes",
    "resource",
    "statements",
    "values",
}


@pytest.mark.parametrize(("replace", "bulk", "repeatable"), [*product([False, True], repeat=3)])
def test_modules_of_operations(
    tmp_path: Path, *, replace: bool, bulk: bool, repeatable: bool
) -> None:
    operations = ["create", "read", *["replace"] * replace, *["create_many"] * bulk]
    api = f"{{operations: [{', '.join(operations)}], idempotency: {str(repeatable).lower()}}}"
    hero = f"name: Hero\nfields: {{name: str}}\napi: {api}\n"
    tree = crudgen.render(crudgen.load(write_entities(tmp_path / "entities", {"hero": hero})))
    modules = {Path(path).stem for path in tree if path.startswith("app/kit/rows/")}
    wanted = {
        *["replacement"] * replace,
        *["bulk", "bulk_deletion", "bulk_responses", "write_lock"] * bulk,
        *["idempotency"] * repeatable,
        *["idempotent_bulk"] * (bulk and repeatable),
    }
    assert modules == ALWAYS | wanted
    package = import_tree(tree)
    paths = importlib.import_module(f"{package.__name__}.main").create_app().openapi()["paths"]
    unload(package)
    assert ("put" in paths["/heroes/{hero_id}"], "/heroes/bulk" in paths) == (replace, bulk)
    headers = [one["name"] for one in paths["/heroes/"]["post"].get("parameters", [])]
    assert headers == ["Idempotency-Key"] * repeatable
    lines = tree["app/heroes/routes.py"].splitlines()
    if not (replace or bulk or repeatable):
        assert "heroes = Resource(Hero, public=HeroPublic)" in lines
