"""Text keys, which are part of a URL."""

import re
from typing import Annotated

from pydantic import AfterValidator
from pydantic_core import PydanticCustomError

_ADDRESSABLE = re.compile(r"[^/.\x00-\x1f\x7f][^/\x00-\x1f\x7f]*")


def _addressable(value: str) -> str:
    if not _ADDRESSABLE.fullmatch(value):
        message = "A key should not contain a slash or control character, or start with a dot"
        raise PydanticCustomError("text_key", message)
    return value


TextKey = Annotated[str, AfterValidator(_addressable)]
"""A text key in a URL path. A slash would end it, and clients resolve `.` and `..`."""
