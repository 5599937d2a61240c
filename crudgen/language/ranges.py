"""Ranges of numbers and lists in a spec. Reason to change: another limit."""

from decimal import Decimal

MAX_PAGE = 10_000
"""Maximum number of rows on a page of a list."""
MIN_INDEX, MAX_INDEX = 2, 16
"""Number of fields in a list under `unique` or `index`."""
MAX_CHECKS = 50
"""Maximum number of checks of an entity."""

INTEGER_LIMITS = {"body_bytes": (1024, 1_073_741_824), "connections": (1, 1000)}
LIMITS: dict[str, tuple[int | Decimal, int | Decimal]] = {
    **INTEGER_LIMITS,
    "statement_seconds": (Decimal("0.01"), Decimal(3600)),
    "lock_seconds": (Decimal("0.01"), Decimal(3600)),
}
"""Ranges of the limits. The settings of generated applications have the same ranges."""
