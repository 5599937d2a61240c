"""The language knows the operation ids and the modules of generated code, and keeps them apart."""

import ast
import inspect
import re
from dataclasses import replace
from pathlib import Path

import pytest

from crudgen.codegen import manifest, render
from crudgen.kit.access import login_routes
from crudgen.language import Schema, load, load_texts
from crudgen.language.reserved import APP_MODULES, OPERATIONS_OF_USERS
from crudgen.language.resolve.operation_ids import operation_ids
from crudgen.language.schema import KitForm
from tests.codegen.test_collisions import check

SPECS = ("company", "guild")
IDS = re.compile(r'operation_id="(\w+)"')
ACTIONS = {
    "hero.yaml": """
name: Hero
plural: promote_hero
fields: {name: str}
links: {powers: Power}
actions: {promote: {takes: {reason: str}}, retire: {}}
""",
    "power.yaml": "name: Power\nplural: promote\nfields: {name: str}\napi: {operations: [list]}\n",
}


def ids(schema: Schema) -> list[str]:
    by_name = {entity.name: entity for entity in schema.entities}
    return sorted(one.id for one in operation_ids(schema.entities, by_name))


def own_modules(schema: Schema) -> dict[str, str]:
    tree = render(replace(schema, kit=KitForm.LIBRARY))
    return {
        path: text
        for path, text in tree.items()
        if path.startswith("app/") and path.endswith(".py")
    }


@pytest.mark.parametrize("spec", SPECS)
def test_ids_of_generated_routes(root: Path, spec: str) -> None:
    schema = load(root / f"tests/specs/{spec}/entities")
    found = [name for text in own_modules(schema).values() for name in IDS.findall(text)]
    assert sorted(found) == ids(schema)
    assert len({*found}) == len(found)


def test_ids_of_actions() -> None:
    """The plural of an entity may be the name of a handler."""
    schema = load_texts(ACTIONS)
    modules = own_modules(schema)
    found = [name for text in modules.values() for name in IDS.findall(text)]
    assert sorted(found) == ids(schema)
    assert {"promote_hero", "retire_hero", "add_hero_power"} <= {*found}
    for text in modules.values():
        check(ast.parse(text))


def test_ids_of_users() -> None:
    assert {*IDS.findall(inspect.getsource(login_routes))} == {*OPERATIONS_OF_USERS}


def test_no_entity_has_the_folder_of_a_module() -> None:
    modules = {*re.findall(r'"app/(\w+)\.py"', inspect.getsource(manifest))}
    assert {name for name in modules if not name.startswith("__")} == APP_MODULES - {"kit"}
    auth = "auth: {roles: [editor]}\n"
    one = "name: Hero\nplural: caller\nfields: {name: str}\naccess: user\n"
    modules = {*own_modules(load_texts({"hero.yaml": one}, auth))}
    assert {"app/caller.py", "app/caller_/models.py"} <= modules
    assert "app/caller/models.py" not in modules
