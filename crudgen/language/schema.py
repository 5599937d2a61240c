"""What a spec means: the frozen schema of all later stages. Changes when the language says more."""

from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from enum import StrEnum
from typing import TypeAlias
from uuid import UUID

from .names import ClassName, FieldName, ModuleName, TableName, UrlPath

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"
Value: TypeAlias = (
    "bool | int | float | str | bytes | Decimal | date | time | datetime | UUID | Json | None"
)
Number: TypeAlias = int | float | Decimal


class TypeName(StrEnum):
    """The types that a field can have, as the spec spells them."""

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


class Operation(StrEnum):
    """The operations that an entity can offer."""

    CREATE = "create"
    LIST = "list"
    READ = "read"
    UPDATE = "update"
    REPLACE = "replace"
    DELETE = "delete"
    CREATE_MANY = "create_many"
    UPDATE_MANY = "update_many"
    DELETE_MANY = "delete_many"


USUAL_OPERATIONS = (
    Operation.CREATE,
    Operation.LIST,
    Operation.READ,
    Operation.UPDATE,
    Operation.DELETE,
)
"""What an entity offers when its spec says nothing."""

CHANGING = frozenset({Operation.UPDATE, Operation.REPLACE, Operation.DELETE})
"""Operations that change a row that is there."""


CREATING = frozenset({Operation.CREATE, Operation.CREATE_MANY})
"""Operations that can be told to happen once."""

CHANGING_MANY = frozenset({Operation.UPDATE_MANY, Operation.DELETE_MANY})
"""Operations that change rows that are there, named by their keys."""


class EtagUse(StrEnum):
    """Whether a client has to tell which state of a row it changes."""

    OPTIONAL = "optional"
    """With `If-Match`, a row that has changed meanwhile is left alone."""
    REQUIRED = "required"
    """Without `If-Match`, nothing is changed."""


class KeyKind(StrEnum):
    """Who gives a row its primary key."""

    SERIAL = "serial"
    """An integer from the database, never reused."""
    UUID = "uuid"
    """A version 7 UUID from the server."""
    CLIENT = "client"
    """An integer or text that the client sends on create."""


@dataclass(frozen=True, slots=True)
class Constant:
    """A default that is the same for every row; `Constant(None)` is that of an optional field."""

    value: Value


@dataclass(frozen=True, slots=True)
class Now:
    """A default that is the moment (the day, the time of day) of the creation of a row, in UTC."""


@dataclass(frozen=True, slots=True)
class Field:
    """One column of an entity, its defaults filled in."""

    name: FieldName
    type: TypeName
    optional: bool = False
    """Whether null is a value of the field."""
    default: Constant | Now | None = None
    """What a row gets when the client says nothing; None: the client must say something."""
    minimum: Number | None = None
    """Smallest value (int, float, decimal); for int always set."""
    maximum: Number | None = None
    """Largest value (int, float, decimal); for int always set."""
    min_length: int | None = None
    """Shortest text, in characters (str, text); shortest binary, in bytes."""
    max_length: int | None = None
    """Longest text, in characters; longest binary, in bytes; always set where there is one."""
    pattern: str | None = None
    """Regular expression that the whole text matches, as written in the spec (not anchored)."""
    precision: int | None = None
    """Digits in all (decimal)."""
    scale: int | None = None
    """Digits behind the point (decimal)."""
    words: tuple[str, ...] = ()
    """The allowed words, in the order of the spec (enum)."""
    pk: bool = False
    """Whether this is the primary key."""
    index: bool = False
    """Whether the column has an index of its own."""
    unique: bool = False
    """Whether no two rows may have the same value."""
    read_only: bool = False
    """Set by the server; ignored when sent."""
    write_only: bool = False
    """Accepted, never returned, filtered, sorted or searched."""
    immutable: bool = False
    """Set on create; ignored when sent later."""
    touch: bool = False
    """Set to the current time at every write."""
    as_sent: bool = False
    """Whether text is stored as it is sent, not in NFC."""
    controls: bool = False
    """Whether text may have control characters."""
    doc: str | None = None
    """Description for readers and for OpenAPI."""
    example: Constant | None = None
    """Example for OpenAPI, if the spec gives one."""
    samples: tuple[Value, Value] = (None, None)
    """Two valid values for tests, different ones where the type has two."""
    was: FieldName | None = None
    """The former name, for migrations."""

    @property
    def required(self) -> bool:
        """Whether a create request must hold the field."""
        return self.default is None and not self.read_only


