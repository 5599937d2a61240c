"""Rows whose JSON names are attributes of other fields, in requests that complete their bodies."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlmodel import Field

from crudgen.kit.models import Changes, with_attributes
from tests.access.vocabulary import Asker, run

SPEC = {
    "team.yaml": """\
name: Team
fields: {name: str}
api: {nested: [seats], write: {seats: create}}
""",
    "seat.yaml": """\
name: Seat
fields:
  left: {type: int, json: right}
  right: {type: int, json: left}
  low: {type: int, default: 0, json: high}
  high: {type: int, default: 0, json: top}
  team_id: -> Team? read_only
api: {operations: [create, list, read, update, replace]}
""",
}
SENT = {"left": 10, "right": 20, "high": 30, "top": 40}
HOOKS = {
    "none": "",
    "functions": "hooks: [create, update]\n",
    "events": "hooks: [on_create, on_update]\n",
}
ME = "auth: {me: {id: int = sub}}\n"


async def check(asker: Asker) -> None:
    def values(row: Any) -> Any:
        return {name: row[name] for name in SENT}

    await asker.row("POST /teams/", {"name": "a"})
    assert values(await asker.row("POST /seats/", SENT)) == SENT
    assert values(await asker.row("POST /teams/1/seats/", SENT)) == SENT
    short = {"left": 10, "right": 20, "top": 40}
    assert values(await asker.row("POST /teams/1/seats/", short)) == short | {"high": 0}
    await asker.row("POST /teams/", {"name": "b", "seats": [SENT]})
    *_, together = await asker.row("GET /seats/")
    assert (together["team_id"], values(together)) == (2, SENT)
    changed = {name: value + 1 for name, value in SENT.items()}
    assert values(await asker.row("PATCH /seats/1", changed)) == changed
    assert values(await asker.row("PUT /seats/1", SENT)) == SENT


@pytest.mark.parametrize("with_caller", [False, True])
@pytest.mark.parametrize("hooks", HOOKS)
def test_values_stay_with_their_names(
    hooks: str, with_caller: bool, new_database: Callable[[str], str]
) -> None:
    found = SPEC | {"seat.yaml": SPEC["seat.yaml"] + HOOKS[hooks]}
    if with_caller:  # rows have a value that bodies lack
        found = {name: f"{text}access: user\n" for name, text in found.items()}
        found["seat.yaml"] = found["seat.yaml"].replace("api:", "  by: int = me read_only\napi:")
    run(ME if with_caller else None, found, new_database("sqlite"), check)


def test_a_missing_value_is_not_that_of_another_field() -> None:
    class Seat(Changes):
        left: int = Field(default=0, validation_alias="right")
        right: int = Field(default=0, validation_alias="left")

    made = with_attributes(Seat, {"left": 1, "other": 2}, ["left"])
    assert (vars(made), made.model_fields_set) == ({"left": 1, "right": 0}, {"left"})
