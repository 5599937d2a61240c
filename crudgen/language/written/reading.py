"""Parsed YAML → spec models, with all errors at once. Reason to change: errors of pydantic."""

import re
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from crudgen.language.schema import TypeName
from crudgen.language.yaml.locations import Location
from crudgen.language.yaml.nodes import Entry, Mapping, Node, Scalar, find_location, plain
from crudgen.language.yaml.problems import Problems, quoted, suggest

from . import spellings, unsupported
from .base import BaseSpec
from .expansion import expand
from .kinds import describe
from .reference_expansion import REJECTED
from .relations import LinkSpec, ReferenceSpec
from .shorthand import WORD
from .spec import (
    MAX_FIELDS,
    ApiSpec,
    AppSpec,
    EntitySpec,
    FieldSpec,
    LimitsSpec,
    NamesSpec,
    PageSpec,
)

SpecT = TypeVar("SpecT", bound=BaseSpec)

_MODELS: dict[str, type[BaseSpec]] = {
    "api": ApiSpec,
    "page": PageSpec,
    "limits": LimitsSpec,
    "names": NamesSpec,
}
_UNSUPPORTED: dict[type[BaseSpec], dict[str, str]] = {
    EntitySpec: unsupported.ENTITY_KEYS,
    AppSpec: unsupported.APP_KEYS,
}
_EXAMPLES: dict[tuple[str | int, ...], str] = {
    ("links",): "links: {powers: Power}",
    ("api", "write"): "write: {lines: create}",
}
"""An example of the value of a key, by its path."""
_KINDS = {
    "model_type": "a map",
    "dict_type": "a map",
    "list_type": "a list",
    "string_type": "a string",
}


@dataclass(frozen=True, slots=True)
class WrittenSpec(Generic[SpecT]):
    """A spec with its locations. `broken` has the names of the fields and links with errors."""

    file: str
    root: Mapping
    spec: SpecT
    broken: frozenset[str] = frozenset()

    def locate(self, *path: str | int) -> Location:
        """Return the location of the value at a path."""
        return find_location(self.root, path)

    def locate_key(self, *path: str | int) -> Location:
        """Return the location of the key at a path."""
        return find_location(self.root, path, key=True)


def read_entity(file: str, root: Mapping, problems: Problems) -> WrittenSpec[EntitySpec] | None:
    """Return the spec of an entity file, or None if a required key is missing or invalid."""
    root, broken = _long_form(_long_links(root), problems)
    return _read(EntitySpec, file, root, broken, problems)


def read_app(file: str, root: Mapping, problems: Problems) -> WrittenSpec[AppSpec] | None:
    """Return the spec of crudgen.yaml, or None if it cannot be read despite its errors."""
    return _read(AppSpec, file, root, set(), problems)


def _long_form(root: Mapping, problems: Problems) -> tuple[Mapping, set[str]]:
    """Return the document with fields in the long form, and the names of fields with errors."""
    fields = root.get("fields")
    if fields is None or not isinstance(fields.value, Mapping):
        return root, set()
    if len(fields.value.entries) > MAX_FIELDS:
        problems.add(fields.location, f"more than {MAX_FIELDS} fields", "split the entity")
    kept: list[Entry] = []
    broken: set[str] = set()
    for entry in fields.value.entries[:MAX_FIELDS]:
        node: Node | None = entry.value
        if isinstance(entry.value, Scalar):
            node = expand(entry.key, entry.value, problems)
        if node is None:
            broken.add(entry.key)
        else:
            kept.append(Entry(entry.key, entry.location, node))
    expanded = Entry("fields", fields.location, Mapping(fields.value.location, tuple(kept)))
    entries = tuple(expanded if entry is fields else entry for entry in root.entries)
    return Mapping(root.location, entries), broken


def _long_links(root: Mapping) -> Mapping:
    """Return the document with links in the long form: `powers: Power` is `powers: {to: Power}`."""
    links = root.get("links")
    if links is None or not isinstance(links.value, Mapping):
        return root
    expanded = tuple(
        replace(entry, value=Mapping(entry.value.location, (replace(entry, key="to"),)))
        if isinstance(entry.value, Scalar)
        else entry
        for entry in links.value.entries
    )
    value = Mapping(links.value.location, expanded)
    entries = (replace(each, value=value) if each is links else each for each in root.entries)
    return Mapping(root.location, tuple(entries))


def _read(
    model: type[SpecT], file: str, root: Mapping, broken: set[str], problems: Problems
) -> WrittenSpec[SpecT] | None:
    data: Any = plain(root)
    try:
        spec = model.model_validate(data)
    except ValidationError as error:
        details = error.errors(include_url=False, include_input=False)
        for detail in details:
            if not _is_explained(detail, details):
                _report(model, root, detail, problems)
            broken |= _remove_invalid(data, _path(detail))
        try:
            spec = model.model_validate(data)
        except ValidationError:
            return None
    return WrittenSpec(file, root, spec, frozenset(broken))


def _path(detail: ErrorDetails) -> tuple[str | int, ...]:
    """Return the path of an error, without the tag that says whether a field is a reference."""
    path = detail["loc"]
    return (*path[:2], *path[3:]) if path[:1] == ("fields",) else path


