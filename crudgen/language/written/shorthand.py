"""The one-line field form ↔ the long form. Changes when the short form can say something else.

    type[(args)][?] [= default] [flag …]

`str(1..80) unique` · `int(0..)? index` · `decimal(10,2) = 0.00` · `enum(a, b) = a` · `date = now`
"""

import json
import re
from itertools import groupby

from crudgen.language.schema import TypeName
from crudgen.language.types import FLAGS, TYPES, Arguments, TypeInfo
from crudgen.language.yaml.document import FORBIDDEN_IN_TEXT, scalar_value
from crudgen.language.yaml.nodes import Entry, Mapping, Node, Scalar, Sequence
from crudgen.language.yaml.places import Place, Problems, shown, suggest

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
    Arguments.WORDS: rf" *\( *{WORD}(?: *, *{WORD})* *\)",
}
_EXAMPLES = {
    Arguments.NONE: "{0}",
    Arguments.LENGTH: "{0}(1..80), {0}(1..) or {0}(..80)",
    Arguments.RANGE: "{0}(0..10), {0}(0..) or {0}(..10)",
    Arguments.SIZE: "{0}(..200)",
    Arguments.DIGITS: "{0}(10,2)",
    Arguments.WORDS: "{0}(red, green)",
}
_PARTS = re.compile(
    r"(?P<type>[^\s(?=]*)(?P<args> *\([^)]*\)?)?(?P<optional> *\?)?"
    rf"(?P<default>\s*=\s*(?P<value>{DEFAULT})?)?(?P<flags>.*)",
    re.DOTALL,
)


def pattern() -> str:
    """Return the regular expression of the short form, for Python and JavaScript alike."""
    rest = rf"(?: *\?)?(?: *= *{DEFAULT})?"
    infos = sorted(TYPES.values(), key=_shape)
    types = []
    for (arguments, flags), group in groupby(infos, key=_shape):
        names = "|".join(info.name for info in group)
        types.append(rf"(?:{names}){_ARGUMENTS[Arguments(arguments)]}{rest}(?: +(?:{flags}))*")
    return rf"^ *(?:{'|'.join(types)}) *$"


def _shape(info: TypeInfo) -> tuple[int, str]:
    return info.arguments.value, "|".join(flag for flag in FLAGS if flag in info.flags)


def expand(short: Scalar, problems: Problems) -> Mapping | None:
    """Return the long form of a short one, or None after noting what is wrong with it."""
    text = short.value
    if not isinstance(text, str):
        found = "nothing" if text is None else shown(text)
        problems.add(short.place, f"expected a field's type, found {found}", "such as 'str(1..80)'")
        return None
    return _Expansion(short.place, text, problems).run()


