"""The OpenAPI document: additions to the descriptions that FastAPI generates, and corrections."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from fastapi.routing import APIRoute

from ..errors import HTTPValidationError, errors
from ..query.parameters import ListParameters
from ..query.query_parameters import QueryParameters
from .precedence import guards_of

IDEMPOTENCY_KEY = "Idempotency-Key"
LOGIN, TOKEN = "login", "token"
"""Names of the schemes of credentials: a name and a password, and a token."""
LOGIN_DOC = "A user of this API."
_TOKEN_DOC = "A token of a login, of an identity provider, or an API key."
_REFERENCE = "#/components/schemas/{model}"
_EXAMPLE = {"examples": {"any": {"value": "*"}}}
_HEADERS: dict[str, dict[str, Any]] = {
    "ETag": {
        "description": "The ETag of the row, for If-Match and If-None-Match.",
        "required": True,
        "schema": {"type": "string"},
    },
    "Location": {
        "description": "Path of the new row.",
        "required": True,
        "schema": {"type": "string"},
    },
    "Link": {
        "description": "Links to the first, previous and next page (RFC 8288).",
        "required": True,
        "schema": {"type": "string"},
    },
    "X-Total-Count": {
        "description": "Number of matching rows, if the query contains `count=exact`.",
        "schema": {"type": "integer", "format": "int64", "minimum": 0},
    },
    "Idempotent-Replayed": {
        "description": "`true` if the response is that of an earlier request with the same key.",
        "schema": {"type": "string", "const": "true"},
    },
}
"""Descriptions of response headers."""
_CONDITIONAL = {status: errors(status)[status]["description"] for status in (304, 412, 428)}
"""Descriptions of the statuses of conditional requests."""
_BOUNDS = {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"}
_VALUES = {"const", "default", "enum", "example", "examples"}
"""Keywords of JSON Schema that contain values, not schemas."""


def describe_operation(route: APIRoute) -> dict[str, Any]:
    """Return the `openapi_extra` of a route: parameters read by the kit, and response headers."""
    dependencies = [one.call for one in route.dependant.dependencies]
    queries = [one for one in dependencies if isinstance(one, QueryParameters)]
    parameters = [described for one in queries for described in one.describe()]
    parameters += _conditional_headers(_conditional_statuses(route), route.methods or ())
    is_list = any(isinstance(one, ListParameters) for one in queries)
    responses = dict(_response_additions(route, is_list=is_list))
    is_open = any(guard.is_open for guard in guards_of(route.dependant))
    # FastAPI adds the scheme of the credentials.
    security: list[dict[str, Any]] = [{}] if is_open else []
    found = {"security": security, "parameters": parameters, "responses": responses}
    return {key: value for key, value in found.items() if value}


def _conditional_statuses(route: APIRoute) -> set[int]:
    """Return the statuses of conditional requests, as far as they are about the ETag of a row.

    Several rows and links have no ETag: their 412 says that preconditions are not supported.
    """
    if "{" not in route.path:
        return set()
    return {
        status
        for status, text in _CONDITIONAL.items()
        if route.responses.get(status, {}).get("description") == text
    }


def _conditional_headers(
    statuses: Collection[int], methods: Collection[str]
) -> Iterator[dict[str, Any]]:
    """Yield the conditional request headers of an operation, which follow from its statuses."""
    if 304 in statuses:
        doc = "The ETag of a cached row: the response is 304 if it still matches."
        yield _request_header("If-None-Match", doc) | _EXAMPLE
    if 412 in statuses:
        doc = "The ETag that the row must have, as last read; `*` matches any row."
        # A PUT that creates a row sends `If-None-Match: *` instead.
        is_required = 428 in statuses and "PUT" not in methods
        yield _request_header("If-Match", doc, required=is_required) | _EXAMPLE
    if 412 in statuses and "PUT" in methods:
        doc = "`*` if the row must not exist, or ETags that the row must not have."
        yield _request_header("If-None-Match", doc)


def _request_header(name: str, doc: str, *, required: bool = False) -> dict[str, Any]:
    header = {"name": name, "in": "header", "required": required, "description": doc}
    return {**header, "schema": {"type": "string", "title": name}}


def _response_additions(route: APIRoute, *, is_list: bool) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield statuses of a route, each with what `errors()` does not describe."""
    if names := tuple(_success_headers(route, is_list=is_list)):
        described = _with_headers(*names)
        if "content" in route.responses.get(200, {}):  # only pages have links
            described["headers"]["Link"] = {**_HEADERS["Link"], "required": False}
        yield str(route.status_code or 200), described
        if 201 in route.responses:
            yield "201", _with_headers(*names)
    if 304 in route.responses:
        yield "304", _with_headers("ETag")
    if is_list and 404 in route.responses:
        yield "404", {"description": "Not found: the cursor is invalid"}


