"""Imports run one way, and the kit stands alone.

errors ← language ← codegen ← evolution ← delivery ← data ← cli; `diagram`, `home` beside `codegen`
"""

import ast
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import crudgen
from tests.conftest import LONGEST, WAITING

PACKAGE = Path(crudgen.__file__).parent
FILES = sorted(PACKAGE.rglob("*.py"))
KIT = [file for file in FILES if "kit" in file.relative_to(PACKAGE).parts]
FORMER_NAMES = {"health", "logs", "protocol", "resource", "routing"}
"""Modules of the kit that only import from their new place."""
MAY_IMPORT = {
    "errors": set[str](),
    "language": {"errors", "kit"},
    "codegen": {"errors", "language", "kit"},
    "diagram": {"errors", "language"},
    "home": {"errors", "language", "diagram"},
    "evolution": {"errors", "language", "codegen", "kit"},
    "delivery": {"errors", "codegen", "evolution", "kit"},
    "data": {"errors", "language", "codegen", "evolution", "delivery", "kit"},
    "cli": {
        *("errors", "language", "codegen", "diagram", "home", "evolution", "delivery", "data"),
        "",
    },
    "__main__": {"cli"},
    "__init__": {"errors", "language", "codegen", "delivery"},
}
"""The parts of crudgen that each part imports; "" is the package itself.

The language reads a default as the application reads a body: by the kit's own types.
"""
ROOMS = {
    "language": [
        {
            "artifacts",
            "capabilities",
            "hooks",
            "named",
            "names",
            "operations",
            "patterns",
            "ranges",
            "reserved",
        },
        {"conditions", "relations", "webhooks"},
        {"access", "api", "checks", "indexes", "limits", "properties"},
        {"schema"},
        {"former_names", "nested", "types"},
        {"yaml"},
        {"written"},
        {"resolve"},
        {"load", "explain", "explained_rules", "matrix", "notes"},
        {"__init__"},
    ],
    "diagram": [
        {"contents"},
        {"mermaid", "sizes", "columns", "order"},
        {"heights"},
        {"layout"},
        {"svg"},
        {"__init__"},
    ],
    "codegen": [
        {"characters", "needs", "tree"},
        {"literals"},
        {"code"},
        {"layout"},
        {"imports"},
        {"views"},
        {"file_needs", "hook_functions", "kit_files"},
        {"manifest"},
        {"render"},
        {"__init__"},
    ],
    "evolution": [
        {"hints", "plan"},
        {"changes", "renames"},
        {"conversions", "expressions"},
        {"spec_words"},
        {"ownership", "pairing", "statements", "wording"},
        {"internal"},
        {"spec_names"},
        {"choices"},
        {"scope", "unknown", "versions"},
        {"conditions", "constraints", "postgresql", "sqlite"},
        {"counting"},
        {"difference", "index_names", "notes", "unused"},
        {"planning"},
        {"revisions"},
        {"connecting"},
        {"blockers"},
        {"applying", "applying_postgresql", "applying_sqlite"},
        {"__init__"},
    ],
    "data": [
        {"forms", "open_application", "order", "problems", "sequence", "unique_keys", "utf8"},
        {"lines"},
        {"csv_text", "json_text"},
        {"dump_contents", "values"},
        {"head"},
        {"writing"},
        {"dumping", "reading"},
        {"inserting"},
        {"inserting_postgresql", "inserting_sqlite"},
        {"batch_copy", "imported_rows"},
        {"batch_insert", "imported_csv"},
        {"entity_rows", "imported_file", "loading"},
        {"importing", "rejected_rows"},
        {"fake", "seeds"},
        {"__init__"},
    ],
    "kit": [
        {
            "__init__",
            "acceleration",
            "errors",
            "json_names",
            "types",
        },
        {"limits", "models", "env_file", "origins", "settings"},
        {"database"},
        {"query"},
        {"http"},
        {"rows"},
        {"access", "export"},
        {"hooks"},
        {"events"},
        {"webhooks"},
        {"replica"},
        {"mcp"},
        {"admin"},
        {"fast"},
        {"application", "wiring", "server", "workers", *FORMER_NAMES},
        {"telemetry"},
        {"command_line"},
        {"key_commands", "user_commands"},
        {"user_row_commands", "user_row_key_commands"},
        {"migrations"},
    ],
}
"""The rooms of a part, from the first to the last: each imports only those before it."""


