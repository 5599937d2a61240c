"""A row of the API, as the admin page handles it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from starlette.requests import Request

from .tables import Table

MAX_LABEL = 80
"""Maximum number of characters of a row's label."""


@dataclass
class Row:
    """A row of a table."""

    table: Table
    values: Mapping[str, Any]
    etag: str = ""
    related: dict[str, Any] = field(default_factory=dict)
    """The rows that a property refers to, by its name: a Row, or a list of them."""

    @property
    def key(self) -> str:
        """The primary key as text."""
        return str(self.values.get(self.table.key, ""))

    @property
    def label(self) -> str:
        """What names the row to a user: its label, or its key."""
        text = self.values.get(self.table.label)
        if isinstance(text, str) and text.strip():
            return text if len(text) <= MAX_LABEL else f"{text[:MAX_LABEL]}…"
        return f"{self.table.title} {self.key}"

    def __admin_repr__(self, request: Request) -> str:
        """Return the label, for starlette-admin."""
        del request
        return self.label
