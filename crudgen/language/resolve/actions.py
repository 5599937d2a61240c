"""Resolves the actions of an entity. Reason to change: what an action can take or require."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from keyword import iskeyword

from crudgen.language.access import Action
from crudgen.language.hooks import Hook
from crudgen.language.names import ModuleName, NamingConventions
from crudgen.language.operations import Operation
from crudgen.language.schema import Entity, Field, RowAction
from crudgen.language.written.examples import example_remedy
from crudgen.language.written.reading import WrittenSpec, read_entity
from crudgen.language.written.relations import ReferenceSpec
from crudgen.language.written.spec import EntitySpec
from crudgen.language.written.value_types import describe_value
from crudgen.language.yaml.nodes import Entry, Mapping, Scalar, node_value
from crudgen.language.yaml.problems import Problems, quoted

from .fields import resolve_fields
from .schema_names import body_name, class_names

MAX_NAME = 30
_NAME = re.compile(r"[a-z][a-z0-9]*(?:_[a-z0-9]+)*")
_TAKEN = frozenset({*Hook, *Operation, "tx", "row", "sent", "changes", "bulk", "db", "request"})
_FLAGS = ("pk", "index", "unique", "read_only", "write_only", "immutable", "touch", "computed")
"""Options of fields that have no meaning in a request body alone."""
ACCESS = (Action.UPDATE, Action.READ)
"""The words that an action can say instead of rules of its own."""


def resolve_actions(
    written: WrittenSpec[EntitySpec], conventions: NamingConventions, problems: Problems
) -> tuple[RowAction, ...]:
    """Return the valid actions of an entity, in the order of the spec."""
    names = [name for name in written.spec.actions if _is_valid_name(written, name, problems)]
    return tuple(_resolve_action(written, name, conventions, problems) for name in names)


def check_actions(
    entities: Sequence[tuple[WrittenSpec[EntitySpec], Entity]], problems: Problems
) -> None:
    """Check that actions have paths and classes of their own, and fit the API and the callers."""
    if not any(entity.actions for _, entity in entities):
        return
    classes = {name for name, _ in class_names(entity for _, entity in entities)}
    for written, entity in entities:
        _check_actions_of(written, entity, classes, problems)


def _check_actions_of(
    written: WrittenSpec[EntitySpec], entity: Entity, classes: set[str], problems: Problems
) -> None:
    relations = {str(relation.name) for relation in entity.relations}
    for action in entity.actions:
        what = f"the action {quoted(action.name)}"
        location = written.locate_key("actions", action.name)
        if action.name in relations:
            problems.add(location, f"{what} has the path of a relation", "rename the action")
        body = body_name(entity.name, action)
        if body in classes:
            problem = f"{what} needs the model {body}, and another class has this name"
            problems.add(location, problem, "rename the action")
        classes.update([body] if action.takes else [])
        if entity.access is None and written.spec.actions[action.name].access is not None:
            place = written.locate_key("actions", action.name, "access")
            problem = f"{what} says who may, and crudgen.yaml has no 'auth'"
            problems.add(place, problem, "remove 'access', or add 'auth' to crudgen.yaml")


def _is_valid_name(written: WrittenSpec[EntitySpec], name: str, problems: Problems) -> bool:
    location = written.locate_key("actions", name)
    if not _NAME.fullmatch(name) or len(name) > MAX_NAME or iskeyword(name):
        problem = f"the action {quoted(name)} has an invalid name"
        remedy = f"write at most {MAX_NAME} of a-z, 0-9 and '_', such as 'promote'"
        problems.add(location, problem, remedy)
        return False
    if name in _TAKEN or name.startswith("on_"):
        problem = f"the action {quoted(name)} has the name of something else"
        problems.add(location, problem, "use another verb, such as 'promote'")
        return False
    return True


def _resolve_action(
    written: WrittenSpec[EntitySpec], name: str, conventions: NamingConventions, problems: Problems
) -> RowAction:
    return RowAction(
        ModuleName(name),
        tuple(_body_fields(written, name, conventions, problems)),
        _required_right(written, name),
        written.spec.actions[name].doc or None,
        written.locate_key("actions", name).diagnostic(""),
    )


def _required_right(written: WrittenSpec[EntitySpec], name: str) -> Action | None:
    """Return the right that an action requires; None if it has rules of its own."""
    value = written.spec.actions[name].access
    return Action(value or Action.UPDATE) if value is None or value in ACCESS else None


def _body_fields(
    written: WrittenSpec[EntitySpec], name: str, conventions: NamingConventions, problems: Problems
) -> Iterator[Field]:
    """Yield the fields of the request body, which is read as an entity with these fields."""
    takes = _takes_entry(written.root, name)
    if takes is None or takes.value == Mapping(takes.value.location, ()):
        return
    if not isinstance(takes.value, Mapping):
        problem = f"expected a map, found {describe_value(node_value(takes.value))}"
        problems.add(takes.value.location, problem, example_remedy(("takes",)))
        return
    location = takes.location
    named = Entry("name", location, Scalar(location, written.spec.name))
    body = read_entity(
        written.file, Mapping(location, (named, replace(takes, key="fields"))), problems
    )
    if body is None:
        return
    for field, spec in body.spec.fields.items():
        where, what = body.locate_key("fields", field), f"the action {quoted(name)} takes a"
        if isinstance(spec, ReferenceSpec):
            remedy = f"write the type of the key, such as '{field}: int'"
            problems.add(where, f"{what} reference", remedy)
        elif flag := next((one for one in _FLAGS if spec.is_set(one)), None):
            problem = f"{what} field with {quoted(flag)}, which is about columns"
            problems.add(where, problem, f"remove '{flag}'")
    fields = resolve_fields(body, conventions, problems)
    yield from (field for field in fields.values() if not field.pk)


def _takes_entry(root: Mapping, name: str) -> Entry | None:
    """Return the entry `takes` of an action in the YAML, or None."""
    node: Entry | None = root.get("actions")
    for key in (name, "takes"):
        node = node.value.get(key) if node and isinstance(node.value, Mapping) else None
    return node
