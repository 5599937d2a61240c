"""Random pairs of specs: each change is made, and the rows are right, or is refused before.

`PAIRS=2000` tries more pairs on each database.
"""

import os
import random
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

import pytest

from crudgen.evolution.applying import RefusedError
from crudgen.evolution.connecting import Database
from tests.evolution.changed import Changed, Rows, Spec, entity, spec

PAIRS = int(os.environ.get("PAIRS", "4"))
ROWS = 12
NAMES = ["alpha", "beta", "gamma", "delta", "epsilon", "zeta"]
Random = random.Random
VALUES: dict[str, Callable[[int], Any]] = {
    "int": lambda n: n * 3 - 5,
    "int(-10..50)": lambda n: n,
    "str": str,
    "str(1..12)": lambda n: f"v{n}" if n % 2 else str(n),
    "float": lambda n: n / 2,
    "decimal(10,2)": lambda n: Decimal(n) / 4,
    "decimal(12,4)": lambda n: Decimal(n) / 16,
    "bool": lambda n: n % 2 == 0,
    "date": lambda n: date(2024, 2, 1 + n),
    "datetime": lambda n: datetime(2024, 2, 1 + n, n % 3, tzinfo=UTC),
    "enum(red, green)": lambda n: ("red", "green")[n % 2],
    "enum(red, green, blue)": lambda n: ("red", "green", "blue")[n % 3],
    "-> Team": lambda n: n % 3 + 1,
}
RENAMED = {"red": "crimson", "green": "lime"}
DEFAULTS = {"int": "7", "str": "x", "bool": "true", "float": "1.5", "enum(red, green)": "red"}
TEAM = entity("Team", {"name": "str"})
PET = entity("Pet", {"hero_id": "-> Hero cascade"})


class Field:
    """A field of a random spec."""

    def __init__(
        self, kind: str, *, optional: bool, extra: str = "", was: str = "", new_words: bool = False
    ) -> None:
        self.kind, self.optional, self.extra, self.was = kind, optional, extra, was
        self.new_words = new_words
        """Whether the words of an enum have new names."""

    def __str__(self) -> str:
        """Return the field in the short form; the long form if words are renamed."""
        if self.new_words:
            written = {
                "type": "enum",
                "values": f"[{', '.join(RENAMED.values())}]",
                "renamed": f"{{{', '.join(f'{old}: {new}' for old, new in RENAMED.items())}}}",
                "optional": "true" if self.optional else "",
                self.extra.replace("default", ""): "true",
                "was": self.was,
            }
            return (
                f"{{{', '.join(f'{key}: {one}' for key, one in written.items() if key and one)}}}"
            )
        kind = f"{self.kind}{'?' if self.optional else ''}"
        default = DEFAULTS.get(self.kind) if self.extra == "default" else None
        options = "" if self.extra == "default" else self.extra
        parts = [kind, f"= {default}" if default else "", options]
        parts.append(f"was({self.was})" if self.was else "")
        return " ".join(filter(None, parts))

    def value(self, number: int) -> Any:
        """Return the value of the field in a row."""
        return None if self.optional and number % 4 == 0 else VALUES[self.kind](number)


def random_field(rng: Random, name: str) -> Field:
    kind = rng.choice([one for one in VALUES if (one == "-> Team") == name.endswith("_id")])
    extra = rng.choice(["", "", "index", "unique", "default"])
    return Field(kind, optional=rng.random() < 0.5, extra="" if kind == "-> Team" else extra)


def random_fields(rng: Random) -> dict[str, Field]:
    names = [*rng.sample(NAMES, rng.randint(2, 4)), *rng.choice([[], ["team_id"]])]
    return {name: random_field(rng, name) for name in names}


def changed_fields(rng: Random, before: dict[str, Field]) -> tuple[dict[str, Field], set[str]]:
    """Return other fields, and the former ones that are dropped."""
    after, dropped = dict(before), set[str]()
    for _ in range(rng.randint(1, 4)):
        name = rng.choice(list(after))
        what = rng.choice(["add", "remove", "drop", "rename", "kind", "optional", "extra", "words"])
        free = [one for one in NAMES if one not in after and one not in before]
        if what == "add" and free:
            after[rng.choice(free)] = random_field(rng, "x")
        elif what in {"remove", "drop"} and len(after) > 1:
            gone = after.pop(name)
            if what == "drop" and name in before and not gone.was:
                dropped.add(name)
        elif what == "words" and name in before and after[name].kind == "enum(red, green)":
            old = after[name]
            after[name] = Field(
                old.kind, optional=old.optional, extra=old.extra, was=old.was, new_words=True
            )
        elif what == "rename" and free and name in before and not name.endswith("_id"):
            one = after.pop(name)
            after[rng.choice(free)] = Field(
                one.kind,
                optional=one.optional,
                extra=one.extra,
                was=name,
                new_words=one.new_words,
            )
        elif what == "kind" and name in after:
            new = random_field(rng, name)
            after[name] = Field(
                new.kind, optional=new.optional, extra=new.extra, was=after[name].was
            )
        elif what in {"optional", "extra"} and name in after:
            old, new = after[name], random_field(rng, name)
            optional = not old.optional if what == "optional" else old.optional
            extra = new.extra if what == "extra" else old.extra
            after[name] = Field(old.kind, optional=optional, extra=extra, was=old.was)
    return after, dropped


