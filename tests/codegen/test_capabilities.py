"""Projects that each omit a feature: the rest passes all checks, with each value of `kit:`."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from crudgen.codegen import render
from crudgen.language import load_texts
from crudgen.language.schema import KitForm
from tests.codegen.emitted import run_alone, write

TYPES = {
    "one": "str(1..80) index",
    "lines": "text?",
    "total": "int(0..) = 0",
    "size": "float?",
    "price": "decimal(10,2) = 1.50",
    "ready": "bool = false",
    "day": "date?",
    "hour": "time?",
    "at": "datetime = now",
    "token": "uuid?",
    "mood": "enum(calm, wild) = calm",
    "mail": "email?",
    "home": "url?",
    "data": "json?",
    "photo": "bytes(..20)?",
}
OPERATIONS = (
    *("create", "list", "read", "update", "replace", "delete"),
    *("create_many", "update_many", "delete_many"),
)


def entity(types: dict[str, str], *api: str, more: str = "") -> str:
    """Write a spec with fields and an `api` block."""
    fields = "".join(f"  {name}: {kind}\n" for name, kind in types.items())
    block = "api:\n" + "".join(f"  {line}\n" for line in api) if api else ""
    return f"name: Robot\n{more}fields:\n{fields}{block}"


def operations(*names: str) -> str:
    return f"operations: [{', '.join(names)}]"


def without(*left_out: str) -> dict[str, str]:
    return {name: kind for name, kind in TYPES.items() if name not in left_out}


EXPORT = "export: [csv, ndjson]"
ALL = (operations(*OPERATIONS), "idempotency: true", "search: [one, lines]", EXPORT)
STRICT = (operations(*OPERATIONS[:7]), "idempotency: true", "etag: required", "search: [one]")
OPTIONAL = (operations(*OPERATIONS), "idempotency: true")
FEW = {"one": "str", "total": "int = 1"}
SPECS = {
    "nothing": entity(TYPES, *ALL),
    "updates of several rows": entity(TYPES, *STRICT),
    "idempotency": entity(TYPES, ALL[0], ALL[2]),
    "search": entity(TYPES, *STRICT[:3]),
    "replace": entity(TYPES, operations(*(one for one in OPERATIONS if one != "replace"))),
    "create_many": entity(FEW, operations(*(one for one in OPERATIONS if one != "create_many"))),
    "update_many": entity(FEW, operations(*(one for one in OPERATIONS if one != "update_many"))),
    "delete_many": entity(FEW, operations(*(one for one in OPERATIONS if one != "delete_many"))),
    "all but bulk": entity(FEW, operations("create_many"), "idempotency: true"),
    "all but delete_many": entity(FEW, operations("delete_many")),
    "all but create": entity(FEW, operations("create"), "idempotency: true"),
    "all but list": entity(FEW, operations("list")),
    "all but read": entity(FEW, operations("read")),
    "all but replace": entity(FEW, operations("replace"), "etag: required"),
    "filters and sorts": entity(TYPES, "filter: []", "sort: []"),
    "dates and times": entity(without("day", "hour", "at"), *OPTIONAL),
    "decimals": entity(without("price"), *OPTIONAL),
    "bytes and JSON": entity(without("photo", "data"), *OPTIONAL),
    "UUIDs": entity(without("token"), *OPTIONAL),
    "addresses": entity(without("mail", "home"), *OPTIONAL),
    "text": entity({"total": "int", "ready": "bool = true", "day": "date"}, *OPTIONAL),
    "a generated key": entity({"code": "str(1..9) pk", "one": "str"}, "etag: required"),
    "an integer key": entity({"code": "uuid pk read_only", **FEW}, *OPTIONAL),
    "a key of text": entity({"number": "int pk", **FEW}, *OPTIONAL),
    "fields": entity({"secret": "str write_only"}),
    "nullable fields": entity({"one": "str unique", "two": "str immutable"}, *OPTIONAL),
}
KEYS = {
    "a replica": "read_replica: true\nemit: [provider]\n",
    "tools for agents": "mcp: read_only\n",
    "metrics": "metrics: true\n",
    "an admin page": "auth: {keys: true}\nadmin: true\n",
    "traces": "tracing: true\n",
}
"""The text of crudgen.yaml of these projects."""
SPECS |= {
    what: entity(FEW, *OPTIONAL, more="access: user\n" if "auth:" in text else "")
    for what, text in KEYS.items()
}
PROJECTS = [(what, form) for what in SPECS for form in KitForm]
COUNT = int(os.environ.get("PROJECTS", "2"))
CHOSEN = PROJECTS[:: len(PROJECTS) // COUNT][:COUNT] if COUNT else PROJECTS
CHECKS = (
    ("ruff", "format", "--check", "--no-cache"),
    ("ruff", "check", "--no-cache"),
    ("mypy", "--strict"),
    ("pytest", "-q", "-p", "no:cacheprovider", "-W", "error"),
)


def test_every_form_of_a_kit_with_something_left_out_can_be_rendered() -> None:
    for what, form in PROJECTS:
        tree = render(replace(load_texts({"robot.yaml": SPECS[what]}, KEYS.get(what)), kit=form))
        assert any(path.startswith("app/kit/") for path in tree) == (form is not KitForm.LIBRARY)


def test_only_traced_projects_import_opentelemetry() -> None:
    for what, text in KEYS.items():
        tree = render(load_texts({"robot.yaml": SPECS[what]}, text))
        found = {path for path in tree if "from opentelemetry." in tree[path]}
        assert bool(found) == (what == "traces"), found


def test_the_readme_names_the_capabilities_of_the_project() -> None:
    words = {"an admin page": "/admin", "tools for agents": "/mcp", "metrics": "METRICS_TOKEN"}
    words["traces"] = "OTEL_TRACES_EXPORTER"
    for what, text in KEYS.items():
        readme = render(load_texts({"robot.yaml": SPECS[what]}, text))["README.md"]
        found = {one for one, word in words.items() if word in readme}
        assert found == {what} & words.keys()


@pytest.mark.long
@pytest.mark.slow
@pytest.mark.parametrize(("what", "form"), CHOSEN, ids=str)
def test_a_project_without_it_is_clean(
    tmp_path: Path, mypy_cache: Path, what: str, form: KitForm
) -> None:
    schema = replace(load_texts({"robot.yaml": SPECS[what]}, KEYS.get(what)), kit=form)
    project = write(render(schema), tmp_path / "project")
    for tool, *arguments in CHECKS:
        command = (tool, *arguments, *([f"--cache-dir={mypy_cache}"] if tool == "mypy" else []))
        if form is not KitForm.LIBRARY:
            run_alone(tmp_path, "-m", *command, cwd=project)
        else:
            done = subprocess.run(
                [sys.executable, "-m", *command], cwd=project, capture_output=True, check=False
            )
            assert done.returncode == 0, done.stdout
