"""Resolves the conditions of rules. Reason to change: what a rule about rows can depend on."""

import re
from collections.abc import Iterator, Sequence

from crudgen.language.access import ANYONE, Action, Auth, Right, RuleAboutRows
from crudgen.language.conditions.tokens import ConditionError
from crudgen.language.conditions.tree import Condition, fields_of
from crudgen.language.schema import Entity, Field, Now
from crudgen.language.written.reading import WrittenSpec
from crudgen.language.written.spec import EntitySpec
from crudgen.language.yaml.locations import Location
from crudgen.language.yaml.problems import Problems

from .computed import computed_property_error
from .condition_caller import CallerNames, claim_fields, list_claim_names
from .condition_parser import parse_condition
from .condition_paths import Paths, ResolvedEntities, UnknownPathError


class ConditionReader:
    """Reads the conditions of the rules of one entity."""

    def __init__(
        self,
        written: WrittenSpec[EntitySpec],
        entity: Entity | None,
        auth: Auth,
        problems: Problems,
        entities: ResolvedEntities,
    ) -> None:
        self._are_complete = entities.are_complete
        self.problems = problems
        """The problems that were found."""
        self._written, self._entity = written, entity
        self._claims, self._lists, self._auth = (
            claim_fields(auth.me),
            list_claim_names(auth.me),
            auth,
        )
        self._paths = None if entity is None else Paths(entity, entities.by_name)
        self._fields = {str(one.name): one for one in entity.fields} if entity else {}
        self._computed = [one for each in entities.by_name.values() for one in each.computed]

    def read(
        self, rule: re.Match[str], path: Sequence[str | int], actions: Sequence[Right]
    ) -> Iterator[RuleAboutRows]:
        """Yield the rule for each action; `rule` matches the caller, and the condition."""
        who, text = rule[1], rule[2] or ""
        if self._entity is None or self._names_broken_field(text):
            return
        location, start = self._written.locate(*path), rule.start(2) if rule[2] else rule.end()
        is_update = all(one == Action.UPDATE or not isinstance(one, Action) for one in actions)
        caller = CallerNames(
            self._claims, who != ANYONE, self._lists, is_update, self._paths, self._auth
        )
        try:
            condition = parse_condition(text, self._fields, str(self._entity.name), caller)
            for name in sorted(fields_of(condition)):
                if field := self._fields.get(str(name).removeprefix("new.")):
                    _check_new_value_is_known(field, actions, text)
        except ConditionError as found:
            if self._may_be_known(found):
                return
            error = computed_property_error(found, text, self._computed)
            place = part_of_rule(location, rule[0], start + error.start, start + error.end)
            self.problems.add(place, error.problem, error.remedy)
            return
        for action in actions:
            yield RuleAboutRows(action, who, condition)

    def parse_scope_condition(self, text: str, path: Sequence[str | int]) -> Condition | None:
        """Return the condition that `owner` or `tenant` adds, such as `owner_id = me`.

        Return None if it has an error.
        """
        if self._entity is None or self._names_broken_field(text):
            return None
        try:
            caller = CallerNames(self._claims, lists=self._lists, auth=self._auth)
            return parse_condition(text, self._fields, str(self._entity.name), caller)
        except ConditionError as found:
            if self._may_be_known(found):
                return None
            error = computed_property_error(found, text, self._computed)
            self.problems.add(self._written.locate(*path), error.problem, error.remedy)
            return None

    def check_new_values(
        self, condition: Condition, actions: Sequence[Right], path: Sequence[str | int]
    ) -> None:
        """Add a problem if the new value of a field is not known when the rule is checked."""
        try:
            for name in sorted(fields_of(condition)):
                if field := self._fields.get(str(name)):
                    _check_new_value_is_known(field, actions, "")
        except ConditionError as error:
            self.problems.add(self._written.locate(*path), error.problem, error.remedy)

    def _may_be_known(self, error: ConditionError) -> bool:
        """Return whether a condition may be valid without the errors in other parts of the spec."""
        return isinstance(error, UnknownPathError) and not self._are_complete

    def _names_broken_field(self, text: str) -> bool:
        """Return whether a condition names a field that has an error."""
        known = {*self._written.broken, *self._written.spec.fields}
        known -= {*self._fields, *(str(one.name) for one in self._computed)}
        return not known.isdisjoint(re.findall(r"\w+", text))


def _check_new_value_is_known(field: Field, actions: Sequence[Right], text: str) -> None:
    """Raise ConditionError for a field whose value is not known when the rule is checked."""
    is_set_at_creation = isinstance(field.default, Now) or (field.read_only and not field.preset)
    action = None
    if Action.CREATE in actions and (is_set_at_creation or field.touch):
        action = Action.CREATE
    elif Action.UPDATE in actions and field.touch:
        action = Action.UPDATE
    if action is None:
        return
    found = re.search(rf"\b{re.escape(str(field.name))}\b", text)
    start, end = found.span() if found else (0, len(text))
    problem = (
        f"the application sets {str(field.name)!r} after the rule of {str(action)!r} is checked"
    )
    raise ConditionError(problem, f"use another field in {str(action)!r}", start, end)


def part_of_rule(location: Location, rule: str, start: int, end: int) -> Location:
    """Return the location of a part of a rule, if the file contains the rule unquoted."""
    written = location.source[location.column - 1 :]
    quotes = next((n for n in (0, 1) if written[n:].startswith(rule)), None)
    if quotes is None:
        return location
    return location.part(quotes + start, max(end - start, 1))
