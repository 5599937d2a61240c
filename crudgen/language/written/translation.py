"""Fields in the spelling of other languages → the short form. Reason to change: how to translate.

`spellings.py` has the spellings.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from decimal import Decimal

from crudgen.errors import Diagnostic
from crudgen.language.names import ClassName, snake_case
from crudgen.language.schema import TypeName
from crudgen.language.types import TYPES, Arguments, TypeInfo

from . import shorthand, spellings
from .reference_spellings import (
    entity_after_keyword,
    entity_alone,
    entity_of_list,
    short_form,
    with_reference_options,
)

MAX_LENGTH = 200
"""Longer text is not translated."""
_SHORT_FORMS = {
    name: re.compile(shorthand.short_form_pattern(info)) for name, info in TYPES.items()
}
_PART = re.compile(
    rf"\?|= *(?:{shorthand.QUOTED}|[^\s?]+)|\w+\((?:{shorthand.QUOTED}|[^()]*)\)|\([^()]*\)|[^\s?]+"
)
_COMMAS = re.compile(r", *(?![^()]*\))(?![^\[\]]*\])")
_KEYWORD = re.compile(r"\w+ *=.*")
_JSON_DEFAULT = re.compile(r"json *(\?)? *= *(\[.*\]|\{.*\})", re.IGNORECASE)
_DIGITS = r"-?[0-9]+(?:\.[0-9]+)?"
_RANGE = re.compile(rf"({_DIGITS}) *(-|:|,|to|\.\.[.=]) *({_DIGITS})")
_BOUND = re.compile(rf"(>=|>|<=|<) *({_DIGITS})")
_LINE = re.compile(r"[\s{-]*(?P<name>\w+) *: +(?P<text>.+?)\s*")


def translation_remedy(name: str, text: str, owner: str = "") -> str:
    """Return what to write instead of a field in another spelling; "" for an unknown spelling.

    `owner` is the entity of the field.
    """
    if len(text) <= MAX_LENGTH and (default := _JSON_DEFAULT.fullmatch(text.strip())):
        optional = ", optional: true" if default[1] else ""
        return f"write '{name}: {{type: json{optional}, default: {default[2]}}}'"
    if len(text) <= MAX_LENGTH and (entity := entity_of_list(text)):
        return list_of_rows_remedy(name, entity, owner)
    lines = [f"'{_yaml_line(name, short)}'" for short in translated(text, name)]
    *others, last = lines or [""]
    return f"write {' or '.join([', '.join(others), last] if others else [last])}" if last else ""


def list_of_rows_remedy(name: str, entity: str, owner: str) -> str:
    """Return the remedy for a field that is a list of rows."""
    key = "write a reference to this entity"
    if ClassName.PATTERN.fullmatch(owner):
        key = f"write '{snake_case(owner)}_id: -> {owner}'"
    return f"{key} in {entity}; for many to many, write 'links: {{{name}: {entity}}}'"


def translated(text: str, name: str = "") -> tuple[str, ...]:
    """Return the short forms of a field in another spelling; none for an unknown spelling.

    A reference without an entity refers to the one that `name` is named after.
    """
    if len(text) > MAX_LENGTH:
        return ()
    written = text = " ".join(text.split())
    text = _with_replacements(text.rstrip(",; "), spellings.WRAPPERS)
    if reference := _translated_reference(text, name):
        return (reference,) if reference != written else ()
    for pattern, remedy in spellings.REMEDIES:
        if re.fullmatch(rf"(?:{pattern})(?:\(\))?", text, re.IGNORECASE):
            return tuple(remedy.split(" | "))
    short = _translated_short_form(
        _with_replacements(_call_as_words(text), spellings.WORDS).strip()
    )
    short = short or _translated_reference(text, name, is_alone=True)
    return (short,) if short and short != written else ()


def _yaml_line(name: str, short: str) -> str:
    """Return a field, whose name ends in `_id` if it is a reference."""
    is_named = not short.startswith("->") or name.endswith(("_id", "_key", "_code"))
    return f"{name}: {short}" if is_named else f"{name}_id: {short}"


def _translated_reference(text: str, name: str, *, is_alone: bool = False) -> str | None:
    """Return the short form of a reference, or None if the text is not one in a known spelling."""
    written = with_reference_options(_call_as_words(text))
    found = entity_alone(written) if is_alone else entity_after_keyword(written)
    if found is None:
        return None
    entity = found[0] or name.removesuffix("_id") or "team"
    return short_form(entity, _with_replacements(found[1], spellings.WORDS))


def translated_default(text: str) -> str | None:
    """Return the default to write instead of one in another spelling, or None if it is unknown."""
    for pattern, default in spellings.DEFAULTS:
        if re.fullmatch(pattern, text, re.IGNORECASE):
            return default
    return None


def with_translation_remedy(diagnostic: Diagnostic) -> Diagnostic:
    """Return the diagnostic of invalid YAML; if the line is a field, with the line to write."""
    line = _LINE.fullmatch(diagnostic.source)
    if line is None or not diagnostic.problem.startswith("invalid YAML"):
        return diagnostic
    return replace(
        diagnostic, remedy=translation_remedy(line["name"], line["text"]) or diagnostic.remedy
    )


def _with_replacements(text: str, rows: Iterable[tuple[str, str]]) -> str:
    for pattern, replacement in rows:
        text = re.sub(pattern, replacement, text, flags=re.IGNORECASE)
    return text


def _call_as_words(text: str) -> str:
    """Convert `CharField(max_length=80, null=True)` to `CharField max_length=80 null=True`."""
    call = re.fullmatch(r"(\w+)\((.*)\)", text)
    if call is None or "=" not in text:
        return " ".join(_COMMAS.split(text))
    parts = _COMMAS.split(call[2])
    keywords = [part for part in parts if _KEYWORD.fullmatch(part)]
    positional = ", ".join(part for part in parts if part not in keywords)
    return " ".join([call[1] + (f"({positional})" if positional else ""), *keywords])


@dataclass(slots=True)
class _Parts:
    """The parts of a short form, in any order."""

    arguments: str = ""
    optional: str = ""
    default: str = ""
    options: list[str] = field(default_factory=list)

    def read(self, text: str) -> None:
        """Read parts from text that follows a type."""
        for part in _PART.findall(text):
            if part == "?":
                self.optional = "?"
            elif part.startswith("="):
                self.default = f" = {part[1:].strip()}"
            elif part.startswith("("):
                self.arguments = self.arguments if part == "()" else part
            elif part not in self.options:
                self.options.append(part)


def _translated_short_form(text: str) -> str | None:
    """Return the short form of a type and words after it, or None if one of them is unknown."""
    kind, rest = _translated_type(text)
    if not kind:
        return None
    name = kind.partition(" ")[0].partition("(")[0]
    parts = _Parts()
    parts.read(kind.removeprefix(name) + " " + rest)
    arguments = _translated_arguments(TYPES[TypeName(name)], parts.arguments)
    short = " ".join([f"{name}{arguments}{parts.optional}{parts.default}", *parts.options])
    return short if _SHORT_FORMS[TypeName(name)].fullmatch(short) else None


def _translated_type(text: str) -> tuple[str, str]:
    """Translate the type at the start of a text to the short form; return it and the rest."""
    own = re.match(rf"(?:{'|'.join(TypeName)})(?![\w\[])", text, re.IGNORECASE)
    if own:
        return own[0].lower(), text[own.end() :]
    for pattern, kind in spellings.TYPES:
        found = re.match(rf"(?:{pattern})(?![\w\[])", text, re.IGNORECASE)
        if found:
            return kind, text[found.end() :]
    return "", ""


def _translated_arguments(info: TypeInfo, written: str) -> str:
    """Return arguments in the short form of a type, without those that the type does not have."""
    kind, inside = info.arguments, written.strip("() ")
    if kind in (Arguments.LENGTH, Arguments.RANGE, Arguments.SIZE):
        return _translated_bounds(
            inside, is_integer=info.value_type != "number", is_length=kind is not Arguments.RANGE
        )
    if kind is Arguments.DIGITS:
        return f"({','.join(re.findall('[0-9]+', inside)[:2] if ',' in inside else ('10', '2'))})"
    if kind is Arguments.VALUES:
        separator = r"[,|]" if re.search(r"[,|]", inside) else r"\s"
        words = (word.strip().strip("\"'") for word in re.split(separator, inside))
        return f"({', '.join(word for word in words if word)})"
    return ""


def _translated_bounds(inside: str, *, is_integer: bool, is_length: bool) -> str:
    """Return the bounds of a number or of a length in the short form.

    Bounds that it cannot express are returned as written. The digits that a number has in SQL, as
    in `int(11)`, are no bounds.
    """
    if bound := _BOUND.fullmatch(inside):
        sign, number = bound.groups()
        if len(sign) == 1 and is_integer and "." not in number:
            sign, number = f"{sign}=", str(int(number) + (1 if sign == ">" else -1))
        return {">=": f"({number}..)", "<=": f"(..{number})"}.get(sign, f"({inside})")
    if found := _RANGE.fullmatch(inside):
        low, separator, high = found.groups()
        is_range = separator != "," or (is_integer and Decimal(low) < Decimal(high))
        return f"({low}..{high})" if is_range else ""
    if inside.isdigit():
        return f"(..{inside})" if is_length else ""
    return f"({inside})" if re.search(r"[<>]|\.\.", inside) else ""
