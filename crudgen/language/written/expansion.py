"""Short form of fields → long form. Reason to change: the diagnostics of the short form."""

import json
import re
from dataclasses import replace
from itertools import takewhile

from crudgen.language.schema import TypeName
from crudgen.language.types import OPTIONS, TYPES, Argument, Arguments, Option, TypeInfo
from crudgen.language.yaml.document import FORBIDDEN_IN_TEXT, scalar_value
from crudgen.language.yaml.locations import Location
from crudgen.language.yaml.nodes import Entry, Mapping, Node, Scalar, Sequence
from crudgen.language.yaml.problems import Problems, quoted, suggest

from .shorthand import ARGUMENT, ARGUMENTS, COUNT, EXAMPLES, NULL_WORDS, NUMBER, PARTS, QUOTED, WORD
from .translation import remedy_for, translated
from .unsupported import is_reference, report_reference, type_remedy

_WORD = re.compile(r"\s*(?P<word>[^\s(]+|\()")
_OPENED = re.compile(r" *\(\s*")
_QUOTED = re.compile(rf"({QUOTED})[ \n]*")


def expand(name: str, short: Scalar, problems: Problems) -> Mapping | None:
    """Return the long form of a field, or None if its short form has an error.

    A field in the spelling of another language gives one problem, with the line to write.
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
    expanded = _Expansion(short.location, text, found_here).run()
    if found_here and (remedy := _translation(name, text)):
        found_here.diagnostics = [replace(found_here.diagnostics[0], remedy=remedy)]
    problems.diagnostics += found_here.diagnostics
    return expanded


def _translation(name: str, text: str) -> str:
    """Return the remedy for a field in the spelling of another language, or "" if it has errors."""
    problems = Problems()
    for short in translated(text):
        _Expansion(Location(""), short, problems).run()
    return "" if problems else remedy_for(name, text)


class _Expansion:
    """Parses a short form from left to right, and keeps the location of each part."""

    def __init__(self, location: Location, text: str, problems: Problems) -> None:
        self.location, self.text, self.problems = location, text, problems
        self.before = len(problems)
        self.entries: list[Entry] = []
        self.default_at: int | None = None
        """Where the default begins, if it is text without quotes."""
        written = location.source[location.column - 1 :]
        self.quote = next((i for i in (0, 1) if written[i:].startswith(text)), None)

    def run(self) -> Mapping | None:
        match = PARTS.fullmatch(self.text)
        if match is None or self._is_unsupported_reference():
            return None
        info = self._type(match)
        if info is None:
            return None
        self._arguments(info, match)
        if match["optional"]:
            self._flag("optional", self._at(match.start("optional"), match.end("optional")))
        self._default(info, match)
        if len(self.problems) == self.before:
            self._options(match)
        if len(self.problems) > self.before:
            return None
        return Mapping(self.location, tuple(self.entries))

    def _is_unsupported_reference(self) -> bool:
        if not is_reference(self.text):
            return False
        report_reference(self.location, self.problems)
        return True

    def _type(self, match: re.Match[str]) -> TypeInfo | None:
        word, location = match["type"], self._at(match.start("type"), match.end("type"))
        if word not in TypeName.__members__.values():
            self.problems.add(location, f"unknown type {quoted(word)}", type_remedy(word))
            return None
        self._put("type", location, Scalar(location, word))
        return TYPES[TypeName(word)]

    def _arguments(self, info: TypeInfo, match: re.Match[str]) -> None:
        written = match["args"] or ""
        start = match.start("args") if written else match.end("type")
        location = self._at(start, start + max(len(written), 1))
        if not re.fullmatch(ARGUMENTS[info.arguments], written):
            self._reject_arguments(info, written, location)
        elif info.arguments is Arguments.VALUES:
            self._values(match.start("args"), written)
        elif info.arguments is Arguments.DIGITS:
            numbers = re.finditer(COUNT, written)
            for key, number in zip(("precision", "scale"), numbers, strict=True):
                self._number(key, number, match.start("args"))
        elif written:
            self._bounds(match.start("args"), written)

    def _reject_arguments(self, info: TypeInfo, written: str, location: Location) -> None:
        example = EXAMPLES[info.arguments].format(info.name)
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
        self._put("values", location, Sequence(location, items))

    def _bounds(self, offset: int, written: str) -> None:
        middle = written.index("..")
        low = re.compile(NUMBER).search(written, 0, middle)
        high = re.compile(NUMBER).search(written, middle + 2)
        for key, number in (("min", low), ("max", high)):
            if number:
                self._number(key, number, offset)

    def _number(self, key: str, number: re.Match[str], offset: int) -> None:
        location = self._at(offset + number.start(), offset + number.end())
        self._value(key, location, number[0], location)

    def _default(self, info: TypeInfo, match: re.Match[str]) -> None:
        if match["default"] is None:
            return
        value, location = match["value"], self._at(match.start("value"), match.end("value"))
        if value and value[0] not in "\"'" and info.value_type == "string":
            self.default_at = match.start("value")
        if value is None and info.name is TypeName.JSON and match["options"].lstrip()[:1] in "[{":
            location = self._at(match.end("default"), match.end())
            problem = "a default that is a list or a map needs the long form"
            self.problems.add(location, problem, "such as '{type: json, default: []}'")
        elif value is None:
            location = self._at(match.start("default"), match.end())
            self.problems.add(location, "missing default after '='", "such as '= 0' or '= \"a b\"'")
        elif info.text and re.fullmatch(NULL_WORDS, value):
            problem = f"ambiguous default {quoted(value)}"
            self.problems.add(location, problem, "write 'null', or quote it if it is text")
        else:
            self._value("default", location, value, location)

    def _options(self, match: re.Match[str]) -> None:
        """Parse the words after the type, and stop at the first one with an error."""
        position = match.start("options")
        while word := _WORD.match(self.text, position):
            position = self._option(word, follows_space=word.start("word") > position)
            if len(self.problems) > self.before:
                return

    def _option(self, word: re.Match[str], *, follows_space: bool) -> int:
        """Parse the option at a word, and return where it ends."""
        name, start, end = word["word"], word.start("word"), word.end()
        location = self._at(start, end)
        option = OPTIONS.get(name)
        if name.startswith("="):
            problem = "the default must precede the options"
            self.problems.add(location, problem, "such as 'int = 0 index'")
        elif option is None:
            self._reject_word(name, location)
        elif not follows_space:
            self.problems.add(location, f"missing space before {quoted(name)}", "add one")
        elif any(entry.key == name for entry in self.entries):
            self.problems.add(location, f"duplicate option {quoted(name)}", "remove one of them")
        elif option.argument is not Argument.NONE:
            return self._argument(option, location, end)
        elif opened := _OPENED.match(self.text, end):
            location = self._at(opened.start(), len(self.text))
            self.problems.add(location, f"'{name}' takes no argument", f"write '{name}'")
        else:
            self._flag(name, location)
        return end

    def _reject_word(self, name: str, location: Location) -> None:
        is_value = re.fullmatch(rf"{NUMBER}|true|false", name)
        remedy = f"for a default, write '= {name[:40]}'" if is_value else suggest(name, OPTIONS)
        if self.default_at is not None:
            words = _until_option(self.text[self.default_at :])
            is_typo = "did you mean" in remedy and name.islower() and words.endswith(f" {name}")
            if not is_typo:
                default = json.dumps(words[:100], ensure_ascii=False)
                remedy = f"quote a default of several words: '= {default}'"
        if name == "(":
            problem, remedy = "unexpected '('", "quote a default that contains parentheses"
        else:
            problem = f"unknown option {quoted(name)}"
        self.problems.add(location, problem, remedy)

    def _argument(self, option: Option, key: Location, start: int) -> int:
        """Parse the argument of an option in parentheses, and return where it ends."""
        opened = _OPENED.match(self.text, start)
        such = f"such as '{option.example}'"
        if opened is None:
            self.problems.add(key, f"'{option.name}' needs an argument", such)
            return start
        quotes = _QUOTED.match(self.text, opened.end())
        end = quotes.end() if quotes else _bare_end(self.text, opened.end())
        value = quotes[1] if quotes else self.text[opened.end() : end].rstrip()
        location = self._at(opened.end(), opened.end() + max(len(value), 1))
        if self.text[end : end + 1] == "(":
            nested = self._at(end, end + 1)
            quoting = f"quote it: {option.name}('…')"
            self.problems.add(nested, "an argument with parentheses needs quotes", quoting)
        elif self.text[end : end + 1] != ")":
            bracket = self.text.index("(", start)
            location = self._at(bracket, bracket + 1)
            problem = f"the parenthesis after '{option.name}' is not closed"
            remedy = f"write ')' after {quotes[1]}" if quotes else such
            self.problems.add(location, problem, remedy)
        elif not value:
            self.problems.add(location, f"'{option.name}' needs an argument", such)
        elif not re.fullmatch(ARGUMENT[option.argument], value):
            what = "a number" if option.argument is Argument.NUMBER else "text or a quoted string"
            problem = f"expected {what} in '{option.name}', found {quoted(value)}"
            self.problems.add(location, problem, such)
        elif option.argument is Argument.TEXT and not quotes:
            self._put(option.name, key, Scalar(location, value))
        else:
            self._value(option.name, key, value, location)
        return end + 1

    def _value(self, name: str, key: Location, written: str, location: Location) -> None:
        """Add the value of a quoted string, or of a plain YAML scalar."""
        if written[0] == '"':
            self._json_text(name, key, written, location)
        elif written[0] == "'":
            self._put(name, key, Scalar(location, written[1:-1].replace("''", "'")))
        else:
            try:
                self._put(name, key, Scalar(location, scalar_value(written)))
            except ValueError as error:
                self.problems.add(location, str(error), "quote it if it is a string")

    def _json_text(self, name: str, key: Location, written: str, location: Location) -> None:
        try:
            text = json.loads(written)
        except ValueError:
            self.problems.add(location, "invalid string in double quotes", "escape it as in JSON")
            return
        if FORBIDDEN_IN_TEXT.search(text):
            self.problems.add(location, "control character in a string", "remove it")
            return
        self._put(name, key, Scalar(location, text))

    def _flag(self, name: str, location: Location) -> None:
        self._put(name, location, Scalar(location, value=True))

    def _put(self, name: str, key: Location, value: Node) -> None:
        self.entries.append(Entry(name, key, value))

    def _at(self, start: int, end: int) -> Location:
        """Return the location of a part of the short form; the entire one if it has escapes."""
        if self.quote is None:
            return self.location
        return self.location.part(self.quote + max(start, 0), max(end - start, 1))


def _bare_end(text: str, start: int) -> int:
    """Return where an argument without quotes ends: at a parenthesis, or with the text."""
    bracket = re.compile(r"[()]").search(text, start)
    return bracket.start() if bracket else len(text)


def _until_option(text: str) -> str:
    """Return the words of a text that precede its first option."""
    words = takewhile(lambda word: word.partition("(")[0] not in OPTIONS, text.split())
    return " ".join(words)
