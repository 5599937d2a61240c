"""Names of generated modules, as entities with relations and as relations: working code.

`EVERY=1 python -m pytest tests/codegen/test_related_names.py` is the extended run, with all names,
and with 40 specs with long names.
"""

import ast
import json
import os
import random
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from crudgen.codegen import render
from crudgen.errors import SpecError
from crudgen.language import Schema, load, load_texts
from crudgen.language.names import ClassName, FieldName
from crudgen.language.schema import KitForm
from tests.codegen.emitted import write
from tests.codegen.test_reserved import _names_in

pytestmark = [pytest.mark.long, pytest.mark.slow]

EVERY = int(os.environ.get("EVERY", "18"))
SPECS = ("company", "guild", "shop", "teams")
DERIVED = ("_more", "_count", "_ids", "_id")


def names(root: Path) -> set[str]:
    """Collect the names that generated modules import, define, take or use, but their entities'."""
    found = set[str]()
    entities = set[str]()
    for spec in SPECS:
        schema = load(root / f"tests/specs/{spec}/entities")
        entities |= {str(entity.name) for entity in schema.entities}
        for path, text in render(schema).items():
            if path.endswith(".py") and not path.startswith("app/kit/"):
                found |= _names_in(ast.parse(text)) | {*path.removesuffix(".py").split("/")}
    return {name for name in found if not name.startswith(tuple(entities))}


def entity(number: int, name: str, relations: list[str], to: str) -> dict[str, Any]:
    """Return an entity with references to another one: both ends have given names in turn."""
    fields = {"z_title": "str"}
    for place, relation in enumerate(relations):
        own, other = (relation, f"z{place}_{number}")[:: 1 if place % 2 else -1]
        fields[f"z{place}_key"] = f"-> {to}? relation({own}) inverse({other})"
    link = {f"k{number}": {"to": to, "inverse": f"l{number}", "table": f"link_{number}"}}
    made = {"name": name, "plural": f"many_{number}", "table": f"table_{number}"}
    return {**made, "fields": fields, "links": link}


def schema_of(entities: list[dict[str, Any]]) -> Schema:
    return load_texts({f"e{number}.yaml": json.dumps(one) for number, one in enumerate(entities)})


def is_accepted(name: str, relations: list[str]) -> bool:
    try:
        schema_of([entity(0, name, relations, "Zzz"), entity(1, "Zzz", [], name)])
    except SpecError:
        return False
    return True


def circle(classes: list[str], relations: list[str]) -> Iterator[dict[str, Any]]:
    """Yield entities that each refer to the next one, and have a part of the relations."""
    share = -(-len(relations) // len(classes))
    for number, name in enumerate(classes):
        some = relations[number * share : (number + 1) * share]
        yield entity(number, name, some, classes[(number + 1) % len(classes)])


def test_names_of_generated_code(root: Path, tmp_path: Path, mypy_cache: Path) -> None:
    found = sorted(names(root))
    classes = [one for one in found if ClassName.PATTERN.fullmatch(one) and is_accepted(one, [])]
    fields = [
        one
        for one in found
        if FieldName.PATTERN.fullmatch(one)
        and not one.endswith(DERIVED)
        and is_accepted("Aaa", [one])
    ]
    distinct = list({one.lower(): one for one in classes}.values())
    schema = schema_of([*circle(distinct[::EVERY], fields[::EVERY])])
    project = write(render(replace(schema, kit=KitForm.LIBRARY)), tmp_path / "project")
    check(project, "ruff format --check", "ruff check", f"mypy --cache-dir={mypy_cache}")


def check(project: Path, *tools: str) -> None:
    for tool in tools:
        done = subprocess.run(
            [sys.executable, "-m", *tool.split()],
            cwd=project,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]


def long_names(seed: int) -> Schema:
    """Return entities with long names, whose API uses all relations."""
    some = random.Random(seed)  # noqa: S311
    texts = {}
    for number in range(8):
        one, many = (f"{letter}{number}{'x' * some.randint(12, 50)}" for letter in "om")
        link = f"l{number}" if number % 2 else f"l{number}{'x' * some.randint(12, 28)}"
        name = f"E{number}"
        to = name + "y" * (number * 4) if number % 2 else name
        parent, child = f"P{to}", f"C{to}"
        texts[f"p{number}.yaml"] = json.dumps(
            {
                "name": parent,
                "fields": {"title": "str"},
                "links": {link: {"to": child, "inverse": f"i{number}", "table": f"t{number}"}},
                "api": {
                    "include": [many, f"{many}__{one}", link],
                    "counts": [many],
                    "write": {many: "create", link: "keys"},
                    "nested": [many],
                },
            }
        )
        fields = {"title": "str", f"r{number}": f"-> {parent}? relation({one}) inverse({many})"}
        api = {"include": [one, f"{one}__{link}"], "embed": [one]}
        texts[f"c{number}.yaml"] = json.dumps({"name": child, "fields": fields, "api": api})
    return load_texts(texts, "names: {json: camelCase}" if seed % 2 else None)


@pytest.mark.parametrize("seed", range(3 if EVERY > 1 else 40))
def test_modules_with_long_names_are_formatted(seed: int, tmp_path: Path) -> None:
    project = write(render(replace(long_names(seed), kit=KitForm.LIBRARY)), tmp_path / "project")
    check(project, "ruff format --check --diff", "ruff check")
