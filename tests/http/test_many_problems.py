"""A small body can have very many problems: no more of them are described than are told."""

from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from crudgen.kit.errors import MAX_PROBLEMS
from crudgen.kit.models import Changes, Model
from crudgen.kit.types.many import MAX_BATCH_SIZE, Many
from tests.support.servers import Everywhere


class Row(Model):
    name: str
    age: int | None = None


class RowChanges(Changes):
    name: str = ""
    age: int | None = None


ROWS: TypeAdapter[list[Row]] = TypeAdapter(Many[Row])
MANY = {f"k{n}": 1.0 for n in range(5000)}


def problems(kind: Any, value: Any) -> list[tuple[tuple[str | int, ...], str]]:
    with pytest.raises(ValidationError) as raised:
        TypeAdapter(kind).validate_python(value)
    return [(one["loc"], one["type"]) for one in raised.value.errors()]


def test_of_unknown_properties_the_first_are_described() -> None:
    unknown = [((f"k{n}",), "extra_forbidden") for n in range(MAX_PROBLEMS)]
    assert problems(RowChanges, MANY) == unknown
    assert problems(RowChanges, {**MANY, "age": 4.0, "name": "a"}) == unknown
    row = {**MANY, "age": "4"}
    assert problems(Row, row) == [(("name",), "missing"), (("age",), "int_type"), *unknown]
    assert len(row) == len(MANY) + 1, "what was given stays as it was"


@pytest.mark.parametrize("most", [0, 1, 98, 99, 100, 101, 5000])
def test_of_a_list_the_first_items_are_described(most: int) -> None:
    one = dict(list(MANY.items())[:most])
    told = problems(Many[Row], [one] * MAX_BATCH_SIZE)
    of_one = problems(Row, one)
    every = [((n, *loc), kind) for n in range(MAX_BATCH_SIZE) for loc, kind in of_one]
    assert told[:MAX_PROBLEMS] == every[:MAX_PROBLEMS]
    assert len(told) <= 3 * MAX_PROBLEMS


def test_items_behind_good_ones_are_found() -> None:
    rows: list[Any] = [{"name": "a", "age": 4.0}] * 99
    assert problems(Many[Row], [*rows, {}]) == [((99, "name"), "missing")]
    told = problems(Many[Row], [*rows, MANY])
    assert told[:2] == [((99, "name"), "missing"), ((99, "k0"), "extra_forbidden")]
    assert problems(Many[Row], rows * 2) == [((), "too_long")]
    assert [row.age for row in ROWS.validate_python(rows)] == [4] * 99


def test_the_answer_tells_the_first_problems(everywhere: Everywhere) -> None:
    unknown = {f"k{n}": 1.0 for n in range(900)}
    told = [
        {
            "type": "extra_forbidden",
            "loc": ["body", f"k{n}"],
            "msg": "Extra inputs are not permitted",
        }
        for n in range(MAX_PROBLEMS)
    ]
    answer = everywhere.ask("PATCH", "/animals/1", json=unknown)
    assert (answer.status_code, answer.json()["detail"]) == (422, told)
