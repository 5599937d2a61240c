"""The error responses of operations that call functions of the owner, for OpenAPI."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

Responses = dict[int | str, dict[str, Any]]
_DESCRIPTION = "An error that a function of the application raises"
_OTHERS = ("4XX", "5XX")


class FunctionProblem(BaseModel):
    """An error that a function of the application raises. It can have any detail."""

    detail: Any


def function_errors(*described: Mapping[int | str, dict[str, Any]]) -> Responses:
    """Return descriptions of error responses, with those of an HTTPException of a function.

    A function can raise each status of the operation with another detail and without headers, and
    any other status of an error.
    """
    found: Responses = {}
    for responses in described:
        found |= responses
    for status, one in found.items():
        model = one.get("model")
        if isinstance(status, int) and status >= 400 and model is not None:
            found[status] = {**one, "model": model | FunctionProblem}
            if "headers" in one:
                headers = {
                    name: {**said, "required": False} for name, said in one["headers"].items()
                }
                found[status]["headers"] = headers
    others = {"model": FunctionProblem, "description": _DESCRIPTION}
    return {**found, **dict.fromkeys(_OTHERS, others)}
