"""The error that a function of the owner raises to reject a request."""

from fastapi import HTTPException

from ..errors import problem


class Refused(HTTPException):
    """422: a value is rejected. `name` is its property in the body, and the place of the problem.

    Everything that the request has written is rolled back.
    """

    def __init__(self, name: str, message: str) -> None:
        super().__init__(422, [problem("refused", ["body", name], message)])