class _Expansion:
    """Reads one short form from left to right; every part knows its place."""

    def __init__(self, place: Place, text: str, problems: Problems) -> None:
        self.place, self.text, self.problems = place, text, problems
        self.before = len(problems)
        self.entries: list[Entry] = []
        written = place.source[place.column - 1 :]
        self.quote = next((i for i in (0, 1) if written[i:].startswith(text)), None)

    def run(self) -> Mapping | None:
        match = _PARTS.fullmatch(self.text)
        if match is None or self._is_reference():
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
        return Mapping(self.place, tuple(self.entries))

    def _is_reference(self) -> bool:
        if not self.text.lstrip().startswith("->"):
            return False
        refuse_reference(self.place, self.problems)
        return True

    def _type(self, match: re.Match[str]) -> TypeInfo | None:
        word, place = match["type"], self._at(match.start("type"), match.end("type"))
        if word not in TypeName.__members__.values():
            self.problems.add(place, f"unknown type {shown(word)}", suggest(word, TypeName))
            return None
        self._put("type", word, place)
        return TYPES[TypeName(word)]

    def _arguments(self, info: TypeInfo, match: re.Match[str]) -> None:
        written = match["args"] or ""
        start = match.start("args") if written else match.end("type")
        place = self._at(start, start + max(len(written), 1))
        if not re.fullmatch(_ARGUMENTS[info.arguments], written):
            self._refuse_arguments(info, written, place)
        elif info.arguments is Arguments.WORDS:
            self._words(match.start("args"), written)
        elif info.arguments is Arguments.DIGITS:
            numbers = re.finditer(_COUNT, written)
            for key, number in zip(("precision", "scale"), numbers, strict=True):
                self._number(key, number, match.start("args"))
        elif written:
            self._bounds(match.start("args"), written)

    def _refuse_arguments(self, info: TypeInfo, written: str, place: Place) -> None:
        example = _EXAMPLES[info.arguments].format(info.name)
        if not written:
            self.problems.add(place, f"'{info.name}' needs arguments", f"write {example}")
        elif info.arguments is Arguments.NONE:
            self.problems.add(place, f"'{info.name}' takes no arguments", f"write {example}")
        else:
            problem = f"{shown(written.strip())} are no arguments of '{info.name}'"
            self.problems.add(place, problem, f"write {example}")

    def _words(self, offset: int, written: str) -> None:
        words = re.finditer(WORD, written)
        items = tuple(
            Scalar(self._at(offset + word.start(), offset + word.end()), word[0]) for word in words
        )
        place = self._at(offset, offset + len(written))
        self.entries.append(Entry("values", place, Sequence(place, items)))

    def _bounds(self, offset: int, written: str) -> None:
        middle = written.index("..")
        low = re.compile(NUMBER).search(written, 0, middle)
        high = re.compile(NUMBER).search(written, middle + 2)
        for key, number in (("min", low), ("max", high)):
            if number:
                self._number(key, number, offset)

    def _number(self, key: str, number: re.Match[str], offset: int) -> None:
        place = self._at(offset + number.start(), offset + number.end())
        self._scalar(key, number[0], place)

    def _default(self, match: re.Match[str]) -> None:
        if match["default"] is None:
            return
        value, place = match["value"], self._at(match.start("value"), match.end("value"))
        if value is None:
            place = self._at(match.start("default"), match.end())
            self.problems.add(
                place, "a default is missing after '='", "such as '= 0' or '= \"a b\"'"
            )
        elif value[0] == '"':
            self._json_text(value, place)
        elif value[0] == "'":
            self._put("default", value[1:-1].replace("''", "'"), place)
        else:
            self._scalar("default", value, place)

    def _json_text(self, value: str, place: Place) -> None:
        try:
            text = json.loads(value)
        except ValueError:
            self.problems.add(place, "this is not a text in double quotes", "as JSON writes it")
            return
        if FORBIDDEN_IN_TEXT.search(text):
            self.problems.add(place, "a control character in a text", "remove it")
            return
        self._put("default", text, place)

    def _scalar(self, key: str, text: str, place: Place) -> None:
        try:
            self._put(key, scalar_value(text), place)
        except ValueError as error:
            self.problems.add(place, str(error), "quote it if it is a text")

    def _flags(self, match: re.Match[str]) -> None:
        for flag in re.finditer(r"\S+", match["flags"]):
            start = match.start("flags") + flag.start()
            place = self._at(start, start + len(flag[0]))
            if flag[0].startswith("="):
                problem = "the default stands before the flags"
                self.problems.add(place, problem, "such as 'int = 0 index'")
                return
            touching = flag.start() == 0 and not match["flags"][:1].isspace()
            if touching or flag[0] not in FLAGS:
                problem = f"unknown flag {shown(flag[0])}"
                is_value = re.fullmatch(rf"{NUMBER}|true|false", flag[0])
                remedy = f"a default is written '= {flag[0][:40]}'" if is_value else ""
                self.problems.add(place, problem, remedy or suggest(flag[0], FLAGS))
            elif any(entry.key == flag[0] for entry in self.entries):
                self.problems.add(place, f"{shown(flag[0])} is written twice", "drop one")
            else:
                self._put(flag[0], True, place)

    def _put(self, key: str, value: object, place: Place) -> None:
        node: Node = Scalar(place, value)  # type: ignore[arg-type]
        self.entries.append(Entry(key, place, node))

    def _at(self, start: int, end: int) -> Place:
        """Return the place of a part; the whole where a quoted text is not what the file shows."""
        if self.quote is None:
            return self.place
        return self.place.part(self.quote + max(start, 0), max(end - start, 1))


def refuse_reference(place: Place, problems: Problems) -> None:
    """Note that references between entities are not part of this version."""
    problems.add(
        place,
        "references between entities are not part of this version",
        "keep the other's key in a field of your own, such as 'team_id: int index'",
    )
