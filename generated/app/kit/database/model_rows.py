"""Encoding of rows by a response model, as FastAPI does with `response_model`."""

from collections.abc import Collection, Mapping, Sequence
from copy import copy
from typing import Any

from fastapi.exceptions import ResponseValidationError
from pydantic import TypeAdapter, ValidationError
from sqlalchemy import ColumnElement
from sqlalchemy.orm.attributes import set_committed_value

from ..models import Model
from .json_rows import JsonRowEncoder
from .transaction import Row


class ModelRowEncoder(JsonRowEncoder):
    """The encoder of rows that are objects of a table model, in the form of a response model.

    `columns` are all columns of the table, by attribute.
    """

    def __init__(
        self,
        model: type[Model],
        public: type[Model],
        columns: Mapping[str, ColumnElement[Any]],
    ) -> None:
        super().__init__(columns)
        self._model = model
        self._one, self._many = TypeAdapter(public), TypeAdapter(list[public])  # type: ignore[valid-type]
        self._only_shown: Any = None
        self._each_shown: Any = None
        self._hidden: Any = None
        self._each_hidden: Any = None

    def showing(self, shown: Collection[str]) -> "ModelRowEncoder":
        """Return an encoder that writes only these fields."""
        encoder = copy(self)
        encoder._only_shown = set(shown)
        encoder._each_shown = {"__all__": encoder._only_shown}
        return encoder

    def hiding(self, hidden: Collection[str]) -> "ModelRowEncoder":
        """Return an encoder that does not write these fields."""
        encoder = copy(self)
        encoder._hidden = set(hidden)
        encoder._each_hidden = {"__all__": encoder._hidden}
        return encoder

    def write(self, row: Row) -> bytes:
        """Return one row as a JSON object."""
        value = _validate_rows(self._one, self._model_object(row))
        return self._one.dump_json(
            value, by_alias=True, include=self._only_shown, exclude=self._hidden
        )

    def write_all(self, rows: Sequence[Row]) -> bytes:
        """Return rows as a JSON array of objects."""
        values = _validate_rows(self._many, [self._model_object(row) for row in rows])
        return self._many.dump_json(
            values, by_alias=True, include=self._each_shown, exclude=self._each_hidden
        )

    def _model_object(self, row: Row) -> Model:
        instance = self._model()
        for name, value in zip(self._names, row, strict=False):
            set_committed_value(instance, name, value)
        return instance


def _validate_rows(adapter: TypeAdapter[Any], value: Any) -> Any:
    """Return rows as the response model; raise ResponseValidationError (500), as FastAPI does."""
    try:
        return adapter.validate_python(value, from_attributes=True, by_alias=True, by_name=True)
    except ValidationError as error:
        problems = error.errors(include_url=False, include_input=False)
        raise ResponseValidationError(problems) from error
