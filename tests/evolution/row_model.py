"""What a change does to rows, in plain Python: the new rows, or the columns that prevent it.

Nothing of crudgen is used here. Tables have the names of the database.
"""

import json
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any
from uuid import UUID

Row = dict[str, Any]
Problem = tuple[str, str | None]
"""A table, and a column of it."""
TEXTS = ("str", "text", "enum", "email", "url")
LENGTHS = {"str": (0, 255), "text": (0, 65535), "email": (0, 254), "url": (0, 2083)}


class GoneError(Exception):
    """A value does not convert."""


@dataclass(frozen=True)
class Kind:
    """A type of the spec."""

    base: str
    arguments: tuple[str, ...] = ()

    @classmethod
    def of(cls, written: str) -> "Kind":
        """Return the kind of `decimal(10,2)`."""
        base, _, arguments = written.rstrip(")").partition("(")
        return cls(base, tuple(re.split(r", ?|\.\.", arguments)) if arguments else ())

    @property
    def stored(self) -> str:
        """What the database stores: all kinds of text are one."""
        return "text" if self.base in TEXTS else self.base

    @property
    def digits(self) -> tuple[int, int]:
        precision, scale = map(int, self.arguments)
        return precision, scale

    def accepts(self, value: Any) -> bool:
        """Return whether a value meets the rule of the column."""
        if self.base == "enum":
            return value in self.arguments
        if self.base in LENGTHS:
            least, most = self.arguments or LENGTHS[self.base]
            return int(least) <= len(value) <= int(most)
        if self.base == "int" and self.arguments:
            least, most = self.arguments
            return bool(int(least) <= value <= int(most))
        return True


@dataclass(frozen=True)
class ModelColumn:
    """A column of the spec."""

    kind: Kind
    is_optional: bool = False
    was: Sequence[str] = ()
    fill: Any = None
    """The default, or the value of --fill."""
    is_filled: bool = False
    """Whether --fill gives the value."""
    words: Mapping[str, str] = field(default_factory=dict)
    target: str | None = None
    """The table that the column refers to."""
    is_integer: bool = False
    """Whether --integers allows a decimal in place of an integer."""


@dataclass(frozen=True)
class ModelTable:
    """A table of the spec."""

    name: str
    columns: Mapping[str, ModelColumn]
    key: tuple[str, ...] = ("id",)
    was: Sequence[str] = ()
    uniques: Collection[tuple[str, ...]] = ()


@dataclass
class LiveTable:
    """A table of the database."""

    kinds: dict[str, Kind]
    rows: list[Row]
    optional: set[str]
    """The columns that accept NULL."""
    key: tuple[str, ...] = ("id",)
    uniques: Collection[tuple[str, ...]] = ()

    @classmethod
    def of(cls, table: ModelTable, rows: list[Row]) -> "LiveTable":
        """Return a new table."""
        kinds = {name: one.kind for name, one in table.columns.items()}
        optional = {name for name, one in table.columns.items() if one.is_optional}
        return cls(kinds, rows, optional, table.key, table.uniques)


Live = dict[str, LiveTable]


@dataclass
class Outcome:
    """What a change comes to."""

    live: Live
    problems: set[Problem]
    kept: dict[str, list[str]]
    """The columns that the spec does not have, by table."""
    sources: dict[str, str]
    """The live names of tables."""
    fills: set[Problem]
    """The columns for which --fill has an effect."""
    integers: set[Problem]
    """The columns for which --integers has an effect."""
    droppable: set[Problem]
    """The former tables, and columns of others, that the spec does not have."""


def outcome(
    live: Live, tables: Sequence[ModelTable], drops: Collection[Problem], *, is_sqlite: bool
) -> Outcome:
    """Return the rows after a change, and what prevents it."""
    sources = _sources({table.name: table.was for table in tables}, live)
    after: Live = {}
    problems: set[Problem] = set()
    kept = {}
    skipped: set[Problem] = set()
    fills: set[Problem] = set()
    integers: set[Problem] = set()
    droppable: set[Problem] = {(name, None) for name in live if name not in sources.values()}
    for table in tables:
        old = live.get(sources.get(table.name, ""))
        if old is None:
            after[table.name] = LiveTable.of(table, [])
            continue
        change = _Change(table, old, is_sqlite=is_sqlite)
        droppable |= {(table.name, column) for column in change.kept}
        change.run({column for name, column in drops if name == table.name and column})
        after[table.name] = change.new
        problems |= change.problems
        skipped |= change.skipped
        fills |= {(table.name, name) for name in table.columns if change.needs_value(name)}
        integers |= {(table.name, name) for name in table.columns if change.is_old_integer(name)}
        kept[table.name] = change.kept
    for table in tables:
        problems |= set(_orphans(table, after, skipped))
    used = set(sources.values())
    for name, old in live.items():
        if name not in used and (name, None) not in drops:
            after[name] = old
            kept[name] = list(old.kinds)
    return Outcome(after, problems, kept, sources, fills, integers, droppable)


