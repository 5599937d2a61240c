"""What the user allows for one change. Reason to change: another option of `apply`."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation

from crudgen.language.resolve.values import as_stored, to_value, value_problem
from crudgen.language.schema import Field, Now, Schema, TypeName
from crudgen.language.yaml.nodes import YamlValue

from .hints import Hints
from .spec_names import SpecNames, choice_error, quoted_names

_NUMBERS = {TypeName.INT, TypeName.FLOAT, TypeName.DECIMAL}
_MAX_DIGITS = 400
"""More digits than any number has; 1e999999999 would not fit into memory."""
_TIMES = {TypeName.DATE, TypeName.TIME, TypeName.DATETIME}


@dataclass(frozen=True, slots=True)
class Choices:
    """Options of one run of `plan` or `apply`. They are not part of the spec."""

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
    names = SpecNames(schema, hints)
    filled: dict[tuple[str, str], object] = {}
    for option in fills:
        name, equals, text = option.partition("=")
        if not (name and equals):
            remedy = f"write --fill {name or 'hero.level'}=VALUE"
            raise choice_error("--fill", option, "no value" if name else "no field", remedy)
        table, one = names.field("--fill", name, option)
        key = (table, str(one.column))
        if key in filled:
            remedy = f"give --fill {name}=VALUE once"
            raise choice_error("--fill", option, f"{name} has another value already", remedy)
        filled[key] = _fill_value(option, name, one, text)
    counted = set()
    for name in integers:
        table, one = names.field("--integers", name, name)
        if one.type is not TypeName.DECIMAL:
            raise choice_error("--integers", name, "the field is no decimal", "remove the option")
        counted.add((table, str(one.column)))
    return Choices(
        filled,
        frozenset(names.dropped_table_and_column(name) for name in drops),
        frozenset(counted),
    )


def _fill_value(option: str, name: str, one: Field, text: str) -> object:
    """Return the value of a field that an option has as text. Raises ChoiceError."""
    if one.type in _TIMES and text == "now":
        return Now()
    try:
        value = to_value(one.type, _yaml_value(one.type, text))
        problem = value_problem(one, value)
    except ValueError as error:
        problem = str(error.args[0])
    if problem is not None:
        words = (
            f"write one of {quoted_names(one.words)}" if one.words else f"write a value of {name}"
        )
        raise choice_error("--fill", option, problem, words)
    return as_stored(one, value)


def _yaml_value(kind: TypeName, text: str) -> YamlValue:
    """Return text as a YAML value, in the form that its type has there."""
    if kind is TypeName.JSON:
        try:
            value: YamlValue = json.loads(text, parse_float=Decimal)
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
        if not number.is_finite() or number.adjusted() > _MAX_DIGITS:
            return text
        return int(number) if number == number.to_integral() else number
    return text
