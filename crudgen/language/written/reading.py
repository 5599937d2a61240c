"""Parsed YAML → spec models, with all errors at once. Reason to change: errors of pydantic."""

from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from crudgen.language.yaml.locations import Location
from crudgen.language.yaml.nodes import (
    Entry,
    Mapping,
    Node,
    Scalar,
    Sequence,
    find_location,
    node_value,
)
from crudgen.language.yaml.problems import Problems, quoted, suggest

from . import spellings, unsupported
from .actions import ActionSpec
from .app import AppSpec
from .base import BaseSpec
from .examples import example_remedy
from .expansion import expand
from .reference_expansion import REJECTED
from .relations import LinkSpec, ReferenceSpec
from .remedies import MODELS, former_name_remedy, missing_remedy, wrong_type_remedy
from .spec import MAX_FIELDS, ApiSpec, CheckSpec, EntitySpec, FieldSpec
from .value_types import describe_value
from .webhooks import WebhookSpec

SpecT = TypeVar("SpecT", bound=BaseSpec)

_UNSUPPORTED: dict[type[BaseSpec], dict[str, str]] = {
    AppSpec: unsupported.APP_KEYS,
}
_SPELLINGS: dict[type[BaseSpec], dict[str, str]] = {
    EntitySpec: spellings.ENTITY_KEYS,
    FieldSpec: spellings.KEYS,
    ReferenceSpec: spellings.REFERENCE_KEYS,
    LinkSpec: spellings.LINK_KEYS,
    ApiSpec: spellings.API_KEYS,
    CheckSpec: spellings.CHECK_KEYS,
    WebhookSpec: dict.fromkeys(("on", "true", "event", "when", "types"), "events: [Hero.created]"),
}
_EXPECTED = {
    "model_type": "a map",
    "dict_type": "a map",
    "list_type": "a list",
    "string_type": "a string",
}


@dataclass(frozen=True, slots=True)
class WrittenSpec(Generic[SpecT]):
    """A spec, and where its values are in the file. `broken` names fields and links with errors."""

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
    root, broken = _with_long_fields(_with_long_checks(_with_long_links(root)), problems)
    return _read_spec(EntitySpec, file, root, broken, problems)


def read_app(file: str, root: Mapping, problems: Problems) -> WrittenSpec[AppSpec] | None:
    """Return the spec of crudgen.yaml without its invalid keys, or None if no valid one is left."""
    return _read_spec(AppSpec, file, root, set(), problems)


def _with_long_fields(root: Mapping, problems: Problems) -> tuple[Mapping, set[str]]:
    """Return the document with fields in the long form, and the names of fields with errors."""
    fields = root.get("fields")
    if fields is None or not isinstance(fields.value, Mapping):
        return root, set()
    if len(fields.value.entries) > MAX_FIELDS:
        problems.add(fields.location, f"more than {MAX_FIELDS} fields", "split the entity")
    name = root.get("name")
    owner = str(node_value(name.value)) if name else ""
    kept: list[Entry] = []
    broken: set[str] = set()
    for entry in fields.value.entries[:MAX_FIELDS]:
        node: Node | None = entry.value
        if isinstance(entry.value, Scalar):
            node = expand(entry.key, entry.value, problems, owner)
        if node is None:
            broken.add(entry.key)
        else:
            kept.append(Entry(entry.key, entry.location, node))
    expanded = Entry("fields", fields.location, Mapping(fields.value.location, tuple(kept)))
    entries = tuple(expanded if entry is fields else entry for entry in root.entries)
    return Mapping(root.location, entries), broken


def _with_long_links(root: Mapping) -> Mapping:
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


def _with_long_checks(root: Mapping) -> Mapping:
    """Return the document with checks in the long form: `a < b` is `{rule: a < b}`."""
    checks = root.get("check")
    if checks is None or not isinstance(checks.value, Sequence):
        return root
    expanded = tuple(
        Mapping(item.location, (Entry("rule", item.location, item),))
        if isinstance(item, Scalar)
        else item
        for item in checks.value.items
    )
    value = Sequence(checks.value.location, expanded)
    entries = (replace(each, value=value) if each is checks else each for each in root.entries)
    return Mapping(root.location, tuple(entries))


def _read_spec(
    model: type[SpecT], file: str, root: Mapping, broken: set[str], problems: Problems
) -> WrittenSpec[SpecT] | None:
    data: Any = node_value(root)
    try:
        spec = model.model_validate(data)
    except ValidationError as error:
        details = error.errors(include_url=False, include_input=False)
        for detail in details:
            if not _is_solved_by_another(detail, details):
                _report_error(model, root, detail, problems)
            broken |= _remove_invalid(data, _path_of_error(detail))
        try:
            spec = model.model_validate(data)
        except ValidationError:
            return None
    return WrittenSpec(file, root, spec, frozenset(broken))


