"""The caller in conditions of rules: parameters whose values are the claims of the request."""

from typing import Any

from sqlalchemy import ColumnElement, bindparam
from sqlalchemy.types import TypeEngine

from .caller import BaseCaller

PREFIX = "_me__"
"""The start of the names of these parameters. No attribute of a model starts with `_`."""


def bound(name: str, kind: TypeEngine[Any]) -> ColumnElement[Any]:
    """Return the parameter with an attribute of the caller, for conditions."""
    return bindparam(f"{PREFIX}{name}", type_=kind)


def values_of(caller: BaseCaller | None) -> dict[str, Any]:
    """Return the values of these parameters; none for a caller without credentials.

    A statement whose parameter has no value is not run: the driver raises.
    """
    if caller is None:
        return {}
    return {f"{PREFIX}{name}": getattr(caller, name) for name in type(caller).model_fields}
