"""Which handlers only read rows, by one operation of a resource: they can be called twice."""

import dis
from collections.abc import Callable
from types import CodeType
from typing import Any

from ..rows.resource import Resource

_READS = {"list", "read", "view"}
"""The operations of resources, also of those with rules, that only read."""
_KIT = __name__.removesuffix("fast.plain_reads")
_PLAIN_MODULES = {"abc", "builtins", "typing"}


class PlainRead:
    """The operation that a handler calls, and the resource that it reads."""

    def __init__(self, handler: Callable[..., Any], name: str, rows: Any, operation: str) -> None:
        self.rows = rows
        self.operation = operation
        self._handler = handler
        self._code = handler.__code__
        self._name = name

    def is_current(self) -> bool:
        """Return whether nothing replaced the code of the handler, the resource or its methods."""
        handler, rows = self._handler, self.rows
        return (
            handler.__code__ is self._code
            and handler.__globals__.get(self._name) is rows
            and _READS.isdisjoint(vars(rows))
        )


def find_plain_read(handler: Callable[..., Any]) -> PlainRead | None:
    """Return what a handler reads.

    Return None if the handler uses other names than one resource of the kit and its reading
    operations, or variables of an enclosing function, or if it handles exceptions.
    """
    code = getattr(handler, "__code__", None)
    if not isinstance(code, CodeType) or any(isinstance(one, CodeType) for one in code.co_consts):
        return None
    instructions = [*dis.get_instructions(code)]
    if code.co_freevars or any(one.opname == "PUSH_EXC_INFO" for one in instructions):
        return None
    used = [one.argval for one in instructions if one.opname == "LOAD_GLOBAL"]
    called = [one.argval for one in instructions if one.opname in {"LOAD_ATTR", "LOAD_METHOD"}]
    if len(used) != 1 or not called or {*used, *called} != {*code.co_names} or {*called} - _READS:
        return None
    rows = handler.__globals__.get(used[0])
    if _is_kit_resource(rows) and _is_kit_resource(getattr(rows, "unguarded", rows)):
        return PlainRead(handler, used[0], rows, called[-1])
    return None


def _is_kit_resource(rows: Any) -> bool:
    """Return whether this is a resource whose methods are all of the kit."""
    if not isinstance(getattr(rows, "unguarded", rows), Resource):
        return False
    modules = {one.__module__ for one in type(rows).__mro__}
    return all(one.startswith(_KIT) or one in _PLAIN_MODULES for one in modules)
