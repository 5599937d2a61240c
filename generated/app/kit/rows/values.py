"""Reads the values of columns from request models."""

from collections.abc import Callable, Collection, Iterator
from functools import partial
from typing import Any, get_args

from pydantic import PlainSerializer, WrapSerializer
from pydantic.fields import FieldInfo

from ..models import MAX_INT, MIN_INT, Model

_SERIALIZERS = (PlainSerializer, WrapSerializer)
Read = Callable[..., dict[str, Any]]


def is_storable_key(key: Any) -> bool:
    """Return whether a row can have a key, because the database can store it."""
    if isinstance(key, int):
        return MIN_INT <= key <= MAX_INT
    return not (isinstance(key, str) and "\0" in key)


class RequestValues:
    """Reads the values of columns from request models.

    Fields that are not columns are ignored: they are for code of the owner. Serializers, which are
    for responses, do not change the values.
    """

    def __init__(self, columns: Collection[str]) -> None:
        self._columns = frozenset(columns)
        self._readers: dict[type[Model], Read] = {}

    def read(self, row: Model, *, exclude_unset: bool = False) -> dict[str, Any]:
        """Return the values of a row; with `exclude_unset`, only those that the request has."""
        kind = type(row)
        reader = self._readers.get(kind)
        if reader is None:
            reader = self._readers[kind] = self._new_reader(kind)
        return reader(row, exclude_unset=exclude_unset)

    def _new_reader(self, kind: type[Model]) -> Read:
        columns = self._columns & kind.model_fields.keys()
        if _dump_changes_values(kind):
            return partial(_read_attributes, columns)
        if kind.model_computed_fields or columns != kind.model_fields.keys():
            return partial(kind.model_dump, by_alias=False, include=set(columns))
        return partial(kind.model_dump, by_alias=False)


def _dump_changes_values(kind: type[Model]) -> bool:
    """Return whether `model_dump` omits or changes values of a model."""
    decorators = kind.__pydantic_decorators__
    return bool(decorators.field_serializers or decorators.model_serializers) or any(
        field.exclude or any(isinstance(mark, _SERIALIZERS) for mark in _field_metadata(field))
        for field in kind.model_fields.values()
    )


def _field_metadata(field: FieldInfo) -> Iterator[Any]:
    """Yield the metadata of a field, and of the types in its annotation."""
    yield from field.metadata
    for kind in get_args(field.annotation):
        yield from getattr(kind, "__metadata__", ())


def _read_attributes(
    columns: Collection[str], row: Model, *, exclude_unset: bool
) -> dict[str, Any]:
    sent = row.model_fields_set if exclude_unset else type(row).model_fields
    return {name: getattr(row, name) for name in sent if name in columns}
