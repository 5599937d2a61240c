"""Checks the rules of the related rows that a query reads."""

from ..models import Model
from ..query import ListQuery
from ..query.columns import Columns
from .caller import BaseCaller
from .rules import access_of, known_access_of


def check_query(columns: Columns, query: ListQuery, caller: BaseCaller | None) -> None:
    """Raise Forbidden (403) if a query needs related rows that the caller may not read.

    Filters, sort keys and counts reveal related rows as much as including them does.
    """
    for name, model in query.returned_models:
        check_readable(model, caller, name)
    if not columns.has_paths:
        return
    for one in query.filters:
        for model in columns.related_models(one.column):
            check_readable(model, caller, columns.json_name(one.column))
    for column, _ in query.sort:
        for model in columns.related_models(column):
            check_readable(model, caller, "sort")


def check_readable(model: type[Model], caller: BaseCaller | None, parameter: str) -> None:
    """Raise Forbidden (403) if a caller may not read the rows of a model."""
    table = model.__table__  # type: ignore[attr-defined]
    access = known_access_of(table)
    if access is None and not is_link_table(model):
        access = access_of(table)  # raises StartupError
    if access is not None:
        access.read.check(caller, ["query", parameter])


def is_link_table(model: type[Model]) -> bool:
    """Return whether a table only links rows: its columns are its key, and refer to other rows."""
    columns = model.__table__.columns  # type: ignore[attr-defined]
    return all(column.primary_key and column.foreign_keys for column in columns)
