"""Which handlers only read rows, by one operation of a resource: they can be called twice."""

import dis
from collections.abc import Callable
from types import CodeType
from typing import Any

from ..rows.resource import Resource

_READS = {"list", "read", "view"}
"""The operations of resources, also of those with rules, that only read."""


def read_rows(handler: Callable[..., Any]) -> tuple[Any, str] | None:
    """Return the resource that a handler reads, and its last operation.

    Return None if the handler uses other names than one resource and its reading operations.
    """
    code = getattr(handler, "__code__", None)
    if not isinstance(code, CodeType) or any(isinstance(one, CodeType) for one in code.co_consts):
        return None
    instructions = [*dis.get_instructions(code)]
    used = [one.argval for one in instructions if one.opname == "LOAD_GLOBAL"]
    called = [one.argval for one in instructions if one.opname in {"LOAD_ATTR", "LOAD_METHOD"}]
    if len(used) != 1 or not called or {*used, *called} != {*code.co_names} or {*called} - _READS:
        return None
    rows = handler.__globals__.get(used[0])
    if isinstance(rows, Resource) or isinstance(getattr(rows, "unguarded", None), Resource):
        return rows, called[-1]
    return None
