"""The Schema: a spec with all defaults resolved. Reason to change: a feature of the language."""

import dataclasses
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from enum import StrEnum
from typing import TypeAlias
from uuid import UUID

from crudgen.errors import Diagnostic

from .access import Access, Action, Auth, Preset, Right
from .api import Api
from .artifacts import Artifact
from .capabilities import Capabilities
from .checks import Check
from .indexes import Index
from .limits import DEFAULT_LIMITS, Limits
from .named import find_named
from .names import (
    SNAKE_CASE,
    AttributeName,
    ClassName,
    ColumnName,
    FieldName,
    JsonName,
    ModuleName,
    NamingConventions,
    TableName,
    UrlPath,
)
from .operations import CREATING, Operation
from .relations import Link, Reference, Relation
from .webhooks import Webhook

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"
Value: TypeAlias = (
    "bool | int | float | str | bytes | Decimal | date | time | datetime | UUID | Json | None"
)
Number: TypeAlias = int | float | Decimal


class TypeName(StrEnum):
    """Field types, as written in a spec."""

    STR = "str"
    TEXT = "text"
    INT = "int"
    FLOAT = "float"
    DECIMAL = "decimal"
    BOOL = "bool"
    DATE = "date"
    TIME = "time"
    DATETIME = "datetime"
    UUID = "uuid"
    ENUM = "enum"
    EMAIL = "email"
    URL = "url"
    JSON = "json"
    BYTES = "bytes"


class KeyKind(StrEnum):
    """How a row gets its primary key."""

    SERIAL = "serial"
    """An integer that the database generates and never reuses."""
    UUID = "uuid"
    """A version 7 UUID that the application generates."""
    CLIENT = "client"
    """An integer or text that the client sends on create."""


@dataclass(frozen=True, slots=True)
class Constant:
    """A constant as default or example. By default, an optional field has the default None."""

    value: Value


@dataclass(frozen=True, slots=True)
class Now:
    """The current date, time or datetime in UTC as a default."""


@dataclass(frozen=True, slots=True)
class Field:
    """A field of an entity, with every option resolved."""

    name: FieldName
    """The key in the spec. The schema refers to fields by it."""
    attribute: AttributeName
    """The attribute in Python."""
    column: ColumnName
    """The column in the database."""
    json_name: JsonName
    """The property in requests and responses, and the query parameter."""
    type: TypeName
    optional: bool = False
    """Whether the field accepts null."""
    default: Constant | Now | Preset | None = None
    """Value if the request omits the field; None if the request must contain it."""
    minimum: Number | None = None
    """Minimum (int, float, decimal); always set for int."""
    maximum: Number | None = None
    """Maximum (int, float, decimal); always set for int."""
    min_length: int | None = None
    """Minimum length in characters, or in bytes for binary data."""
    max_length: int | None = None
    """Maximum length in characters, or in bytes; always set for types that have one."""
    pattern: str | None = None
    """Regular expression that must match the entire string; not anchored."""
    precision: int | None = None
    """Total number of digits (decimal)."""
    scale: int | None = None
    """Number of digits after the decimal point (decimal)."""
    words: tuple[str, ...] = ()
    """Values of an enum, in the order of the spec."""
    pk: bool = False
    """Whether this is the primary key."""
    index: bool = False
    """Whether the column has a single-column index."""
    unique: bool = False
    """Whether the column has a unique constraint."""
    read_only: bool = False
    """Whether the application sets the field; requests may contain it, but do not change it."""
    write_only: bool = False
    """Whether requests set the field, but it is never returned, filtered, sorted or searched."""
    immutable: bool = False
    """Whether the field is set on create, and ignored in updates."""
    touch: bool = False
    """Whether every write sets the field to the current time."""
    computed: bool = False
    """Whether a function in `hooks.py` returns the SQL of the value. It has no column."""
    as_sent: bool = False
    """Whether text is stored without normalization to NFC."""
    controls: bool = False
    """Whether text may contain control characters."""
    doc: str | None = None
    """Description, printed in the models and in OpenAPI."""
    example: Constant | None = None
    """Example, printed in OpenAPI."""
    samples: tuple[Value, Value] = (None, None)
    """Two valid values for tests; different if the type allows it."""
    renamed: tuple[tuple[str, str], ...] = ()
    """Former values of an enum, each with the value that replaces it."""
    was: tuple[ColumnName, ...] = ()
    """Former names of the column, the latest first, as in the spec."""
    reference: Reference | None = None
    """What the field refers to. Its type and limits are those of the key of the target."""
    line: int = dataclasses.field(default=0, compare=False, repr=False)
    """Line of the field in the spec file, for messages only; that of the entity if implicit."""

    @property
    def preset(self) -> Preset | None:
        """The attribute of the caller that is the default, if it is one."""
        return self.default if isinstance(self.default, Preset) else None

    @property
    def required(self) -> bool:
        """Whether a create request must contain the field."""
        return self.default is None and not self.read_only


