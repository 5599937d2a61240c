"""Expressions with decimals on SQLite, where columns have scaled integers: 1999 for 19.99.

Expressions that integers compute correctly are compiled: comparisons, sums, products with integers,
`min`, `max`, `sum`, `coalesce` and `case` of decimals with the same number of digits. A number that
stands beside decimals in `coalesce` and `case` is scaled. Others raise CompileError. PostgreSQL
computes all of them.
"""

from collections.abc import Iterable, Mapping
from itertools import chain
from typing import Any

from sqlalchemy import (
    BinaryExpression,
    BindParameter,
    Case,
    Cast,
    CompoundSelect,
    Float,
    Function,
    Insert,
    Integer,
    Null,
    Numeric,
    Tuple,
    Update,
)
from sqlalchemy.exc import CompileError
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql import operators
from sqlalchemy.sql.functions import ReturnTypeFromArgs, coalesce
from sqlalchemy.sql.visitors import cloned_traverse
from sqlalchemy.types import NullType

_COMPARISONS = {
    *(operators.eq, operators.ne, operators.lt, operators.le, operators.gt, operators.ge),
    *(operators.is_, operators.is_not, operators.is_distinct_from, operators.is_not_distinct_from),
    *(operators.in_op, operators.not_in_op, operators.between_op, operators.not_between_op),
}
_SUMS = {operators.add, operators.sub}


def _compile_binary(element: Any, compiler: Any, **options: Any) -> str:
    left, right = _scales([element.left]), _scales([element.right])
    if (left | right) - {None} and not _are_same_rows(element):
        operator, result = element.operator, _scale(element)
        is_same = len(left | right) == 1
        if operator is operators.mul:
            is_exact = (left == {result} and isinstance(element.right.type, Integer)) or (
                right == {result} and isinstance(element.left.type, Integer)
            )
        elif operator in _SUMS:
            is_exact = is_same and left == {result}
        else:
            is_exact = is_same and operator in _COMPARISONS
        if not is_exact:
            remedy = "multiply a decimal by integers"
            if operator is not operators.mul:
                remedy = "use values of the same type"
            raise _refusal(f"the operator {operator.__name__}", remedy)
    text: str = compiler.visit_binary(element, **options)
    return text


def _are_same_rows(element: Any) -> bool:
    """Return whether two rows are compared, such as `(price, id) > (?, ?)`, value by value."""
    if not (isinstance(element.left, Tuple) and isinstance(element.right, Tuple)):
        return False
    pairs = zip(element.left.clauses, element.right.clauses, strict=True)
    return element.operator in _COMPARISONS and all(len(_scales(pair)) == 1 for pair in pairs)


def _compile_function(element: Any, compiler: Any, **options: Any) -> str:
    if isinstance(element, coalesce) and _scale(element) is not None:
        values = _as_literals(element.clauses, element.type)
        element = Function(element.name, *values, type_=element.type)
    scales = _scales(element.clauses)
    is_count = isinstance(element.type, Integer) and not isinstance(element, ReturnTypeFromArgs)
    if scales - {None} and scales != {_scale(element)} and not is_count:
        remedy = f"write {element.name}(…, type_=…) with values of the same type"
        if element.name == "avg":
            remedy = "select sum() and count()"
        raise _refusal(f"the function {element.name}()", remedy)
    text: str = compiler.visit_function(element, **options)
    return text


def _compile_case(element: Any, compiler: Any, **options: Any) -> str:
    compared, results = map(list, zip(*element.whens, strict=True))
    if element.value is not None:
        compared = _as_literals(compared, element.value.type)
        _check_same_scale("case()", [element.value, *compared])
    *results, other = _as_literals([*results, element.else_], element.type)
    _check_same_scale("case()", results if other is None else [*results, other])
    whens = zip(compared, results, strict=True)
    exact: Case[Any] = Case(*whens, value=element.value, else_=other)
    text: str = compiler.visit_case(exact, **options)
    return text


def _compile_cast(element: Any, compiler: Any, **options: Any) -> str:
    _check_same_scale("cast()", [element.clause, element])
    text: str = compiler.visit_cast(element, **options)
    return text


