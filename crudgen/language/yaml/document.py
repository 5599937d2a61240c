"""A strict YAML subset → nodes with their places. Changes when more or less of YAML is let in.

Plain scalars are read by the rules of YAML 1.2, narrowed to what JSON knows: `true`, `false`,
`null`, `~`, nothing, decimal numbers. Everything else is text: `no`, `on`, `1:30`, `012`, `.inf`.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import yaml

from crudgen.errors import SpecError
from crudgen.kit.encodings import wide_encoding

from .nodes import Entry, Mapping, Node, Scalar, Sequence
from .places import Place, Problems, shown

MAX_BYTES = 256 * 1024
MAX_DEPTH = 32
MAX_NODES = 20_000
MAX_NUMBER = 60

# The C parser reads the same language as the Python one, ten times faster.
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?", re.ASCII)
_SMALLEST, _LARGEST = -324, 308
"""The powers of ten of the numbers that a double can hold."""
_CONSTANTS: dict[str, bool | None] = {"true": True, "false": False}
_CONSTANTS |= dict.fromkeys(("null", "~", ""))
# What began in another line than the one where the parser noticed: what is amiss where it began.
_OPENED = {
    "while scanning a simple key": "a key needs ': ' behind it",
    "while scanning a quoted scalar": "the quote that is opened here is not closed",
    "while parsing a flow sequence": "the bracket that is opened here is not closed",
    "while parsing a flow mapping": "the brace that is opened here is not closed",
}
# Control characters, line breaks of YAML 1.1 only, the byte order mark, lone surrogates.
_FORBIDDEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff\ud800-\udfff]")
_TAB_INDENT = re.compile(r"^ *\t", re.MULTILINE)
FORBIDDEN_IN_TEXT = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")


def parse(file: str, data: bytes | str) -> Mapping:
    """Read one file.

    Raises SpecError when it is not a map in the strict subset.
    """
    return _Parser(file, _decode(file, data)).document()


def scalar_value(text: str) -> bool | int | Decimal | str | None:
    """Return what an unquoted scalar means.

    Raises ValueError for a number that is too long or too large.
    """
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    number = _NUMBER.fullmatch(text)
    if number is None:
        return text
    if len(text) > MAX_NUMBER:
        raise ValueError(f"a number of {len(text)} characters")
    if number[1] is None and number[2] is None:
        return int(text)
    value = Decimal(text)
    if value and not _SMALLEST <= value.adjusted() <= _LARGEST:
        raise ValueError(f"the number {text} is out of range")
    return value


def _decode(file: str, data: bytes | str) -> str:
    whole = Place(file)
    if isinstance(data, str):
        data = data.encode("utf-8", "surrogatepass")
    if len(data) > MAX_BYTES:
        raise _error(whole, f"the file is larger than {MAX_BYTES // 1024} KiB", "split it")
    if wide := wide_encoding(data):
        raise _error(whole, f"this is {wide}, and a spec is UTF-8", "save the file as UTF-8")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = data[: error.start].decode("utf-8-sig", "replace")
        line = before.count("\n") + 1
        column = len(before) - before.rfind("\n")
        start = data.rfind(b"\n", 0, error.start) + 1
        source = data[start:].split(b"\n", 1)[0].decode("utf-8-sig", "replace").rstrip("\r")
        place = Place(file, line, column, 1, _FORBIDDEN.sub("�", source))
        raise _error(place, "this is not UTF-8", "save the file as UTF-8") from None
    text = text.replace("\r\n", "\n")
    forbidden = _FORBIDDEN.search(text)
    if forbidden:
        problem = f"the character U+{ord(forbidden[0]):04X} is not allowed in a spec"
        raise _error(_place_at(file, text, forbidden.start()), problem, "remove it")
    tab = _TAB_INDENT.search(text)
    if tab:
        place = _place_at(file, text, tab.end() - 1)
        raise _error(place, "a tab in the indentation", "indent with spaces")
    return text


def _place_at(file: str, text: str, index: int) -> Place:
    start = text.rfind("\n", 0, index) + 1
    source = text[start:].split("\n", 1)[0]
    line = text.count("\n", 0, index) + 1
    return Place(file, line, index - start + 1, 1, _FORBIDDEN.sub("�", source))


def _error(place: Place, problem: str, remedy: str = "") -> SpecError:
    return SpecError([place.diagnostic(problem, remedy)])


class _Parser:
    """Builds nodes from the parser's events, so that nothing is built before it is bounded."""

    def __init__(self, file: str, text: str) -> None:
        self.file = file
        self.lines = text.split("\n")
        self.events = self._events(text)
        self.count = 0
        self.problems = Problems()

    def document(self) -> Mapping:
        event = next(self.events)
        if isinstance(event, yaml.StreamEndEvent):
            raise _error(Place(self.file), "the file is empty")
        if event.explicit and (event.version or event.tags):
            raise _error(self._place(event), "a YAML directive is not allowed", "remove the line")
        root = self._node(next(self.events), 1)
        next(self.events)
        event = next(self.events)
        if not isinstance(event, yaml.StreamEndEvent):
            raise _error(
                self._place(event),
                "a second document is not allowed",
                "one file holds one document",
            )
        if isinstance(root, Scalar) and root.value is None:
            raise _error(Place(self.file), "the file is empty")
        if not isinstance(root, Mapping):
            raise _error(
                root.place, "expected a map at the top of the file", "such as 'name: Hero'"
            )
        if self.problems:
            raise SpecError(self.problems.listed())
        return root

    def _events(self, text: str) -> Iterator[Any]:
        """Yield the events after the stream's start; the scanner's complaints become ours."""
        try:
            for event in yaml.parse(text, Loader=_LOADER):
                if not isinstance(event, yaml.StreamStartEvent):
                    yield event
        except yaml.MarkedYAMLError as error:
            mark, opened = error.problem_mark or error.context_mark, error.context_mark
            remedy = (
                "a text with ': ' or a special sign at its start needs quotes; "
                "or see the indentation, and the line before"
            )
            if mark and opened and mark.line != opened.line and error.context in _OPENED:
                mark, remedy = opened, _OPENED[error.context]
            line, column = (mark.line, mark.column) if mark else (0, 0)
            problem = f"this is not YAML: {error.problem or error.context}"
            raise _error(self._at(line, column), problem, remedy) from None
        except (yaml.YAMLError, UnicodeError, ValueError) as error:
            raise _error(Place(self.file), f"this is not YAML: {error}") from None

    def _node(self, event: Any, depth: int) -> Node:
        self.count += 1
        if self.count > MAX_NODES:
            raise _error(
                self._place(event), f"more than {MAX_NODES} values in one file", "split it"
            )
        if depth > MAX_DEPTH:
            raise _error(self._place(event), f"nested more than {MAX_DEPTH} levels deep")
        self._refuse_references(event)
        if isinstance(event, yaml.ScalarEvent):
            return self._scalar(event)
        if isinstance(event, yaml.SequenceStartEvent):
            return self._sequence(event, depth)
        return self._mapping(event, depth)

    def _refuse_references(self, event: Any) -> None:
        if isinstance(event, yaml.AliasEvent):
            raise _error(
                self._place(event),
                f"an alias '*{str(event.anchor)[:40]}' is not allowed",
                "write the value out",
            )
        if event.anchor is not None:
            raise _error(
                self._place(event), f"an anchor '&{event.anchor[:40]}' is not allowed", "remove it"
            )
        if event.tag is not None:
            raise _error(
                self._place(event), f"a tag {shown(event.tag)} is not allowed", "remove it"
            )

    def _scalar(self, event: Any) -> Scalar:
        place, text = self._place(event), event.value
        if FORBIDDEN_IN_TEXT.search(text):
            raise _error(place, "a control character in a text", "remove it")
        if event.style:
            return Scalar(place, text)
        try:
            return Scalar(place, scalar_value(text))
        except ValueError as error:
            raise _error(place, str(error), "quote it if it is a text") from None

    def _sequence(self, event: Any, depth: int) -> Sequence:
        place = self._place(event)
        items: list[Node] = []
        while not isinstance(event := next(self.events), yaml.SequenceEndEvent):
            items.append(self._node(event, depth + 1))
        return Sequence(place, tuple(items))

    def _mapping(self, event: Any, depth: int) -> Mapping:
        place = self._place(event)
        entries: dict[str, Entry] = {}
        while not isinstance(event := next(self.events), yaml.MappingEndEvent):
            key = self._key(event)
            value = self._node(next(self.events), depth + 1)
            if key.value in entries:
                first = entries[key.value].place.line
                problem = f"the key {shown(key.value)} is written twice, first in line {first}"
                self.problems.add(key.place, problem, "keep one of the two")
            else:
                entries[key.value] = Entry(key.value, key.place, value)
        return Mapping(place, tuple(entries.values()))

    def _key(self, event: Any) -> "_Key":
        place = self._place(event)
        if not isinstance(event, yaml.ScalarEvent):
            self._refuse_references(event)
            raise _error(
                place, "a key that is a list or a map is not allowed", "a key is a plain word"
            )
        key = self._node(event, 1)
        if event.value == "<<" and not event.style:
            raise _error(place, "a merge key '<<' is not allowed", "write the keys out")
        if not isinstance(key, Scalar) or not isinstance(key.value, str):
            problem = f"the key {shown(event.value)} is not a text"
            raise _error(
                place, problem, "a key is a word; quote it if it looks like something else"
            )
        return _Key(place, key.value)

    def _place(self, event: Any) -> Place:
        start, end = event.start_mark, event.end_mark
        here = self._at(start.line, start.column)
        last = end.column if end.line == start.line else len(here.source)
        scalar = isinstance(event, yaml.ScalarEvent | yaml.AliasEvent)
        length = max(1, last - start.column) if scalar else 1
        return Place(here.file, here.line, here.column, length, here.source)

    def _at(self, line: int, column: int) -> Place:
        line = min(line, len(self.lines) - 1)
        source = self.lines[line]
        return Place(self.file, line + 1, min(column, len(source)) + 1, 1, source)


@dataclass(frozen=True, slots=True)
class _Key:
    place: Place
    value: str
