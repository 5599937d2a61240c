"""Document → spec models; one mistake hides no other. Changes with pydantic's errors."""

from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from crudgen.language.yaml.nodes import Entry, Mapping, Node, Scalar, find, plain
from crudgen.language.yaml.places import Place, Problems, shown, suggest

from .shorthand import expand, refuse_reference
from .spec import (
    MAX_FIELDS,
    ApiSpec,
    AppSpec,
    EntitySpec,
    FieldSpec,
    LimitsSpec,
    PageSpec,
    Spec,
    describe,
)

SpecT = TypeVar("SpecT", bound=Spec)

_MODELS: dict[str, type[BaseModel]] = {"api": ApiSpec, "page": PageSpec, "limits": LimitsSpec}
_KINDS = {
    "model_type": "a map",
    "dict_type": "a map",
    "list_type": "a list",
    "string_type": "a text",
}


@dataclass(frozen=True, slots=True)
class Written(Generic[SpecT]):
    """A spec with its places, and the fields that are too broken to be in it."""

    file: str
    root: Mapping
    spec: SpecT
    broken: frozenset[str] = frozenset()

    def value(self, *path: str | int) -> Place:
        """Return the place of the value at a path."""
        return find(self.root, path)

    def key(self, *path: str | int) -> Place:
        """Return the place of the key at a path."""
        return find(self.root, path, key=True)


def read_entity(file: str, root: Mapping, problems: Problems) -> Written[EntitySpec] | None:
    """Return what one entity file says, or None when too little can be understood."""
    root, broken = _long_form(root, problems)
    return _read(EntitySpec, file, root, broken, problems)


def read_app(file: str, root: Mapping, problems: Problems) -> Written[AppSpec] | None:
    """Return what crudgen.yaml says."""
    return _read(AppSpec, file, root, set(), problems)


def _long_form(root: Mapping, problems: Problems) -> tuple[Mapping, set[str]]:
    """Expand the short forms; a field that cannot be expanded is left out."""
    fields = root.get("fields")
    if fields is None or not isinstance(fields.value, Mapping):
        return root, set()
    if len(fields.value.entries) > MAX_FIELDS:
        problems.add(fields.place, f"more than {MAX_FIELDS} fields", "split the entity")
    kept: list[Entry] = []
    broken: set[str] = set()
    for entry in fields.value.entries[:MAX_FIELDS]:
        node: Node | None = entry.value
        if isinstance(entry.value, Scalar):
            node = expand(entry.value, problems)
        elif isinstance(entry.value, Mapping) and _is_reference(entry.value, problems):
            node = None
        if node is None:
            broken.add(entry.key)
        else:
            kept.append(Entry(entry.key, entry.place, node))
    expanded = Entry("fields", fields.place, Mapping(fields.value.place, tuple(kept)))
    entries = tuple(expanded if entry is fields else entry for entry in root.entries)
    return Mapping(root.place, entries), broken


def _is_reference(field: Mapping, problems: Problems) -> bool:
    written = field.get("type")
    value = plain(written.value) if written else None
    if written is None or not isinstance(value, str) or not value.lstrip().startswith("->"):
        return False
    refuse_reference(written.value.place, problems)
    return True


def _read(
    model: type[SpecT], file: str, root: Mapping, broken: set[str], problems: Problems
) -> Written[SpecT] | None:
    data: Any = plain(root)
    try:
        spec = model.model_validate(data)
    except ValidationError as error:
        details = error.errors(include_url=False, include_input=False)
        for detail in details:
            _report(model, root, detail, problems)
            broken |= _drop(data, detail["loc"])
        try:
            spec = model.model_validate(data)
        except ValidationError:
            return None
    return Written(file, root, spec, frozenset(broken))


def _drop(data: dict[str, Any], location: tuple[str | int, ...]) -> set[str]:
    """Take the offending part out of the data; return the field that it was, if it was one."""
    if location[0] == "fields" and len(location) > 1:
        data["fields"].pop(location[1], None)
        return {str(location[1])}
    if len(location) > 1 and isinstance(data.get(str(location[0])), dict):
        data[str(location[0])].pop(location[1], None)
    else:
        data.pop(str(location[0]), None)
    return set()


def _report(
    model: type[BaseModel], root: Mapping, detail: ErrorDetails, problems: Problems
) -> None:
    location, context = detail["loc"], detail.get("ctx", {})
    last = str(location[-1])
    if detail["type"] == "missing":
        place = find(root, location[:-1], key=True) if len(location) > 1 else Place(root.place.file)
        problems.add(place, f"{shown(last)} is missing", _missing_remedy(last))
    elif detail["type"] == "extra_forbidden":
        allowed = _model_at(model, location).model_fields
        place = find(root, location, key=True)
        problems.add(place, f"unknown key {shown(last)}", suggest(last, allowed))
    elif detail["type"] == "spec":
        problems.add(find(root, location), context["problem"], context["remedy"])
    else:
        found = describe(_value_at(root, location))
        expected = _KINDS.get(detail["type"], "something else")
        remedy = _kind_remedy(location, _value_at(root, location))
        problems.add(find(root, location), f"expected {expected}, found {found}", remedy)


def _missing_remedy(key: str) -> str:
    return {
        "name": "such as 'name: Hero'",
        "fields": "such as 'fields: {name: str}'",
        "type": "such as 'type: str'",
    }.get(key, "")


def _kind_remedy(location: tuple[str | int, ...], value: Any) -> str:
    """Say what to write instead of a value of another kind."""
    key = str(location[0])
    if key == "fields":
        return "such as 'str(1..80)'" if len(location) == 2 else _missing_remedy(key)
    if str(location[-1]) in _MODELS:
        return f"its keys are {', '.join(_MODELS[str(location[-1])].model_fields)}"
    is_word = isinstance(value, str) and value.isprintable() and 0 < len(value) <= 60
    if key in ("unique", "index") and not (is_word and "," in value and len(location) > 1):
        return f"a list of lists, such as [[a, b]]; for one field, use its flag '{key}'"
    return f"write [{value}]" if is_word else ""


def _model_at(model: type[BaseModel], location: tuple[str | int, ...]) -> type[BaseModel]:
    """Return the model that lacks the last key of a location."""
    parents = location[:-1]
    if parents[:1] == ("fields",):
        return FieldSpec
    return _MODELS[str(parents[-1])] if parents else model


def _value_at(root: Node, location: tuple[str | int, ...]) -> Any:
    value: Any = plain(root)
    for step in location:
        value = value[step]
    return value
