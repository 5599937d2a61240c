"""What an entity offers over HTTP. Changes with the `api` block of the language."""

from collections.abc import Callable, Iterable

from crudgen.language.names import FieldName
from crudgen.language.schema import (
    CHANGING,
    CHANGING_MANY,
    CREATING,
    USUAL_OPERATIONS,
    Api,
    EtagUse,
    Field,
    Operation,
    Page,
    TypeName,
)
from crudgen.language.types import TYPES, operators
from crudgen.language.written.reading import Written
from crudgen.language.written.spec import EntitySpec
from crudgen.language.yaml.places import Problems, shown, suggest

MAX_PAGE = 10_000


def can_filter(field: Field) -> bool:
    """Whether a client may filter by the field."""
    return not field.write_only and bool(operators(field))


def can_sort(field: Field) -> bool:
    """Whether a client may sort by the field."""
    return not field.write_only and TYPES[field.type].ordered


def can_search(field: Field) -> bool:
    """Whether a free-text search may look at the field."""
    return not field.write_only and TYPES[field.type].text


def filterable(fields: Iterable[Field]) -> tuple[FieldName, ...]:
    """List the fields that a client may filter by when the spec says nothing."""
    return tuple(field.name for field in fields if can_filter(field))


def sortable(fields: Iterable[Field]) -> tuple[FieldName, ...]:
    """List the fields that a client may sort by when the spec says nothing."""
    return tuple(field.name for field in fields if can_sort(field))


def resolve_api(written: Written[EntitySpec], fields: dict[str, Field], problems: Problems) -> Api:
    """Return what is offered; without the operation `list`, nothing is paged or filtered."""
    operations = _operations(written, problems)
    page = _page(written, problems)
    _check_writable(written, fields, operations, problems)
    lists = {
        "filter": _names(written, "filter", fields, can_filter, problems),
        "sort": _names(written, "sort", fields, can_sort, problems),
        "search": _names(written, "search", fields, can_search, problems),
    }
    etag = _etag(written, operations, problems)
    idempotency = _idempotency(written, operations, problems)
    _check_many(written, fields, operations, problems)
    if Operation.LIST not in operations:
        for key in ("page", *lists):
            if written.spec.api.says(key):
                problem = f"{key!r} without the operation 'list'"
                problems.add(written.key("api", key), problem, "drop it, or offer 'list'")
        return Api(operations, Page(), (), (), (), etag, idempotency)
    return Api(operations, page, lists["filter"], lists["sort"], lists["search"], etag, idempotency)


def _etag(
    written: Written[EntitySpec], operations: tuple[Operation, ...], problems: Problems
) -> EtagUse:
    etag = written.spec.api.etag
    if not written.spec.api.says("etag"):
        return EtagUse.OPTIONAL
    if etag is None:
        remedy = "write 'etag: required', or drop it"
        problems.add(written.value("api", "etag"), "'etag' is empty", remedy)
    elif not CHANGING & {*operations}:
        problem = "'etag' without an operation that changes a row"
        remedy = f"drop it, or offer {' or '.join(sorted(CHANGING))}"
        problems.add(written.key("api", "etag"), problem, remedy)
    return etag or EtagUse.OPTIONAL


def _idempotency(
    written: Written[EntitySpec], operations: tuple[Operation, ...], problems: Problems
) -> bool:
    if written.spec.api.says("idempotency") and not CREATING & {*operations}:
        problem = "'idempotency' without an operation that creates a row"
        remedy = f"drop it, or offer {' or '.join(sorted(CREATING))}"
        problems.add(written.key("api", "idempotency"), problem, remedy)
    return written.spec.api.idempotency


def _check_many(
    written: Written[EntitySpec],
    fields: dict[str, Field],
    operations: tuple[Operation, ...],
    problems: Problems,
) -> None:
    """Check the operations whose path, `/heroes/bulk`, must not be that of a row."""
    has_text_key = any(field.pk and field.type is TypeName.STR for field in fields.values())
    for position, operation in enumerate(written.spec.api.operations or ()):
        if operation not in CHANGING_MANY:
            continue
        place = written.value("api", "operations", position)
        if has_text_key:
            problem = f"'{operation}' where keys are text: a row may be called 'bulk'"
            problems.add(place, problem, "drop it, or write a key of another type")
        elif written.spec.api.etag is EtagUse.REQUIRED and CHANGING & {*operations}:
            problem = f"'{operation}' does not know what the client has seen of each row"
            problems.add(place, problem, "drop it, or drop 'etag: required'")


