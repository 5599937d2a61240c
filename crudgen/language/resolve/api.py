"""Resolves the `api` block of an entity. Reason to change: another key in the block."""

import re
from collections.abc import Callable, Iterable

from crudgen.language.api import Api, EtagUse, ExportFormat, Page
from crudgen.language.names import FieldName
from crudgen.language.operations import (
    CHANGING,
    CHANGING_MANY,
    CREATING,
    USUAL_OPERATIONS,
    Operation,
)
from crudgen.language.ranges import MAX_PAGE
from crudgen.language.schema import Field, TypeName
from crudgen.language.types import TYPES, operators
from crudgen.language.written.reading import WrittenSpec
from crudgen.language.written.spec import EntitySpec
from crudgen.language.yaml.problems import Problems, quoted, suggest


def can_filter(field: Field) -> bool:
    """Return whether a list can be filtered by the field."""
    return not field.write_only and bool(operators(field))


def can_sort(field: Field) -> bool:
    """Return whether a list can be sorted by the field."""
    return not field.write_only and TYPES[field.type].ordered


def can_search(field: Field) -> bool:
    """Return whether the query parameter `q` can search the field."""
    return not (field.write_only or field.computed) and TYPES[field.type].text


def filterable_fields(fields: Iterable[Field]) -> tuple[FieldName, ...]:
    """Return the fields that a list can be filtered by: the default of `filter`."""
    return tuple(field.name for field in fields if can_filter(field))


def sortable_fields(fields: Iterable[Field]) -> tuple[FieldName, ...]:
    """Return the fields that a list can be sorted by: the default of `sort`."""
    return tuple(field.name for field in fields if can_sort(field))


def resolve_api(
    written: WrittenSpec[EntitySpec], fields: dict[str, Field], problems: Problems
) -> Api:
    """Return the resolved `api` block, without its keys about relations."""
    operations = _resolve_operations(written, problems)
    page = _resolve_page(written, problems)
    _check_writable_fields(written, fields, operations, problems)
    lists = {
        "filter": _listed_fields(written, "filter", fields, can_filter, problems),
        "sort": _listed_fields(written, "sort", fields, can_sort, problems),
        "search": _listed_fields(written, "search", fields, can_search, problems),
    }
    export = _resolve_export(written, problems)
    etag = _resolve_etag(written, operations, problems)
    idempotency = _resolve_idempotency(written, operations, problems)
    created = _resolve_created_status(written, fields, operations, problems)
    _check_bulk_operations(written, fields, operations, problems)
    if Operation.LIST not in operations:
        for key in ("page", *lists, "export"):
            if written.spec.api.is_set(key):
                problem = f"{key!r} requires the operation 'list'"
                problems.add(written.locate_key("api", key), problem, "remove it, or add 'list'")
        return Api(operations, Page(), (), (), (), etag, idempotency, created=created)
    names = lists["filter"], lists["sort"], lists["search"]
    return Api(operations, page, *names, etag, idempotency, export, created)


def _resolve_export(
    written: WrittenSpec[EntitySpec], problems: Problems
) -> tuple[ExportFormat, ...]:
    listed = written.spec.api.export
    if listed is None:
        if written.spec.api.is_set("export"):
            remedy = "write 'export: [csv, ndjson]', or remove it"
            problems.add(written.locate("api", "export"), "'export' is empty", remedy)
        return ()
    for position, one in enumerate(listed):
        if one in listed[:position]:
            location = written.locate("api", "export", position)
            problems.add(location, f"duplicate format {quoted(str(one))}", "remove one of them")
    return tuple(one for one in ExportFormat if one in listed)


def _resolve_etag(
    written: WrittenSpec[EntitySpec], operations: tuple[Operation, ...], problems: Problems
) -> EtagUse:
    etag = written.spec.api.etag
    if not written.spec.api.is_set("etag"):
        return EtagUse.OPTIONAL
    if etag is None:
        remedy = "write 'etag: required', or remove it"
        problems.add(written.locate("api", "etag"), "'etag' is empty", remedy)
    elif not CHANGING & {*operations}:
        problem = "'etag' requires an operation that changes a row"
        remedy = f"remove it, or add one of {', '.join(sorted(CHANGING))}"
        problems.add(written.locate_key("api", "etag"), problem, remedy)
    return etag or EtagUse.OPTIONAL


def _resolve_idempotency(
    written: WrittenSpec[EntitySpec], operations: tuple[Operation, ...], problems: Problems
) -> bool:
    if written.spec.api.is_set("idempotency") and not CREATING & {*operations}:
        problem = "'idempotency' requires an operation that creates rows"
        remedy = f"remove it, or add one of {', '.join(sorted(CREATING))}"
        problems.add(written.locate_key("api", "idempotency"), problem, remedy)
    return written.spec.api.idempotency


def _resolve_created_status(
    written: WrittenSpec[EntitySpec],
    fields: dict[str, Field],
    operations: tuple[Operation, ...],
    problems: Problems,
) -> int:
    creating = set(CREATING)
    if any(field.pk and not field.read_only for field in fields.values()):
        creating.add(Operation.REPLACE)
    if written.spec.api.is_set("created") and not creating & {*operations}:
        problem = "'created' requires an operation that creates rows"
        remedy = f"remove it, or add one of {', '.join(sorted(creating))}"
        problems.add(written.locate_key("api", "created"), problem, remedy)
    return written.spec.api.created


