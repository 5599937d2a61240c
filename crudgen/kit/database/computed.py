"""Properties of a model that the database computes, from SQL that the application's code returns.

A computed property is a `column_property` of SQLAlchemy: `Hero.full_name` is an expression, and
`hero.full_name` its value.
"""

from collections.abc import Callable
from typing import Any, TypeVar

from sqlalchemy import (
    BindParameter,
    Boolean,
    ColumnElement,
    Date,
    DateTime,
    FromClause,
    Null,
    Select,
    SQLColumnExpression,
    Time,
    Uuid,
    literal,
    type_coerce,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import column_property
from sqlalchemy.sql.elements import Cast, ClauseList
from sqlalchemy.sql.visitors import replacement_traverse
from sqlalchemy.types import TypeDecorator, TypeEngine

from ..models import Model
from .properties import with_columns_of_source

ModelT = TypeVar("ModelT", bound=Model)
_AS_STORED = (Boolean, Date, DateTime, Time, Uuid)
"""Types that SQLite stores in a form of SQLAlchemy, which a CAST would change."""


class Typed(Cast[Any]):
    """An expression with the type of a property: a CAST, if the database converts values by it."""

    inherit_cache = True


@compiles(Typed)
def _compile_cast(element: Any, compiler: Any, **options: Any) -> str:
    text: str = compiler.visit_cast(element, **options)
    return text


@compiles(Typed, "sqlite")
def _compile_cast_on_sqlite(element: Any, compiler: Any, **options: Any) -> str:
    if _is_converted(element.type):
        return _compile_cast(element, compiler, **options)
    return f"({compiler.process(element.clause, **options)})"


def _is_converted(kind: TypeEngine[Any]) -> bool:
    """Return whether SQLite converts values to a type. Decimals are scaled integers there."""
    inner = kind.impl_instance if isinstance(kind, TypeDecorator) else kind
    return not (isinstance(inner, _AS_STORED) or hasattr(kind, "stored_scale"))


def compute(
    model: type[ModelT],
    name: str,
    function: Callable[[type[ModelT]], SQLColumnExpression[Any]],
    kind: TypeEngine[Any],
) -> None:
    """Give a model a property with the SQL that a function returns for it.

    Raises TypeError if the function returns no expression, and CompileError if a database cannot
    compute it.
    """
    where = f"{function.__module__}.{function.__qualname__}"
    expression = function(model)
    if not isinstance(expression, SQLColumnExpression):
        found = type(expression).__name__
        raise TypeError(f"{where}() must return an SQL expression, not {found}: write col(…)")
    _check_decimal(where, expression, kind)
    if isinstance(expression, BindParameter):
        expression = type_coerce(expression, kind)
    table: FromClause = model.__table__  # type: ignore[attr-defined]
    typed = _correlated(_with_list_parameters(Typed(expression, kind)), table)
    label = with_columns_of_source(typed, table, table).label(name)
    for dialect in (sqlite.dialect(), postgresql.dialect()):  # type: ignore[no-untyped-call]
        label.compile(dialect=dialect)
    setattr(model, name, column_property(label))


def _check_decimal(where: str, expression: Any, kind: TypeEngine[Any]) -> None:
    """Raise TypeError unless a decimal expression has the scale of the property."""
    scale = getattr(kind, "stored_scale", None)
    is_constant = isinstance(expression, BindParameter | Null)
    if scale is not None and not is_constant:
        found = getattr(getattr(expression, "type", None), "stored_scale", None)
        if found != scale:
            raise TypeError(
                f"{where}() must return a decimal with {scale} digits after the point:"
                " add or multiply columns that have as many"
            )


def _with_list_parameters(expression: ColumnElement[Any]) -> ColumnElement[Any]:
    """Return an expression with a parameter for each value of `in_([…])`.

    Statements are compiled once, before SQLAlchemy knows how many values a list has.
    """

    def values_of(element: Any, **_: Any) -> Any:
        if not isinstance(element, BindParameter) or not element.expanding:
            return None
        if not element.value:
            raise TypeError("in_([]) has no values: write false(), or true() for not_in([])")
        return ClauseList(*(literal(one, element.type) for one in element.value)).self_group()

    found: ColumnElement[Any] = replacement_traverse(expression, {}, values_of)
    return found


def _correlated(expression: ColumnElement[Any], table: FromClause) -> ColumnElement[Any]:
    """Return an expression whose subqueries refer to the rows of the table around them.

    They refer to no other table around them, whatever statement contains the expression.
    """

    def correlated(element: Any, **_: Any) -> Any:
        return element.correlate(table) if isinstance(element, Select) else None

    found: ColumnElement[Any] = replacement_traverse(expression, {}, correlated)
    return found
