"""The caller in conditions of rules: parameters whose values are the claims of the request."""

from typing import Any

from sqlalchemy import ColumnElement, bindparam
from sqlalchemy.types import TypeEngine

from .caller import PARAMETER


def bound(name: str, kind: TypeEngine[Any]) -> ColumnElement[Any]:
    """Return the parameter with an attribute of the caller, for conditions."""
    return bindparam(f"{PARAMETER}{name}", type_=kind)