@dataclass(frozen=True, slots=True)
class Index:
    """An index over several fields together."""

    fields: tuple[FieldName, ...]
    unique: bool = False


@dataclass(frozen=True, slots=True)
class Page:
    """How many rows a list answers."""

    default: int = 100
    max: int = 100


@dataclass(frozen=True, slots=True)
class Api:
    """What an entity offers over HTTP: its `api` block."""

    operations: tuple[Operation, ...]
    """The operations that are offered, in the order of the Operation enum."""
    page: Page
    """Page sizes of the list."""
    filter: tuple[FieldName, ...]
    """Fields that a client may filter by; never a write-only one."""
    sort: tuple[FieldName, ...]
    """Fields that a client may sort by; never a write-only one."""
    search: tuple[FieldName, ...]
    """Text fields that a free-text search looks at; never a write-only one."""
    etag: EtagUse
    """Whether changing and deleting a row needs its ETag."""
    idempotency: bool
    """Whether a create with an Idempotency-Key happens once."""


@dataclass(frozen=True, slots=True)
class Entity:
    """One kind of row: a table, its models and its routes."""

    name: ClassName
    """`Hero`: the models are HeroBase, Hero, HeroCreate, HeroUpdate, HeroPublic."""
    singular: ModuleName
    """`hero`: in names of functions, parameters and operations."""
    plural: ModuleName
    """`heroes`: the folder, the router's tag, the list operation."""
    path: UrlPath
    """`/heroes`: where the routes are."""
    table: TableName
    """`hero`: the table in the database."""
    doc: str | None
    """Description for readers and for OpenAPI."""
    fields: tuple[Field, ...]
    """Every column in the order of the spec; an implicit `id` comes first."""
    indexes: tuple[Index, ...]
    """Indexes over several fields."""
    api: Api
    """What it offers over HTTP."""
    source: str
    """The spec file's name, for messages only: it is never printed into code."""

    @property
    def key(self) -> Field:
        """The primary key."""
        return next(field for field in self.fields if field.pk)

    @property
    def key_kind(self) -> KeyKind:
        """Who gives a row its primary key."""
        if not self.key.read_only:
            return KeyKind.CLIENT
        return KeyKind.UUID if self.key.type is TypeName.UUID else KeyKind.SERIAL


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds that keep one client from hurting the others: settings of the generated app."""

    body_bytes: int = 1_048_576
    """Largest request body, in bytes."""
    statement_seconds: float = 5.0
    """Longest database statement, in seconds."""
    lock_seconds: float = 2.0
    """Longest wait for a lock or a connection, in seconds."""
    connections: int = 10
    """Most database connections of one process."""


class KitForm(StrEnum):
    """How an emitted project gets the code that all generated applications share."""

    VENDORED = "vendored"
    """Copied to `app/kit`."""
    PLAIN = "plain"
    """Copied to `app/kit`, without what exists for speed alone."""
    LIBRARY = "library"
    """Imported from the installed crudgen."""


@dataclass(frozen=True, slots=True)
class Schema:
    """Everything that a folder of entities says."""

    entities: tuple[Entity, ...]
    """Sorted by name."""
    title: str = "crudgen API"
    """Title of the application, for OpenAPI."""
    version: str = "0.1.0"
    """Version of the application, for OpenAPI."""
    database: str = "sqlite:///app.db"
    """Default database URL."""
    limits: Limits = Limits()
    """Default limits."""
    kit: KitForm = KitForm.VENDORED
    """How an emitted project gets the kit."""
