"""Models of the YAML, key by key. Reason to change: another key of the language.

The editors' JSON Schema is generated from them. `resolve` checks rules between keys.
"""

from typing import Annotated, TypeAlias

from pydantic import Discriminator, Field, Tag

from crudgen.language.types import TYPES, TypeInfo

from . import options
from .actions import ActionSpec
from .base import BaseSpec
from .relations import LinkSpec, ReferenceSpec, is_reference
from .value_types import (
    AnyValue,
    Count,
    CreatedStatus,
    EtagWord,
    ExportWord,
    FieldList,
    Flag,
    HookWord,
    IndexList,
    Line,
    NestedWriteWord,
    Number,
    OperationWord,
    PageSize,
    PathList,
    TableNames,
    Text,
    TypeWord,
)

MAX_FIELDS = 200


class FieldSpec(BaseSpec):
    """A field in the long form."""

    type: TypeWord = Field(description="The type, without arguments.")
    optional: options.Optional = False
    default: AnyValue = Field(
        default=None,
        description="Value if a request omits the field; 'now' for date, time and datetime, and"
        " 'me.id' for an attribute of the caller.",
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
    renamed: dict[str, Text] | None = Field(
        default=None, description="Former values, each with the one that replaces it (enum)."
    )
    pk: Flag = Field(default=False, description="The field is the primary key.")
    index: Flag = Field(default=False, description="The column has an index.")
    unique: options.Unique = False
    read_only: options.ReadOnly = False
    write_only: options.WriteOnly = False
    immutable: options.Immutable = False
    touch: Flag = Field(default=False, description="Set to the current time on every write.")
    computed: Flag = Field(
        default=False, description="Computed by a function in hooks.py, which returns its SQL."
    )
    as_sent: Flag = Field(
        default=False, description="Stored as sent, without normalization to Unicode NFC."
    )
    controls: Flag = Field(default=False, description="Control characters are allowed.")
    column: options.Column = None
    json_name: options.JsonNameOption = None
    doc: options.Doc = None
    example: options.Example = None
    was: options.Was = None

    @property
    def info(self) -> TypeInfo:
        """What the type accepts."""
        return TYPES[self.type]


AnyFieldSpec: TypeAlias = Annotated[
    Annotated[FieldSpec, Tag("field")] | Annotated[ReferenceSpec, Tag("reference")],
    Discriminator(lambda written: "reference" if is_reference(written) else "field"),
]
"""A field or a reference in the long form. The locations of errors contain the tag."""


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
    export: list[ExportWord] | None = Field(
        default=None,
        description="Formats of the list besides JSON: csv and ndjson; by default none.",
        json_schema_extra={"uniqueItems": True},
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
    include: PathList | None = Field(
        default=None,
        description="Relations whose rows a request can include, and paths such as team__country;"
        " by default all relations whose target can be read.",
    )
    related: PathList | None = Field(
        default=None,
        description="Paths to filter and sort by, such as team__name and heroes__any__age;"
        " by default none.",
    )
    nested: PathList | None = Field(
        default=None,
        description="Relations with a path below a row, such as /teams/1/heroes/; by default none."
        " Links always have one.",
    )
    embed: PathList | None = Field(
        default=None,
        description="Relations to one row that the response with one row always includes;"
        " by default none.",
    )
    counts: PathList | None = Field(
        default=None,
        description="Relations to many rows whose number is a property, such as heroes_count;"
        " by default none.",
    )
    write: dict[str, NestedWriteWord] | None = Field(
        default=None,
        description="Relations that request bodies contain, such as {lines: create} or"
        " {powers: keys}; by default none.",
    )


class CheckSpec(BaseSpec):
    """A rule about each row in the long form."""

    rule: Text = Field(
        description="The condition that no row may violate, such as discount <= price."
    )
    says: Line | None = Field(
        default=None, description="Message of the response to a request that violates the rule."
    )
    name: Text | None = Field(
        default=None,
        description="End of the constraint's name, after ck_ and the table; by default its"
        " columns and 'check'.",
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
    was: TableNames | None = Field(
        default=None,
        description="Former name of the table or of the entity, or a list of them,"
        " the latest first.",
    )
    plural: Text | None = Field(
        default=None,
        description="Plural name, such as heroes, for the folder, the tag and the default path.",
    )
    path: Text | None = Field(default=None, description="Path of the collection, such as /heroes.")
    fields: dict[str, AnyFieldSpec] = Field(description="Fields, in the short or the long form.")
    links: dict[str, LinkSpec] = Field(
        default={}, description="Many-to-many relations: a name, and the linked entity."
    )
    unique: list[IndexList] = Field(
        default=[], description="Lists of fields with a multicolumn unique constraint."
    )
    index: list[IndexList] = Field(
        default=[], description="Lists of fields with a multicolumn index."
    )
    check: list[CheckSpec] = Field(
        default=[],
        description="Rules about each row, such as starts_at < ends_at; the database checks them.",
    )
    api: ApiSpec = Field(default=ApiSpec(), description="The HTTP API.")
    hooks: list[HookWord] = Field(
        default=[],
        json_schema_extra={"uniqueItems": True},
        description="Functions in hooks.py of the emitted project: create, update, delete, and"
        " after commits on_create, on_update, on_delete, on_ and an action.",
    )
    actions: dict[str, ActionSpec] = Field(
        default={},
        description="Operations on one row that functions in hooks.py do: POST /heroes/1/promote.",
    )
    access: AnyValue = Field(
        default=None,
        description="Who may do what: anyone, user, roles or nobody, for all operations or for"
        " read, create, update, delete and write.",
    )
