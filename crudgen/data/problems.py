"""The problems of a file with rows. Reason to change: how many are reported, and how."""

from pydantic import ValidationError

from crudgen.errors import DataError

MAX_PROBLEMS = 20
"""Most problems of a file that are reported."""


class Problems:
    """The problems of a file. Reading ends after MAX_PROBLEMS of them."""

    def __init__(self) -> None:
        self._lines: list[str] = []

    def add(self, place: str, problem: str) -> None:
        """Add what is wrong with a row. Raises DataError if the problems are many."""
        self._lines.append(f"{place}: {problem}")
        if len(self._lines) >= MAX_PROBLEMS:
            self.check()

    def add_invalid(self, place: str, error: ValidationError) -> None:
        """Add why a row is invalid. Raises DataError if the problems are many."""
        for one in error.errors(include_url=False, include_context=False, include_input=False):
            where = ".".join(map(str, one["loc"]))
            self.add(place, f"{where}: {one['msg']}" if where else one["msg"])

    def check(self) -> None:
        """Raise DataError if there are any."""
        if self._lines:
            more = ["  and possibly more"] if len(self._lines) >= MAX_PROBLEMS else []
            raise DataError("\n".join([*self._lines[:MAX_PROBLEMS], *more]))

    def __bool__(self) -> bool:
        return bool(self._lines)