def _check_bulk_operations(
    written: WrittenSpec[EntitySpec],
    fields: dict[str, Field],
    operations: tuple[Operation, ...],
    problems: Problems,
) -> None:
    """Check that no row can have the path of the bulk operations, such as `/heroes/bulk`."""
    has_text_key = any(field.pk and field.type is TypeName.STR for field in fields.values())
    for position, operation in enumerate(written.spec.api.operations or ()):
        if operation not in CHANGING_MANY:
            continue
        location = written.locate("api", "operations", position)
        if has_text_key:
            problem = (
                f"'{operation}' is not possible with a text key: '/bulk' can be the path of a row"
            )
            problems.add(location, problem, "remove it, or use a key of another type")
        elif written.spec.api.etag is EtagUse.REQUIRED and CHANGING & {*operations}:
            problem = f"'{operation}' does not support 'etag: required'"
            problems.add(location, problem, "remove one of them")


def _resolve_operations(
    written: WrittenSpec[EntitySpec], problems: Problems
) -> tuple[Operation, ...]:
    listed = written.spec.api.operations
    if not listed:
        if written.spec.api.is_set("operations"):
            location = written.locate("api", "operations")
            problems.add(location, "the list of operations is empty", suggest("", Operation))
        return USUAL_OPERATIONS
    for position, operation in enumerate(listed):
        if operation in listed[:position]:
            location = written.locate("api", "operations", position)
            problems.add(
                location, f"duplicate operation {quoted(str(operation))}", "remove one of them"
            )
    return tuple(operation for operation in Operation if operation in listed)


def _resolve_page(written: WrittenSpec[EntitySpec], problems: Problems) -> Page:
    page = written.spec.api.page
    for key in ("default", "max"):
        size = getattr(page, key)
        if page.is_set(key) and not 1 <= size <= MAX_PAGE:
            location = written.locate("api", "page", key)
            problems.add(location, f"invalid page size {size}", f"allowed: 1 to {MAX_PAGE}")
            return Page()
    default, maximum = page.default, page.max
    if page.is_set("max") and not page.is_set("default"):
        default = min(default, maximum)
    if default > maximum:
        location = written.locate("api", "page", "default")
        problem = f"the default {default} exceeds the maximum {maximum}"
        problems.add(location, problem, f"write 'max: {default}', or a smaller default")
    return Page(default, maximum)


def _listed_fields(
    written: WrittenSpec[EntitySpec],
    key: str,
    fields: dict[str, Field],
    is_allowed: Callable[[Field], bool],
    problems: Problems,
) -> tuple[FieldName, ...]:
    listed: list[str] | None = getattr(written.spec.api, key)
    if listed is None:
        if written.spec.api.is_set(key):
            location = written.locate("api", key)
            problems.add(location, f"{key!r} is empty", f"write '{key}: []' for none, or remove it")
        if key == "search":
            return ()
        return tuple(field.name for field in fields.values() if is_allowed(field))
    allowed = [name for name, field in fields.items() if is_allowed(field)]
    names: list[FieldName] = []
    for position, name in enumerate(listed):
        location = written.locate("api", key, position)
        if name in written.broken or (name in written.spec.fields and name not in fields):
            continue
        if name not in fields:
            remedy = _path_remedy(key, name, allowed) or suggest(name, allowed)
            problems.add(location, f"unknown field {quoted(name)}", remedy)
        elif name in listed[:position]:
            problems.add(location, f"duplicate field {quoted(name)}", "remove one of them")
        elif name not in allowed and fields[name].computed and key == "search":
            continue  # computed.py reports it
        elif name not in allowed:
            problems.add(location, _not_allowed_message(fields[name], key), suggest("", allowed))
        else:
            names.append(fields[name].name)
    return tuple(names)


def _path_remedy(key: str, name: str, allowed: list[str]) -> str:
    """Return the remedy for a path, such as `team__name` or `age__gte`, in a list of fields."""
    first, *rest = re.findall("[A-Za-z0-9]+(?:_[A-Za-z0-9]+)*", name) or [""]
    if not rest:
        return ""
    if first in allowed:
        return f"write {quoted(first)}"
    is_path = key in ("filter", "sort") and name.isprintable()
    path = "__".join([first, *rest])
    return f"write 'related: [{path}]', for fields of related rows" if is_path else ""


def _not_allowed_message(field: Field, key: str) -> str:
    if field.write_only:
        return f"'{field.name}' is not allowed in '{key}': it is write_only"
    return f"'{field.name}' is not allowed in '{key}': its type is {field.type}"


def _check_writable_fields(
    written: WrittenSpec[EntitySpec],
    fields: dict[str, Field],
    operations: tuple[Operation, ...],
    problems: Problems,
) -> None:
    if written.broken or any(name not in fields for name in written.spec.fields):
        return
    location = (
        written.locate_key("api", "operations")
        if written.spec.is_set("api")
        else written.locate_key("fields")
    )
    writable = [field for field in fields.values() if not field.read_only]
    for operation, targets in (
        (Operation.CREATE, writable),
        (Operation.CREATE_MANY, writable),
        (Operation.REPLACE, [field for field in writable if not (field.immutable or field.pk)]),
        (Operation.UPDATE, [field for field in writable if not field.immutable]),
        (Operation.UPDATE_MANY, [field for field in writable if not field.immutable]),
    ):
        if operation in operations and not targets:
            rest = ", ".join(other for other in operations if other is not operation)
            problem = f"'{operation}' has no field to write"
            problems.add(
                location, problem, f"write 'api: {{operations: [{rest}]}}', or add a field"
            )
