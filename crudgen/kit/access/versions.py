"""The row before and after an update, in the conditions of rules."""

from typing import Any, TypeVar, cast

from sqlalchemy import Alias, Table

from ..models import Model

_OLD, _NEW = "_old", "_new"
"""Names of the aliases of a table. No table of a spec begins with `_`."""
ModelT = TypeVar("ModelT", bound=Model)


def old_version(model: type[ModelT]) -> type[ModelT]:
    """Return an object whose attributes are the columns of the row before an update."""
    return cast(type[ModelT], _Version(model, _OLD))


def new_version(model: type[ModelT]) -> type[ModelT]:
    """Return an object whose attributes are the columns of the row after an update."""
    return cast(type[ModelT], _Version(model, _NEW))


def is_old_column(element: Any, table: Table) -> bool:
    """Return whether an SQL element is a column of the row before an update."""
    return _is_version(element, table, _OLD)


def is_new_column(element: Any, table: Table) -> bool:
    """Return whether an SQL element is a column of the row after an update."""
    return _is_version(element, table, _NEW)


def _is_version(element: Any, table: Table, name: str) -> bool:
    owner = getattr(element, "table", None)
    return isinstance(owner, Alias) and owner.name == name and owner.element is table


class _Version:
    """The columns of a row before or after an update, as attributes."""

    def __init__(self, model: type[Model], name: str) -> None:
        mapper: Any = model.__mapper__  # type: ignore[attr-defined]
        self._columns, self._alias = mapper.columns, mapper.local_table.alias(name)

    def __getattr__(self, name: str) -> Any:
        """Return the column of an attribute."""
        return self._alias.columns[self._columns[name].key]
