"""The text of dates, times and UUIDs in YAML. Reason to change: a form that a spec accepts."""

import re
from typing import NamedTuple

from crudgen.kit.types import dates, uuids
from crudgen.language.schema import TypeName

_MINUTES = r"[0-9]{2}:[0-9]{2}"
"""Hours and minutes. Seconds are optional in a spec."""
_SECONDS = r":[0-9]{2}(\.[0-9]{1,6})?"


class TextForm(NamedTuple):
    """How the values of a type are written."""

    name: str
    """For messages."""
    pattern: re.Pattern[str]
    """Matches the entire text. It means the same in Python and JavaScript."""


TEXT_FORMS = {
    TypeName.DATE: TextForm("a date, such as 2024-12-31", re.compile(dates.DATE)),
    TypeName.TIME: TextForm(
        "a time, such as 12:30 or 12:30:00", re.compile(rf"({_MINUTES})({_SECONDS})?")
    ),
    TypeName.DATETIME: TextForm(
        "a datetime with a time zone, such as 2024-12-31T12:30:00Z",
        re.compile(rf"({dates.DATE}[Tt ]{_MINUTES})({_SECONDS})?{dates.ZONE}"),
    ),
    TypeName.UUID: TextForm("a UUID of 36 characters", re.compile(uuids.UUID_TEXT)),
}


def with_seconds(match: re.Match[str]) -> str:
    """Return the text of a time or datetime, with seconds of 0 if it has none."""
    minutes, seconds, _, *zone = match.groups()
    return "".join([minutes, seconds or ":00", *zone])
