"""Checks the rules about fields. Reason to change: which fields can have such rules."""

from collections.abc import Iterable, Iterator, Mapping

from crudgen.language.access import (
    OWNER,
    WRITE,
    Access,
    Action,
    Allowed,
    FieldRules,
    allows_callers,
)
from crudgen.language.names import ClassName, FieldName
from crudgen.language.operations import Operation
from crudgen.language.schema import Entity, Field
from crudgen.language.written.reading import WrittenSpec
from crudgen.language.written.spec import EntitySpec
from crudgen.language.yaml.problems import Problems

from .access_fields import FIELDS
from .access_scope import TENANT, field_named_by

_DOING: dict[str, tuple[str, tuple[Action, ...], str]] = {
    Action.READ: ("see", (Action.READ,), "may not read rows"),
    WRITE: ("set", (Action.CREATE, Action.UPDATE), "may neither create nor update rows"),
}
_Problem = tuple[str, str, str]
"""The key of a rule, what is wrong with it, and the remedy."""


def check_field_rules(
    entities: Iterable[tuple[WrittenSpec[EntitySpec], Entity]], problems: Problems
) -> None:
    """Check that each rule about a field can have an effect, and that responses obey it."""
    every = [*entities]
    by_name = {entity.name: entity for _, entity in every}
    for written, entity in every:
        if entity.access is None:
            continue
        for rules in entity.access.fields:
            for key, problem, remedy in _problems_of_rules(written, entity, entity.access, rules):
                path = ("access", FIELDS, str(rules.name))
                value = written.spec.access[FIELDS][rules.name]
                is_long = isinstance(value, dict) and key in value
                location = written.locate_key(*path, *((key,) if is_long else ()))
                problems.add(location, problem, remedy)
        _check_relation_orders(written, entity, by_name, problems)


def _problems_of_rules(
    written: WrittenSpec[EntitySpec], entity: Entity, access: Access, rules: FieldRules
) -> Iterator[_Problem]:
    """Yield what is wrong with the rules about one field."""
    name, field = str(rules.name), entity.field(rules.name)
    if field.computed:
        key = WRITE if rules.read is None else Action.READ
        problem = f"{name!r} is computed, and rules about fields are about columns"
        remedy = "write rules about the fields that it is computed from, or rules of 'read'"
        yield key, problem, remedy
        return
    if rules.read is not None:
        yield from _problems_of_read_rule(written, field)
        yield from _problems_of_callers_without_rows(access, rules.read, Action.READ, name)
        yield from _problems_of_replacing(entity, access, rules, field)
    if rules.write is None:
        return
    if field.pk:
        if rules.read is None:
            yield WRITE, f"{name!r} is the key, which a row keeps", "remove it from 'fields'"
        return
    if field.read_only:
        yield WRITE, f"{name!r} is read-only: no request sets it", "remove 'write'"
        return
    yield from _problems_of_callers_without_rows(access, rules.write, WRITE, name)
    yield from _problems_of_creating(access, rules.write, field)


def _problems_of_read_rule(written: WrittenSpec[EntitySpec], field: Field) -> Iterator[_Problem]:
    name, key = str(field.name), Action.READ
    if field.pk:
        yield key, f"{name!r} is the key, which paths contain", "remove it from 'fields'"
    elif field.write_only:
        yield key, f"{name!r} is write-only: no response contains it", "remove 'read'"
    elif field.reference is not None:
        problem = f"{name!r} is a reference, and the relation shows its value"
        yield key, problem, "remove 'read', or write rules about rows"
    elif name in (field_named_by(written, OWNER), field_named_by(written, TENANT)):
        word = OWNER if name == field_named_by(written, OWNER) else TENANT
        problem = f"{name!r} is the {word}, by which callers know their rows"
        yield key, problem, "remove 'read'"


def _problems_of_callers_without_rows(
    access: Access, allowed: Allowed, key: str, name: str
) -> Iterator[_Problem]:
    """Yield a problem if callers may see or set a field, but not read or write any row."""
    verb, actions, nothing = _DOING[key]
    for who in allowed.callers:
        if not any(allows_callers(access.allowed_callers(action), who) for action in actions):
            remedy = f"remove {who!r}, or add a rule about rows"
            yield key, f"{who!r} may {verb} {name!r}, but {nothing}", remedy
            return


def _problems_of_replacing(
    entity: Entity, access: Access, rules: FieldRules, field: Field
) -> Iterator[_Problem]:
    """Yield a problem if callers may replace rows, but can neither see nor set a required field.

    Callers who may see the field in some rows can replace these. Callers who may set it send a new
    value, also where they do not see the old one.
    """
    if Operation.REPLACE not in entity.api.operations or not field.required or field.optional:
        return
    if rules.read is None or rules.write is None:
        return
    for who in access.allowed_callers(Action.UPDATE):
        if not (
            allows_callers(rules.read.callers, who) or allows_callers(rules.write.callers, who)
        ):
            name = str(field.name)
            cannot = f"{who!r} may replace rows, but neither read nor set {name!r}"
            problem = f"{cannot}, which a PUT must contain"
            remedy = "add '?' or a default to the field, or remove 'replace' from 'operations'"
            yield Action.READ, problem, remedy
            return


def _problems_of_creating(access: Access, allowed: Allowed, field: Field) -> Iterator[_Problem]:
    """Yield a problem if callers may create rows, but not set a required field."""
    if not field.required:
        return
    for who in access.allowed_callers(Action.CREATE):
        if not allows_callers(allowed.callers, who):
            problem = f"{who!r} may create rows, but not set {str(field.name)!r}, which is required"
            yield WRITE, problem, "add a default to the field, or let these callers set it"
            return


def _check_relation_orders(
    written: WrittenSpec[EntitySpec],
    entity: Entity,
    entities: Mapping[ClassName, Entity],
    problems: Problems,
) -> None:
    """Check that no relation sorts rows by a field that some callers may not see."""
    hidden = frozenset[FieldName]() if entity.access is None else entity.access.hidden_fields
    for other in entities.values():
        for relation in other.relations:
            if relation.target != entity.name:
                continue
            for name, _ in relation.order:
                if name in hidden:
                    location = written.locate_key("access", FIELDS, str(name))
                    problem = f"{str(name)!r} sorts the rows of {other.name}.{relation.name}"
                    problems.add(location, problem, "remove it from 'order' of the relation")
