"""The tables of field types and of their options. Reason to change: another type or option."""

from dataclasses import dataclass
from enum import Enum

from .schema import Field, TypeName

INT64_MIN, INT64_MAX = -(2**63), 2**63 - 1
MAX_PRECISION = 18
MAX_ENUM_VALUES = 200
"""Maximum number of values of an enum."""
MAX_ENUM_VALUE_LENGTH = 60
"""Maximum length of an enum value."""
MAX_INDEXED_TEXT = 600
"""Maximum length of indexed text. PostgreSQL index entries are limited to 2,704 bytes."""


class Arguments(Enum):
    """Kinds of arguments that a type has in the short form, such as `(1..80)`."""

    NONE = 1
    LENGTH = 2
    RANGE = 3
    SIZE = 4
    DIGITS = 5
    VALUES = 6


ARGUMENT_OPTIONS: dict[Arguments, tuple[str, ...]] = {
    Arguments.NONE: (),
    Arguments.LENGTH: ("min", "max"),
    Arguments.RANGE: ("min", "max"),
    Arguments.SIZE: ("max",),
    Arguments.DIGITS: ("precision", "scale"),
    Arguments.VALUES: ("values",),
}
"""Options of the long form that are equivalent to each kind of arguments."""


class Argument(Enum):
    """Kinds of arguments of an option in the short form, such as `min(0)`."""

    NONE = 1
    NUMBER = 2
    TEXT = 3
    VALUE = 4
    NAMES = 5


@dataclass(frozen=True, slots=True)
class Option:
    """A flag or option that follows the type in the short form: a row of the table `OPTIONS`.

    The long form has a key of the same name, which `FieldSpec` describes.
    """

    name: str
    argument: Argument = Argument.NONE
    example: str = ""
    """The option with an argument, for messages."""
    common: bool = True
    """Whether all types accept it; else `TypeInfo` lists the types that do."""


OPTIONS: dict[str, Option] = {
    option.name: option
    for option in (
        Option("pk", common=False),
        Option("unique", common=False),
        Option("index", common=False),
        Option("read_only", common=False),
        Option("write_only", common=False),
        Option("immutable", common=False),
        Option("touch", common=False),
        Option("computed", common=False),
        Option("as_sent", common=False),
        Option("controls", common=False),
        Option("min", Argument.NUMBER, "min(0)", common=False),
        Option("max", Argument.NUMBER, "max(10)", common=False),
        Option("pattern", Argument.TEXT, "pattern([A-Z]+)", common=False),
        Option("column", Argument.TEXT, "column(BirthDate)"),
        Option("json", Argument.TEXT, "json(birthDate)"),
        Option("doc", Argument.TEXT, "doc(The stock number.)"),
        Option("example", Argument.VALUE, "example(AB-12)"),
        Option("was", Argument.NAMES, "was(former_name)"),
    )
}

FLAGS = tuple(option.name for option in OPTIONS.values() if option.argument is Argument.NONE)
COMMON_OPTIONS = (
    *("type", "optional", "default"),
    *(option.name for option in OPTIONS.values() if option.common),
)

REFERENCE = "reference"
"""The type of a reference in the long form. Its values have the type of the key."""

REFERENCE_DOC = "the key of a row of another entity"
"""One-line description, printed in the JSON Schema."""

REFERENCE_OPTIONS: dict[str, Option] = {
    option.name: option
    for option in (
        Option("cascade"),
        Option("set_null"),
        *(OPTIONS[flag] for flag in ("unique", "read_only", "write_only", "immutable")),
        Option("relation", Argument.TEXT, "relation(captain)"),
        Option("inverse", Argument.TEXT, "inverse(minions)"),
        *(option for option in OPTIONS.values() if option.common),
    )
}
"""Flags and options of a reference in the short form. The long form of `cascade` is `on_delete`."""


