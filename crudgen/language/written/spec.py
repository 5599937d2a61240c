"""What may be written: models 1:1 with the YAML, and the source of the editors' JSON Schema.

Changes when the language gets another key. What the keys mean together is not checked here.
"""

from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any, TypeAlias, TypeVar

from pydantic import BaseModel, ConfigDict, Field, PlainValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

from crudgen.language.schema import EtagUse, KitForm, Operation, TypeName
from crudgen.language.yaml.nodes import Plain
from crudgen.language.yaml.places import shown, suggest

MAX_DOC = 2000
MAX_FIELDS = 200
WordT = TypeVar("WordT", bound=StrEnum)


def describe(value: Plain) -> str:
    """Say what kind of value was found."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | Decimal):
        return f"the number {value}"
    if isinstance(value, str):
        return f"the text {shown(value)}"
    return "a list" if isinstance(value, list) else "a map"


def _expected(what: str, value: Plain, remedy: str = "") -> PydanticCustomError:
    context = {"problem": f"expected {what}, found {describe(value)}", "remedy": remedy}
    return PydanticCustomError("spec", "{problem}", context)


def _text(value: Plain) -> str:
    if isinstance(value, str):
        if len(value) > MAX_DOC:
            raise _expected(f"a text of up to {MAX_DOC} characters", value)
        return value
    remedy = "quote it" if isinstance(value, bool | int | Decimal) else ""
    raise _expected("a text", value, remedy)


def _line(value: Plain) -> str:
    text = _text(value)
    if "\n" in text or not text.strip() or len(text) > 200:
        raise _expected("one line of up to 200 characters", value)
    return text


def _flag(value: Plain) -> bool:
    if isinstance(value, bool):
        return value
    remedy = suggest(value if isinstance(value, str) else "", ("true", "false"))
    raise _expected("true or false", value, remedy)


def _whole(value: Plain) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    raise _expected("a whole number, 0 or more", value)


def _number(value: Plain) -> int | Decimal:
    if isinstance(value, int | Decimal) and not isinstance(value, bool):
        return value
    raise _expected("a number", value)


def _word(value: Plain, what: str, words: type[WordT]) -> WordT:
    if not isinstance(value, str):
        raise _expected("a text", value, suggest("", words))
    if value not in words.__members__.values():
        context = {"problem": f"unknown {what} {shown(value)}", "remedy": suggest(value, words)}
        raise PydanticCustomError("spec", "{problem}", context)
    return words(value)


def _type(value: Plain) -> TypeName:
    return _word(value, "type", TypeName)


def _operation(value: Plain) -> Operation:
    return _word(value, "operation", Operation)


def _etag(value: Plain) -> EtagUse:
    return _word(value, "word", EtagUse)


def _kit(value: Plain) -> KitForm:
    return _word(value, "word", KitForm)


_TEXT_SCHEMA = {"type": "string", "maxLength": MAX_DOC}
Text: TypeAlias = Annotated[str, PlainValidator(_text), WithJsonSchema(_TEXT_SCHEMA)]
Line: TypeAlias = Annotated[
    str, PlainValidator(_line), WithJsonSchema({"type": "string", "minLength": 1, "maxLength": 200})
]
Flag: TypeAlias = Annotated[bool, PlainValidator(_flag), WithJsonSchema({"type": "boolean"})]
Whole: TypeAlias = Annotated[
    int, PlainValidator(_whole), WithJsonSchema({"type": "integer", "minimum": 0})
]
Number: TypeAlias = Annotated[
    int | Decimal, PlainValidator(_number), WithJsonSchema({"type": "number"})
]
KitWord: TypeAlias = Annotated[
    KitForm, PlainValidator(_kit), WithJsonSchema({"enum": [str(form) for form in KitForm]})
]
TypeWord: TypeAlias = Annotated[
    TypeName, PlainValidator(_type), WithJsonSchema({"enum": [str(name) for name in TypeName]})
]
OperationWord: TypeAlias = Annotated[
    Operation,
    PlainValidator(_operation),
    WithJsonSchema({"enum": [str(name) for name in Operation]}),
]
EtagWord: TypeAlias = Annotated[
    EtagUse, PlainValidator(_etag), WithJsonSchema({"enum": [str(word) for word in EtagUse]})
]
AnyValue: TypeAlias = Annotated[Any, WithJsonSchema({})]


class Spec(BaseModel):
    """Base of everything that can be written."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    def says(self, key: str) -> bool:
        """Whether the key is written, whatever its value."""
        return key in self.model_fields_set


