"""The request to the API that a call of a tool stands for."""

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Any, TypeVar
from urllib.parse import quote

from .arguments import CreateRow, DeleteRow, ReadRows, RunAction, UpdateRow
from .calling import ApiRequest, encode_segment
from .catalogue import Catalogue, Collection, Operation

DEFAULT_LIMIT = 20
"""Rows of a list if a call has no limit, or fewer if the pages of the entity are smaller."""
_MAX_NAMES = 20
FoundT = TypeVar("FoundT")


class ToolProblem(Exception):  # noqa: N818 -- it is the result of a call, not a failure
    """A call that no request stands for: its message says what to do."""


def find(name: str, catalogue: Catalogue) -> Collection:
    """Return an entity. Raises ToolProblem."""
    return _find_named("entity", name, catalogue.collections)


def read_request(arguments: ReadRows, catalogue: Catalogue) -> ApiRequest:
    """Return the request for a row, for a list, or for the related rows of a row."""
    collection = find(arguments.entity, catalogue)
    if arguments.relation is not None:
        operation = _relation_operation(collection, arguments.relation, "get", "read_rows")
        path = _path_with_keys(collection, operation, _required_key(arguments.key, "relation"))
    elif arguments.key is not None:
        operation = _existing_operation(collection.row.get("get"), collection, "read by key")
        return ApiRequest(
            "GET",
            _path_with_keys(collection, operation, arguments.key),
            _encoded_query(
                [
                    *_filter_parameters(arguments.filters),
                    *_list_parameters(arguments),
                    *_page_parameters(arguments),
                ]
            ),
        )
    else:
        operation = _existing_operation(collection.rows.get("get"), collection, "list")
        path = _path_with_keys(collection, operation)
    pairs = [
        *_filter_parameters(arguments.filters),
        *_list_parameters(arguments),
        *_page_parameters(arguments),
    ]
    pairs += [("limit", str(_default_limit(operation)))] if arguments.limit is None else []
    pairs += [("cursor", "")] if arguments.cursor is None else []  # the first page
    return ApiRequest("GET", path, _encoded_query(pairs))


def create_request(arguments: CreateRow, catalogue: Catalogue) -> ApiRequest:
    """Return the request that creates a row, alone or as a related one, or that links a row."""
    collection = find(arguments.entity, catalogue)
    if arguments.relation is None:
        for name in ("key", "target"):
            if getattr(arguments, name) is not None:
                raise ToolProblem(f"{name} is for related rows: pass relation too, or omit it")
        operation = _existing_operation(collection.rows.get("post"), collection, "create")
        return _with_body("POST", _path_with_keys(collection, operation), arguments.values)
    key = _required_key(arguments.key, "relation")
    if arguments.target is None:
        operation = _relation_operation(collection, arguments.relation, "post", "create_row")
        return _with_body("POST", _path_with_keys(collection, operation, key), arguments.values)
    if arguments.values:
        raise ToolProblem("target links an existing row: omit values")
    operation = _link_operation(collection, arguments.relation, "put")
    return ApiRequest("PUT", _path_with_keys(collection, operation, key, arguments.target))


def update_request(arguments: UpdateRow, catalogue: Catalogue) -> ApiRequest:
    """Return the request that updates a row."""
    collection = find(arguments.entity, catalogue)
    operation = _existing_operation(collection.row.get("patch"), collection, "update")
    path = _path_with_keys(collection, operation, arguments.key)
    return _with_body("PATCH", path, arguments.values, arguments.etag)


def delete_request(arguments: DeleteRow, catalogue: Catalogue) -> ApiRequest:
    """Return the request that deletes a row, or that removes a link."""
    collection = find(arguments.entity, catalogue)
    if (arguments.relation is None) != (arguments.target is None):
        raise ToolProblem("relation and target belong together: pass both to unlink a row")
    if arguments.relation is not None and arguments.target is not None:
        operation = _link_operation(collection, arguments.relation, "delete")
        path = _path_with_keys(collection, operation, arguments.key, arguments.target)
    else:
        operation = _existing_operation(collection.row.get("delete"), collection, "delete")
        path = _path_with_keys(collection, operation, arguments.key)
    return ApiRequest("DELETE", path, headers=_if_match(arguments.etag))


