"""Request bodies of new rows, completed with the reference that they lack."""

from collections.abc import Collection
from typing import Any

from pydantic import create_model

from ..models import Model, with_attributes

Completed = dict[type[Model], type[Model]]
"""The models of new rows with all attributes, by the model of the request body."""


def completed(row: Model, create: type[Model], by: str, key: Any, known: Completed) -> Model:
    """Return a validated row with its reference `by` to the row with this key.

    `create` is the model of a new row, and `known` keeps the models that it is extended to.
    """
    kind = type(row)
    if kind not in known:
        known[kind] = _with_attributes(create, {*kind.model_fields, by})
    values = {name: getattr(row, name) for name in kind.model_fields}
    return with_attributes(known[kind], {**values, by: key}, {*row.model_fields_set, by})


def _with_attributes(create: type[Model], names: Collection[str]) -> type[Model]:
    """Return the model of a new row with these attributes. It lacks those that are read-only."""
    missing = [name for name in names if name not in create.model_fields]
    if not missing:
        return create
    fields: dict[str, Any] = dict.fromkeys(missing, (Any, ...))
    return create_model(create.__name__, __base__=create, __module__=create.__module__, **fields)