def _path_of_error(detail: ErrorDetails) -> tuple[str | int, ...]:
    """Return the path of an error, without the tag that says whether a field is a reference."""
    path = detail["loc"]
    return (*path[:2], *path[3:]) if path[:1] == ("fields",) else path


def _remove_invalid(data: dict[str, Any], path: tuple[str | int, ...]) -> set[str]:
    """Remove the value at the path of an error. Return the names of removed fields and links."""
    if path[0] in ("fields", "links") and len(path) > 1:
        data[str(path[0])].pop(path[1], None)
        return {str(path[1])}
    if len(path) > 1 and isinstance(data.get(str(path[0])), dict):
        data[str(path[0])].pop(path[1], None)
    else:
        data.pop(str(path[0]), None)
    return set()


def _report_error(
    model: type[BaseSpec], root: Mapping, detail: ErrorDetails, problems: Problems
) -> None:
    path, context = _path_of_error(detail), detail.get("ctx", {})
    last = str(path[-1])
    if detail["type"] == "missing":
        location = (
            find_location(root, path[:-1], key=True)
            if len(path) > 1
            else Location(root.location.file)
        )
        problems.add(location, f"{quoted(last)} is missing", missing_remedy(last))
    elif detail["type"] == "extra_forbidden":
        location = find_location(root, path, key=True)
        if detail["loc"][:1] + detail["loc"][2:3] == ("fields", "reference") and last in REJECTED:
            problems.add(location, f"'{last}' does not apply to references", REJECTED[last])
            return
        owner = _model_at(model, detail)
        if last in _UNSUPPORTED.get(owner, {}):
            problem = f"{quoted(last)} is not supported in this version"
            problems.add(location, problem, _UNSUPPORTED[owner][last])
            return
        remedy = _spelling_remedy(owner, last, _value_at(root, path))
        remedy = remedy or suggest(last, owner.allowed_keys())
        problems.add(location, f"unknown key {quoted(last)}", remedy)
    elif detail["type"] == "spec":
        remedy = context["remedy"] or example_remedy(path)
        problems.add(find_location(root, path), context["problem"], remedy)
    else:
        found = describe_value(_value_at(root, path))
        expected = _EXPECTED.get(detail["type"], "something else")
        needs_list = detail["type"] == "list_type"
        remedy = wrong_type_remedy(path, _value_at(root, path), needs_list=needs_list)
        problems.add(find_location(root, path), f"expected {expected}, found {found}", remedy)


def _spelling_remedy(model: type[BaseSpec], key: str, value: Any = None) -> str:
    """Return what to write instead of a key of a model in the spelling of another language."""
    if remedy := former_name_remedy(model, key, value):
        return remedy
    keys = _SPELLINGS.get(model, {})
    if model is not FieldSpec or key not in spellings.NEEDLESS_KEYS:
        return f"write '{keys[key]}'" if key in keys else ""
    if value in (False, "no"):
        return "write 'optional: true'"
    return "remove it: a field is required without 'optional' and 'default'"


def _is_solved_by_another(detail: ErrorDetails, details: list[ErrorDetails]) -> bool:
    """Return whether the remedy of another error of the same field or link solves this error too.

    A missing key can be written in another spelling, such as `enum` or `entity`. The keys of a
    reference are unknown if its type is.
    """
    *owner, key = _path_of_error(detail)
    others = [
        other for other in details if [*_path_of_error(other)[:-1]] == owner and other is not detail
    ]
    if not owner:
        return False
    if detail["type"] == "missing":
        return any(
            f"'{key}: " in _spelling_remedy(_model_at(EntitySpec, other), str(other["loc"][-1]))
            for other in others
            if other["type"] == "extra_forbidden"
        )
    is_reference = detail["type"] == "extra_forbidden" and key in ReferenceSpec.allowed_keys()
    return is_reference and any(
        other["loc"][-1] == "type" and "reference" in other.get("ctx", {}).get("remedy", "")
        for other in others
    )


def _model_at(model: type[BaseSpec], detail: ErrorDetails) -> type[BaseSpec]:
    """Return the model that the path of an error leads to, without its last key."""
    parents = _path_of_error(detail)[:-1]
    if parents[:1] == ("fields",):
        return ReferenceSpec if detail["loc"][2] == "reference" else FieldSpec
    if parents[:1] == ("links",):
        return LinkSpec
    if parents[:1] == ("check",):
        return CheckSpec
    if parents[:1] == ("actions",):
        return ActionSpec
    if parents[:1] == ("webhooks",):
        return WebhookSpec
    return MODELS[str(parents[-1])] if parents else model


def _value_at(root: Node, path: tuple[str | int, ...]) -> Any:
    value: Any = node_value(root)
    for step in path:
        value = value[step]
    return value
