"""Random bodies and queries for the entities of the guild. Numbers stand for rows."""

from collections.abc import Sequence
from typing import Any

from hypothesis import strategies as st

from tests.stateful.guild import ENDS, GUILD
from tests.stateful.included import Query
from tests.stateful.model import Row

NAMES = ["a", "b", "c", "é", "ab", "zz"]
VALUES: dict[str, Sequence[Any]] = {
    "name": NAMES,
    "code": NAMES,
    "rank": range(3),
    "label": NAMES,
    "position": range(4),
    "text": NAMES,
}
ALL = list(GUILD)
NUMBERS = st.integers(0, 39)
"""Choose a row: most of them one that exists."""
NULL, GONE = 34, 37
"""From these numbers on, a number is no row, or a row that does not exist."""
MANY = st.lists(NUMBERS, min_size=1, max_size=3)


@st.composite
def bodies(draw: st.DrawFn, plural: str, *, whole: bool, with_keys: bool = False) -> Row:
    """Draw a body: a whole row, or a few changes; perhaps with the keys of linked rows."""
    entity = GUILD[plural]
    drawn: Row = {}
    for name, default in entity.defaults.items():
        if (whole and default is None) or (name != entity.key and draw(st.booleans())):
            drawn[name] = draw(st.sampled_from(VALUES[name]))
    for one in entity.references:
        if (whole and not one.optional) or draw(st.booleans()):
            drawn[one.by] = draw(st.integers(0, NULL - 1) if not one.optional else NUMBERS)
            if draw(st.integers(0, 15)) == 7:
                drawn[one.by] = GONE
    if with_keys and entity.keys and draw(st.booleans()):
        drawn[entity.keys] = draw(st.lists(NUMBERS, max_size=3))
    return drawn


def of(
    plurals: Sequence[str], *, whole: bool, with_keys: bool = False
) -> st.SearchStrategy[tuple[str, Row]]:
    """Draw one of several entities, and a body for it."""
    return st.sampled_from(plurals).flatmap(
        lambda one: st.tuples(st.just(one), bodies(one, whole=whole, with_keys=with_keys))
    )


def several(plurals: Sequence[str], *, whole: bool) -> st.SearchStrategy[tuple[str, list[Row]]]:
    return st.sampled_from(plurals).flatmap(
        lambda one: st.tuples(
            st.just(one),
            st.lists(bodies(one, whole=whole, with_keys=True), min_size=1, max_size=3),
        )
    )


@st.composite
def queries(draw: st.DrawFn, plural: str, *, of_list: bool) -> Query:
    include = draw(st.lists(st.sampled_from(GUILD[plural].paths), max_size=3, unique=True))
    steps = {"__".join(path.split("__")[: n + 1]) for path in include for n in range(2)}
    limits, fields = {}, [*GUILD[plural].listed]
    for path in sorted(steps):
        target, is_many = _end(plural, path)
        fields += [f"{path}__{name}" for name in GUILD[target].properties]
        if is_many and draw(st.booleans()):
            limits[path] = draw(st.integers(1, 2))
    if not of_list:
        return Query(include, limits)
    some = st.lists(st.sampled_from(fields), max_size=3, unique=True)
    offset, limit = draw(st.sampled_from([0, 0, 1, 3])), draw(st.sampled_from([1, 3, 20]))
    return Query(include, limits, draw(some), offset, limit)


def _end(plural: str, path: str) -> tuple[str, bool]:
    """Return the entity at the end of a path, and whether its last step is to several rows."""
    is_many = False
    for name in path.split("__"):
        relation = GUILD[plural].relations[name]
        plural, is_many = relation.target, relation.is_many
    return plural, is_many


def reads(*, of_list: bool) -> st.SearchStrategy[tuple[str, Query]]:
    return st.sampled_from(ALL).flatmap(
        lambda one: st.tuples(st.just(one), queries(one, of_list=of_list))
    )


LINKED = st.sampled_from(ENDS).flatmap(
    lambda one: st.tuples(st.just(one), queries(ENDS[1 - ENDS.index(one)], of_list=True))
)