def _compile_update(element: Any, compiler: Any, **options: Any) -> str:
    for column, value in _assignments(element):
        _check_same_scale(f"SET {column.name}", [column, value])
    text: str = compiler.visit_update(element, **options)
    return text


def _compile_insert(element: Any, compiler: Any, **options: Any) -> str:
    pairs = list(_assignments(element))
    if element.select is not None:
        names = [getattr(one, "key", one) for one in element._select_names]
        columns = [element.table.columns[name] for name in names]
        pairs += zip(columns, element.select.selected_columns, strict=True)
    for column, value in pairs:
        _check_same_scale(f"INSERT of {column.name}", [column, value])
    text: str = compiler.visit_insert(element, **options)
    return text


def _compile_compound(element: Any, compiler: Any, **options: Any) -> str:
    for values in zip(*(one.selected_columns for one in element.selects), strict=False):
        _check_same_scale("the columns of several SELECTs", values)
    text: str = compiler.visit_compound_select(element, **options)
    return text


def _assignments(element: Any) -> Iterable[tuple[Any, Any]]:
    """Yield the columns of an INSERT or UPDATE whose values are expressions, and these values."""
    upsert = getattr(element, "_post_values_clause", None)
    rows = [getattr(element, "_values", None) or {}]
    rows += chain.from_iterable(getattr(element, "_multi_values", ()))
    rows.append(dict(getattr(upsert, "update_values_to_set", ())))
    for key, value in chain.from_iterable(row.items() for row in rows):
        column = key if hasattr(key, "type") else element.table.columns.get(key)
        if column is not None and hasattr(value, "type") and not isinstance(value.type, NullType):
            yield column, value


def _as_literals(values: Iterable[Any], kind: Any) -> list[Any]:
    """Return the values, with integers and decimals from Python as literals of a decimal type."""
    if getattr(kind, "stored_scale", None) is None:
        return [*values]
    return [_decimal_literal(value, kind) if _is_number(value) else value for value in values]


def _decimal_literal(number: Any, kind: Any) -> Any:
    """Return a copy with a decimal type. It has another name: the statement may use both."""

    def change(copy: Any) -> None:
        copy.type = kind

    return cloned_traverse(number, {}, {"bindparam": change})


def _is_number(value: Any) -> bool:
    """Return whether a value is an integer or a decimal from Python, without a scale."""
    if not isinstance(value, BindParameter) or not value.unique or _scale(value) is not None:
        return False
    is_decimal = isinstance(value.type, Numeric) and value.type.asdecimal
    return isinstance(value.type, Integer) or (is_decimal and not isinstance(value.type, Float))


def _check_same_scale(what: str, values: Iterable[Any]) -> None:
    if len(_scales(values)) > 1:
        raise _refusal(what, "use values of the same type, such as literal(0, Book.price.type)")


def _scales(values: Iterable[Any]) -> set[int | None]:
    """Return the scales of expressions. Those of lists are included, and NULL has none."""
    found: set[int | None] = set()
    for value in values:
        if isinstance(value, Null):
            continue
        parts = getattr(value, "clauses", None)
        if parts is not None and not isinstance(value, Function):
            found |= _scales(parts)
        elif (inner := getattr(value, "element", None)) is not None and parts is None:
            found |= {_scale(value)} if hasattr(value, "type") else _scales([inner])
        else:
            found.add(_scale(value))
    return found


def _scale(value: Any) -> int | None:
    """Return the number of decimals of an expression of scaled integers; None for others."""
    return getattr(getattr(value, "type", None), "stored_scale", None)


def _refusal(what: str, remedy: str) -> CompileError:
    return CompileError(
        f"{what}: SQLite stores decimals as scaled integers, and cannot compute this exactly\n"
        f"  {remedy}; or compute it in Python"
    )


_RULES: Mapping[type, Any] = {
    BinaryExpression: _compile_binary,
    Case: _compile_case,
    Cast: _compile_cast,
    CompoundSelect: _compile_compound,
    Function: _compile_function,
    Insert: _compile_insert,
    Update: _compile_update,
}


def reject_inexact_expressions() -> None:
    """Register checks of decimals with SQLAlchemy, for statements that it compiles for SQLite."""
    for construct, rule in _RULES.items():
        compiles(construct, "sqlite")(rule)
