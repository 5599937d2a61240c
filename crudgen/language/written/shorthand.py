"""Short form of fields → long form. Reason to change: the syntax of the short form.

    type[(args)][?] [= default] [flag …]

`str(1..80) unique` · `int(0..)? index` · `decimal(10,2) = 0.00` · `enum(a, b) = a` · `date = now`
"""

import json
import re
from itertools import groupby

from crudgen.language.schema import TypeName
from crudgen.language.types import FLAGS, TYPES, Arguments, TypeInfo
from crudgen.language.yaml.document import FORBIDDEN_IN_TEXT, scalar_value
from crudgen.language.yaml.locations import Location
from crudgen.language.yaml.nodes import Entry, Mapping, Node, Scalar, Sequence
from crudgen.language.yaml.problems import Problems, quoted, suggest

INTEGER = r"-?(?:0|[1-9][0-9]*)"
NUMBER = rf"{INTEGER}(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?"
WORD = r"[A-Za-z0-9_](?:[A-Za-z0-9_. +/-]{0,58}[A-Za-z0-9_+])?"
DEFAULT = r"""(?:"(?:[^"\\]|\\.)*"|'(?:[^']|'')*'|[^\s"'=,()\[\]{}][^\s]*)"""

_COUNT = r"(?:0|[1-9][0-9]*)"
_ARGUMENTS = {
    Arguments.NONE: "",
    Arguments.LENGTH: rf"(?: *\( *(?:{_COUNT} *\.\. *{_COUNT}|{_COUNT} *\.\.|\.\. *{_COUNT}) *\))?",
    Arguments.RANGE: rf"(?: *\( *(?:{NUMBER} *\.\. *{NUMBER}|{NUMBER} *\.\.|\.\. *{NUMBER}) *\))?",
    Arguments.SIZE: rf"(?: *\( *\.\. *{_COUNT} *\))?",
    Arguments.DIGITS: rf" *\( *{_COUNT} *, *{_COUNT} *\)",
    Arguments.VALUES: rf" *\( *{WORD}(?: *, *{WORD})* *\)",
}
_EXAMPLES = {
    Arguments.NONE: "{0}",
    Arguments.LENGTH: "{0}(1..80), {0}(1..) or {0}(..80)",
    Arguments.RANGE: "{0}(0..10), {0}(0..) or {0}(..10)",
    Arguments.SIZE: "{0}(..200)",
    Arguments.DIGITS: "{0}(10,2)",
    Arguments.VALUES: "{0}(red, green)",
}
_PARTS = re.compile(
    r"(?P<type>[^\s(?=]*)(?P<args> *\([^)]*\)?)?(?P<optional> *\?)?"
    rf"(?P<default>\s*=\s*(?P<value>{DEFAULT})?)?(?P<flags>.*)",
    re.DOTALL,
)


def pattern() -> str:
    """Return a regular expression that matches the short form, for Python and JavaScript."""
    rest = rf"(?: *\?)?(?: *= *{DEFAULT})?"
    infos = sorted(TYPES.values(), key=_arguments_and_flags)
    types = []
    for (arguments, flags), group in groupby(infos, key=_arguments_and_flags):
        names = "|".join(info.name for info in group)
        types.append(rf"(?:{names}){_ARGUMENTS[Arguments(arguments)]}{rest}(?: +(?:{flags}))*")
    return rf"^ *(?:{'|'.join(types)}) *$"


def _arguments_and_flags(info: TypeInfo) -> tuple[int, str]:
    return info.arguments.value, "|".join(flag for flag in FLAGS if flag in info.flags)


def expand(short: Scalar, problems: Problems) -> Mapping | None:
    """Return the long form of a field, or None if its short form has an error."""
    text = short.value
    if not isinstance(text, str):
        found = "nothing" if text is None else quoted(text)
        problems.add(
            short.location, f"expected a field's type, found {found}", "such as 'str(1..80)'"
        )
        return None
    return _Expansion(short.location, text, problems).run()


