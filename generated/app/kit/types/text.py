"""Rules for text: Unicode normalization form C (NFC), and no control characters.

`é` is stored as one character, even if it is sent as `e` and a combining accent. Control characters
are rejected, because they can make a text look like another; so are controls of text direction.
"""

import re
from dataclasses import dataclass
from itertools import chain
from types import NoneType
from typing import Annotated, Any, get_args
from unicodedata import combining, normalize

from pydantic import GetJsonSchemaHandler
from pydantic.fields import FieldInfo
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

NO_NUL = r"^[^\x00]*$"
"""Pattern of text that PostgreSQL can store."""
BIDI = r"\u202a-\u202e\u2066-\u2069"
"""Embeddings, overrides and isolates, which change the direction of the text after them."""
CONTROLS = rf"\x00-\x1f\x7f-\x9f{BIDI}"
CONTROLS_BUT_LINES = rf"\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f{BIDI}"
"""All control characters except tab, line feed and carriage return."""
_FIND_CONTROL = re.compile(f"[{CONTROLS}]").search
_FIND_CONTROL_BUT_LINES = re.compile(f"[{CONTROLS_BUT_LINES}]").search
MAX_COMBINING = 30
"""Most consecutive combining characters (UAX #15, section 13): longer runs are slow to sort."""
_LONG_RUNS = re.compile(rf"[^\x00-\u02ff\u3100-\ua4cf\uac00-\ud7ff]{{{MAX_COMBINING + 1},}}")
"""Long runs of characters that may be combining: not Latin, Chinese, Korean or Yi."""
_FIND_MANY = re.compile(rb"[^\0]{%d}" % (MAX_COMBINING + 1)).search
"""Finds more than MAX_COMBINING consecutive combining classes that are not 0."""
_MAY_MATCH_CONTROLS = re.compile(r"\.|\[\^|\\[SDWPpxu]|[^\x00-\x7f]")
"""Parts of a regular expression that may match control characters."""


@dataclass(frozen=True, slots=True)
class TextRule:
    """How text is validated and normalized: metadata for `Annotated`, as in `Multiline`."""

    as_sent: bool = False
    """Whether the text is stored as sent, without normalization to NFC."""
    controls: bool = False
    """Whether control characters are allowed."""
    lines: bool = False
    """Whether tabs and line breaks are allowed."""

    def read(self, value: Any) -> Any:
        """Return the normalized text; raise PydanticCustomError for a control character."""
        if not isinstance(value, str) or (value.isascii() and value.isprintable()):
            return value
        find = _FIND_CONTROL_BUT_LINES if self.lines else _FIND_CONTROL
        if not self.controls and (found := find(value)):
            character = f"U+{ord(found[0]):04X}"
            message = "Input should not contain the control character {character}"
            raise PydanticCustomError("string_control", message, {"character": character})
        if self.as_sent or value.isascii():
            return value
        if has_many_combining(value):
            message = "Input should have at most {most} consecutive combining characters"
            raise PydanticCustomError("string_combining", message, {"most": MAX_COMBINING})
        return normalize("NFC", value)

    @property
    def pattern(self) -> str:
        """Regular expression of the allowed text."""
        if self.controls:
            return NO_NUL
        return f"^[^{CONTROLS_BUT_LINES if self.lines else CONTROLS}]*$"

    @property
    def is_free(self) -> bool:
        """Whether any text is allowed and stored as sent."""
        return self.as_sent and self.controls

    def describe(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Return the JSON schema of a text with the rule's pattern, unless its own implies it."""
        described = handler(schema)
        if "pattern" not in described:
            return {**described, "pattern": self.pattern}
        own = described["pattern"]
        if own != self.pattern and CONTROLS not in own and _MAY_MATCH_CONTROLS.search(own):
            return {**described, "allOf": [{"pattern": self.pattern}]}
        return described


PLAIN = TextRule()
Multiline = Annotated[str, TextRule(lines=True)]
"""Text that may have tabs and line breaks."""


def apply_rules(model: CoreSchema, fields: dict[str, FieldInfo]) -> None:
    """Apply the rule of each text field of a model before its length and pattern are checked.

    A model has one core schema, and pydantic asks for it again for each type that refers to the
    model. Rules that are applied already are not repeated.
    """
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
        if schema.get("function", {}).get("function") == rule.read:
            continue
        outer["schema"] = core_schema.no_info_before_validator_function(
            rule.read, schema, metadata={"pydantic_js_functions": [rule.describe]}
        )


def rule_of(field: FieldInfo) -> TextRule | None:
    """Return the rule of a text field: the last one in its annotation, or PLAIN.

    Return None if the field is not text.
    """
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
    """Return a text in NFC; unchanged if it has too many combining characters, as no row has."""
    return text if text.isascii() or has_many_combining(text) else normalize("NFC", text)


def has_many_combining(text: str) -> bool:
    """Return whether a text has more than MAX_COMBINING consecutive combining characters."""
    classes = (bytes(map(combining, run[0])) for run in _LONG_RUNS.finditer(text))
    return any(map(_FIND_MANY, classes))
