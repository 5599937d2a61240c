"""Resolves lengths, ranges and precision of a field. Reason to change: another bound of a type."""

from dataclasses import replace
from decimal import Decimal
from typing import cast

from crudgen.language.schema import Field, Number, TypeName
from crudgen.language.types import (
    INT64_MAX,
    INT64_MIN,
    MAX_INDEXED_TEXT,
    MAX_PRECISION,
    highest_max_length,
)
from crudgen.language.written.field import WrittenType

from .values import fits, to_value

_BOUNDS = ("min", "max")


def with_bounds(written: WrittenType, field: Field) -> Field:
    """Return the field with its lengths, range and precision; by default, those of its type."""
    if written.spec.info.max_length is not None:
        return _with_lengths(written, field, written.spec.info.max_length)
    if field.type is TypeName.DECIMAL:
        field = _with_digits(written, field)
    return _with_range(written, field)


def _with_lengths(written: WrittenType, field: Field, usual: int) -> Field:
    for key in _BOUNDS:
        length = getattr(written.spec, key)
        if isinstance(length, Decimal) or (length is not None and length < 0):
            written.add(key, f"invalid length {length}", "a length is an integer, 0 or more")
            return field
    low, high = written.spec.min, written.spec.max
    high = usual if high is None else high
    limit = highest_max_length(written.spec.info) or 0
    if high > limit:
        written.add(
            "max",
            f"the maximum {high} is too large for '{written.spec.info.name}'",
            f"at most {limit}",
        )
    elif high < max(written.spec.info.shortest, low or 0):
        key = "max" if written.spec.is_set("max") else "min"
        least = max(written.spec.info.shortest, low or 0)
        remedy = "swap them" if low else f"at least {least}"
        written.add(key, f"the maximum {high} is less than the minimum {least}", remedy)
    if field.pk and low is None:
        low = 1
    _check_index_length(written, field, int(high))
    return replace(field, min_length=_optional_int(low), max_length=_optional_int(high))


def _check_index_length(written: WrittenType, field: Field, longest: int) -> None:
    flag = next((key for key in ("pk", "unique", "index") if getattr(field, key)), None)
    if flag and longest > MAX_INDEXED_TEXT:
        problem = f"'{flag}' is not possible with a maximum of {longest} characters"
        remedy = f"use at most {MAX_INDEXED_TEXT}: '{field.type}(..{MAX_INDEXED_TEXT})'"
        written.add_at_key(flag, problem, remedy)


def _with_digits(written: WrittenType, field: Field) -> Field:
    precision, scale = written.spec.precision or 0, written.spec.scale or 0
    if not 1 <= precision <= MAX_PRECISION:
        written.add("precision", f"invalid precision {precision}", f"allowed: 1 to {MAX_PRECISION}")
    elif scale > precision:
        written.add("scale", f"invalid scale {scale}", f"at most the precision, {precision}")
    return replace(field, precision=precision, scale=scale)


def _with_range(written: WrittenType, field: Field) -> Field:
    bounds: dict[str, Number | None] = {"min": None, "max": None}
    if field.type is TypeName.INT:
        bounds = {"min": INT64_MIN, "max": INT64_MAX}
    for key in _BOUNDS:
        if getattr(written.spec, key) is None or not written.has_no_problem:
            continue
        try:
            bound = cast("Number", to_value(field.type, getattr(written.spec, key)))
        except ValueError as error:
            written.add(key, str(error))
            continue
        bounds[key] = _checked_bound(written, field, key, bound)
    low, high = bounds["min"], bounds["max"]
    if low is not None and high is not None and low > high:
        key = "max" if written.spec.is_set("max") else "min"
        written.add(key, f"the maximum {high} is less than the minimum {low}", "swap them")
    serial = field.pk and field.read_only and field.type is TypeName.INT
    if serial and (low, high) != (INT64_MIN, INT64_MAX):
        key = "min" if written.spec.is_set("min") else "max"
        written.add(key, "a key that the server generates cannot have bounds", "remove them")
    return replace(field, minimum=low, maximum=high)


def _checked_bound(written: WrittenType, field: Field, key: str, bound: Number) -> Number:
    if field.type is TypeName.INT and not INT64_MIN <= bound <= INT64_MAX:
        written.add(key, f"{bound} does not fit into 64 bits", "remove it")
    if isinstance(bound, Decimal):
        if not fits(bound, field.precision or 0, field.scale or 0):
            problem = f"{bound} does not fit decimal({field.precision},{field.scale})"
            written.add(key, problem, "use fewer digits")
            return bound
        return bound.quantize(Decimal(1).scaleb(-(field.scale or 0)))
    return bound


def _optional_int(value: Number | None) -> int | None:
    return None if value is None else int(value)
