"""Models of the YAML, key by key. Reason to change: another key of the language.

The editors' JSON Schema is generated from them. `resolve` checks rules between keys.
"""

from decimal import Decimal
from enum import StrEnum
from functools import partial
from typing import Annotated, Any, TypeAlias, TypeVar

from pydantic import BaseModel, ConfigDict, Field, PlainValidator, WithJsonSchema
from pydantic.fields import FieldInfo
from pydantic_core import PydanticCustomError

from crudgen.language.names import Case, ColumnName, JsonName
from crudgen.language.ranges import MAX_INDEX, MAX_PAGE, MIN_INDEX
from crudgen.language.schema import Artifact, EtagUse, KitForm, Operation, TypeName
from crudgen.language.yaml.nodes import Plain
from crudgen.language.yaml.problems import quoted, suggest

from .translation import translated
from .words import ARTIFACTS, CASES, ETAG_USES, KIT_FORMS, OPERATIONS, TYPE_WORDS, matching, one_of

MAX_DOC = 2000
MAX_FIELDS = 200
WordT = TypeVar("WordT", bound=StrEnum)


def describe(value: Plain) -> str:
    """Return what a value is, for messages such as "expected a map, found the number 1"."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | Decimal):
        return f"the number {value}"
    if isinstance(value, str):
        return f"the string {quoted(value)}"
    return "a list" if isinstance(value, list) else "a map"


def _expected(what: str, value: Plain, remedy: str = "") -> PydanticCustomError:
    context = {"problem": f"expected {what}, found {describe(value)}", "remedy": remedy}
    return PydanticCustomError("spec", "{problem}", context)


def _text(value: Plain) -> str:
    if isinstance(value, str):
        if len(value) > MAX_DOC:
            raise _expected(f"a string of at most {MAX_DOC} characters", value)
        return value
    remedy = "quote it" if isinstance(value, bool | int | Decimal) else ""
    raise _expected("a string", value, remedy)


def _line(value: Plain) -> str:
    text = _text(value)
    if "\n" in text or not text.strip() or len(text) > 200:
        raise _expected("one line of at most 200 characters", value)
    return text


def _flag(value: Plain) -> bool:
    if isinstance(value, bool):
        return value
    remedy = suggest(value if isinstance(value, str) else "", ("true", "false"))
    raise _expected("true or false", value, remedy)


def _count(value: Plain) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    raise _expected("an integer, 0 or more", value)


def _number(value: Plain) -> int | Decimal:
    if isinstance(value, int | Decimal) and not isinstance(value, bool):
        return value
    raise _expected("a number", value)


def _enum_member(value: Plain, what: str, words: type[WordT]) -> WordT:
    if not isinstance(value, str):
        raise _expected("a string", value, suggest("", words))
    if value not in words.__members__.values():
        context = {"problem": f"unknown {what} {quoted(value)}", "remedy": suggest(value, words)}
        raise PydanticCustomError("spec", "{problem}", context)
    return words(value)


def _word(what: str, words: type[WordT]) -> PlainValidator:
    return PlainValidator(partial(_enum_member, what=what, words=words))


def _type(value: Plain) -> TypeName:
    short = " or ".join(translated(value)) if isinstance(value, str) else ""
    if not short or value in TypeName.__members__.values():
        return _enum_member(value, "type", TypeName)
    remedy = (
        f"write '{short}'"
        if short in TypeName.__members__.values()
        else f"in the short form, write '{short}'"
    )
    context = {"problem": f"unknown type {quoted(value)}", "remedy": remedy}
    raise PydanticCustomError("spec", "{problem}", context)


def _created(value: Plain) -> int:
    if isinstance(value, int) and value in CREATED_STATUSES:
        return value
    raise _expected("200 or 201", value)


CREATED_STATUSES = (200, 201)
_TEXT_SCHEMA = {"type": "string", "maxLength": MAX_DOC}
Text: TypeAlias = Annotated[str, PlainValidator(_text), WithJsonSchema(_TEXT_SCHEMA)]
Line: TypeAlias = Annotated[
    str, PlainValidator(_line), WithJsonSchema({"type": "string", "minLength": 1, "maxLength": 200})
]
_FLAG_SCHEMA = {"type": "boolean", "defaultSnippets": [{"body": True}]}
Flag: TypeAlias = Annotated[bool, PlainValidator(_flag), WithJsonSchema(_FLAG_SCHEMA)]
Count: TypeAlias = Annotated[
    int, PlainValidator(_count), WithJsonSchema({"type": "integer", "minimum": 0})
]
PageSize: TypeAlias = Annotated[
    int,
    PlainValidator(_count),
    WithJsonSchema({"type": "integer", "minimum": 1, "maximum": MAX_PAGE}),
]
Number: TypeAlias = Annotated[
    int | Decimal, PlainValidator(_number), WithJsonSchema({"type": "number"})
]
ColumnText: TypeAlias = Annotated[str, PlainValidator(_text), matching(ColumnName)]
JsonText: TypeAlias = Annotated[str, PlainValidator(_text), matching(JsonName)]
CaseWord: TypeAlias = Annotated[Case, _word("case", Case), one_of(CASES)]
KitWord: TypeAlias = Annotated[KitForm, _word("value", KitForm), one_of(KIT_FORMS)]
TypeWord: TypeAlias = Annotated[TypeName, PlainValidator(_type), one_of(TYPE_WORDS)]
OperationWord: TypeAlias = Annotated[Operation, _word("operation", Operation), one_of(OPERATIONS)]
EtagWord: TypeAlias = Annotated[EtagUse, _word("value", EtagUse), one_of(ETAG_USES)]
ArtifactWord: TypeAlias = Annotated[Artifact, _word("value", Artifact), one_of(ARTIFACTS)]
CreatedStatus: TypeAlias = Annotated[
    int,
    PlainValidator(_created),
    WithJsonSchema({"enum": list(CREATED_STATUSES), "errorMessage": "Expected 200 or 201."}),
]
FieldList: TypeAlias = Annotated[list[Text], Field(json_schema_extra={"uniqueItems": True})]
IndexList: TypeAlias = Annotated[
    list[Text],
    Field(json_schema_extra={"minItems": MIN_INDEX, "maxItems": MAX_INDEX, "uniqueItems": True}),
]
AnyValue: TypeAlias = Annotated[Any, WithJsonSchema({})]


class BaseSpec(BaseModel):
    """Base of the spec models."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    def is_set(self, key: str) -> bool:
        """Return whether the spec contains the key, with any value."""
        return key in self.keys_set

    @property
    def keys_set(self) -> set[str]:
        """The keys that the spec contains, as written."""
        return {type(self).model_fields[name].alias or name for name in self.model_fields_set}

    @classmethod
    def allowed_keys(cls) -> dict[str, FieldInfo]:
        """Return the keys of the model, as written. An attribute of pydantic has an alias."""
        return {field.alias or name: field for name, field in cls.model_fields.items()}