class _Expansion:
    """Parses a short form from left to right, and keeps the location of each part."""

    def __init__(self, location: Location, text: str, problems: Problems) -> None:
        self.location, self.text, self.problems = location, text, problems
        self.before = len(problems)
        self.entries: list[Entry] = []
        written = location.source[location.column - 1 :]
        self.quote = next((i for i in (0, 1) if written[i:].startswith(text)), None)

    def run(self) -> Mapping | None:
        match = _PARTS.fullmatch(self.text)
        if match is None or self._is_unsupported_reference():
            return None
        info = self._type(match)
        if info is None:
            return None
        self._arguments(info, match)
        if match["optional"]:
            self._put("optional", True, self._at(match.start("optional"), match.end("optional")))
        self._default(match)
        if len(self.problems) == self.before:
            self._flags(match)
        if len(self.problems) > self.before:
            return None
        return Mapping(self.location, tuple(self.entries))

    def _is_unsupported_reference(self) -> bool:
        if not self.text.lstrip().startswith("->"):
            return False
        report_unsupported_reference(self.location, self.problems)
        return True

    def _type(self, match: re.Match[str]) -> TypeInfo | None:
        word, location = match["type"], self._at(match.start("type"), match.end("type"))
        if word not in TypeName.__members__.values():
            self.problems.add(location, f"unknown type {quoted(word)}", suggest(word, TypeName))
            return None
        self._put("type", word, location)
        return TYPES[TypeName(word)]

    def _arguments(self, info: TypeInfo, match: re.Match[str]) -> None:
        written = match["args"] or ""
        start = match.start("args") if written else match.end("type")
        location = self._at(start, start + max(len(written), 1))
        if not re.fullmatch(_ARGUMENTS[info.arguments], written):
            self._reject_arguments(info, written, location)
        elif info.arguments is Arguments.VALUES:
            self._values(match.start("args"), written)
        elif info.arguments is Arguments.DIGITS:
            numbers = re.finditer(_COUNT, written)
            for key, number in zip(("precision", "scale"), numbers, strict=True):
                self._number(key, number, match.start("args"))
        elif written:
            self._bounds(match.start("args"), written)

    def _reject_arguments(self, info: TypeInfo, written: str, location: Location) -> None:
        example = _EXAMPLES[info.arguments].format(info.name)
        if not written:
            self.problems.add(location, f"'{info.name}' needs arguments", f"write {example}")
        elif info.arguments is Arguments.NONE:
            self.problems.add(location, f"'{info.name}' takes no arguments", f"write {example}")
        else:
            problem = f"invalid arguments {quoted(written.strip())} for type '{info.name}'"
            self.problems.add(location, problem, f"write {example}")

    def _values(self, offset: int, written: str) -> None:
        words = re.finditer(WORD, written)
        items = tuple(
            Scalar(self._at(offset + word.start(), offset + word.end()), word[0]) for word in words
        )
        location = self._at(offset, offset + len(written))
        self.entries.append(Entry("values", location, Sequence(location, items)))

    def _bounds(self, offset: int, written: str) -> None:
        middle = written.index("..")
        low = re.compile(NUMBER).search(written, 0, middle)
        high = re.compile(NUMBER).search(written, middle + 2)
        for key, number in (("min", low), ("max", high)):
            if number:
                self._number(key, number, offset)

    def _number(self, key: str, number: re.Match[str], offset: int) -> None:
        location = self._at(offset + number.start(), offset + number.end())
        self._scalar(key, number[0], location)

    def _default(self, match: re.Match[str]) -> None:
        if match["default"] is None:
            return
        value, location = match["value"], self._at(match.start("value"), match.end("value"))
        if value is None:
            location = self._at(match.start("default"), match.end())
            self.problems.add(location, "missing default after '='", "such as '= 0' or '= \"a b\"'")
        elif value[0] == '"':
            self._json_text(value, location)
        elif value[0] == "'":
            self._put("default", value[1:-1].replace("''", "'"), location)
        else:
            self._scalar("default", value, location)

    def _json_text(self, value: str, location: Location) -> None:
        try:
            text = json.loads(value)
        except ValueError:
            self.problems.add(location, "invalid string in double quotes", "escape it as in JSON")
            return
        if FORBIDDEN_IN_TEXT.search(text):
            self.problems.add(location, "control character in a string", "remove it")
            return
        self._put("default", text, location)

    def _scalar(self, key: str, text: str, location: Location) -> None:
        try:
            self._put(key, scalar_value(text), location)
        except ValueError as error:
            self.problems.add(location, str(error), "quote it if it is a string")

    def _flags(self, match: re.Match[str]) -> None:
        for flag in re.finditer(r"\S+", match["flags"]):
            start = match.start("flags") + flag.start()
            location = self._at(start, start + len(flag[0]))
            if flag[0].startswith("="):
                problem = "the default must precede the flags"
                self.problems.add(location, problem, "such as 'int = 0 index'")
                return
            touching = flag.start() == 0 and not match["flags"][:1].isspace()
            if touching or flag[0] not in FLAGS:
                problem = f"unknown flag {quoted(flag[0])}"
                is_value = re.fullmatch(rf"{NUMBER}|true|false", flag[0])
                remedy = f"for a default, write '= {flag[0][:40]}'" if is_value else ""
                self.problems.add(location, problem, remedy or suggest(flag[0], FLAGS))
            elif any(entry.key == flag[0] for entry in self.entries):
                self.problems.add(
                    location, f"duplicate flag {quoted(flag[0])}", "remove one of them"
                )
            else:
                self._put(flag[0], True, location)

    def _put(self, key: str, value: object, location: Location) -> None:
        node: Node = Scalar(location, value)  # type: ignore[arg-type]
        self.entries.append(Entry(key, location, node))

    def _at(self, start: int, end: int) -> Location:
        """Return the location of a part of the short form; the entire one if it has escapes."""
        if self.quote is None:
            return self.location
        return self.location.part(self.quote + max(start, 0), max(end - start, 1))


def report_unsupported_reference(location: Location, problems: Problems) -> None:
    """Add the problem that this version does not support references."""
    problems.add(
        location,
        "references between entities are not supported in this version",
        "store the key in a field, such as 'team_id: int index'",
    )
