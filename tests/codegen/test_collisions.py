"""Entities, plurals and fields can have the names that generated modules import, define or use.

`EVERY=1 python -m pytest tests/codegen/test_collisions.py` is the extended run, in which each name
meets each kind of key and of API; otherwise it meets one of the four.
"""

import ast
import builtins
import json
import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from keyword import iskeyword, kwlist
from typing import Any

import pytest

from crudgen.codegen import render
from crudgen.errors import SpecError
from crudgen.language import load_texts
from crudgen.language.names import ClassName, ModuleName
from crudgen.language.reserved import WINDOWS_DEVICES
from crudgen.language.schema import KitForm

pytestmark = pytest.mark.long

OPERATIONS = (
    *("create", "list", "read", "update", "replace", "delete"),
    *("create_many", "update_many", "delete_many"),
)
FIELDS: dict[str, Any] = {
    "z_text": "str(1..9) = a index",
    "z_lines": "text = a",
    "z_words": "enum(a, b) = a",
    "z_number": "int(0..9)? index",
    "z_bounds": "int = 1",
    "z_float": "float = 1.5",
    "z_flag": "bool = false",
    "z_exact": {"type": "decimal", "precision": 4, "scale": 2, "default": 1.5, "min": 0.5},
    "z_day": "date = 2024-02-29",
    "z_today": "date = now",
    "z_time": "time = 12:30:00",
    "z_now": "time = now",
    "z_moment": "datetime = 2024-02-29T12:30:00Z",
    "z_touched": "datetime = now read_only touch",
    "z_uuid": "uuid = 0190b0f0-0000-7000-8000-000000000001",
    "z_data": "json?",
    "z_bytes": "bytes(..9)?",
    "z_mail": "email?",
    "z_page": "url?",
    "z_secret": "str write_only",
    "z_sent": "str = a as_sent controls",
    "z_constant": "str immutable",
    "returning": "str(1..9)?",
}
"""A field of every kind, after the field with the tested name."""
FEW = {"z_text": "str", "z_number": "int", "z_day": "date = now"}
KEYS: dict[str, dict[str, Any]] = {
    "generated": {},
    "uuid": {"z_key": "uuid pk"},
    "text": {"z_key": "str(1..9) pk as_sent"},
    "pattern": {"z_key": {"type": "str", "pk": True, "pattern": "[a-z]+", "max": 9}},
}
APIS: dict[str, dict[str, Any]] = {
    "all": {"operations": OPERATIONS, "idempotency": True},
    "bulk": {"operations": OPERATIONS},
    "replace": {"operations": OPERATIONS[:7], "idempotency": True},
    "usual": {"operations": ["create", "list", "read", "update", "delete"]},
}
CASES = list(zip(KEYS, APIS, strict=True))
EVERY = int(os.environ.get("EVERY", str(len(CASES))))
EVERYDAY = """
    type date time datetime count limit offset sort fields list set object schema json copy class
    from match case metadata int str bool float bytes dict tuple self cls func column between
    kit_models sa dt builtins sqlmodel field option status name value key id title
    path query request index model resource test setting response body any enum text annotated
    literal decimal uuid many router database deleted changes db api main kit conftest settings
    models tests routers dates requests app init errors table column base news_item
"""


CLASSES = ("None", "True", "False", "Exception", "Ellipsis", "NotImplemented", "Warning")
DEVICES = {name for name in WINDOWS_DEVICES if name.isascii() and name.isalnum()}


def spec(
    name: str,
    plural: str,
    fields: dict[str, Any],
    api: dict[str, Any],
    ordinary: dict[str, Any] = FIELDS,
) -> dict[str, Any]:
    ordinary = {key: form for key, form in ordinary.items() if key not in fields}
    return {
        "name": name,
        "plural": plural,
        "path": "/z",
        "table": "z",
        "fields": fields | ordinary,
        "unique": [["z_text", "z_number"]],
        "index": [["z_number", "z_day"]],
        "api": api,
    }


def modules(entity: dict[str, Any]) -> dict[str, ast.Module]:
    """Render an entity without the kit, and parse its modules and those of the application."""
    schema = replace(load_texts({"z.yaml": json.dumps(entity)}), kit=KitForm.LIBRARY)
    tree = render(schema)
    return {path: ast.parse(text) for path, text in tree.items() if path.endswith(".py")}


@cache
def used_names() -> frozenset[str]:
    """Collect what generated modules import, define, take as parameters, or use."""
    found = {*kwlist, *EVERYDAY.split()}
    for key, api in CASES:
        for path, tree in modules(spec("Zed", "zeds", KEYS[key], APIS[api])).items():
            found |= {*path.removesuffix(".py").split("/")}
            if not path.startswith("tests/"):
                found |= {name for node in ast.walk(tree) for name in named_in(node)}
    return frozenset(found | {name.lower() for name in found})


def named_in(node: ast.AST) -> Iterator[str]:
    match node:
        case ast.Name(id=name) | ast.arg(arg=name):
            yield name
        case ast.ImportFrom(module=str(module)):
            yield from module.split(".")
    yield from bound_by(node)