def _remove_invalid(data: dict[str, Any], path: tuple[str | int, ...]) -> set[str]:
    """Remove what has an error from the data. Return the names of removed fields and links."""
    if path[0] in ("fields", "links") and len(path) > 1:
        data[str(path[0])].pop(path[1], None)
        return {str(path[1])}
    if len(path) > 1 and isinstance(data.get(str(path[0])), dict):
        data[str(path[0])].pop(path[1], None)
    else:
        data.pop(str(path[0]), None)
    return set()


def _report(model: type[BaseSpec], root: Mapping, detail: ErrorDetails, problems: Problems) -> None:
    path, context = _path(detail), detail.get("ctx", {})
    last = str(path[-1])
    if detail["type"] == "missing":
        location = (
            find_location(root, path[:-1], key=True)
            if len(path) > 1
            else Location(root.location.file)
        )
        problems.add(location, f"{quoted(last)} is missing", _example(last))
    elif detail["type"] == "extra_forbidden":
        location = find_location(root, path, key=True)
        if len(path) == 1 and last in _UNSUPPORTED.get(model, {}):
            problem = f"{quoted(last)} is not supported in this version"
            problems.add(location, problem, _UNSUPPORTED[model][last])
            return
        if detail["loc"][:1] + detail["loc"][2:3] == ("fields", "reference") and last in REJECTED:
            problems.add(location, f"'{last}' does not apply to references", REJECTED[last])
            return
        remedy = _spelling_remedy(model, path, _value_at(root, path))
        remedy = remedy or suggest(last, _model_at(model, detail).allowed_keys())
        problems.add(location, f"unknown key {quoted(last)}", remedy)
    elif detail["type"] == "spec":
        problems.add(find_location(root, path), context["problem"], context["remedy"])
    else:
        found = describe(_value_at(root, path))
        expected = _KINDS.get(detail["type"], "something else")
        remedy = _kind_remedy(path, _value_at(root, path))
        problems.add(find_location(root, path), f"expected {expected}, found {found}", remedy)


def _spelling_remedy(model: type[BaseSpec], path: tuple[str | int, ...], value: Any = None) -> str:
    """Return what to write instead of a key in the spelling of another language."""
    key = str(path[-1])
    if len(path) == 1 and model is EntitySpec:
        keys = spellings.ENTITY_KEYS
    elif path[0] != "fields" or len(path) < 3:
        return ""
    elif key not in spellings.NEEDLESS_KEYS:
        keys = spellings.KEYS
    elif value in (False, "no"):
        return "write 'optional: true'"
    else:
        return "remove it: a field is required without 'optional' and 'default'"
    return f"write '{keys[key]}'" if key in keys else ""


def _is_explained(detail: ErrorDetails, details: list[ErrorDetails]) -> bool:
    """Return whether a type is missing because of a key such as `enum`, which has a remedy."""
    field = _path(detail)[:-1]
    return detail["type"] == "missing" and any(
        other["type"] == "extra_forbidden"
        and _path(other)[:-1] == field
        and "'type: " in _spelling_remedy(FieldSpec, _path(other))
        for other in details
    )


def _example(key: str) -> str:
    return {
        "name": "write a name, such as 'name: Hero'",
        "fields": "write fields, such as 'fields: {name: str}'",
        "type": "write a type, such as 'type: str'",
        "to": "write an entity, such as 'to: Team'",
    }.get(key, "")


def _kind_remedy(path: tuple[str | int, ...], value: Any) -> str:
    """Return the remedy for a value of the wrong kind, such as a string instead of a list."""
    key = str(path[0])
    if key == "fields" and len(path) == 2:
        return _field_remedy(str(path[1]), value)
    if key == "fields" and len(path) == 1:
        return _fields_remedy(value)
    if path in _EXAMPLES or key == "links":
        return f"such as {_EXAMPLES.get(path, 'powers: Power')!r}"
    if str(path[-1]) in _MODELS:
        return f"allowed keys: {', '.join(_MODELS[str(path[-1])].allowed_keys())}"
    is_word = isinstance(value, str) and value.isprintable() and 0 < len(value) <= 60
    if key in ("unique", "index") and not (is_word and "," in value and len(path) > 1):
        return f"a list of lists, such as [[a, b]]; for one field, use its flag '{key}'"
    return f"write [{value}]" if is_word else ""


def _field_remedy(name: str, value: Any) -> str:
    words = value if isinstance(value, list) else []
    if len(words) == 1 and words[0] in TypeName.__members__.values():
        return f"write '{name}: json'"
    if words and all(isinstance(word, str) and re.fullmatch(WORD, word) for word in words[:20]):
        return f"write '{name}: enum({', '.join(words[:20])})'"
    return "such as 'str(1..80)'"


def _fields_remedy(value: Any) -> str:
    if isinstance(value, str) and (field := re.fullmatch(r"(\w{1,60}):([^\s:]{1,60})", value)):
        return f"write '{field[1]}: {field[2]}', with a space"
    if isinstance(value, list):
        return "write one field per line, without '-': 'name: str'"
    return _example("fields")


def _model_at(model: type[BaseSpec], detail: ErrorDetails) -> type[BaseSpec]:
    """Return the model that the path of an error leads to, without its last key."""
    parents = _path(detail)[:-1]
    if parents[:1] == ("fields",):
        return ReferenceSpec if detail["loc"][2] == "reference" else FieldSpec
    if parents[:1] == ("links",):
        return LinkSpec
    return _MODELS[str(parents[-1])] if parents else model


def _value_at(root: Node, path: tuple[str | int, ...]) -> Any:
    value: Any = plain(root)
    for step in path:
        value = value[step]
    return value
