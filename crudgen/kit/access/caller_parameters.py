"""The attributes of the caller in the conditions of rules, as parameters of statements."""

from typing import Any

from sqlalchemy import ColumnElement, bindparam
from sqlalchemy.types import TypeEngine

from .caller import PARAMETER


def caller_parameter(name: str, kind: TypeEngine[Any]) -> ColumnElement[Any]:
    """Return the parameter for an attribute of the caller, for conditions."""
    return bindparam(f"{PARAMETER}{name}", type_=kind)
