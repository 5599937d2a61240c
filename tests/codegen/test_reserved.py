"""Every name of a generated module, as an entity or a field: refused, or working code.

`EVERY=1 python -m pytest tests/codegen/test_reserved.py` is the extended run, with all entities,
and with each form of each field; test_collisions.py checks the syntax tree of all names.
"""

import ast
import builtins
import json
import keyword
import os
from functools import cache, partial
from itertools import zip_longest
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import SQLModel

from crudgen.codegen import render
from crudgen.errors import SpecError
from crudgen.language import Schema, load, load_texts
from crudgen.language.names import ClassName, FieldName, ModuleName, Name
from tests.codegen.emitted import run_alone, write
from tests.codegen.test_collisions import EVERYDAY

pytestmark = [pytest.mark.long, pytest.mark.slow]

ROOT = Path(__file__).parents[2]
EVERY = int(os.environ.get("EVERY", "36"))
ORDINARY: dict[str, Any] = {
    "z_text": "str(1..9) = a index",
    "z_key": "uuid?",
    "z_words": "enum(a, b) = a",
    "z_number": "int(0..9)? index",
    "z_exact": "decimal(4,2) = 1.50",
    "z_day": "date = 2024-02-29",
    "z_today": "date = now",
    "z_time": "time = 12:30:00",
    "z_now": "time = now",
    "z_moment": "datetime = 2024-02-29T12:30:00Z",
    "z_created": "datetime = now read_only",
    "z_touched": "datetime = now read_only touch",
    "z_uuid": "uuid = 0190b0f0-0000-7000-8000-000000000001",
    "z_data": "json?",
    "z_bytes": "bytes(..9)?",
    "z_mail": "email?",
    "z_page": "url?",
    "z_secret": "str write_only",
    "z_constant": "str immutable",
}
"""A field of every kind, to stand behind the field with the name in question."""
PLAIN = {"z_words": "enum(a, b) = a", "z_created": "datetime = now read_only", "z_int": "int(0..9)"}


@cache
def names() -> frozenset[str]:
    """Collect the names that generated modules import, define, take or use."""
    found = {"l", "L", "timeout", "Timeout", "self", "cls"}  # ruff has rules about these
    found |= {*EVERYDAY.split(), *dir(builtins), *keyword.kwlist}
    for spec in ("tests/specs/zoo/entities", "entities"):
        for path, text in render(load(ROOT / spec)).items():
            if path.endswith(".py") and not path.startswith("app/kit/"):
                found |= _names_in(ast.parse(text))
                found |= set(path.removesuffix(".py").split("/"))
    return frozenset(found)


def _names_in(tree: ast.AST) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            found.add(node.id)
        elif isinstance(node, ast.arg):
            found.add(node.arg)
        elif isinstance(node, ast.alias):
            found |= {*node.name.split("."), node.asname or ""}
        elif isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            found.add(node.name)
    return found


def of_kind(kind: type[Name]) -> list[str]:
    return sorted(name for name in names() if kind.PATTERN.fullmatch(name))


def schema(entities: list[dict[str, Any]]) -> Schema:
    return load_texts({f"e{index}.yaml": json.dumps(e) for index, e in enumerate(entities)})


def is_accepted(entity: dict[str, Any]) -> bool:
    try:
        schema([entity])
    except SpecError:
        return False
    return True


