"""How much a request may be; each limit is a setting (see settings.py)."""

from dataclasses import dataclass

from starlette.applications import Starlette


@dataclass(frozen=True, slots=True)
class Limits:
    """What requests are bounded by."""

    body_bytes: int = 1_048_576
    """More is answered 413."""
    json_depth: int = 32
    """Objects and arrays within one another; more is answered 422."""


USUAL = Limits()


def limits_of(app: Starlette) -> Limits:
    """Give the limits of an application; where it names none, the usual ones."""
    limits: Limits = getattr(app.state, "limits", USUAL)
    return limits
