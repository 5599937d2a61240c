"""Functions and events of entities with keys of links in bodies keep the rules of the caller.

`RULES=40` tests 40 random sets of rules.
"""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from crudgen.codegen import render
from crudgen.delivery.memory import import_tree, unload
from crudgen.language import load_texts
from tests.access.guild import APP
from tests.access.keyed import rules_of, texts
from tests.access.mutants import mutated
from tests.access.test_written_keys import RULES, Keys, differences

pytestmark = pytest.mark.long

HOOKS = {
    "hero.yaml": "hooks: [create, update, on_create, on_update]\n",
    "power.yaml": "hooks: [on_create, on_update]\n",
}
MUTANTS = {
    "shown links": ("app/kit/hooks/guarded.py", "            links=view.links_reader,\n", ""),
    "links of a PUT": (
        "app/kit/hooks/hooked.py",
        "for one in resource.linked_keys()",
        "for one in resource.linked_keys() if one.keys(row)",
    ),
}


class HookedKeys(Keys):
    """Rules about the row are asked before its function, and rows one after another."""

    may_refuse_otherwise = True


def package_of(seed: int, mutation: tuple[str, ...] = ()) -> Any:
    found = texts(rules_of(seed))
    for name, hooks in HOOKS.items():
        found[name] += hooks
    return import_tree(mutated(render(load_texts(found, APP)), mutation))


@pytest.mark.parametrize("seed", range(RULES))
@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_functions_keep_the_rules(kind: str, seed: int, new_database: Callable[[str], str]) -> None:
    package, rules = package_of(seed), rules_of(seed)
    try:
        found, count = asyncio.run(
            differences(
                package,
                new_database(kind),
                rules,
                seed=seed,
                of=HookedKeys,
                thinned=1 if RULES > 1 else 3,
            )
        )
        assert found == [], rules
        assert count > 100
    finally:
        unload(package)


@pytest.mark.long
@pytest.mark.parametrize("name", MUTANTS)
def test_a_change_of_the_kit_is_found(name: str, new_database: Callable[[str], str]) -> None:
    package = package_of(0, MUTANTS[name])
    try:
        found, _ = asyncio.run(
            differences(package, new_database("sqlite"), rules_of(0), stops=True, of=HookedKeys)
        )
        assert found != []
    finally:
        unload(package)