def _sources(former: Mapping[str, Sequence[str]], live: Collection[str]) -> dict[str, str]:
    """Return the live name of each new one. A former name applies if the new one is not there."""
    found: dict[str, str] = {}
    while True:
        left = {name for name in live if name not in found.values()}
        moved = {
            new: next(name for name in names if name in left)
            for new, names in former.items()
            if new not in found and new not in left and not left.isdisjoint(names)
        }
        if not moved:
            return {name: name for name in former if name in left and name not in found} | found
        new = next(iter(moved))
        found[new] = moved[new]


class _Change:
    """The change of one table."""

    def __init__(self, table: ModelTable, old: LiveTable, *, is_sqlite: bool) -> None:
        self._table, self._old, self._is_sqlite = table, old, is_sqlite
        former = {name: one.was for name, one in table.columns.items()}
        self._sources = _sources(former, old.kinds)
        self.kept = [name for name in old.kinds if name not in self._sources.values()]
        self.problems: set[Problem] = set()
        self.skipped: set[Problem] = set()

    def run(self, drops: Collection[str]) -> None:
        self.kept = [name for name in self.kept if name not in drops]
        kinds = {name: one.kind for name, one in self._table.columns.items()}
        kinds |= {name: self._old.kinds[name] for name in self.kept}
        key = tuple(self._sources.get(name) for name in self._table.key)
        if set(key) != set(self._old.key):
            self.problems.add((self._table.name, None))
        for name in self._table.columns:
            if not self._is_possible(name):
                self._fail(name)
                self.skipped.add((self._table.name, name))
        rows = [
            {name: self._value(name, row) for name in self._table.columns}
            | {name: row[name] for name in self.kept}
            for row in self._old.rows
        ]
        optional = {name for name, one in self._table.columns.items() if one.is_optional}
        uniques = self._table.uniques
        self.new = LiveTable(kinds, rows, optional | {*self.kept}, self._table.key, uniques)
        for key in self._table.uniques:
            self._check_unique(key)

    def _fail(self, column: str | None) -> None:
        self.problems.add((self._table.name, column))

    def _is_possible(self, name: str) -> bool:
        """Return whether there is a conversion of a column."""
        one, source = self._table.columns[name], self._sources.get(name)
        if source is None:
            return True
        if self.is_old_integer(name) and not one.is_integer:
            return False
        kinds = (self._old.kinds[source].stored, one.kind.stored)
        return kinds[0] == kinds[1] or kinds in CONVERSIONS

    def needs_value(self, name: str) -> bool:
        """Return whether a column is added, or becomes required."""
        source = self._sources.get(name)
        becomes_required = (
            not self._table.columns[name].is_optional and source in self._old.optional
        )
        return source is None or becomes_required

    def is_old_integer(self, name: str) -> bool:
        """Return whether the values may be decimals of an early version."""
        source, kind = self._sources.get(name), self._table.columns[name].kind
        is_integer = source is not None and self._old.kinds[source].stored == "int"
        return self._is_sqlite and is_integer and kind.stored == "decimal"

    def _value(self, name: str, row: Row) -> Any:
        """Return the new value of a column; None if there is none."""
        one, source = self._table.columns[name], self._sources.get(name)
        if (self._table.name, name) in self.skipped:
            return None
        if source is None:
            value = None if one.is_optional and not one.is_filled else one.fill
        else:
            value = self._converted(name, row[source], self._old.kinds[source])
            if value is _GONE:
                return None
            if value is None and one.is_filled and not one.is_optional:
                value = one.fill
        if value is None and not one.is_optional and name not in self._table.key:
            self._fail(name)
        if value is not None and one.target is None and not one.kind.accepts(value):
            self._fail(name)
        return value

    def _converted(self, name: str, value: Any, old: Kind) -> Any:
        one = self._table.columns[name]
        if value is None:
            return None
        if old.base == "enum":
            value = one.words.get(value, value)
        try:
            return convert(value, old, one.kind)
        except GoneError:
            self._fail(name)
            return _GONE

    def _check_unique(self, key: tuple[str, ...]) -> None:
        if not {(self._table.name, name) for name in key}.isdisjoint(self.skipped):
            return
        values = [tuple(_hashable(row[name]) for name in key) for row in self.new.rows]
        counted = Counter(value for value in values if None not in value)
        if any(number > 1 for number in counted.values()):
            self._fail(key[0] if len(key) == 1 else None)