def accepted(entities: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Keep the entities that the language takes, together."""
    kept = [entity for entity in entities if is_accepted(entity)]
    while True:
        try:
            schema(kept)
        except SpecError as error:
            refused = {each.file for each in error.diagnostics}
            kept = [entity for index, entity in enumerate(kept) if f"e{index}.yaml" not in refused]
        else:
            return kept


def entities_by_name(half: int) -> list[dict[str, Any]]:
    """Name entities by one half of the names, and give them the other half as plurals."""
    names = of_kind(ModuleName)
    camels = ["".join(map(str.capitalize, name.split("_"))) for name in names[half::2]]
    classes = dict.fromkeys([*camels, *of_kind(ClassName)[half::2]])
    named = accepted([_named(index, name, None) for index, name in enumerate(classes)])
    others = accepted(
        [_named(index, None, name) for index, name in enumerate(names[1 - half :: 2])]
    )
    pairs = zip_longest(
        (entity["name"] for entity in named), (entity["plural"] for entity in reversed(others))
    )
    return [_named(index, *pair) for index, pair in enumerate(pairs)][::EVERY]


def _named(index: int, name: str | None, plural: str | None) -> dict[str, Any]:
    name, plural = name or f"Thing{index}", plural or f"many_{index}"
    fields = PLAIN if hasattr(builtins, name) else ORDINARY
    return {"name": name, "plural": plural, "table": f"table_{index}", "fields": fields}


def entities_by_field() -> list[dict[str, Any]]:
    """Give every field a value in the class body: the lines that follow see it there."""
    possible = sorted({*of_kind(FieldName), *filter(FieldName.PATTERN.fullmatch, dir(SQLModel))})
    found = []
    forms = ("bool = false", "enum(a, b) = a", "datetime = now")
    for number, form in enumerate(forms):
        some = possible[number % EVERY :: min(EVERY, len(forms))]
        alone = [{"name": "Thing", "fields": {name: form}} for name in some]
        free = [name for trial in alone if is_accepted(trial) for name in trial["fields"]]
        for first in range(0, len(free), 40):
            fields = dict.fromkeys(free[first : first + 40], form) | ORDINARY
            label = f"{number}{first}"
            found.append({"name": f"Thing{label}", "plural": f"things_{label}", "fields": fields})
    return found


def entities_by_alias() -> list[dict[str, Any]]:
    """Name an entity and a field so that the name of the field's type is taken."""
    found = []
    for index, name in enumerate(of_kind(ClassName)):
        for cut in range(1, len(name)):
            head, tail = name[:cut], name[cut:]
            if tail[0].isupper():
                field = "".join(f"_{c.lower()}" if c.isupper() else c for c in tail).strip("_")
                fields = {field: "enum(a, b) = a", f"{field}_value": "enum(c, d)", **PLAIN}
                plural = f"many_{index}_{cut}"
                found.append({"name": head, "plural": plural, "table": plural, "fields": fields})
    return [*found[::EVERY], *_twins()]


def _twins() -> list[dict[str, Any]]:
    """Name fields that differ only in what the name of a type leaves out."""
    fields = {"a_1": "enum(a)", "a1": "enum(b)", "a_b": "bytes", "base": "enum(c)", "id": "int pk"}
    fields |= {"base_value": "enum(d)", "update": "decimal(3,1)", "public": "enum(e)"}
    return [{"name": "Twin", "fields": fields}]


@pytest.mark.long_cases("fields", "other names", "aliases")
@pytest.mark.parametrize(
    "entities",
    [
        partial(entities_by_name, 0),
        partial(entities_by_name, 1),
        entities_by_field,
        entities_by_alias,
    ],
    ids=["names", "other names", "fields", "aliases"],
)
def test_what_is_accepted_works(entities: Any, tmp_path: Path, mypy_cache: Path) -> None:
    kept = accepted(entities())
    assert kept
    folder = write(render(schema(kept)), tmp_path / "project")
    run_alone(tmp_path, "-m", "ruff", "check", "--no-cache", cwd=folder)
    run_alone(tmp_path, "-m", "mypy", f"--cache-dir={mypy_cache}", cwd=folder)
    (tmp_path / "trial.py").write_text(TRIAL)
    run_alone(tmp_path, "-W", "error", str(tmp_path / "trial.py"), str(folder), cwd=folder)


TRIAL = '''
"""Create, read, list, change and delete a row of every entity, with the tests' own rows."""
import asyncio, importlib, pathlib, sys
sys.path[:0] = [sys.argv[1], sys.argv[1] + "/tests"]
from httpx import ASGITransport, AsyncClient
from app.main import create_app
from app.settings import Settings


async def main():
    app = create_app(Settings(database_url="sqlite:///trial.db"))
    async with app.router.lifespan_context(app), AsyncClient(
        transport=ASGITransport(app), base_url="http://test"
    ) as client:
        assert (await client.get("/openapi.json")).status_code == 200
        for file in sorted(pathlib.Path(sys.argv[1], "tests").glob("test_*.py")):
            module = importlib.import_module(file.stem)
            response = await client.post(module.PATH, json=module.BODY)
            assert response.status_code == 200, (file.stem, response.text)
            row, place = response.json(), response.headers["location"]
            assert (await client.get(place)).json() == row, file.stem
            assert (await client.get(module.PATH)).json() == [row], file.stem
            response = await client.patch(place, json=module.CHANGES)
            assert response.status_code == 200, (file.stem, response.text)
            assert response.json().items() >= module.readable(module.CHANGES).items(), file.stem
            assert (await client.delete(place)).json() == {"ok": True}, file.stem

asyncio.run(main())
'''
