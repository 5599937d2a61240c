"""Resolves the checks of an entity. Reason to change: what a rule about a row consists of."""

import re
from collections.abc import Iterable

from crudgen.language.checks import Check
from crudgen.language.conditions.tokens import ConditionError
from crudgen.language.conditions.tree import Condition, fields_of
from crudgen.language.ranges import MAX_CHECKS
from crudgen.language.schema import Field
from crudgen.language.written.words import CHECK_NAME, CHECK_NAME_RULE, FIELD_RULES
from crudgen.language.yaml.locations import Location
from crudgen.language.yaml.problems import Problems, quoted

from .computed import computed_property_error
from .condition_parser import parse_condition
from .draft import Draft


def resolve_checks(draft: Draft, problems: Problems) -> tuple[Check, ...]:
    """Return the valid checks of an entity."""
    written = draft.written.spec.check
    if len(written) > MAX_CHECKS:
        location = draft.written.locate("check")
        problems.add(location, f"more than {MAX_CHECKS} checks", "join them with 'and'")
    found: dict[str, Check] = {}
    for position in range(min(len(written), MAX_CHECKS)):
        check = _resolve_check(draft, position, problems)
        if check is None:
            continue
        if check.name in found:
            location = draft.written.locate("check", position, "rule")
            problem = f"the check has the name of another one: {quoted(check.name)}"
            problems.add(location, problem, _duplicate_name_remedy(draft, position))
        found.setdefault(check.name, check)
    return tuple(found.values())


def check_name(fields: Iterable[Field], condition: Condition) -> str:
    """Return the default name of a check: its columns, and `check`."""
    names = fields_of(condition)
    return "_".join([*(field.column for field in fields if field.name in names), "check"])


def _resolve_check(draft: Draft, position: int, problems: Problems) -> Check | None:
    spec = draft.written.spec.check[position]
    location = draft.written.locate("check", position, "rule")
    if _names_broken_field(draft, spec.rule):
        return None
    try:
        condition = parse_condition(spec.rule, draft.fields, str(draft.identity.name))
    except ConditionError as found:
        error = computed_property_error(found, spec.rule, draft.computed.values())
        problems.add(_error_location(location, spec.rule, error), error.problem, error.remedy)
        return None
    for key in ("says", "name"):
        if spec.is_set(key) and not getattr(spec, key):
            place = draft.written.locate("check", position, key)
            problems.add(place, f"'{key}' is empty", "set a value, or remove it")
    name = spec.name or check_name(draft.fields.values(), condition)
    if spec.name:
        place = draft.written.locate("check", position, "name")
        if not re.fullmatch(CHECK_NAME, spec.name):
            problems.add(place, f"invalid name of a check {quoted(spec.name)}", CHECK_NAME_RULE)
        elif spec.name.rpartition("_")[2] in FIELD_RULES:
            problem = f"the end of the name {quoted(spec.name)} is reserved for rules of fields"
            problems.add(
                place, problem, f"choose a name that ends with none of {', '.join(FIELD_RULES)}"
            )
    return Check(condition, name, spec.says or None, line=location.line)


def _names_broken_field(draft: Draft, rule: str) -> bool:
    """Return whether a condition names a field that has an error."""
    words = {*re.findall(r"\w+", rule)}
    known = {*draft.written.broken, *draft.written.spec.fields}
    known -= {*draft.fields, *draft.computed}
    return bool(words & known)


def _duplicate_name_remedy(draft: Draft, position: int) -> str:
    if draft.written.spec.check[position].name:
        return "give it another name"
    return "add a name: {rule: …, name: other}; or join both with 'and'"


def _error_location(location: Location, text: str, error: ConditionError) -> Location:
    """Return the location of the part of a condition that an error is about."""
    written = location.source[location.column - 1 :]
    for quote in (0, 1):
        if written[quote:].startswith(text):
            return location.part(quote + error.start, max(error.end - error.start, 1))
    return location