@dataclass(frozen=True, slots=True)
class TypeInfo:
    """What a field type accepts: a row of the table `TYPES`."""

    name: TypeName
    doc: str
    """One-line description, printed in docs/reference/spec.md and in the JSON Schema."""
    flags: frozenset[str]
    """Flags that this type accepts."""
    operators: tuple[str, ...]
    """Filter operators of the type; `operators()` returns those of a field."""
    arguments: Arguments = Arguments.NONE
    more: tuple[str, ...] = ()
    """Further options, without an equivalent argument of the type in the short form."""
    ordered: bool = True
    """Whether lists can be sorted by fields of this type."""
    text: bool = False
    """Whether the query parameter `q` can search fields of this type."""
    max_length: int | None = None
    """Default maximum length."""
    shortest: int = 0
    """Length of the shortest valid value; a maximum cannot be less."""
    value_type: str = "string"
    """JSON Schema type of defaults and examples; empty if every value is accepted."""

    @property
    def options(self) -> frozenset[str]:
        """Return the options that are specific to this type."""
        return frozenset(ARGUMENT_OPTIONS[self.arguments] + self.more)

    @property
    def accepts_now(self) -> bool:
        """Whether a default can be `now`: the current date or time, or a value of an enum."""
        return "touch" in self.flags or self.arguments is Arguments.VALUES

    @property
    def short_options(self) -> tuple[Option, ...]:
        """The flags and options that the type accepts in the short form."""
        specific = self.flags | self.options
        return tuple(
            option for option in OPTIONS.values() if option.common or option.name in specific
        )


_ACCESS = frozenset({"read_only", "write_only", "immutable"})
_COLUMN = _ACCESS | {"unique", "index", "computed"}
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
            "one line of text; at most 255 characters unless a maximum is given",
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
            "multi-line text; at most 65,535 characters unless a maximum is given",
            _COLUMN | _UNICODE,
            _TEXT,
            Arguments.LENGTH,
            more=("pattern",),
            text=True,
            max_length=65_535,
            shortest=1,
        ),
        TypeInfo(
            TypeName.INT,
            "64-bit integer",
            _KEY,
            _ORDER,
            Arguments.RANGE,
            value_type="integer",
        ),
        TypeInfo(
            TypeName.FLOAT,
            "finite double-precision number",
            _COLUMN,
            _ORDER,
            Arguments.RANGE,
            value_type="number",
        ),
        TypeInfo(
            TypeName.DECIMAL,
            "exact number with up to 18 digits; a string in JSON",
            _COLUMN,
            _ORDER,
            Arguments.DIGITS,
            more=("min", "max"),
            value_type="number",
        ),
        TypeInfo(
            TypeName.BOOL,
            "true or false",
            _COLUMN,
            ("eq", "ne", "isnull"),
            value_type="boolean",
        ),
        TypeInfo(TypeName.DATE, "date, ISO 8601", _MOMENT, _ORDER),
        TypeInfo(TypeName.TIME, "time of day without time zone, ISO 8601", _MOMENT, _ORDER),
        TypeInfo(TypeName.DATETIME, "date and time with time zone, stored in UTC", _MOMENT, _ORDER),
        TypeInfo(
            TypeName.UUID,
            "UUID; a primary key is generated by the server as version 7",
            _KEY,
            _ORDER,
        ),
        TypeInfo(
            TypeName.ENUM,
            "one of the listed values; stored as text",
            _COLUMN,
            _EQUAL,
            Arguments.VALUES,
            more=("renamed",),
        ),
        TypeInfo(
            TypeName.EMAIL,
            "email address; at most 254 characters",
            _COLUMN,
            _TEXT,
            Arguments.SIZE,
            text=True,
            max_length=254,
            shortest=6,
        ),
        TypeInfo(
            TypeName.URL,
            "http or https URL; at most 2,083 characters",
            _COLUMN,
            _TEXT,
            Arguments.SIZE,
            text=True,
            max_length=2083,
            shortest=14,
        ),
        TypeInfo(
            TypeName.JSON, "any JSON value", _ACCESS, ("isnull",), ordered=False, value_type=""
        ),
        TypeInfo(
            TypeName.BYTES,
            "binary data; at most 64 KiB unless a maximum is given; base64 in JSON",
            _ACCESS,
            ("isnull",),
            Arguments.SIZE,
            ordered=False,
            max_length=65_536,
            shortest=1,
        ),
    )
}


def highest_max_length(info: TypeInfo) -> int | None:
    """Return the highest maximum length that a spec can set for a field of the type."""
    return TYPES[TypeName.TEXT].max_length if info.name is TypeName.STR else info.max_length


def operators(field: Field) -> tuple[str, ...]:
    """Return the filter operators of a field; `isnull` only if it is optional."""
    names = TYPES[field.type].operators
    return names if field.optional else tuple(name for name in names if name != "isnull")
