"""The HTTP API of an entity, in the Schema. Reason to change: another key of the `api` block."""

from dataclasses import dataclass
from enum import StrEnum

from .hooks import EventFunction, HookFunction
from .names import FieldName
from .operations import Operation
from .relations import NestedWrite, RelatedPath


class EtagUse(StrEnum):
    """Whether a client must send If-Match to update, replace or delete a row."""

    OPTIONAL = "optional"
    """`If-Match` is checked if it is sent."""
    REQUIRED = "required"
    """A request without `If-Match` is rejected."""


class ExportFormat(StrEnum):
    """Formats of a list besides JSON, which a client requests by the header Accept."""

    CSV = "csv"
    NDJSON = "ndjson"


@dataclass(frozen=True, slots=True)
class Page:
    """Page sizes of the list operation."""

    default: int = 100
    max: int = 100


@dataclass(frozen=True, slots=True)
class Api:
    """The HTTP API of an entity: its `api` block."""

    operations: tuple[Operation, ...]
    """Operations, in the order of the Operation enum."""
    page: Page
    """Page sizes of the list operation."""
    filter: tuple[FieldName, ...]
    """Fields that a list can be filtered by; never write-only."""
    sort: tuple[FieldName, ...]
    """Fields that a list can be sorted by; never write-only."""
    search: tuple[FieldName, ...]
    """Text fields that the query parameter `q` searches; never write-only."""
    etag: EtagUse
    """Whether updating and deleting a row requires If-Match."""
    idempotency: bool
    """Whether create operations accept an Idempotency-Key."""
    export: tuple[ExportFormat, ...] = ()
    """Formats of the list besides JSON, in the order of the ExportFormat enum."""
    created: int = 200
    """The status of a response with new rows: 200 or 201."""
    include: tuple[tuple[FieldName, ...], ...] = ()
    """Paths over relations whose rows a response can include; each after its own prefix."""
    related: tuple[RelatedPath, ...] = ()
    """Paths to filter by; also to sort by, if no step has several rows and the field allows it."""
    nested: tuple[FieldName, ...] = ()
    """Relations to many rows that have a path under a row, such as `/teams/1/heroes/`."""
    embed: tuple[FieldName, ...] = ()
    """Relations to one row that the response of reading one row always includes."""
    counts: tuple[FieldName, ...] = ()
    """Relations to many rows whose number of rows is a property of a row."""
    write: tuple[tuple[FieldName, NestedWrite], ...] = ()
    """Relations to many rows that request bodies can contain."""
    hooks: tuple[HookFunction, ...] = ()
    """The functions of the owner around operations, in the order of the enum."""
    events: tuple[EventFunction, ...] = ()
    """The functions of the owner that run after commits, in the order of the spec."""
    sent: tuple[str, ...] = ()
    """What webhooks send of a row: hooks, and names of actions. It is not in the `api` block."""
