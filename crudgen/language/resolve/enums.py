"""Resolves the values of enums. Reason to change: which values, and changes of them, are valid."""

from collections.abc import Iterator
from dataclasses import replace
from unicodedata import normalize

from crudgen.language.schema import Field
from crudgen.language.types import MAX_ENUM_VALUE_LENGTH, MAX_ENUM_VALUES
from crudgen.language.written.field import WrittenType
from crudgen.language.yaml.locations import Location
from crudgen.language.yaml.problems import quoted, suggest

_JOINERS = {0x200C: None, 0x200D: None}
"""Zero-width joiners, which Persian words and emoji need."""


def with_enum(written: WrittenType, field: Field) -> Field:
    """Return the field with the values of its enum, and with its renamed values."""
    words = written.spec.values
    if words is None:
        return field
    if not 1 <= len(words) <= MAX_ENUM_VALUES:
        written.add(
            "values", f"the enum has {len(words)} values", f"allowed: 1 to {MAX_ENUM_VALUES}"
        )
    words = [normalize("NFC", word) for word in words]
    for position, word in enumerate(words[:MAX_ENUM_VALUES]):
        location = written.locate("values", position)
        if not _has_invalid_form(written, word, location) and word in words[:position]:
            written.problems.add(
                location, f"duplicate enum value {quoted(word)}", "remove one of them"
            )
    return replace(field, words=tuple(words), renamed=tuple(_renamed_values(written, words)))


def _has_invalid_form(written: WrittenType, word: str, location: Location) -> bool:
    """Return whether a value has an invalid form, and add a problem if so."""
    is_printable = word.translate(_JOINERS).isprintable()
    if 1 <= len(word) <= MAX_ENUM_VALUE_LENGTH and is_printable and word == word.strip():
        return False
    rule = f"1 to {MAX_ENUM_VALUE_LENGTH} printable characters, without surrounding spaces"
    written.problems.add(location, f"invalid enum value {quoted(word)}", rule)
    return True


def _renamed_values(written: WrittenType, words: list[str]) -> Iterator[tuple[str, str]]:
    """Yield each former value with the one that replaces it."""
    renamed = written.spec.renamed
    if renamed is not None and not renamed:
        written.add("renamed", "'renamed' is empty", "such as '{angry: furious}', or remove it")
    seen: set[str] = set()
    for key, value in (renamed or {}).items():
        former, word = normalize("NFC", key), normalize("NFC", value)
        location = written.locate_key("renamed", key)
        if _has_invalid_form(written, former, location):
            continue
        if former in words:
            problem = f"the former value {quoted(former)} is a value of the enum"
            written.problems.add(location, problem, "remove it from 'values' or from 'renamed'")
        elif former in seen:
            written.problems.add(
                location, f"duplicate former value {quoted(former)}", "remove one of them"
            )
        elif word not in words:
            problem = f"{quoted(word)} is not a value of the enum"
            written.problems.add(written.locate("renamed", key), problem, suggest(word, words))
        else:
            yield former, word
        seen.add(former)