def bound_by(node: ast.AST) -> Iterator[str]:
    """Yield the names that a statement binds."""
    match node:
        case ast.ClassDef() | ast.FunctionDef() | ast.AsyncFunctionDef():
            yield node.name
        case ast.Import() | ast.ImportFrom():
            yield from (alias.asname or alias.name for alias in node.names)
        case ast.Assign():
            yield from (each.id for each in node.targets if isinstance(each, ast.Name))
        case ast.AnnAssign(target=ast.Name(id=name)):
            yield name


def loaded(node: ast.AST | None) -> set[str]:
    """Return the names that a statement or an expression reads, but not as `name.attribute`."""
    nodes = list(ast.walk(node)) if node else []
    owners = {id(each.value) for each in nodes if isinstance(each, ast.Attribute)}
    return {
        each.id
        for each in nodes
        if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Load) and id(each) not in owners
    }


def check(tree: ast.Module) -> None:
    """Check that no name of a module hides another one that is meant."""
    names = [name for node in tree.body for name in bound_by(node)]
    assert not [name for name, times in Counter(names).items() if times > 1]
    assert not [name for name in names if iskeyword(name)]
    if "ROUTERS" not in names:
        hidden = {name for name in names if name.islower() and hasattr(builtins, name)}
        assert not hidden & loaded(tree)
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            check_class(node)
        if isinstance(node, ast.AsyncFunctionDef) and not node.name.startswith("test_"):
            check_handler(node)


def check_class(node: ast.ClassDef) -> None:
    """Check that no attribute hides a name in an annotation or a default."""
    lines = [line for line in node.body if isinstance(line, ast.AnnAssign)]
    attributes = {name for line in lines for name in bound_by(line)}
    for line in lines:
        read = {*loaded(line.annotation), *loaded(line.value)}
        owners = {each.id for each in ast.walk(line) if isinstance(each, ast.Name)}
        assert not attributes & (read | owners - {*bound_by(line)}), ast.unparse(node)


def check_handler(node: ast.AsyncFunctionDef) -> None:
    """Check that a handler calls its resource, and no parameter hides it."""
    parameters = [each.arg for each in node.args.args]
    assert len({*parameters}) == len(parameters)
    call = node.body[-1]
    if isinstance(call, ast.Return) and isinstance(call.value, ast.Await):
        method = call.value.value
        assert isinstance(method, ast.Call)
        assert isinstance(method.func, ast.Attribute)
        assert isinstance(method.func.value, ast.Name)
        assert method.func.value.id not in parameters, ast.unparse(node)
        assert loaded(call) <= {*parameters}


def taken(names: set[str], key: str, api: str) -> list[str]:
    """Return the names that a kind of key and of API is tested with."""
    return sorted(names)[CASES.index((key, api)) % EVERY :: EVERY]


def is_accepted(entity: dict[str, Any]) -> bool:
    try:
        load_texts({"z.yaml": json.dumps(entity)})
    except SpecError:
        return False
    return True


@pytest.mark.long_cases("uuid", "pattern")
@pytest.mark.parametrize(("key", "api"), CASES, ids=[key for key, _ in CASES])
def test_any_name_is_the_name_of_an_entity(key: str, api: str) -> None:
    camels = {"".join(map(str.capitalize, name.split("_"))) for name in EVERYDAY.split()}
    possible = {*filter(ClassName.PATTERN.fullmatch, used_names() | camels), *CLASSES}
    names = taken(possible, key, api)
    refused = set()
    for name in names:
        entity = spec(name, "z_many", KEYS[key], APIS[api])
        if not is_accepted(entity):
            refused.add(name)
            continue
        for tree in modules(entity).values():
            check(tree)
    assert refused == {"None", "True", "False"}.intersection(names)


@pytest.mark.long_cases("uuid", "pattern")
@pytest.mark.parametrize(("key", "api"), CASES, ids=[key for key, _ in CASES])
def test_any_name_is_a_plural(key: str, api: str) -> None:
    plurals = {*used_names(), *(name for name in dir(builtins) if name.islower()), *DEVICES}
    possible = {*filter(ModuleName.PATTERN.fullmatch, plurals - {"zed"})}
    for name in taken(possible, key, api):
        found = modules(spec("Zed", name, KEYS[key], APIS[api], FEW))
        (models,) = [path for path in found if path.endswith("/models.py")]
        folder = models.split("/")[1]
        assert folder.rstrip("_") == name
        assert f"app/{folder}.py" not in found
        assert folder != "kit"
        assert not iskeyword(folder)
        assert folder not in WINDOWS_DEVICES
        for tree in found.values():
            check(tree)


@pytest.mark.parametrize(("key", "api"), CASES, ids=[key for key, _ in CASES])
@pytest.mark.parametrize("form", ["bool = false", "str write_only", "date = now read_only touch"])
def test_any_name_is_a_field(form: str, key: str, api: str) -> None:
    names = [name for name in sorted(used_names()) if is_accepted(alone(name))]
    assert {"type", "date", "list", "int"} <= {*names}
    for first in range(0, len(names), 150):
        fields = dict.fromkeys(names[first : first + 150], form)
        for tree in modules(spec("Zed", "zeds", KEYS[key] | fields, APIS[api])).values():
            check(tree)


def alone(field: str) -> dict[str, Any]:
    return {"name": "Zed", "fields": {field: "int"}}
