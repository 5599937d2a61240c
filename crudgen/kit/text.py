"""Text as it is stored: in one Unicode form, and without characters that only command.

What looks the same is the same: `é` as one character and as `e` with an accent are both stored as
one (NFC). Controls, and those of the direction of writing, can make a text look like another one.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import chain
from types import NoneType
from typing import Annotated, Any, get_args
from unicodedata import combining, normalize

from pydantic import AfterValidator, GetJsonSchemaHandler
from pydantic.fields import FieldInfo
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from .types import NO_NUL

BIDI = r"\u202a-\u202e\u2066-\u2069"
"""Embeddings, overrides and isolates: they turn the direction of what follows."""
CONTROLS = rf"\x00-\x1f\x7f-\x9f{BIDI}"
CONTROLS_BUT_LINES = rf"\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f{BIDI}"
"""All but tab, line feed and carriage return."""
_FIND_CONTROL = re.compile(f"[{CONTROLS}]").search
_FIND_CONTROL_BUT_LINES = re.compile(f"[{CONTROLS_BUT_LINES}]").search
MOST_COMBINING = 30
"""Combining characters in a row (UAX #15, section 13): to sort more of them takes ever longer."""
_MAY_BE_OPEN = re.compile(r"\.|\[\^|\\[SDWPpxu]|[^\x00-\x7f]")
"""What a pattern has that may let characters pass which nobody thought of."""


@dataclass(frozen=True, slots=True)
class TextRule:
    """Marks text that is not read as other text is; see `Multiline`."""

    as_sent: bool = False
    """Whether it is stored as it is sent, not in NFC."""
    controls: bool = False
    """Whether it may have control characters."""
    lines: bool = False
    """Whether it may have tabs and line breaks."""

    def read(self, value: Any) -> Any:
        """Bring text into the form that is stored; raise PydanticCustomError for a control."""
        if not isinstance(value, str) or (value.isascii() and value.isprintable()):
            return value
        find = _FIND_CONTROL_BUT_LINES if self.lines else _FIND_CONTROL
        if not self.controls and (found := find(value)):
            character = f"U+{ord(found[0]):04X}"
            message = "Input should have no control characters: {character} is one"
            raise PydanticCustomError("string_control", message, {"character": character})
        if self.as_sent or value.isascii():
            return value
        if has_many_combining(value):
            message = "Input should have at most {most} combining characters in a row"
            raise PydanticCustomError("string_combining", message, {"most": MOST_COMBINING})
        return normalize("NFC", value)

    @property
    def pattern(self) -> str:
        """What the text looks like."""
        if self.controls:
            return NO_NUL
        return f"^[^{CONTROLS_BUT_LINES if self.lines else CONTROLS}]*$"

    @property
    def is_free(self) -> bool:
        """Whether any text is stored as it is."""
        return self.as_sent and self.controls

    def describe(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Say of text what it may have, beside a pattern of its own."""
        described = handler(schema)
        if "pattern" not in described:
            return {**described, "pattern": self.pattern}
        if CONTROLS not in described["pattern"] and _MAY_BE_OPEN.search(described["pattern"]):
            return {**described, "allOf": [{"pattern": self.pattern}]}
        return described


PLAIN = TextRule()
Multiline = Annotated[str, TextRule(lines=True)]
"""Text that may have tabs and line breaks."""


def apply_rules(model: CoreSchema, fields: dict[str, FieldInfo]) -> None:
    """Have a model read each text by its rule, before its length and pattern are checked."""
    inner: Any = model
    while inner["type"] != "model-fields":
        inner = inner["schema"]
    for name, field in inner["fields"].items():
        rule = rule_of(fields[name])
        if rule is None or rule.is_free:
            continue
        outer, schema = field, field["schema"]
        while schema["type"] in {"default", "nullable"}:
            outer, schema = schema, schema["schema"]
        outer["schema"] = core_schema.no_info_before_validator_function(
            rule.read, schema, metadata={"pydantic_js_functions": [rule.describe]}
        )


def rule_of(field: FieldInfo) -> TextRule | None:
    """Find how a property is read if it is text: by the last rule that marks it, or like most."""
    kinds = [
        kind for kind in (field.annotation, *get_args(field.annotation)) if kind is not NoneType
    ]
    marks = chain(field.metadata, *(getattr(kind, "__metadata__", ()) for kind in kinds))
    rules = [mark for mark in marks if isinstance(mark, TextRule)]
    if rules:
        return rules[-1]
    is_text = any(getattr(kind, "__origin__", kind) is str for kind in kinds)
    return PLAIN if is_text else None


def nfc(text: str) -> str:
    """Bring text to look for into the form that is stored; no row has what cannot be."""
    return text if text.isascii() or has_many_combining(text) else normalize("NFC", text)


NfcText = Annotated[str, AfterValidator(nfc)]
"""Text in a path: the key of a row."""


def has_many_combining(text: str) -> bool:
    """Tell whether there are more combining characters in a row than any language has."""
    for run in _suspicious().finditer(text):
        count = 0
        for character in run[0]:
            count = count + 1 if combining(character) else 0
            if count > MOST_COMBINING:
                return True
    return False


@cache
def _suspicious() -> re.Pattern[str]:
    """Compile what finds long runs of combining characters, and of rare letters among them.

    A character class is fast if nearly all of it is within the first 65,536 characters.
    """
    ranges = "".join(f"{chr(first)}-{chr(last)}" for first, last in _combining_ranges(0x10000))
    kind = f"[{ranges}\U00010000-\U0001efff]"
    return re.compile(f"{kind}{{{MOST_COMBINING + 1},}}")


def _combining_ranges(end: int) -> Iterator[tuple[int, int]]:
    first = None
    for code in range(0x300, end + 1):
        is_combining = code < end and bool(combining(chr(code)))
        if is_combining and first is None:
            first = code
        elif not is_combining and first is not None:
            yield first, code - 1
            first = None
