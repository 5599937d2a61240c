"""The receiver of a webhook: its URL, and the secrets that sign its messages."""

import re
from dataclasses import dataclass, field

_REST = r"(?::[0-9]{1,5})?(?:[/?][!-\"$-~]*)?"
_URL = re.compile(
    rf"https://(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_.-]+){_REST}"
    rf"|http://(?:localhost|127(?:\.[0-9]{{1,3}}){{3}}|\[::1\]){_REST}"
)
"""Matches a URL with TLS, or of this machine. It contains no credentials."""


@dataclass(frozen=True, slots=True)
class Receiver:
    """The receiver of the messages of a webhook."""

    url: str
    secrets: tuple[bytes, ...] = field(repr=False)
    """The secrets that sign them, the latest first."""


def is_url(text: str) -> bool:
    """Return whether messages can be sent to a URL: with TLS, except to this machine."""
    return _URL.fullmatch(text) is not None