def heroes(fields: dict[str, Field], name: str = "Hero", *more: str) -> str:
    return entity(name, {name: str(one) for name, one in fields.items()}, *more)


def start(
    kind: str, new_database: Callable[[str], str], fields: dict[str, Field]
) -> tuple[Changed, Spec]:
    before = spec(heroes(fields), PET, TEAM)
    found = Changed(Database(new_database(kind)))
    found.apply(before.target())
    found.insert(before, "team", [{"name": "x"} for _ in range(3)])
    unique = {name for name, one in fields.items() if one.extra == "unique"}
    rows: Rows = []
    for number in range(1, ROWS + 1):
        row = {name: one.value(number) for name, one in fields.items()}
        if all(row[name] is None or row[name] not in [r[name] for r in rows] for name in unique):
            rows.append(row)
    found.insert(before, "hero", rows)
    found.insert(before, "pet", [{"hero_id": number + 1} for number in range(len(rows))])
    return found, before


def same(one: Any, other: Any) -> bool:
    """Return whether two values are the same, in the forms of two types."""
    if one is None or other is None:
        return one is other
    if isinstance(one, date) and isinstance(other, date):
        days = [
            d if isinstance(d, datetime) else datetime.combine(d, time(), UTC) for d in (one, other)
        ]
        return days[0] == days[1]
    if isinstance(one, str) or isinstance(other, str):
        return text(one) == text(other)
    return bool(Decimal(str(one + 0)) == Decimal(str(other + 0)))


def text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%dT%H:%M:%SZ")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, float | Decimal):
        return f"{Decimal(str(value)).normalize():f}"
    try:
        return f"{Decimal(value).normalize():f}"
    except ArithmeticError:
        return str(value)


def pairs() -> Iterator[int]:
    first = int(os.environ.get("SEED", "0"))
    yield from range(first, first + PAIRS)


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_random_changes_are_made_or_refused(kind: str, new_database: Callable[[str], str]) -> None:
    made = refused = 0
    for seed in pairs():
        rng = Random(seed)
        fields = random_fields(rng)
        after, dropped = changed_fields(rng, fields)
        found, before = start(kind, new_database, fields)
        rows, everything = found.rows(before, "hero"), found.everything()
        is_renamed = rng.random() < 0.2
        table = "champion" if is_renamed else "hero"
        hero = heroes(after, "Champion", "was: Hero") if is_renamed else heroes(after)
        now = spec(hero, PET.replace("Hero", table.capitalize()), TEAM)
        fills = [
            f"{table}.{name}={DEFAULTS[one.kind]}"
            for name, one in after.items()
            if not one.optional and one.kind in DEFAULTS and not one.new_words
            # Other fields have a value in all rows, so that the option would have no effect.
            if (one.was or name) not in fields or fields[one.was or name].optional
        ]
        target = now.target(fills, [f"{table}.{name}" for name in dropped - set(after)])
        case = f"seed {seed}: {heroes(fields)}\n{hero}"
        plan = found.plan(target)
        if plan.problems:
            refused += 1
            with pytest.raises(RefusedError):
                found.apply(target)
            assert found.everything() == everything, case
            continue
        found.apply(target, backup=False)
        made += 1
        assert found.plan(target).is_empty, case
        for old, new in zip(rows, found.rows(now, table), strict=True):
            for name, one in after.items():
                source = one.was or name
                if source not in old:
                    continue
                if old[source] is None and not one.optional:
                    assert same(new[name], now_filled(one)), case
                else:
                    value = RENAMED.get(old[source]) if one.new_words else old[source]
                    assert same(value, new[name]), f"{case}\n{old}\n{new}"
        assert len(found.rows(now, "pet")) == len(rows), case
    print(f"{kind}: {made} made, {refused} refused")  # noqa: T201 -- shown with -s
    assert made


def now_filled(one: Field) -> Any:
    default = DEFAULTS[one.kind]
    return {"true": True}.get(default, default)
