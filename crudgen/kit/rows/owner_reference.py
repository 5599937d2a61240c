"""Adds the reference to the owner to request bodies of new rows, which lack it."""

from collections.abc import Collection
from typing import Any

from pydantic import create_model

from ..models import Model, with_attributes

ModelsWithReference = dict[type[Model], type[Model]]
"""The models of new rows with the reference, by the model of the request body."""


def with_reference(
    row: Model, create: type[Model], by: str, key: Any, known: ModelsWithReference
) -> Model:
    """Return a validated new row with the reference `by` set to `key`.

    `create` is the model of a new row. `known` is a cache of models that have the reference too.
    """
    kind = type(row)
    if kind not in known:
        known[kind] = _model_with_attributes(create, {*kind.model_fields, by})
    values = {name: getattr(row, name) for name in kind.model_fields}
    return with_attributes(known[kind], {**values, by: key}, {*row.model_fields_set, by})


def _model_with_attributes(create: type[Model], names: Collection[str]) -> type[Model]:
    """Return the model `create`, extended by the attributes that it lacks: read-only ones."""
    missing = [name for name in names if name not in create.model_fields]
    if not missing:
        return create
    fields: dict[str, Any] = dict.fromkeys(missing, (Any, ...))
    return create_model(create.__name__, __base__=create, __module__=create.__module__, **fields)