@cache
def nodes(file: Path) -> tuple[ast.Import | ast.ImportFrom, ...]:
    """Return the imports of a module, in functions too."""
    found = ast.walk(ast.parse(file.read_text("utf-8")))
    return tuple(node for node in found if isinstance(node, ast.Import | ast.ImportFrom))


def imports(file: Path) -> Iterator[str]:
    """Yield the absolute name of everything that a module imports."""
    package = (PACKAGE.name, *file.relative_to(PACKAGE).parent.parts)
    for node in nodes(file):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        if isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else ()
            module = ".".join((*above, *filter(None, [node.module])))
            yield from (f"{module}.{alias.name}" for alias in node.names)


def part_of(module: str) -> str | None:
    """Return the part of crudgen that a name belongs to."""
    top, *rest = module.split(".")
    if top != "crudgen":
        return None
    return rest[0] if rest and (rest[0] in MAY_IMPORT or rest[0] == "kit") else ""


def test_no_module_has_more_than_300_lines() -> None:
    lines = {str(file.relative_to(PACKAGE)): file.read_text("utf-8").count("\n") for file in FILES}
    assert {file: number for file, number in lines.items() if number > 300} == {}


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(PACKAGE)))
def test_imports_run_one_way(file: Path) -> None:
    own = file.relative_to(PACKAGE).parts[0].removesuffix(".py")
    if own == "kit":
        return
    parts = {part for module in imports(file) if (part := part_of(module)) is not None}
    assert parts <= {own, *MAY_IMPORT[own]}


@pytest.mark.parametrize("file", KIT, ids=lambda file: str(file.relative_to(PACKAGE)))
def test_the_kit_stands_alone(file: Path) -> None:
    kit = PACKAGE / "kit"
    for node in nodes(file):
        if isinstance(node, ast.Import):
            assert not [alias for alias in node.names if alias.name.split(".")[0] == "crudgen"]
        if isinstance(node, ast.ImportFrom):
            assert node.level or (node.module or "").split(".")[0] != "crudgen"
            # One dot is the module's own folder; no import leaves the kit.
            assert node.level <= len(file.relative_to(kit).parts)


@pytest.mark.parametrize("part", ROOMS)
def test_rooms_import_one_way(part: str) -> None:
    levels = {room: level for level, rooms in enumerate(ROOMS[part]) for room in rooms}
    for file in (PACKAGE / part).rglob("*.py"):
        own = file.relative_to(PACKAGE / part).parts[0].removesuffix(".py")
        for module in imports(file):
            above, _, rest = module.partition(f"crudgen.{part}.")
            if not above and rest.split(".")[0] in levels:
                room = rest.split(".")[0]
                assert levels[room] <= levels[own], f"{file} imports {module}"


@pytest.mark.parametrize("part", ROOMS)
def test_every_room_is_known(part: str) -> None:
    found = {
        entry.name.removesuffix(".py")
        for entry in (PACKAGE / part).iterdir()
        if entry.suffix == ".py" or (entry / "__init__.py").exists()
    }
    assert found == set().union(*ROOMS[part])


def test_only_one_module_knows_the_fast_ways() -> None:
    """Without the folder, everything else can be imported and answers the same."""
    kit = PACKAGE / "kit"
    for file in kit.rglob("*.py"):
        if file.is_relative_to(kit / "fast"):
            continue
        assert not [one for one in imports(file) if one.startswith("crudgen.kit.fast")], file
        assert ".fast" not in file.read_text("utf-8") or file == kit / "acceleration.py", file


def test_the_parts_are_all_known() -> None:
    found = {file.relative_to(PACKAGE).parts[0].removesuffix(".py") for file in FILES}
    assert found == {*MAY_IMPORT, "kit"}


@pytest.mark.parametrize("command", [["--help"], ["check"], ["emit", "--out"]])
def test_the_tools_start_without_the_frameworks(
    command: list[str], root: Path, tmp_path: Path
) -> None:
    arguments = command if command == ["--help"] else [command[0], str(root / "entities")]
    arguments += ["--out", str(tmp_path / "out")] if command[0] == "emit" else []
    script = (
        "import sys\nfrom crudgen.cli import main\n"
        f"sys.argv = ['crudgen', *{arguments!r}]\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "slow = {'fastapi', 'sqlalchemy', 'sqlmodel', 'uvicorn', 'starlette'} & set(sys.modules)\n"
        "assert not slow, slow\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=root, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_the_files_that_run_first_exist() -> None:
    files = [*LONGEST, *WAITING]
    assert len({*files}) == len(files)
    tests = Path(__file__).parent
    assert [file for file in files if not (tests / file).is_file()] == []
