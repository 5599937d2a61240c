"""Deletions of several rows by one statement: the rows may refer to each other."""

from collections.abc import Callable, Sequence
from typing import Any

from fastapi import HTTPException
from sqlalchemy import Table, bindparam, delete, select

from ..database import Change
from ..database.faults import http_error
from ..database.properties import Properties
from ..database.returning import deletion_prevented_error, returning_expressions
from ..database.transaction import Row
from ..errors import Referenced


def may_depend_on_order(error: HTTPException, table: Table) -> bool:
    """Return whether deletions one after another may have failed because of their order.

    Rows of the request may refer to a deleted row, or may have been deleted with it.
    """
    is_of_order = error.status_code == 404
    if isinstance(error, Referenced):
        is_of_order = error.kind == "referred_to"
    tables = table.metadata.tables.values()
    return is_of_order and any(
        key.column.table is table for one in tables for key in one.foreign_keys
    )


def single_statement_deletion(
    properties: Properties,
    kind: str,
    keys: Sequence[Any],
    place: Sequence[str | int],
    *,
    yields: bool,
    **options: Any,
) -> list[Change]:
    """Return the changes that delete rows by one statement, and check that they are gone.

    `place` is the location of the keys in the request, `options` are those of the statement.
    """
    key = properties.columns[properties.key]
    bound = {f"key_{n}": one for n, one in enumerate(keys)}
    is_chosen = key.in_([bindparam(name, type_=key.type) for name in bound])
    removal = delete(properties.table).where(is_chosen)
    returned = removal.returning(*returning_expressions([key], kind))

    def raise_if_found(found: Sequence[Row]) -> None:
        if found:
            raise deletion_prevented_error()

    return [
        Change(
            returned.execution_options(**options),
            bound,
            explain=deletion_error_converter(properties, place),
            yields=yields,
        ),
        Change(select(key).where(is_chosen), bound, check=raise_if_found),
    ]


def deletion_error_converter(
    properties: Properties, place: Sequence[str | int]
) -> Callable[[Exception], Exception]:
    """Return a function that converts a driver error of a deletion to its HTTP error."""

    def convert(error: Exception) -> Exception:
        answer = http_error(error, properties, deleted=place)
        return answer if isinstance(answer, Referenced) else error

    return convert
