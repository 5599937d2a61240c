"""Values of new rows that come from the caller, such as `owner_id`."""

from collections.abc import Mapping
from typing import Any

from pydantic import create_model

from ..models import Model, with_attributes
from .caller import BaseCaller


def default_from_caller() -> None:
    """Mark a property of a request body whose default comes from the caller.

    It is the default factory of the property, and returns None.
    """


class CallerPresets:
    """The values of new rows of a table that come from the caller who creates them.

    `presets` are the attributes of the caller, by the attribute of the row. If the request body
    cannot have the attribute, the value is always the caller's.
    """

    def __init__(self, presets: Mapping[str, str]) -> None:
        self.names = frozenset(presets)
        """The attributes of rows whose values come from the caller."""
        self._presets = presets
        self._complete: dict[type[Model], type[Model]] = {}
        """The models of request bodies, extended by the preset attributes that they lack."""

    def value(self, name: str, caller: BaseCaller | None) -> Any:
        """Return the caller's value for an attribute of a new row."""
        return getattr(caller, self._presets[name], None)

    def fill(self, row: Model, caller: BaseCaller | None) -> Model:
        """Return a new row with the values that come from the caller.

        A value is null without credentials, or if the token lacks the claim.
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
            self._complete[kind] = self._model_with_presets(kind)
        values |= {name: getattr(row, name) for name in kind.model_fields if name not in values}
        sent = row.model_fields_set | self.names
        return with_attributes(self._complete[kind], values, sent)

    def _model_with_presets(self, kind: type[Model]) -> type[Model]:
        missing = self.names - kind.model_fields.keys()
        fields: dict[str, Any] = dict.fromkeys(missing, (Any, ...))
        return create_model(kind.__name__, __base__=kind, __module__=kind.__module__, **fields)