def _success_headers(route: APIRoute, *, is_list: bool) -> Iterator[str]:
    if is_list:
        yield from ("Link", "X-Total-Count")
    methods = route.methods or ()
    creates = "POST" in methods and route.path.endswith("/") and 413 in route.responses
    is_conditional = not {304, 412}.isdisjoint(_conditional_statuses(route))
    if creates or (is_conditional and "DELETE" not in methods):
        yield "ETag"
    if creates:
        yield "Location"
    if any(one.alias == IDEMPOTENCY_KEY for one in route.dependant.header_params):
        yield "Idempotent-Replayed"


def _with_headers(*names: str) -> dict[str, Any]:
    return {"headers": {name: _HEADERS[name] for name in names}}


def add_tag_descriptions(
    tags: Sequence[dict[str, Any]] | None, descriptions: Mapping[str, str]
) -> list[dict[str, Any]]:
    """Return the tags of the document, followed by the other tags in `descriptions`.

    Pages show tags in this order, so tags without a description are included if another has one.
    """
    described = [*(tags or ())]
    if any(descriptions.values()):
        names = {tag["name"] for tag in described}
        for name, text in descriptions.items():
            if name not in names:
                described.append({"name": name} | ({"description": text} if text else {}))
    return described


def adjust_document(document: dict[str, Any]) -> None:
    """Move the named schemas of parameters to the components, and write integral bounds as `int`.

    FastAPI writes all bounds as floats, and replaces the schemas of errors by its own if a handler
    declares no 422.
    """
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    if HTTPValidationError.__name__ in schemas:
        described = HTTPValidationError.model_json_schema(ref_template=_REFERENCE)
        schemas.update(described.pop("$defs"))
        schemas[HTTPValidationError.__name__] = described
    for operations in document.get("paths", {}).values():
        for operation in operations.values():
            for parameter in operation.get("parameters", ()):
                _move_to_components(parameter.get("schema", {}), schemas)
    _allow_other_tokens(document)
    _convert_bounds(document)


def _allow_other_tokens(document: dict[str, Any]) -> None:
    """Describe that clients may send another token instead of one of a password login.

    FastAPI describes one scheme of credentials for a dependency.
    """
    schemes = document["components"].get("securitySchemes", {})
    if schemes.get(LOGIN, {}).get("description") != LOGIN_DOC:
        return
    schemes[TOKEN] = {"type": "http", "scheme": "bearer", "description": _TOKEN_DOC}
    for operations in document.get("paths", {}).values():
        for operation in operations.values():
            if {LOGIN: []} in operation.get("security", ()):
                operation["security"].append({TOKEN: []})


def _move_to_components(schema: dict[str, Any], schemas: dict[str, Any]) -> None:
    """Move the `$defs` of a parameter to the schemas; inline a schema whose name is taken."""
    described = schema.get("items", schema)
    for name, one in described.pop("$defs", {}).items():
        if schemas.setdefault(name, one) != one:
            del described["$ref"]
            described.update(one)


def _convert_bounds(described: Any) -> None:
    """Convert the bounds in an OpenAPI document that are integral floats to `int`, in place."""
    for key, value in described.items() if isinstance(described, dict) else enumerate(described):
        if isinstance(value, dict | list) and key not in _VALUES:
            _convert_bounds(value)
        elif key in _BOUNDS and isinstance(value, float) and value.is_integer():
            described[key] = int(value)