class FieldSpec(BaseSpec):
    """A field in the long form."""

    type: TypeWord = Field(description="The type, without arguments.")
    optional: Flag = Field(default=False, description="Whether null is accepted ('?').")
    default: AnyValue = Field(
        default=None,
        description="Value if a request omits the field; 'now' for date, time and datetime.",
    )
    min: Number | None = Field(
        default=None, description="Minimum of a number, or minimum length of text."
    )
    max: Number | None = Field(
        default=None,
        description="Maximum of a number, or maximum length of text or binary data.",
    )
    pattern: Text | None = Field(
        default=None, description="Regular expression that the entire text must match."
    )
    precision: Count | None = Field(default=None, description="Total number of digits (decimal).")
    scale: Count | None = Field(
        default=None, description="Number of digits after the decimal point (decimal)."
    )
    values: list[Text] | None = Field(default=None, description="Allowed values (enum).")
    pk: Flag = Field(default=False, description="The field is the primary key.")
    index: Flag = Field(default=False, description="The column has an index.")
    unique: Flag = Field(default=False, description="The column has a unique constraint.")
    read_only: Flag = Field(default=False, description="Set by the server; ignored in requests.")
    write_only: Flag = Field(
        default=False, description="Accepted in requests; never returned, never used in filters."
    )
    immutable: Flag = Field(default=False, description="Set on create; ignored in updates.")
    touch: Flag = Field(default=False, description="Set to the current time on every write.")
    as_sent: Flag = Field(
        default=False, description="Stored as sent, without normalization to Unicode NFC."
    )
    controls: Flag = Field(default=False, description="Control characters are allowed.")
    column: ColumnText | None = Field(
        default=None, description="Name of the column; by default that of the field."
    )
    json_name: JsonText | None = Field(
        alias="json", default=None, description="Name in JSON and in query parameters."
    )
    doc: Text | None = Field(default=None, description="Description, for the models and OpenAPI.")
    example: AnyValue = Field(default=None, description="Example, for OpenAPI and tests.")
    was: Text | None = Field(default=None, description="Former name, for migrations.")