def _operations(written: Written[EntitySpec], problems: Problems) -> tuple[Operation, ...]:
    listed = written.spec.api.operations
    if not listed:
        if written.spec.api.says("operations"):
            place = written.value("api", "operations")
            problems.add(place, "an empty list of operations", suggest("", Operation))
        return USUAL_OPERATIONS
    for position, operation in enumerate(listed):
        if operation in listed[:position]:
            place = written.value("api", "operations", position)
            problems.add(place, f"{shown(str(operation))} is listed twice", "drop one")
    return tuple(operation for operation in Operation if operation in listed)


def _page(written: Written[EntitySpec], problems: Problems) -> Page:
    page = written.spec.api.page
    for key in ("default", "max"):
        size = getattr(page, key)
        if page.says(key) and not 1 <= size <= MAX_PAGE:
            place = written.value("api", "page", key)
            problems.add(place, f"a page of {size} rows", f"allowed: 1 to {MAX_PAGE}")
            return Page()
    default, most = page.default, page.max
    if page.says("max") and not page.says("default"):
        default = min(default, most)
    if default > most:
        place = written.value("api", "page", "default")
        problem = f"the default {default} is more than the maximum {most}"
        problems.add(place, problem, f"write 'max: {default}', or a smaller default")
    return Page(default, most)


def _names(
    written: Written[EntitySpec],
    key: str,
    fields: dict[str, Field],
    possible: Callable[[Field], bool],
    problems: Problems,
) -> tuple[FieldName, ...]:
    listed: list[str] | None = getattr(written.spec.api, key)
    if listed is None:
        if written.spec.api.says(key):
            place = written.value("api", key)
            problems.add(place, f"{key!r} is empty", f"write '{key}: []' for none, or drop it")
        if key == "search":
            return ()
        return tuple(field.name for field in fields.values() if possible(field))
    allowed = [name for name, field in fields.items() if possible(field)]
    found: list[FieldName] = []
    for position, name in enumerate(listed):
        place = written.value("api", key, position)
        if name in written.broken or (name in written.spec.fields and name not in fields):
            continue
        if name not in fields:
            problems.add(place, f"there is no field {shown(name)}", suggest(name, allowed))
        elif name in listed[:position]:
            problems.add(place, f"{shown(name)} is listed twice", "drop one")
        elif name not in allowed:
            problems.add(place, _refusal(fields[name], key), suggest("", allowed))
        else:
            found.append(fields[name].name)
    return tuple(found)


def _refusal(field: Field, key: str) -> str:
    if field.write_only:
        return f"'{field.name}' is write_only: no {key} may touch it"
    return f"'{field.name}' is {field.type}: no {key} by it"


def _check_writable(
    written: Written[EntitySpec],
    fields: dict[str, Field],
    operations: tuple[Operation, ...],
    problems: Problems,
) -> None:
    if written.broken or any(name not in fields for name in written.spec.fields):
        return
    place = written.key("api", "operations") if written.spec.says("api") else written.key("fields")
    writable = [field for field in fields.values() if not field.read_only]
    for operation, able in (
        (Operation.CREATE, writable),
        (Operation.CREATE_MANY, writable),
        (Operation.REPLACE, [field for field in writable if not (field.immutable or field.pk)]),
        (Operation.UPDATE, [field for field in writable if not field.immutable]),
        (Operation.UPDATE_MANY, [field for field in writable if not field.immutable]),
    ):
        if operation in operations and not able:
            rest = ", ".join(other for other in operations if other is not operation)
            problem = f"'{operation}' is offered, but no field can be written by it"
            problems.add(place, problem, f"write 'api: {{operations: [{rest}]}}', or add a field")