@dataclass(frozen=True, slots=True)
class RowAction:
    """An operation on one row that a function in `hooks.py` implements."""

    name: ModuleName
    """The name of the function, and the last segment of the path."""
    takes: tuple[Field, ...] = ()
    """The properties of the request body. Without any, there is none."""
    access: Action | None = Action.UPDATE
    """What a caller must be allowed to do with the row; None if it has rules of its own."""
    doc: str | None = None
    """Description, for OpenAPI."""
    place: Diagnostic | None = dataclasses.field(default=None, compare=False, repr=False)
    """Where the spec lists it, for messages only."""

    @property
    def right(self) -> Right:
        """The right that a caller needs."""
        return self.name if self.access is None else self.access


@dataclass(frozen=True, slots=True)
class Entity:
    """An entity: a table, its models and its routes."""

    name: ClassName
    """`Hero`: the name of the table model, and the prefix of the others."""
    singular: ModuleName
    """`hero`: used in names of functions, parameters and operations."""
    plural: ModuleName
    """`heroes`: used for the folder, the tag and the list operation."""
    path: UrlPath
    """`/heroes`: the path of the collection."""
    table: TableName
    """`hero`: the name of the table."""
    doc: str | None
    """Description: docstring of the table model, and text of the tag in OpenAPI."""
    fields: tuple[Field, ...]
    """Fields in the order of the spec; an implicit `id` comes first."""
    indexes: tuple[Index, ...]
    """Multicolumn indexes and unique constraints."""
    api: Api
    """The HTTP API."""
    source: str
    """Name of the spec file, for messages only; never printed into code."""
    relations: tuple[Relation, ...] = ()
    """Relations to other entities: those of the own fields and links, then those of others."""
    was: tuple[TableName, ...] = ()
    """Former names of the table or of the entity, the latest first, as in the spec."""
    links: tuple[Link, ...] = ()
    """The link tables that the spec of this entity declares; not those of entities."""
    checks: tuple[Check, ...] = ()
    """Rules about a row, in the order of the spec."""
    actions: tuple[RowAction, ...] = ()
    """Operations on one row that functions of the owner do, in the order of the spec."""
    computed: tuple[Field, ...] = ()
    """Properties whose SQL functions of the owner return, in the order of the spec."""
    access: Access | None = None
    """Who may do what; None if the spec has no callers."""
    file: str = dataclasses.field(default="", compare=False, repr=False)
    """Path of the spec file, for messages only."""
    line: int = dataclasses.field(default=0, compare=False, repr=False)
    """Line of the name of the table in the spec file, for messages only."""

    def relation(self, name: FieldName) -> Relation:
        """Return the relation with this name. Raises KeyError."""
        return find_named(name, self.relations, "relation", self.name)

    def field(self, name: FieldName) -> Field:
        """Return the field with this name. Raises KeyError."""
        return find_named(name, (*self.fields, *self.computed), "field", self.name)

    @property
    def key(self) -> Field:
        """The primary key field."""
        return next(field for field in self.fields if field.pk)

    @property
    def can_create(self) -> bool:
        """Whether an operation can create rows. A PUT can, if clients choose the keys."""
        operations = {*self.api.operations}
        puts = Operation.REPLACE in operations and self.key_kind is KeyKind.CLIENT
        return puts or bool(CREATING & operations)

    @property
    def key_kind(self) -> KeyKind:
        """How a row gets its primary key."""
        if not self.key.read_only:
            return KeyKind.CLIENT
        return KeyKind.UUID if self.key.type is TypeName.UUID else KeyKind.SERIAL


class KitForm(StrEnum):
    """How an emitted project gets the code that all generated applications share."""

    VENDORED = "vendored"
    """Copied to `app/kit`."""
    PLAIN = "plain"
    """Copied to `app/kit`, without what exists for speed alone."""
    LIBRARY = "library"
    """Imported from the installed crudgen."""


@dataclass(frozen=True, slots=True)
class Schema(Capabilities):
    """All entities of an application, and its settings."""

    entities: tuple[Entity, ...]
    """Sorted by name."""
    title: str = "crudgen API"
    """Title of the application, for OpenAPI."""
    version: str = "0.1.0"
    """Version of the application, for OpenAPI."""
    database: str = "sqlite:///app.db"
    """Default database URL."""
    limits: Limits = DEFAULT_LIMITS
    """Default limits."""
    names: NamingConventions = SNAKE_CASE
    """Cases of columns and JSON names; `Field` has the names that result."""
    kit: KitForm = KitForm.VENDORED
    """How an emitted project gets the kit."""
    emit: tuple[Artifact, ...] = ()
    """The requested parts of the emitted project, in the order of the enum."""
    auth: Auth | None = None
    """Who the callers are; None if the API accepts all requests."""
    migrations: bool = False
    """Whether revisions, which Alembic runs, change the tables of an emitted project."""
    read_replica: bool = False
    """Whether reads may go to a replica."""
    webhooks: tuple[Webhook, ...] = ()
    """The receivers of events, in the order of the spec."""

    def entity(self, name: ClassName) -> Entity:
        """Return the entity with this name. Raises KeyError."""
        return find_named(name, self.entities, "entity")
