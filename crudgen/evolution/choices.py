"""What the user allows for one change. Reason to change: another option of `apply`."""

import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from difflib import get_close_matches

from crudgen.errors import CrudgenError
from crudgen.language.resolve.values import as_stored, to_value, value_problem
from crudgen.language.schema import Field, Now, Schema, TypeName
from crudgen.language.yaml.nodes import Plain

from .hints import Hints

_SIMILAR = 0.8
"""How similar a name to drop is to another one, at least, if it is a mistake."""
_NUMBERS = {TypeName.INT, TypeName.FLOAT, TypeName.DECIMAL}
_TIMES = {TypeName.DATE, TypeName.TIME, TypeName.DATETIME}


class ChoiceError(CrudgenError):
    """An option names something that does not exist, or has an invalid value."""


@dataclass(frozen=True, slots=True)
class Choices:
    """Options of one run. They belong to a moment, so the spec does not have them."""

    fills: Mapping[tuple[str, str], object] = field(default_factory=dict)
    """Values for existing rows, by table and column of the models: `--fill`."""
    drops: frozenset[tuple[str, str | None]] = frozenset()
    """Live columns to drop, by the table of the models, and live tables: `--drop`."""
    integers: frozenset[tuple[str, str]] = frozenset()
    """Columns of SQLite whose BIGINT values are integers and become decimals: `--integers`.

    An early version stored decimals as scaled integers in such columns.
    """


def read_choices(
    schema: Schema,
    hints: Hints,
    fills: Iterable[str] = (),
    drops: Iterable[str] = (),
    integers: Iterable[str] = (),
) -> Choices:
    """Return the choices of options such as `hero.level=1` and `hero.code`. Raises ChoiceError."""
    fields = dict(_fields(schema))
    filled = {}
    for option in fills:
        name, equals, text = option.partition("=")
        if not equals:
            raise ChoiceError(f"--fill {option}: no value\n  write --fill {option}=VALUE")
        table, one = _field("--fill", name, fields)
        filled[table, str(one.column)] = _value(name, one, text)
    counted = set()
    for name in integers:
        table, one = _field("--integers", name, fields)
        counted.add((table, str(one.column)))
    tables = {name: table for (table, column), name in hints.names.items() if column is None}
    return Choices(
        filled, frozenset(_drop(name, tables, fields) for name in drops), frozenset(counted)
    )


def check_drops(
    choices: Choices, columns: Mapping[str, Collection[str]], tables: Collection[str]
) -> None:
    """Raise ChoiceError for a column or table to drop whose name is similar to another one.

    `columns` and `tables` are those that the spec does not have. A name that is similar to none of
    them was dropped before.
    """
    for table, column in choices.drops:
        name, known = (table, tables) if column is None else (column, columns.get(table, ()))
        folded = [one.lower() for one in known]
        if name.lower() not in folded and get_close_matches(name.lower(), folded, 1, _SIMILAR):
            option = name if column is None else f"{table}.{name}"
            raise unknown_name("--drop", option, _options(table, column, known), "")


def _options(table: str, column: str | None, known: Iterable[str]) -> list[str]:
    return [one if column is None else f"{table}.{one}" for one in known]


def unknown_name(option: str, name: str, known: Iterable[str], what: str) -> ChoiceError:
    """Return the error of a name that does not exist, with a similar one that does."""
    similar = get_close_matches(name, list(known), 1)
    remedy = f"did you mean {similar[0]}?" if similar else what
    return ChoiceError(f"{option} {name}: there is no {name}\n  {remedy}")


def _fields(schema: Schema) -> Iterator[tuple[str, tuple[str, Field]]]:
    for entity in schema.entities:
        for one in entity.fields:
            yield f"{entity.singular}.{one.name}", (str(entity.table), one)


def _field(option: str, name: str, fields: Mapping[str, tuple[str, Field]]) -> tuple[str, Field]:
    if name not in fields:
        raise unknown_name(option, name, fields, "name a field of the spec, such as hero.name")
    return fields[name]


def _drop(
    name: str, tables: Mapping[str, str], fields: Mapping[str, object]
) -> tuple[str, str | None]:
    if name in fields:
        raise ChoiceError(f"--drop {name}: the field is in the spec\n  remove it there first")
    if name in tables:
        raise ChoiceError(f"--drop {name}: the entity is in the spec\n  remove it there first")
    entity, dot, column = name.rpartition(".")
    if not dot:
        return name, None
    if entity not in tables:
        raise unknown_name("--drop", entity, tables, "name an entity of the spec and a column")
    return tables[entity], column


def _value(name: str, one: Field, text: str) -> object:
    """Return the value of a field that an option has as text. Raises ChoiceError."""
    if one.type in _TIMES and text == "now":
        return Now()
    try:
        value = to_value(one.type, _plain(one.type, text))
        problem = value_problem(one, value)
    except ValueError as error:
        problem = str(error.args[0])
    if problem is not None:
        raise ChoiceError(f"--fill {name}={text}: {problem}\n  write a value of {name}")
    return as_stored(one, value)


def _plain(kind: TypeName, text: str) -> Plain:
    """Return text as a YAML value, in the form that its type has there."""
    if kind is TypeName.JSON:
        try:
            value: Plain = json.loads(text, parse_float=Decimal)
        except ValueError:
            raise ValueError("not valid JSON") from None
        return value
    if kind is TypeName.BOOL:
        return {"true": True, "false": False}.get(text, text)
    if kind in _NUMBERS:
        try:
            number = Decimal(text)
        except InvalidOperation:
            return text
        return int(number) if number.is_finite() and number == number.to_integral() else number
    return text
