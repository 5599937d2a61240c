"""Operations of an API, and groups of them. Reason to change: another operation."""

from enum import StrEnum


class Operation(StrEnum):
    """Operations of an entity's API."""

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
"""Operations of an entity whose spec does not list operations."""

CHANGING = frozenset({Operation.UPDATE, Operation.REPLACE, Operation.DELETE})
"""Operations that update or delete one row."""

CREATING = frozenset({Operation.CREATE, Operation.CREATE_MANY})
"""Operations that insert rows; they can accept an Idempotency-Key."""

CHANGING_MANY = frozenset({Operation.UPDATE_MANY, Operation.DELETE_MANY})
"""Operations that update or delete several rows, selected by their keys."""

BULK = CHANGING_MANY | {Operation.CREATE_MANY}
"""Operations on several rows."""

RELATION_KEYS: dict[str, tuple[Operation, ...]] = {
    "include": (Operation.LIST, Operation.READ),
    "related": (Operation.LIST,),
    "nested": (),
    "embed": (Operation.READ,),
    "counts": (Operation.LIST, Operation.READ),
    "write": (
        Operation.CREATE,
        Operation.UPDATE,
        Operation.REPLACE,
        Operation.CREATE_MANY,
        Operation.UPDATE_MANY,
    ),
}
"""Keys of the `api` block about relations: each requires one of its operations, if it has any."""