class PageSpec(BaseSpec):
    """Page sizes, in rows."""

    default: PageSize = Field(default=100, description="Number of rows if a request sets no limit.")
    max: PageSize = Field(default=100, description="Maximum number of rows per page.")


class ApiSpec(BaseSpec):
    """The HTTP API of an entity."""

    operations: list[OperationWord] | None = Field(
        default=None,
        description="Operations; by default create, list, read, update and delete.",
        json_schema_extra={"minItems": 1, "uniqueItems": True},
    )
    page: PageSpec = Field(default=PageSpec(), description="Page sizes of the list operation.")
    filter: FieldList | None = Field(
        default=None, description="Fields to filter by; by default all that support it."
    )
    sort: FieldList | None = Field(
        default=None, description="Fields to sort by; by default all that support it."
    )
    search: FieldList | None = Field(
        default=None,
        description="Text fields that the query parameter 'q' searches; by default none.",
    )
    etag: EtagWord | None = Field(
        default=None,
        description="Whether If-Match is required to change a row; by default optional.",
    )
    idempotency: Flag = Field(
        default=False, description="Whether create operations accept an Idempotency-Key."
    )
    created: CreatedStatus = Field(
        default=200, description="Status of a response with new rows: 200 or 201."
    )


class EntitySpec(BaseSpec):
    """An entity: a file in the folder of entities."""

    name: Text = Field(description="Name of the entity, such as Hero.")
    doc: Text | None = Field(
        default=None,
        description="Description: docstring of the table model, and text of the tag in OpenAPI.",
    )
    table: Text | None = Field(
        default=None, description="Name of the table; by default the entity name in snake_case."
    )
    plural: Text | None = Field(
        default=None, description="Name of the folder and the tag, such as heroes."
    )
    path: Text | None = Field(default=None, description="Path of the collection, such as /heroes.")
    fields: dict[str, FieldSpec] = Field(description="Fields, in the short or the long form.")
    unique: list[IndexList] = Field(
        default=[], description="Lists of fields with a multicolumn unique constraint."
    )
    index: list[IndexList] = Field(
        default=[], description="Lists of fields with a multicolumn index."
    )
    api: ApiSpec = Field(default=ApiSpec(), description="The HTTP API.")


class LimitsSpec(BaseSpec):
    """Default resource limits of the application."""

    body_bytes: Count | None = Field(
        default=None, description="Maximum size of a request body, in bytes."
    )
    statement_seconds: Number | None = Field(
        default=None, description="Maximum duration of an SQL statement, in seconds."
    )
    lock_seconds: Number | None = Field(
        default=None,
        description="Maximum wait for a lock or a database connection, in seconds.",
    )
    connections: Count | None = Field(
        default=None, description="Maximum number of database connections per process."
    )


class NamesSpec(BaseSpec):
    """Cases of the names that fields do not set themselves."""

    columns: CaseWord = Field(default=Case.SNAKE, description="Case of the names of columns.")
    json_names: CaseWord = Field(
        alias="json",
        default=Case.SNAKE,
        description="Case of the names in JSON and in query parameters.",
    )


class AppSpec(BaseSpec):
    """The application: crudgen.yaml, next to the folder of entities."""

    title: Line | None = Field(
        default=None,
        description="Title of the application, for OpenAPI and for the name of the distribution.",
    )
    version: Line | None = Field(
        default=None, description="Version of the application, as a quoted string."
    )
    database: Line | None = Field(
        default=None,
        description="Default database URL: sqlite:///app.db or postgresql://host/name.",
    )
    limits: LimitsSpec = Field(default=LimitsSpec(), description="Default limits.")
    names: NamesSpec = Field(
        default_factory=NamesSpec, description="Names of all columns, and names in JSON."
    )
    kit: KitWord = Field(
        default=KitForm.VENDORED,
        description="How an emitted project gets the kit: vendored (copied), plain (copied"
        " without what exists for speed alone) or library (imported from crudgen).",
    )
    emit: list[ArtifactWord] | None = Field(
        default=None,
        json_schema_extra={"minItems": 1, "uniqueItems": True},
        description="What an emitted project contains besides the application: provider"
        " (clients/provider.ts, for react-admin and refine); by default nothing.",
    )
