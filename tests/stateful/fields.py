"""The fields of the two entities: their values, good and bad, and what is said of the bad ones."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from tests.support.list_query import List

HERO = """
name: Hero
fields:
  name: str(1..6)
  nick: str(1..3)? unique
  age: int(0..9)? index
  level: int(1..5) = 1
  secret: str(..4) = none write_only
  changed_at: datetime = now read_only touch
api:
  operations:
    - create
    - list
    - read
    - update
    - replace
    - delete
    - create_many
    - update_many
    - delete_many
  page: {default: 4, max: 10}
  search: [name, nick]
"""
TAG = """
name: Tag
fields:
  code: str(1..3) pk
  plate: str(1..3) unique
  label: str(1..6) = none
  rank: int(-3..3)?
  kind: enum(a, b) = a immutable
  secret: str? write_only
api:
  operations: [create, list, read, update, replace, delete, create_many]
  page: {default: 4, max: 10}
  search: [label]
"""
REQUIRED = object()
Said = tuple[str, str] | None
"""Type and message of what is wrong with a value."""


@dataclass(frozen=True)
class Field:
    """What a body may say of a property."""

    good: Sequence[Any]
    bad: Sequence[Any]
    refuse: Callable[[Any], Said]
    default: Any = REQUIRED
    kind: str = "number"
    optional: bool = False
    unique: bool = False
    immutable: bool = False
    hidden: bool = False

    @property
    def values(self) -> SearchStrategy[Any]:
        """Draw from the bad ones now and then."""
        good = st.sampled_from([*self.good, *([None] if self.optional else [])])
        bad = st.sampled_from([*self.bad, *([] if self.optional else [None])])
        return st.integers(1, 20).flatmap(lambda n: bad if n == RARE else good)

    def problem(self, value: Any) -> Said:
        return None if self.optional and value is None else self.refuse(value)


RARE = 13


def text(good: Sequence[str], shortest: int, longest: int, **options: Any) -> Field:
    def refuse(value: Any) -> Said:
        if not isinstance(value, str):
            return ("string_type", "Input should be a valid string")
        if len(value) < shortest:
            return ("string_too_short", f"String should have at least {shortest} character")
        if len(value) > longest:
            return ("string_too_long", f"String should have at most {longest} characters")
        return None

    bad = ["x" * (longest + 1), 5, True, ["a"], *([""] if shortest else [])]
    return Field(good, bad, refuse, kind="text", **options)


def number(least: int, most: int, **options: Any) -> Field:
    def refuse(value: Any) -> Said:
        if not isinstance(value, int) or isinstance(value, bool):
            return ("int_type", "Input should be a valid integer")
        if value < least:
            return ("greater_than_equal", f"Input should be greater than or equal to {least}")
        if value > most:
            return ("less_than_equal", f"Input should be less than or equal to {most}")
        return None

    bad = [least - 1, most + 1, 2**63 - 1, -(2**63), "3", 1.5, True, {}]
    return Field(range(least, most + 1), bad, refuse, **options)


def word(good: Sequence[str], **options: Any) -> Field:
    def refuse(value: Any) -> Said:
        message = f"Input should be {' or '.join(repr(one) for one in good)}"
        return None if value in good else ("literal_error", message)

    return Field(good, ["", "A", 1], refuse, kind="word", **options)


@dataclass(frozen=True)
class Entity:
    """One entity as its clients know it."""

    name: str
    path: str
    key: str
    fields: Mapping[str, Field]
    searched: tuple[str, ...]
    server_sets: tuple[str, ...] = ()

    @property
    def gives_keys(self) -> bool:
        """Whether it is the client who gives the keys."""
        return self.key in self.fields

    @property
    def list(self) -> List:
        return List(self.key, self.searched, page=4)

    @property
    def shown(self) -> Sequence[str]:
        """The properties of an answer."""
        seen = [name for name, one in self.fields.items() if not one.hidden]
        return [*seen, *self.server_sets]

    def __repr__(self) -> str:
        return self.name


NAMES = ["a", "Ab", "aB", "é", "É", "zz%", "_", "🦸x"]
SHORT = ["a", "b", "c", "A", "é", "a b", "%", "'"]
HEROES = Entity(
    name="Hero",
    path="/heroes/",
    key="id",
    fields={
        "name": text(NAMES, 1, 6),
        "nick": text(SHORT, 1, 3, optional=True, unique=True, default=None),
        "age": number(0, 9, optional=True, default=None),
        "level": number(1, 5, default=1),
        "secret": text(["", "s", "word"], 0, 4, default="none", hidden=True),
    },
    searched=("name", "nick"),
    server_sets=("id", "changed_at"),
)
TAGS = Entity(
    name="Tag",
    path="/tags/",
    key="code",
    fields={
        "code": text(SHORT, 1, 3),
        "plate": text(SHORT, 1, 3, unique=True),
        "label": text(NAMES, 1, 6, default="none"),
        "rank": number(-3, 3, optional=True, default=None),
        "kind": word(["a", "b"], default="a", immutable=True),
        "secret": text(["", "s", "word"], 0, 255, optional=True, default=None, hidden=True),
    },
    searched=("label",),
)


@st.composite
def bodies(draw: st.DrawFn, entity: Entity, *, whole: bool) -> dict[str, Any]:
    """Draw a body: a whole row, in which what has a default may be absent, or a few changes."""
    body: dict[str, Any] = {}
    if not whole and draw(st.integers(1, 8)) == 5:
        return body
    for name, one in entity.fields.items():
        if whole and one.default is REQUIRED:
            is_sent = draw(st.integers(1, 40)) != RARE
        else:
            is_sent = draw(st.booleans())
        if is_sent:
            body[name] = draw(one.values)
    if draw(st.integers(1, 20)) == RARE:
        body[draw(st.sampled_from(["other", *entity.server_sets]))] = draw(
            st.sampled_from([1, "x"])
        )
    return body