_GONE = object()


def _hashable(value: Any) -> Any:
    return json.dumps(value) if isinstance(value, dict | list) else value


def _orphans(table: ModelTable, after: Live, skipped: Collection[Problem]) -> Iterator[Problem]:
    for name, one in table.columns.items():
        if one.target is None or (table.name, name) in skipped:
            continue
        target = after[one.target]
        keys = {row[target.key[0]] for row in target.rows}
        if any(row[name] not in keys for row in after[table.name].rows if row[name] is not None):
            yield table.name, name


# Conversions


def convert(value: Any, old: Kind, new: Kind) -> Any:
    """Return a value in another type. Raises GoneError."""
    if old.stored == new.stored and old.stored != "decimal":
        return value
    return CONVERSIONS[old.stored, new.stored](value, old, new)


def _check(condition: bool, value: Any) -> Any:
    if not condition:
        raise GoneError
    return value


def _parsed(parse: Callable[[str], Any], form: str) -> Callable[[str, Kind, Kind], Any]:
    def parsed(text: str, _old: Kind, _new: Kind) -> Any:
        try:
            return parse(text) if re.fullmatch(form, text) else _check(False, None)
        except ValueError:
            raise GoneError from None

    return parsed


def _json(text: str, _old: Kind, _new: Kind) -> Any:
    try:
        value = json.loads(text)
    except ValueError:
        raise GoneError from None
    return _check(value is not None, value)


def _to_decimal(number: Any, _old: Kind, new: Kind) -> Decimal:
    precision, scale = new.digits
    exact = Decimal(str(number))
    fits = abs(exact) < 10 ** (precision - scale) and exact == round(exact, scale)
    value: Decimal = _check(fits, exact)
    return value


def _text_to_decimal(text: str, old: Kind, new: Kind) -> Decimal:
    _, scale = new.digits
    fraction = rf"(\.\d{{1,{scale}}})?" if scale else ""
    _check(re.fullmatch(rf"-?(0|[1-9]\d*){fraction}", text) is not None, None)
    return _to_decimal(text, old, new)


def _datetime_text(value: datetime) -> str:
    return value.replace(tzinfo=None).isoformat() + "Z"


_NUMBER = r"-?(0|[1-9]\d*)(\.\d+)?"
_DATE = r"\d{4}-\d\d-\d\d"
_TIME = r"\d\d:\d\d:\d\d(\.\d{1,6})?"
CONVERSIONS: dict[tuple[str, str], Callable[[Any, Kind, Kind], Any]] = {
    ("text", "int"): _parsed(int, r"0|-?[1-9]\d{0,17}"),
    ("text", "float"): _parsed(float, _NUMBER),
    ("text", "decimal"): _text_to_decimal,
    ("text", "bool"): _parsed(lambda text: text == "true", "true|false"),
    ("text", "date"): _parsed(date.fromisoformat, _DATE),
    ("text", "time"): _parsed(time.fromisoformat, _TIME),
    ("text", "datetime"): _parsed(datetime.fromisoformat, rf"{_DATE}[T ]{_TIME}(Z|\+00:00)"),
    ("text", "uuid"): _parsed(UUID, "[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"),
    ("text", "json"): _json,
    ("int", "text"): lambda value, _old, _new: str(value),
    ("float", "text"): lambda value, _old, _new: repr(value),
    ("decimal", "text"): lambda value, old, _new: f"{value:.{old.digits[1]}f}",
    ("bool", "text"): lambda value, _old, _new: str(value).lower(),
    ("date", "text"): lambda value, _old, _new: value.isoformat(),
    ("time", "text"): lambda value, _old, _new: value.isoformat(),
    ("datetime", "text"): lambda value, _old, _new: _datetime_text(value),
    ("uuid", "text"): lambda value, _old, _new: str(value),
    ("json", "text"): lambda value, _old, _new: json.dumps(value),
    ("int", "float"): lambda value, _old, _new: float(value),
    ("int", "decimal"): _to_decimal,
    ("int", "bool"): lambda value, _old, _new: _check(value in {0, 1}, bool(value)),
    ("bool", "int"): lambda value, _old, _new: int(value),
    ("float", "int"): lambda value, _old, _new: _check(value.is_integer(), int(value)),
    ("float", "decimal"): _to_decimal,
    ("decimal", "int"): lambda value, _old, _new: _check(value == int(value), int(value)),
    ("decimal", "float"): lambda value, _old, _new: float(value),
    ("decimal", "decimal"): _to_decimal,
    ("date", "datetime"): lambda value, _old, _new: datetime.combine(value, time(), UTC),
    ("datetime", "date"): lambda value, _old, _new: _check(value.time() == time(), value.date()),
}
