"""The problems that the API should name where rows refer to each other."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from tests.stateful.guild import GUILD, Entity, Reference
from tests.stateful.model import Problem, Refusal


def blocks(entity: Entity, reference: Reference, *, is_own: bool) -> str:
    who = entity.plural.capitalize()
    if is_own:
        return f"{who} refer to it by {reference.by}"
    return f"{who} refer by {reference.by} to {reference.target} that would be deleted with it"


def no_target(reference: Reference) -> Problem:
    return no_such(reference.target, ["body", reference.by])


def no_such(plural: str, place: Sequence[Any]) -> Problem:
    said = f"There is no such {GUILD[plural].name.lower()}"
    return {"type": "no_target", "loc": list(place), "msg": said}


def not_found(plural: str, place: Sequence[Any]) -> list[Problem]:
    said = f"{GUILD[plural].name} not found"
    return [{"type": "not_found", "loc": list(place), "msg": said}]


def same(names: Sequence[str]) -> list[Problem]:
    message = f"Another row has the same {' and '.join(names)}"
    return [{"type": "unique", "loc": ["body", name], "msg": message} for name in names]


@contextmanager
def in_item(*place: int | str) -> Iterator[None]:
    """Name the item in the problems."""
    try:
        yield
    except Refusal as refusal:
        details = [
            [one | {"loc": ["body", *place, *one["loc"][1:]]} for one in detail]
            for detail in refusal.details
        ]
        raise Refusal(refusal.status, *details) from None