class FieldSpec(Spec):
    """A field in the long form."""

    type: TypeWord = Field(description="The type, without arguments.")
    optional: Flag = Field(default=False, description="Whether null is a value ('?').")
    default: AnyValue = Field(
        default=None, description="What a row gets when the client says nothing; 'now' for times."
    )
    min: Number | None = Field(default=None, description="Smallest number, or shortest text.")
    max: Number | None = Field(
        default=None, description="Largest number, or longest text or binary."
    )
    pattern: Text | None = Field(
        default=None, description="Regular expression that the whole text matches."
    )
    precision: Whole | None = Field(default=None, description="Digits in all (decimal).")
    scale: Whole | None = Field(default=None, description="Digits behind the point (decimal).")
    values: list[Text] | None = Field(default=None, description="The allowed words (enum).")
    pk: Flag = Field(default=False, description="This field is the primary key.")
    index: Flag = Field(default=False, description="The column has an index.")
    unique: Flag = Field(default=False, description="No two rows have the same value.")
    read_only: Flag = Field(default=False, description="Set by the server, ignored when sent.")
    write_only: Flag = Field(default=False, description="Accepted, never returned or filtered by.")
    immutable: Flag = Field(default=False, description="Set on create, ignored when sent later.")
    touch: Flag = Field(default=False, description="Set to the current time at every write.")
    as_sent: Flag = Field(default=False, description="Stored as it is sent, not in Unicode's NFC.")
    controls: Flag = Field(default=False, description="May have control characters.")
    doc: Text | None = Field(default=None, description="Description, for readers and OpenAPI.")
    example: AnyValue = Field(default=None, description="Example, for OpenAPI and for tests.")
    was: Text | None = Field(default=None, description="The former name, for migrations.")


class PageSpec(Spec):
    """How many rows a list answers."""

    default: Whole = Field(default=100, description="Rows when the client says nothing.")
    max: Whole = Field(default=100, description="Most rows that a client can ask for.")


class ApiSpec(Spec):
    """What an entity offers over HTTP."""

    operations: list[OperationWord] | None = Field(
        default=None, description="The operations that are offered; the usual five unless given."
    )
    page: PageSpec = Field(default=PageSpec(), description="Page sizes of the list.")
    filter: list[Text] | None = Field(
        default=None, description="Fields to filter by; all that can be read unless given."
    )
    sort: list[Text] | None = Field(
        default=None, description="Fields to sort by; all that can be read unless given."
    )
    search: list[Text] | None = Field(
        default=None, description="Text fields that 'q=' searches; none unless given."
    )
    etag: EtagWord | None = Field(
        default=None,
        description="Whether a change needs the row's ETag in If-Match; optional unless given.",
    )
    idempotency: Flag = Field(
        default=False, description="Whether a create with an Idempotency-Key happens once."
    )


class EntitySpec(Spec):
    """An entity: one file in entities/."""

    name: Text = Field(description="The name, such as Hero.")
    doc: Text | None = Field(default=None, description="Description, for readers and OpenAPI.")
    table: Text | None = Field(
        default=None, description="The table; the name in snake_case unless given."
    )
    plural: Text | None = Field(default=None, description="The folder and the tag, such as heroes.")
    path: Text | None = Field(
        default=None, description="The path of the collection, such as /heroes."
    )
    fields: dict[str, FieldSpec] = Field(
        description="The fields, each in the short or the long form."
    )
    unique: list[list[Text]] = Field(
        default=[], description="Lists of fields that are unique together."
    )
    index: list[list[Text]] = Field(
        default=[], description="Lists of fields that have an index together."
    )
    api: ApiSpec = Field(default=ApiSpec(), description="What is offered over HTTP.")


class LimitsSpec(Spec):
    """Bounds that keep one client from hurting the others."""

    body_bytes: Whole | None = Field(default=None, description="Largest request body, in bytes.")
    statement_seconds: Number | None = Field(default=None, description="Longest statement.")
    lock_seconds: Number | None = Field(default=None, description="Longest wait for a lock.")
    connections: Whole | None = Field(default=None, description="Most connections of one process.")


class AppSpec(Spec):
    """The whole application: crudgen.yaml, beside entities/."""

    title: Line | None = Field(default=None, description="Title of the application, for OpenAPI.")
    version: Line | None = Field(default=None, description="Version of the application; quote it.")
    database: Line | None = Field(
        default=None, description="Default database: sqlite:///app.db or postgresql://host/name."
    )
    limits: LimitsSpec = Field(default=LimitsSpec(), description="Default limits.")
    kit: KitWord = Field(
        default=KitForm.VENDORED,
        description="How an emitted project gets the kit: vendored (copied), plain (copied"
        " without what exists for speed alone) or library (imported from crudgen).",
    )
