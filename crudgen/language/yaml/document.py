"""Parser of a strict YAML subset. Reason to change: the subset.

Plain scalars follow the JSON schema of YAML 1.2: `true`, `false`, `null`, `~`, an empty value and
decimal numbers. All others are strings: `no`, `on`, `1:30`, `012`, `.inf`.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from json import detect_encoding
from typing import Any

import yaml

from crudgen.errors import SpecError

from .locations import Location
from .nodes import Entry, Mapping, Node, Scalar, Sequence
from .problems import Problems, quoted

MAX_BYTES = 256 * 1024
MAX_DEPTH = 32
MAX_NODES = 20_000
MAX_NUMBER = 60
"""Maximum length of a number, in characters."""

# The C parser is faster than the Python one, and accepts the same language.
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_MARKED: Any = (yaml.ScalarEvent, yaml.AliasEvent)
"""Events that a diagnostic marks as a whole; of the others, it marks the first character."""
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?", re.ASCII)
_MIN_EXPONENT, _MAX_EXPONENT = -324, 308
"""Range of decimal exponents of double-precision numbers."""
_CONSTANTS: dict[str, bool | None] = {"true": True, "false": False}
_CONSTANTS |= dict.fromkeys(("null", "~", ""))
# The parser reports these errors where it stops; the diagnostic points to where the token starts.
_UNTERMINATED = {
    "while scanning a simple key": "a key must be followed by ': '",
    "while scanning a quoted scalar": "this quote is not closed",
    "while parsing a flow sequence": "this bracket is not closed",
    "while parsing a flow mapping": "this brace is not closed",
}
# Control characters, line breaks of YAML 1.1 only, the byte order mark, lone surrogates.
_FORBIDDEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff\ud800-\udfff]")
_UNSPACED = re.compile(r"\s*(\w{1,60})(:)(?!//)([^\s:'\"]{1,80})\s*$", re.ASCII)
"""A line such as `title:str`, which YAML reads as one string."""
_TAB_INDENT = re.compile(r"^ *\t", re.MULTILINE)
FORBIDDEN_IN_TEXT = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")


def parse(file: str, data: bytes | str, example: str = "name: Hero") -> Mapping:
    """Return the root map of a file. `example` is one of its entries, for messages.

    Raises SpecError if the file is not a map in the strict subset.
    """
    return _Parser(file, _decode(file, data)).parse_document(example)


def scalar_value(text: str) -> bool | int | Decimal | str | None:
    """Return the value of a plain (unquoted) scalar.

    Raises ValueError for a number that is too long or out of range.
    """
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    number = _NUMBER.fullmatch(text)
    if number is None:
        return text
    if len(text) > MAX_NUMBER:
        raise ValueError(f"a number of {len(text)} characters is too long")
    if number[1] is None and number[2] is None:
        return int(text)
    value = Decimal(text)
    if value and not _MIN_EXPONENT <= value.adjusted() <= _MAX_EXPONENT:
        raise ValueError(f"the number {text} is out of range")
    return value


def _decode(file: str, data: bytes | str) -> str:
    location = Location(file)
    if isinstance(data, str):
        data = data.encode("utf-8", "surrogatepass")
    if len(data) > MAX_BYTES:
        raise _spec_error(location, f"the file is larger than {MAX_BYTES // 1024} KiB", "split it")
    encoding = detect_encoding(data)[:6].upper()
    if encoding in {"UTF-16", "UTF-32"}:
        raise _spec_error(location, f"the file is {encoding}, not UTF-8", "save it as UTF-8")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = data[: error.start].decode("utf-8-sig", "replace")
        line = before.count("\n") + 1
        column = len(before) - before.rfind("\n")
        start = data.rfind(b"\n", 0, error.start) + 1
        source = data[start:].split(b"\n", 1)[0].decode("utf-8-sig", "replace").rstrip("\r")
        location = Location(file, line, column, 1, _FORBIDDEN.sub("�", source))
        raise _spec_error(location, "the file is not valid UTF-8", "save it as UTF-8") from None
    text = text.replace("\r\n", "\n")
    forbidden = _FORBIDDEN.search(text)
    if forbidden:
        problem = f"the character U+{ord(forbidden[0]):04X} is not allowed"
        raise _spec_error(_location_at(file, text, forbidden.start()), problem, "remove it")
    tab = _TAB_INDENT.search(text)
    if tab:
        location = _location_at(file, text, tab.end() - 1)
        raise _spec_error(location, "tab in the indentation", "indent with spaces")
    return text


def _location_at(file: str, text: str, index: int) -> Location:
    start = text.rfind("\n", 0, index) + 1
    source = text[start:].split("\n", 1)[0]
    line = text.count("\n", 0, index) + 1
    return Location(file, line, index - start + 1, 1, _FORBIDDEN.sub("�", source))


def _spec_error(location: Location, problem: str, remedy: str = "") -> SpecError:
    return SpecError([location.diagnostic(problem, remedy)])


class _Parser:
    """Builds nodes from the events of PyYAML's parser, within the limits of size and depth."""

    def __init__(self, file: str, text: str) -> None:
        self.file = file
        self.lines = text.split("\n")
        self.events = self._parser_events(text)
        self.count = 0
        self.problems = Problems()

    def parse_document(self, example: str) -> Mapping:
        event = next(self.events)
        if isinstance(event, yaml.StreamEndEvent):
            raise _spec_error(Location(self.file), "the file is empty")
        if event.explicit and (event.version or event.tags):
            raise _spec_error(
                self._location_of(event), "YAML directives are not allowed", "remove the line"
            )
        root = self._read_node(next(self.events), 1)
        next(self.events)
        event = next(self.events)
        if not isinstance(event, yaml.StreamEndEvent):
            raise _spec_error(
                self._location_of(event),
                "a second YAML document is not allowed",
                "move it to another file",
            )
        if isinstance(root, Scalar) and root.value is None:
            raise _spec_error(Location(self.file), "the file is empty")
        if not isinstance(root, Mapping):
            problem = "expected a map at the top level of the file"
            raise _spec_error(root.location, problem, f"such as '{example}'")
        if self.problems:
            raise SpecError(self.problems.sorted_diagnostics())
        return root

    def _parser_events(self, text: str) -> Iterator[Any]:
        """Yield the parser's events after the stream start. Raises SpecError for invalid YAML."""
        try:
            for event in yaml.parse(text, Loader=_LOADER):
                if not isinstance(event, yaml.StreamStartEvent):
                    yield event
        except yaml.MarkedYAMLError as error:
            mark, start = error.problem_mark or error.context_mark, error.context_mark
            remedy = (
                "quote strings that contain ': ' or start with a special character; "
                "check the indentation and the line before"
            )
            if mark and start and mark.line != start.line and error.context in _UNTERMINATED:
                mark, remedy = start, _UNTERMINATED[error.context]
            line, column = (mark.line, mark.column) if mark else (0, 0)
            problem = f"invalid YAML: {error.problem or error.context}"
            for unspaced in (line, line - 1):
                if 0 <= unspaced < len(self.lines) and (
                    key := _UNSPACED.match(self.lines[unspaced])
                ):
                    problem = f"missing space after the ':' of {quoted(key[1])}"
                    location = self._location_in_line(unspaced, key.end(2) - 1)
                    raise _spec_error(location, problem, f"write '{key[1]}: {key[3]}'") from None
            raise _spec_error(self._location_in_line(line, column), problem, remedy) from None
        except (yaml.YAMLError, UnicodeError, ValueError) as error:
            raise _spec_error(Location(self.file), f"invalid YAML: {error}") from None

    def _read_node(self, event: Any, depth: int) -> Node:
        self.count += 1
        if self.count > MAX_NODES:
            raise _spec_error(
                self._location_of(event), f"more than {MAX_NODES} values in one file", "split it"
            )
        if depth > MAX_DEPTH:
            raise _spec_error(
                self._location_of(event),
                f"nested more than {MAX_DEPTH} levels deep",
                "remove levels",
            )
        self._reject_aliases_and_tags(event)
        if isinstance(event, yaml.ScalarEvent):
            return self._read_scalar(event)
        if isinstance(event, yaml.SequenceStartEvent):
            return self._read_sequence(event, depth)
        return self._read_mapping(event, depth)

    def _reject_aliases_and_tags(self, event: Any) -> None:
        if isinstance(event, yaml.AliasEvent):
            raise _spec_error(
                self._location_of(event),
                f"the alias '*{str(event.anchor)[:40]}' is not allowed",
                "repeat the value instead",
            )
        if event.anchor is not None:
            raise _spec_error(
                self._location_of(event),
                f"the anchor '&{event.anchor[:40]}' is not allowed",
                "remove it",
            )
        if event.tag is not None:
            raise _spec_error(
                self._location_of(event), f"the tag {quoted(event.tag)} is not allowed", "remove it"
            )

    def _read_scalar(self, event: Any) -> Scalar:
        location, text = self._location_of(event), event.value
        if FORBIDDEN_IN_TEXT.search(text):
            raise _spec_error(location, "control character in a string", "remove it")
        if event.style:
            return Scalar(location, text)
        try:
            return Scalar(location, scalar_value(text))
        except ValueError as error:
            raise _spec_error(location, str(error), "quote it if it is a string") from None

    def _read_sequence(self, event: Any, depth: int) -> Sequence:
        location = self._location_of(event)
        items: list[Node] = []
        while not isinstance(event := next(self.events), yaml.SequenceEndEvent):
            items.append(self._read_node(event, depth + 1))
        return Sequence(location, tuple(items))

    def _read_mapping(self, event: Any, depth: int) -> Mapping:
        location = self._location_of(event)
        entries: dict[str, Entry] = {}
        while not isinstance(event := next(self.events), yaml.MappingEndEvent):
            key = self._read_key(event)
            value = self._read_node(next(self.events), depth + 1)
            if key.value in entries:
                first = entries[key.value].location.line
                problem = f"duplicate key {quoted(key.value)}, first on line {first}"
                self.problems.add(key.location, problem, "remove one of them")
            else:
                entries[key.value] = Entry(key.value, key.location, value)
        return Mapping(location, tuple(entries.values()))

    def _read_key(self, event: Any) -> "_Key":
        if not isinstance(event, yaml.ScalarEvent):
            self._reject_aliases_and_tags(event)
            location = self._location_of(event)
            raise _spec_error(location, "a list or map is not allowed as a key", "use a string")
        key = self._read_node(event, 1)
        location = key.location
        if event.value == "<<" and not event.style:
            raise _spec_error(
                location, "the merge key '<<' is not allowed", "repeat the keys instead"
            )
        if not isinstance(key, Scalar) or not isinstance(key.value, str):
            problem = f"the key {quoted(event.value)} is not a string"
            raise _spec_error(location, problem, "quote it")
        return _Key(location, key.value)

    def _location_of(self, event: Any) -> Location:
        start = event.start_mark
        if not isinstance(event, _MARKED):
            return self._location_in_line(start.line, start.column)
        end = event.end_mark
        if end.line == start.line:
            return self._location_in_line(start.line, start.column, end.column - start.column)
        rest = len(self.lines[min(start.line, len(self.lines) - 1)]) - start.column
        return self._location_in_line(start.line, start.column, rest)

    def _location_in_line(self, line: int, column: int, length: int = 1) -> Location:
        line = min(line, len(self.lines) - 1)
        source = self.lines[line]
        return Location(self.file, line + 1, min(column, len(source)) + 1, max(1, length), source)


@dataclass(frozen=True, slots=True)
class _Key:
    """A key of a map, and where it is."""

    location: Location
    value: str
