"""A project has the modules of the kit that its spec needs: no fewer, and no type in vain."""

import ast
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

import pytest

from crudgen.codegen import render
from crudgen.language import load

FIELDS = [
    *("str(1..80)", "text", "int", "float", "bool", "date", "time?", "datetime", "uuid", "json"),
    *("decimal(10,2)", "bytes(..200)", "email", "url?", "enum(a, b)"),
]
KEYS = ["None", "int pk", "uuid pk"]
ONE_BY_ONE = ["create, list, read", "update, replace, delete"]
OPERATIONS = [*ONE_BY_ONE, "create_many", "update_many", "delete_many"]


def rendered(folder: Path, key: str, field: str, operations: str) -> Mapping[str, str]:
    lines = ["name: Thing", "fields:", f"  thing_key: {key}", f"  value: {field}"]
    lines += ["api:", f"  operations: [{operations}]"]
    (folder / "thing.yaml").write_text("\n".join(line for line in lines if "None" not in line))
    return render(load(folder))


def imported(tree: Mapping[str, str]) -> Iterator[str]:
    """Yield the path of every module of the project that another one imports."""
    for path, text in tree.items():
        if not path.startswith("app/") or not path.endswith(".py"):
            continue
        package = path.split("/")[:-1]
        for node in relative_imports(text):
            above = package[: len(package) - node.level + 1]
            found = "/".join([*above, *(node.module or "").split(".")]).rstrip("/")
            names = [f"{found}/{alias.name}.py" for alias in node.names]
            is_file = f"{found}.py" in tree
            modules = [name for name in names if name in tree]
            yield from [f"{found}.py"] if is_file else modules or [f"{found}/__init__.py"]


@cache
def relative_imports(text: str) -> list[ast.ImportFrom]:
    nodes = ast.walk(ast.parse(text))
    return [node for node in nodes if isinstance(node, ast.ImportFrom) and node.level]


@pytest.mark.parametrize(
    ("key", "field", "operations"),
    [
        *(("None", field, ONE_BY_ONE[0]) for field in FIELDS),
        *((key, "int", operations) for key in KEYS for operations in OPERATIONS),
        *(("str(1..12) pk", "int", operations) for operations in ONE_BY_ONE),
    ],
)
def test_a_project_has_the_modules_that_it_imports(
    tmp_path: Path, key: str, field: str, operations: str
) -> None:
    tree = rendered(tmp_path, key, field, operations)
    needed = {*imported(tree)}
    assert needed <= tree.keys()
    types = {path for path in tree if path.startswith("app/kit/types/")}
    assert types - needed <= {"app/kit/types/__init__.py"}


ROOT = Path(__file__).parents[2]
PLAIN = ["entities", *(f"tests/specs/{name}/entities" for name in ("teams", "zoo", "shop"))]
"""Specs without `auth`, functions, events and webhooks; the last three have relations."""
ROOMS = ("access", "events", "hooks", "webhooks")
NOT_IMPORTED = {
    *("health.py", "logs.py", "protocol.py", "resource.py", "routing.py"),  # former names
    "database/async_sessions.py",  # imported when it is used
    *("fast/direct.py", "fast/group_commit.py", "fast/included_json.py", "fast/json_objects.py"),
    *("fast/direct_statements.py", "fast/kept_connections.py", "fast/shared_reads.py"),
    "fast/shortcut_table.py",
}
"""Modules of the kit that no import statement of a project names."""


@pytest.mark.parametrize("folder", PLAIN)
def test_a_plain_project_has_no_module_for_rules_and_functions(folder: str) -> None:
    """It has a module only if other modules of the project import it, which have no rules."""
    schema = load(ROOT / folder)
    assert schema.auth is None
    tree = render(schema)
    kit = {path.removeprefix("app/kit/") for path in tree if path.startswith("app/kit/")}
    assert not {path for path in kit if path.startswith(ROOMS)}
    assert not {"command_line.py", "user_commands.py", "key_commands.py"} & kit
    needed = {path.removeprefix("app/kit/") for path in imported(tree)}
    assert {path for path in kit - needed if not path.endswith("__init__.py")} <= NOT_IMPORTED


def test_rooms_for_rules_and_functions_exist() -> None:
    kit = ROOT / "crudgen/kit"
    assert all((kit / room / "__init__.py").exists() for room in ROOMS)
    assert all((kit / path).exists() for path in NOT_IMPORTED)
