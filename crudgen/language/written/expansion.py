"""Short form of fields → long form. Reason to change: the diagnostics of the short form."""

import re
from dataclasses import replace

from crudgen.language.schema import TypeName
from crudgen.language.types import OPTIONS, TYPES, Arguments, TypeInfo
from crudgen.language.yaml.locations import Location
from crudgen.language.yaml.nodes import Mapping, Scalar, Sequence
from crudgen.language.yaml.problems import Problems, quoted, suggest

from .parser import ShortFormParser
from .reference_expansion import ReferenceExpansion
from .shorthand import ARGUMENTS, COUNT, EXAMPLES, NULL_WORDS, NUMBER, PARTS, WORD
from .translation import translated, translation_remedy


def expand(name: str, short: Scalar, problems: Problems, owner: str = "") -> Mapping | None:
    """Return the long form of a field, or None if its short form has an error.

    A field in the spelling of another language gets one problem, with the line to write. `owner`
    is the name of the entity of the field.
    """
    text = short.value
    if not isinstance(text, str):
        found = "nothing" if text is None else quoted(text)
        key, colon, kind = name.partition(":")
        remedy = (
            f"write '{key}: {kind}', with a space" if colon and kind else "such as 'str(1..80)'"
        )
        problems.add(short.location, f"expected a field's type, found {found}", remedy)
        return None
    found_here = Problems()
    expanded = _parser_class(text)(short.location, text, found_here).run()
    known = ("remove it", "write ')'")
    has_reason = any(found.remedy.startswith(known) for found in found_here.diagnostics)
    if found_here and not has_reason and (remedy := _foreign_spelling_remedy(name, text, owner)):
        found_here.diagnostics = [replace(found_here.diagnostics[0], remedy=remedy)]
    problems.diagnostics += found_here.diagnostics
    return expanded


def _parser_class(text: str) -> "type[ReferenceExpansion | _TypeExpansion]":
    return ReferenceExpansion if text.lstrip().startswith("->") else _TypeExpansion


def _foreign_spelling_remedy(name: str, text: str, owner: str) -> str:
    """Return the remedy for a field in the spelling of another language; "" if there is none."""
    problems = Problems()
    for short in translated(text, name):
        _parser_class(short)(Location(""), short, problems).run()
    return "" if problems else translation_remedy(name, text, owner)


class _TypeExpansion(ShortFormParser):
    """Parses the short form of a type."""

    options = OPTIONS

    def run(self) -> Mapping | None:
        match = PARTS.fullmatch(self.text)
        info = self._parse_type(match) if match else None
        if match is None or info is None:
            return None
        self._parse_arguments(info, match)
        if match["optional"]:
            self._put_flag("optional", self._locate(match.start("optional"), match.end("optional")))
        self._parse_default(info, match)
        if len(self.problems) == self.before:
            self._parse_options(match)
        if len(self.problems) > self.before:
            return None
        return Mapping(self.location, tuple(self.entries))

    def _parse_type(self, match: re.Match[str]) -> TypeInfo | None:
        word, location = (
            match["type"],
            self._locate(match.start("type"), match.end("type")),
        )
        if word not in TypeName.__members__.values():
            self.problems.add(location, f"unknown type {quoted(word)}", suggest(word, TypeName))
            return None
        self._put_entry("type", location, Scalar(location, word))
        return TYPES[TypeName(word)]

    def _reject_word(self, name: str, location: Location) -> None:
        if name == "renamed" and any(entry.key == "values" for entry in self.entries):
            keys = "type: enum, values: [furious], renamed: {angry: furious}"
            remedy = f"write the long form: '{keys}'"
            self.problems.add(location, "'renamed' needs the long form", remedy)
        else:
            super()._reject_word(name, location)

    def _parse_arguments(self, info: TypeInfo, match: re.Match[str]) -> None:
        written = match["args"] or ""
        start = match.start("args") if written else match.end("type")
        location = self._locate(start, start + max(len(written), 1))
        if not re.fullmatch(ARGUMENTS[info.arguments], written):
            self._reject_arguments(info, written, location)
        elif info.arguments is Arguments.VALUES:
            self._put_values(match.start("args"), written)
        elif info.arguments is Arguments.DIGITS:
            numbers = re.finditer(COUNT, written)
            for key, number in zip(("precision", "scale"), numbers, strict=True):
                self._put_number(key, number, match.start("args"))
        elif written:
            self._put_bounds(match.start("args"), written)

    def _reject_arguments(self, info: TypeInfo, written: str, location: Location) -> None:
        example = EXAMPLES[info.arguments].format(info.name)
        if not written:
            self.problems.add(location, f"'{info.name}' needs arguments", f"write {example}")
        elif info.arguments is Arguments.NONE:
            self.problems.add(location, f"'{info.name}' takes no arguments", f"write {example}")
        elif ")" not in written and info.arguments in {Arguments.VALUES, Arguments.DIGITS}:
            remedy = "write ')', or quote the type: in braces, a comma ends it"
            self.problems.add(location, "the parenthesis is not closed", remedy)
        else:
            problem = f"invalid arguments {quoted(written.strip())} for type '{info.name}'"
            self.problems.add(location, problem, f"write {example}")

    def _put_values(self, offset: int, written: str) -> None:
        words = re.finditer(WORD, written)
        items = tuple(
            Scalar(self._locate(offset + word.start(), offset + word.end()), word[0])
            for word in words
        )
        location = self._locate(offset, offset + len(written))
        self._put_entry("values", location, Sequence(location, items))

    def _put_bounds(self, offset: int, written: str) -> None:
        middle = written.index("..")
        low = re.compile(NUMBER).search(written, 0, middle)
        high = re.compile(NUMBER).search(written, middle + 2)
        for key, number in (("min", low), ("max", high)):
            if number:
                self._put_number(key, number, offset)

    def _put_number(self, key: str, number: re.Match[str], offset: int) -> None:
        location = self._locate(offset + number.start(), offset + number.end())
        self._put_value(key, location, number[0], location)

    def _parse_default(self, info: TypeInfo, match: re.Match[str]) -> None:
        if match["default"] is None:
            return
        value, location = (
            match["value"],
            self._locate(match.start("value"), match.end("value")),
        )
        if value and value[0] not in "\"'" and info.value_type == "string":
            self.default_at = match.start("value")
        if value is None and info.name is TypeName.JSON and match["options"].lstrip()[:1] in "[{":
            location = self._locate(match.end("default"), match.end())
            problem = "a default that is a list or a map needs the long form"
            self.problems.add(location, problem, "such as '{type: json, default: []}'")
        elif value is None:
            location = self._locate(match.start("default"), match.end())
            self.problems.add(location, "missing default after '='", "such as '= 0' or '= \"a b\"'")
        elif info.text and re.fullmatch(NULL_WORDS, value):
            problem = f"ambiguous default {quoted(value)}"
            self.problems.add(location, problem, "write 'null', or quote it if it is text")
        else:
            self._put_value("default", location, value, location)
