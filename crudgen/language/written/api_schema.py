"""JSON Schema of the rules between operations and other keys. Reason to change: these rules."""

from collections.abc import Collection, Iterator
from typing import Any

from crudgen.language.api import EtagUse
from crudgen.language.operations import (
    CHANGING,
    CHANGING_MANY,
    CREATING,
    RELATION_KEYS,
    Operation,
)


def operation_rules() -> list[dict[str, Any]]:
    """Return the schemas that the map `api` must match, besides the schemas of its keys."""
    return [
        _allow_only_with(("page", "filter", "sort", "search", "export"), {Operation.LIST}),
        *_requirements_of_relation_keys(),
        _allow_only_with(("etag",), CHANGING),
        _allow_only_with(("idempotency",), CREATING),
        _allow_only_with(("created",), {*CREATING, Operation.REPLACE}),
        _no_bulk_with_etag(),
    ]


def _requirements_of_relation_keys() -> Iterator[dict[str, Any]]:
    for required in filter(None, dict.fromkeys(RELATION_KEYS.values())):
        keys = [key for key, operations in RELATION_KEYS.items() if operations == required]
        yield _allow_only_with(keys, required)


def _allow_only_with(keys: Collection[str], operations: Collection[Operation]) -> dict[str, Any]:
    """Allow the keys only with one of the operations, if operations are listed."""
    without = {
        "type": "array",
        "items": {"enum": [*Operation]},
        "minItems": 1,
        "not": _contains_one_of(operations),
    }
    words = ", ".join(sorted(operations))
    return {
        "if": {"required": ["operations"], "properties": {"operations": without}},
        "then": {
            "properties": dict.fromkeys(keys, False),
            "errorMessage": f"Requires one of the operations {words}."
            if len(operations) > 1
            else f"Requires the operation {words}.",
        },
    }


def _no_bulk_with_etag() -> dict[str, Any]:
    allowed = [operation for operation in Operation if operation not in CHANGING_MANY]
    message = f"Not possible with 'etag: required': {', '.join(sorted(CHANGING_MANY))}."
    return {
        "if": {
            "required": ["etag", "operations"],
            "properties": {
                "etag": {"const": EtagUse.REQUIRED},
                "operations": _contains_one_of(CHANGING),
            },
        },
        "then": {
            "properties": {"operations": {"items": {"enum": allowed, "errorMessage": message}}}
        },
    }


def _contains_one_of(operations: Collection[Operation]) -> dict[str, Any]:
    return {"contains": {"enum": sorted(operations)}}