def action_request(arguments: RunAction, catalogue: Catalogue) -> ApiRequest:
    """Return the request that runs an action of a row."""
    collection = find(arguments.entity, catalogue)
    operation = _find_named("action", arguments.action, collection.actions)
    path = _path_with_keys(collection, operation, arguments.key)
    if operation.body is None:
        if arguments.values:
            raise ToolProblem(f"the action {arguments.action!r} takes no values: omit them")
        return ApiRequest("POST", path, headers=_if_match(arguments.etag))
    return _with_body("POST", path, arguments.values, arguments.etag)


def _with_body(method: str, path: str, body: Any, etag: str | None = None) -> ApiRequest:
    return ApiRequest(method, path, body=body, has_body=True, headers=_if_match(etag))


def _if_match(etag: str | None) -> Mapping[str, str]:
    return {} if etag is None else {"If-Match": etag}


def _path_with_keys(collection: Collection, operation: Operation, *keys: int | str) -> str:
    """Return the path of an operation with keys. Raises ToolProblem for a key that is no key.

    A key is one segment: it cannot lead to another path, such as `../me` or `bulk`.
    """
    path = operation.path
    for key in keys:
        text = _text(key)
        if "/" in text or text.strip(".") == "" or text in collection.others:
            raise ToolProblem(f"the key {text[:100]!r} is invalid: no row has such a key")
        path = path.replace("{}", encode_segment(text), 1)
    return path


def _default_limit(operation: Operation) -> int:
    for one in operation.parameters("query"):
        if one["name"] == "limit":
            return min(DEFAULT_LIMIT, int(one["schema"].get("default", DEFAULT_LIMIT)))
    return DEFAULT_LIMIT


def _filter_parameters(filters: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    for name, value in filters.items():
        for one in value if isinstance(value, list) else [value]:
            yield name, _parameter(name, one)


def _parameter(name: str, value: Any) -> str:
    """Return a value as the text of a query parameter. Raises ToolProblem for other values."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int | float):
        return _text(value)
    if value is None:
        other = f"{name[:100]}__isnull"
        raise ToolProblem(f"filter {name[:100]!r}: null is no value, use {{{other!r}: true}}")
    raise ToolProblem(
        f"filter {name[:100]!r}: expected a text, a number, a boolean, or a list of them"
    )


def _text(value: str | float) -> str:
    try:
        return str(value)
    except ValueError:  # an int with thousands of digits
        raise ToolProblem("a number has too many digits") from None


def _list_parameters(arguments: ReadRows) -> Iterable[tuple[str, str]]:
    for name in ("sort", "fields", "include"):
        for word in getattr(arguments, name):
            yield name, word


def _page_parameters(arguments: ReadRows) -> Iterable[tuple[str, str]]:
    if arguments.search is not None:
        yield "q", arguments.search
    if arguments.limit is not None:
        yield "limit", str(arguments.limit)
    if arguments.cursor is not None:
        yield "cursor", arguments.cursor
    if arguments.count:
        yield "count", "exact"


def _encoded_query(pairs: Iterable[tuple[str, str]]) -> str:
    return "&".join(f"{_quoted(name)}={_quoted(value)}" for name, value in pairs)


def _quoted(text: str) -> str:
    return quote(text, safe="", errors="surrogatepass")


def _required_key(key: int | str | None, other: str) -> int | str:
    if key is None:
        raise ToolProblem(f"{other} needs the key of a row: pass key too")
    return key


def _existing_operation(
    operation: Operation | None, collection: Collection, word: str
) -> Operation:
    if operation is None:
        known = ", ".join(collection.operations) or "none"
        raise ToolProblem(f"{collection.name} has no operation to {word}; it has: {known}")
    return operation


def _relation_operation(collection: Collection, name: str, method: str, tool: str) -> Operation:
    operations = _find_named("relation", name, collection.relations)
    if method not in operations:
        raise ToolProblem(f"{tool} does not work with the relation {name!r}; see describe")
    return operations[method]


def _link_operation(collection: Collection, name: str, method: str) -> Operation:
    return _find_named("link", name, collection.links)[method]


def _find_named(what: str, name: str, known: Mapping[str, FoundT]) -> FoundT:
    """Return what has a name. Raises ToolProblem that names similar ones."""
    if name in known:
        return known[name]
    similar = get_close_matches(name[:100], known, 3) or [*known][:_MAX_NAMES]
    names = ", ".join(similar) or "there is none"
    raise ToolProblem(f"unknown {what} {name[:100]!r}; known: {names}")
