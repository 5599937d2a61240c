"""Text keys, which are part of URLs."""

import re
from typing import Annotated

from pydantic import AfterValidator
from pydantic_core import PydanticCustomError

from .text import nfc

_ADDRESSABLE = re.compile(r"[^/.\x00-\x1f\x7f][^/\x00-\x1f\x7f]*")


def _check_addressable(value: str) -> str:
    if not _ADDRESSABLE.fullmatch(value):
        message = "A key should not contain a slash or control character, or start with a dot"
        raise PydanticCustomError("text_key", message)
    return value


TextKey = Annotated[str, AfterValidator(_check_addressable)]
"""A text key of a new row. A slash would end it in a URL, and clients resolve `.` and `..`."""

NfcText = Annotated[str, AfterValidator(nfc)]
"""A text key in a path or a query."""
