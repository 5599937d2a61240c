"""The attributes of new rows that are the caller's."""

from collections.abc import Mapping
from typing import Any

from pydantic import create_model

from ..models import Model, with_attributes
from .caller import BaseCaller


def from_caller() -> None:
    """Mark a property of a request body that is the caller's if a request omits it."""


class Presets:
    """The values that rows of a table have from the caller who creates them.

    `presets` are the attributes of the caller, by the attribute of the row. Those that request
    bodies do not have are always the caller's.
    """

    def __init__(self, presets: Mapping[str, str]) -> None:
        self.names = frozenset(presets)
        """The attributes of rows that are the caller's."""
        self._presets = presets
        self._complete: dict[type[Model], type[Model]] = {}
        """The models that have the attributes that request bodies do not have."""

    def value(self, name: str, caller: BaseCaller | None) -> Any:
        """Return the value of an attribute of rows that is the caller's."""
        return getattr(caller, self._presets[name], None)

    def fill(self, row: Model, caller: BaseCaller | None) -> Model:
        """Return a new row with the values that it has from its caller.

        Without credentials, and for a claim that the token lacks, they are null.
        """
        values = {
            name: self.value(name, caller)
            for name in self._presets
            if name not in row.model_fields_set
        }
        if not values:
            return row
        kind = type(row)
        if values.keys() <= kind.model_fields.keys():
            return row.model_copy(update=values)
        if kind not in self._complete:
            self._complete[kind] = self._with_presets(kind)
        values |= {name: getattr(row, name) for name in kind.model_fields if name not in values}
        sent = row.model_fields_set | self.names
        return with_attributes(self._complete[kind], values, sent)

    def _with_presets(self, kind: type[Model]) -> type[Model]:
        missing = self.names - kind.model_fields.keys()
        fields: dict[str, Any] = dict.fromkeys(missing, (Any, ...))
        return create_model(kind.__name__, __base__=kind, __module__=kind.__module__, **fields)
