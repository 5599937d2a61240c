"""One table: what each type takes, and what can be done with it. Changes when a type does."""

from dataclasses import dataclass
from enum import Enum

from .schema import Field, TypeName

INT64_MIN, INT64_MAX = -(2**63), 2**63 - 1
MAX_PRECISION = 18
MAX_WORDS = 200
MAX_WORD = 60
MAX_INDEXED_TEXT = 600
"""PostgreSQL's index rows hold 2,704 bytes, and a character may take four."""


class Arguments(Enum):
    """What may stand in the parentheses of the short form."""

    NONE = 1
    LENGTH = 2
    RANGE = 3
    SIZE = 4
    DIGITS = 5
    WORDS = 6


ARGUMENT_OPTIONS: dict[Arguments, tuple[str, ...]] = {
    Arguments.NONE: (),
    Arguments.LENGTH: ("min", "max"),
    Arguments.RANGE: ("min", "max"),
    Arguments.SIZE: ("max",),
    Arguments.DIGITS: ("precision", "scale"),
    Arguments.WORDS: ("values",),
}
"""The options that say the same in the long form."""


@dataclass(frozen=True, slots=True)
class TypeInfo:
    """One row of the table."""

    name: TypeName
    doc: str
    """One line for readers: used by docs/reference/spec.md and by the JSON Schema."""
    flags: frozenset[str]
    """Flags that can be put on this type."""
    operators: tuple[str, ...]
    """Filter operators; see `operators()` for those of one field."""
    arguments: Arguments = Arguments.NONE
    more: tuple[str, ...] = ()
    """Options of its own that the arguments cannot say."""
    ordered: bool = True
    """Whether rows can be sorted by it."""
    text: bool = False
    """Whether a free-text search can look at it."""
    max_length: int | None = None
    """The longest text or binary when the spec says nothing."""
    shortest: int = 0
    """The shortest value that exists; a smaller maximum makes no sense."""

    @property
    def options(self) -> frozenset[str]:
        """Options of the long form that this type has and some other type has not."""
        return frozenset(ARGUMENT_OPTIONS[self.arguments] + self.more)


FLAGS = (
    *("pk", "unique", "index", "read_only", "write_only", "immutable", "touch"),
    *("as_sent", "controls"),
)
COMMON_OPTIONS = ("type", "optional", "default", "doc", "example", "was")

_ACCESS = frozenset({"read_only", "write_only", "immutable"})
_COLUMN = _ACCESS | {"unique", "index"}
_KEY = _COLUMN | {"pk"}
_MOMENT = _COLUMN | {"touch"}
_UNICODE = frozenset({"as_sent", "controls"})

_EQUAL = ("eq", "ne", "in", "not_in", "isnull")
_ORDER = ("eq", "ne", "lt", "lte", "gt", "gte", "in", "not_in", "isnull")
_TEXT = (
    *_ORDER,
    *("contains", "icontains", "startswith", "istartswith", "endswith", "iendswith"),
)


TYPES: dict[TypeName, TypeInfo] = {
    info.name: info
    for info in (
        TypeInfo(
            TypeName.STR,
            "one line of text, of up to 255 characters unless said otherwise",
            _KEY | _UNICODE,
            _TEXT,
            Arguments.LENGTH,
            more=("pattern",),
            text=True,
            max_length=255,
            shortest=1,
        ),
        TypeInfo(
            TypeName.TEXT,
            "lines of text, of up to 65,535 characters unless said otherwise",
            _COLUMN | _UNICODE,
            _TEXT,
            Arguments.LENGTH,
            more=("pattern",),
            text=True,
            max_length=65_535,
            shortest=1,
        ),
        TypeInfo(TypeName.INT, "64-bit integer", _KEY, _ORDER, Arguments.RANGE),
        TypeInfo(TypeName.FLOAT, "finite double", _COLUMN, _ORDER, Arguments.RANGE),
        TypeInfo(
            TypeName.DECIMAL,
            "exact number of up to 18 digits; a string on the wire",
            _COLUMN,
            _ORDER,
            Arguments.DIGITS,
            more=("min", "max"),
        ),
        TypeInfo(TypeName.BOOL, "true or false", _COLUMN, ("eq", "ne", "isnull")),
        TypeInfo(TypeName.DATE, "day, ISO 8601", _MOMENT, _ORDER),
        TypeInfo(TypeName.TIME, "time of day without a time zone, ISO 8601", _MOMENT, _ORDER),
        TypeInfo(TypeName.DATETIME, "moment with a time zone, stored as UTC", _MOMENT, _ORDER),
        TypeInfo(TypeName.UUID, "UUID; as a key given by the server, version 7", _KEY, _ORDER),
        TypeInfo(
            TypeName.ENUM,
            "one of the listed words; stored as the word",
            _COLUMN,
            _EQUAL,
            Arguments.WORDS,
        ),
        TypeInfo(
            TypeName.EMAIL,
            "e-mail address of up to 254 characters",
            _COLUMN,
            _TEXT,
            Arguments.SIZE,
            text=True,
            max_length=254,
            shortest=6,
        ),
        TypeInfo(
            TypeName.URL,
            "http or https URL of up to 2,083 characters",
            _COLUMN,
            _TEXT,
            Arguments.SIZE,
            text=True,
            max_length=2083,
            shortest=14,
        ),
        TypeInfo(TypeName.JSON, "any JSON value", _ACCESS, ("isnull",), ordered=False),
        TypeInfo(
            TypeName.BYTES,
            "binary of up to 64 KiB unless said otherwise; base64 on the wire",
            _ACCESS,
            ("isnull",),
            Arguments.SIZE,
            ordered=False,
            max_length=65_536,
            shortest=1,
        ),
    )
}


def operators(field: Field) -> tuple[str, ...]:
    """Return the filter operators of one field: `isnull` only where null is possible."""
    found = TYPES[field.type].operators
    return found if field.optional else tuple(name for name in found if name != "isnull")
