"""Generated tests of entities with checks: they send rows that meet them, and one that does not."""

import json
from collections.abc import Mapping
from pathlib import Path
from random import Random
from typing import Any

import pytest

from crudgen.codegen import render
from crudgen.codegen.views.check_samples import request_samples
from crudgen.codegen.views.sample_rows import body_of
from crudgen.language import load_texts
from crudgen.language.names import FieldName
from crudgen.language.schema import Entity
from tests.checks.oracle import holds
from tests.checks.test_oracle import KINDS, checks_of, entity
from tests.codegen.emitted import run_alone, write

SPECS = {
    "event": """
name: Event
fields:
  starts_at: datetime
  ends_at: datetime?
  due: date = now read_only
  paid: date?
  low: int(1..3)
  middle: int(1..3)
  high: int(1..3)
  price: decimal(6,2) = 1 json(thePrice)
  discount: decimal(6,2)? column(Off)
  status: enum(draft, open, done) = draft
  name: str(3..40)
  nick: str(3..40)?
  boss_id: -> Event?
  hall_id: -> Hall
check:
  - starts_at < ends_at
  - paid is null or paid > due
  - low < middle and middle < high
  - discount is null or discount < price
  - price >= 5.5
  - status != draft or nick is not null
  - name != nick
  - boss_id is null or boss_id != id
  - hall_id != 0
api:
  operations: [create, list, read, update, replace, delete, create_many, update_many, delete_many]
""",
    "hall": """
name: Hall
fields: {name: str(1..20), rows: int, seats: int}
check: [rows <= seats, rows > 7]
api: {nested: [events], write: {events: create}}
""",
    "knot": """
name: Knot
fields: {number: int, first_id: -> Hall}
check: [number > 5 and number < 6]
""",
}


@pytest.mark.long
def test_the_generated_tests_pass(tmp_path: Path) -> None:
    tree = render(load_texts({f"{name}.yaml": text for name, text in SPECS.items()}))
    project = write(tree, tmp_path / "project")
    for command in (("ruff", "check"), ("ruff", "format", "--check"), ("mypy",)):
        run_alone(tmp_path, "-m", *command, cwd=project)
    tests = ("-m", "pytest", "-q", "-p", "no:cacheprovider", "tests")
    assert " passed" in run_alone(tmp_path, *tests, cwd=project)
    for name in ("events", "halls"):
        text = tree[f"tests/test_{name}.py"]
        assert "test_create_rejects_rows_that_violate_a_check" in text
        assert "test_update_changes_only_the_sent_properties" in text
    assert "json=BODY" not in tree["tests/test_knots.py"]  # no row meets its check


@pytest.mark.parametrize("seed", range(60))
def test_sample_rows_meet_the_checks(seed: int) -> None:
    checks = checks_of(Random(seed))  # noqa: S311 - the same at every run
    found: Entity = load_texts({"box.yaml": json.dumps(entity(checks))}).entities[0]
    samples = request_samples(found)
    if samples is None:
        return

    def violates(values: Mapping[FieldName, Any]) -> bool:
        body = body_of(found, values)
        return not all(holds(rule, body, KINDS) for rule in checks)

    assert not violates(samples.first)
    row = dict(samples.first)
    for name, value in samples.changes.items():
        row[name] = value
        assert not violates(row)
    if samples.invalid:
        assert violates({**samples.first, **samples.invalid})
