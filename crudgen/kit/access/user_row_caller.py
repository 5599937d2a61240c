"""The class of callers in an application whose users are rows of an entity."""

from typing import Any, ClassVar

from .caller import BaseCaller, claim


class RowCaller(BaseCaller):
    """Who makes a request, with attributes of their row. Subclasses declare those."""

    __shown__: ClassVar[tuple[str, ...] | None] = ("subject", "id", "login_name")

    login_name: str | None = claim("login_name", default=None)
    """The name with which the caller has logged in; None for an API key."""


def row_claim(name: str, **options: Any) -> Any:
    """Declare an attribute of callers whose value is that of an attribute of their row."""
    return claim(f"row.{name}", **options)
