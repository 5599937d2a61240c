"""The JSON Schema of editors agrees with `crudgen check`, wherever it can express the rule."""

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError

from crudgen.language import editor_schema
from crudgen.language.load import APP_FILE
from crudgen.language.yaml.document import parse
from crudgen.language.yaml.nodes import Node, find_location, node_value
from tests.support import agreement
from tests.support.agreement import CASES, ROOT

pytestmark = pytest.mark.long


def with_paths(schema: Any) -> Any:
    """Replace `false` of a property: jsonschema's errors of it lack the path."""
    if isinstance(schema, list):
        return [with_paths(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    changed = {key: with_paths(value) for key, value in schema.items()}
    if "properties" in changed:
        properties = changed["properties"].items()
        changed["properties"] = {
            key: {"not": {}} if value is False else value for key, value in properties
        }
    return changed


SCHEMA = with_paths(editor_schema())
ENTITY = Draft202012Validator(SCHEMA)
APP = Draft202012Validator({"$ref": "#/$defs/AppSpec", "$defs": SCHEMA["$defs"]})


def rejected_lines(file: Path) -> set[int]:
    """Return the lines of a file that the JSON Schema rejects."""
    root = parse(str(file), file.read_bytes())
    validator = APP if file.name == APP_FILE else ENTITY
    errors = validator.iter_errors(as_json(node_value(root)))
    return {line for error in errors for line in lines_of(root, error)}


def lines_of(root: Node, error: ValidationError) -> Iterator[int]:
    path: tuple[Any, ...] = (*error.absolute_path,)
    if error.validator == "additionalProperties":
        rejecting: Any = error.schema
        found: Any = error.instance
        for key in found.keys() - rejecting["properties"].keys():
            yield find_location(root, (*path, key), key=True).line
    elif "propertyNames" in error.absolute_schema_path:
        yield find_location(root, (*path, str(error.instance)), key=True).line
    else:
        key = error.validator == "required" and bool(path)
        yield find_location(root, path, key=key).line


def as_json(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: as_json(item) for key, item in value.items()}
    if isinstance(value, list):
        return [as_json(item) for item in value]
    return float(value) if isinstance(value, Decimal) else value


@pytest.mark.parametrize(
    "file", agreement.wrong_files(), ids=lambda file: str(file.relative_to(CASES))
)
def test_wrong_files_are_rejected_on_the_same_lines(file: Path) -> None:
    assert agreement.disagreements(file, rejected_lines(file)) == []


@pytest.mark.parametrize(
    "file", agreement.right_files(), ids=lambda file: str(file.relative_to(ROOT))
)
def test_correct_files_are_accepted(file: Path) -> None:
    assert rejected_lines(file) == set()


def test_each_exception_has_a_case() -> None:
    said = {
        problem
        for file in agreement.wrong_files()
        for problems in agreement.problems_by_line(file).values()
        for problem in problems
    }
    parts = [part for parts in agreement.INEXPRESSIBLE.values() for part in parts]
    assert [part for part in parts if not any(part in problem for problem in said)] == []
