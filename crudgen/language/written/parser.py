"""Parser of the options of a short form. Reason to change: the diagnostics of options."""

import json
import re
from collections.abc import Mapping
from itertools import takewhile

from crudgen.language.types import Argument, Option
from crudgen.language.yaml.document import FORBIDDEN_IN_TEXT, scalar_value
from crudgen.language.yaml.locations import Location
from crudgen.language.yaml.nodes import Entry, Node, Scalar, Sequence
from crudgen.language.yaml.problems import Problems, quoted, suggest

from .shorthand import ARGUMENT, NAME, NUMBER, QUOTED

_WORD = re.compile(r"\s*(?P<word>[^\s(]+|\()")
_OPENED = re.compile(r" *\(\s*")
_QUOTED = re.compile(rf"({QUOTED})[ \n]*")
_NAMES = re.compile(rf"(?:{QUOTED}|[^()])*")
_BRACKET = re.compile(r"[()]")
_EXPECTED = {
    Argument.NUMBER: "a number",
    Argument.TEXT: "text or a quoted string",
    Argument.VALUE: "text or a quoted string",
    Argument.NAMES: "names, with commas between them,",
}


class ShortFormParser:
    """Parses a short form from left to right, and keeps the location of each part."""

    options: Mapping[str, Option]
    """The options that can follow, by name."""

    def __init__(self, location: Location, text: str, problems: Problems) -> None:
        self.location, self.text, self.problems = location, text, problems
        self.before = len(problems)
        self.entries: list[Entry] = []
        self.default_at: int | None = None
        """Where the default begins, if it is text without quotes."""
        source, start = location.source, location.column - 1
        quote = 0 if source.startswith(text, start) else 1
        self.quote = quote if source.startswith(text, start + quote) else None

    def _parse_options(self, match: re.Match[str]) -> None:
        """Parse the words after the type, and stop at the first one with an error."""
        position = match.start("options")
        while word := _WORD.match(self.text, position):
            position = self._parse_option(word, follows_space=word.start("word") > position)
            if len(self.problems) > self.before:
                return

    def _parse_option(self, word: re.Match[str], *, follows_space: bool) -> int:
        """Parse the option at a word, and return where it ends."""
        name, start, end = word["word"], word.start("word"), word.end()
        location = self._locate(start, end)
        option = self.options.get(name)
        if name.startswith("="):
            problem = "the default must precede the options"
            self.problems.add(location, problem, "such as 'int = 0 index'")
        elif option is None:
            self._reject_word(name, location)
        elif not follows_space:
            self.problems.add(location, f"missing space before {quoted(name)}", "add one")
        elif name in [entry.key for entry in self.entries]:
            remedy = "remove one of them"
            if option.argument is Argument.NAMES:
                remedy = f"write all names in one option, such as '{name}(name, label)'"
            self.problems.add(location, f"duplicate option {quoted(name)}", remedy)
        elif option.argument is not Argument.NONE:
            return self._parse_argument(option, location, end)
        elif opened := _OPENED.match(self.text, end):
            location = self._locate(opened.start(), len(self.text))
            self.problems.add(location, f"'{name}' takes no argument", f"write '{name}'")
        else:
            self._put_flag(name, location)
        return end

    def _reject_word(self, name: str, location: Location) -> None:
        is_value = re.fullmatch(rf"{NUMBER}|true|false", name)
        remedy = (
            f"for a default, write '= {name[:40]}'" if is_value else suggest(name, self.options)
        )
        if self.default_at is not None:
            words = _words_before_option(self.text[self.default_at :], self.options)
            is_typo = "did you mean" in remedy and name.islower() and words.endswith(f" {name}")
            if not is_typo:
                default = json.dumps(words[:100], ensure_ascii=False)
                remedy = f"quote a default of several words: '= {default}'"
        if name == "renamed":
            remedy = "for a former name of the field, write 'was(name)'"
        if name in ("generated", "virtual"):
            remedy = "for a value that a function of yours returns, write 'computed'"
        if name == "(":
            problem, remedy = "unexpected '('", "quote a default that contains parentheses"
        else:
            problem = f"unknown option {quoted(name)}"
        self.problems.add(location, problem, remedy)

    def _parse_argument(self, option: Option, key: Location, start: int) -> int:
        """Parse the argument of an option in parentheses, and return where it ends."""
        opened = _OPENED.match(self.text, start)
        such = f"such as '{option.example}'"
        if opened is None:
            self.problems.add(key, f"'{option.name}' needs an argument", such)
            return start
        quotes = _QUOTED.match(self.text, opened.end())
        end = quotes.end() if quotes else _unquoted_end(self.text, opened.end())
        value = quotes[1] if quotes else self.text[opened.end() : end].rstrip()
        if option.argument is Argument.NAMES and (names := _NAMES.match(self.text, opened.end())):
            end, value = names.end(), names[0].rstrip()
        location = self._locate(opened.end(), opened.end() + max(len(value), 1))
        if self.text[end : end + 1] == "(":
            nested = self._locate(end, end + 1)
            quoting = f"quote it: {option.name}('…')"
            self.problems.add(nested, "an argument with parentheses needs quotes", quoting)
        elif self.text[end : end + 1] != ")":
            bracket = self.text.index("(", start)
            location = self._locate(bracket, bracket + 1)
            problem = f"the parenthesis after '{option.name}' is not closed"
            remedy = f"write ')' after {quotes[1]}" if quotes else such
            self.problems.add(location, problem, remedy)
        elif not value:
            self.problems.add(location, f"'{option.name}' needs an argument", such)
        elif not re.fullmatch(ARGUMENT[option.argument], value):
            what = _EXPECTED[option.argument]
            problem = f"expected {what} in '{option.name}', found {quoted(value)}"
            self.problems.add(location, problem, such)
        elif option.argument is Argument.NAMES:
            self._put_names(option.name, key, value, opened.end())
        elif option.argument is Argument.TEXT and not quotes:
            self._put_entry(option.name, key, Scalar(location, value))
        else:
            self._put_value(option.name, key, value, location)
        return end + 1

    def _put_names(self, name: str, key: Location, written: str, start: int) -> None:
        """Add the names in an argument: a string for one name, a list for several."""
        before = len(self.entries)
        for found in re.finditer(NAME, written):
            location = self._locate(start + found.start(), start + found.end())
            if found[0][0] in "\"'":
                self._put_value(name, key, found[0], location)
            else:
                self._put_entry(name, key, Scalar(location, found[0]))
        items = [entry.value for entry in self.entries[before:]]
        if len(items) > 1:
            whole = self._locate(start, start + len(written))
            self.entries[before:] = [Entry(name, key, Sequence(whole, tuple(items)))]

    def _put_value(self, name: str, key: Location, written: str, location: Location) -> None:
        """Add the value of a quoted string, or of a plain YAML scalar."""
        if written[0] == '"':
            self._put_double_quoted(name, key, written, location)
        elif written[0] == "'":
            self._put_entry(name, key, Scalar(location, written[1:-1].replace("''", "'")))
        else:
            try:
                self._put_entry(name, key, Scalar(location, scalar_value(written)))
            except ValueError as error:
                self.problems.add(location, str(error), "quote it if it is a string")

    def _put_double_quoted(
        self, name: str, key: Location, written: str, location: Location
    ) -> None:
        try:
            text = json.loads(written)
        except ValueError:
            self.problems.add(location, "invalid string in double quotes", "escape it as in JSON")
            return
        if FORBIDDEN_IN_TEXT.search(text):
            self.problems.add(location, "control character in a string", "remove it")
            return
        self._put_entry(name, key, Scalar(location, text))

    def _put_flag(self, name: str, location: Location) -> None:
        self._put_entry(name, location, Scalar(location, value=True))

    def _put_entry(self, name: str, key: Location, value: Node) -> None:
        self.entries.append(Entry(name, key, value))

    def _locate(self, start: int, end: int) -> Location:
        """Return the location of a part of the short form; the entire one if it has escapes."""
        if self.quote is None:
            return self.location
        return self.location.part(self.quote + max(start, 0), max(end - start, 1))


def _unquoted_end(text: str, start: int) -> int:
    """Return where an argument without quotes ends: at a parenthesis, or with the text."""
    bracket = _BRACKET.search(text, start)
    return bracket.start() if bracket else len(text)


def _words_before_option(text: str, options: Mapping[str, Option]) -> str:
    """Return the words of a text before its first option."""
    words = takewhile(lambda word: word.partition("(")[0] not in options, text.split())
    return " ".join(words)
