"""Resolves the key `access` of an entity. Reason to change: what rules can say."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from crudgen.language.access import (
    ANYONE,
    NOBODY,
    OWNER,
    USER,
    WRITE,
    WRITING,
    Access,
    Action,
    Allowed,
    Auth,
    FieldRules,
    Right,
    RuleAboutRows,
)
from crudgen.language.names import ModuleName
from crudgen.language.schema import Entity
from crudgen.language.written.reading import WrittenSpec
from crudgen.language.written.spec import EntitySpec
from crudgen.language.yaml.nodes import YamlValue
from crudgen.language.yaml.problems import Problems, quoted, suggest

from .access_conditions import ConditionReader, part_of_rule
from .access_fields import FIELDS, resolve_field_rules
from .access_messages import split_messages, with_message
from .access_scope import SCOPES, Scope, check_tenant, field_named_by, resolve_scope
from .actions import ACCESS
from .condition_paths import ResolvedEntities

Path = tuple[str | int, ...]
_NOT_IF = re.compile(r"\w+(?:\s+(?P<word>\w+)|\s*(?P<sign>[,|/&+]+))")
"""What follows who may do something, in place of `if`."""
_CONDITION = re.compile(r"(\w+)\s+if(?:\s+(.*))?", re.DOTALL)
"""A rule about rows: who, and the condition."""
_OTHERS = {
    "list": Action.READ,
    "get": Action.READ,
    "view": Action.READ,
    "post": Action.CREATE,
    "add": Action.CREATE,
    "insert": Action.CREATE,
    "change": Action.UPDATE,
    "edit": Action.UPDATE,
    "patch": Action.UPDATE,
    "replace": Action.UPDATE,
    "put": Action.UPDATE,
    "remove": Action.DELETE,
}
"""Other words for actions."""
_OTHER_CALLERS = {
    **dict.fromkeys(("public", "everyone", "everybody", "all", "guest", "anonymous"), ANYONE),
    **dict.fromkeys(("users", "authenticated", "logged_in"), USER),
    **dict.fromkeys(("none", "noone", "no_one"), NOBODY),
    "me": OWNER,
}
"""Other words for callers."""


def resolve_access(
    written: WrittenSpec[EntitySpec],
    entity: Entity | None,
    auth: Auth | None,
    problems: Problems,
    entities: ResolvedEntities,
) -> Access | None:
    """Return who may do what with the rows of an entity; None if the spec has no callers.

    The entity is None if it has errors.
    """
    is_set = written.spec.is_set("access")
    if auth is None:
        if is_set:
            problem = "'access' needs callers, and crudgen.yaml has no 'auth'"
            remedy = "add 'auth' to crudgen.yaml, such as 'auth: {roles: [editor]}'"
            problems.add(written.locate_key("access"), problem, remedy)
        return None
    if not is_set:
        problem = "'access' is missing: crudgen.yaml has 'auth'"
        problems.add(written.locate_key("name"), problem, "say 'access: anyone' to leave it open")
        return None
    own = [one.name for one in entity.actions if one.access is None] if entity else []
    conditions = ConditionReader(written, entity, auth, problems, entities)
    return _RuleReader(written, conditions, auth, own).resolve()


class _RuleReader:
    """Reads the rules of one entity."""

    def __init__(
        self,
        written: WrittenSpec[EntitySpec],
        conditions: ConditionReader,
        auth: Auth,
        own: Sequence[ModuleName],
    ) -> None:
        """`own` are the actions of hooks.py with rules of their own."""
        self._written, self._conditions = written, conditions
        problems = conditions.problems
        self._about_rows: list[RuleAboutRows] = []
        self._scope = Scope()
        self._words = (ANYONE, USER, *auth.roles, NOBODY)
        self._problems = problems
        self._own = own

    def resolve(self) -> Access:
        """Return who may do what, and add problems of the rules."""
        value, path = self._written.spec.access, ("access",)
        self._scope = resolve_scope(self._written, self._conditions)
        if not isinstance(value, dict):
            return self._access_with_row_rules(
                dict.fromkeys(Action, self._read_callers(value, path, [*Action]))
            )
        allowed: dict[Action, tuple[str, ...]] = {}
        fields: tuple[FieldRules, ...] = ()
        if not value:
            self._add_problem(path, "'access' is empty", "say 'access: nobody', or who may do what")
        for key, rules in value.items():
            if key == FIELDS:
                fields = resolve_field_rules(
                    self._written, rules, self._callers_of_field_rule, self._problems
                )
            elif key not in SCOPES and (actions := self._actions_of_key(key, value)):
                who = self._read_callers(rules, ("access", key), actions)
                allowed |= dict.fromkeys(actions, who)
        found = self._access_with_row_rules(allowed)
        check_tenant(self._written, self._scope, found, self._problems)
        return replace(self._scope.within_tenant(found), fields=fields)

    def _callers_of_field_rule(
        self, value: YamlValue, path: Path, actions: Sequence[Action]
    ) -> Allowed:
        """Return the callers whom a rule about a field allows to see or set it."""
        before = len(self._about_rows)
        who = self._read_callers(value, path, actions)
        found = self._about_rows[before:]
        about_rows = tuple(rule for rule in found if rule.action is actions[-1])
        del self._about_rows[before:]
        return Allowed(who, about_rows)

    def _access_with_row_rules(self, allowed: dict[Action, tuple[str, ...]]) -> Access:
        """Return `allowed`, who may act on all rows, with the rules about some rows."""
        read, create, update, delete = (allowed.get(action, ()) for action in Action)
        actions = tuple((name, self._callers_of_action(name)) for name in self._own)
        about_rows = tuple(self._about_rows)
        return Access(read, create, update, delete, about_rows, actions=actions)

    def _callers_of_action(self, action: ModuleName) -> tuple[str, ...]:
        """Return who may call an action of hooks.py, which has rules of its own, with all rows."""
        value = self._written.spec.actions[action].access
        return self._read_callers(value, ("actions", str(action), "access"), [action])

    def _actions_of_key(self, key: str, written: dict[str, YamlValue]) -> tuple[Action, ...]:
        """Return the actions that a key names; adds a problem and returns none for another key."""
        location = self._written.locate_key("access", key)
        if key == WRITE:
            named = [action for action in WRITING if action in written]
            if named:
                problem = f"{WRITE!r} includes {quoted(str(named[0]))}"
                actions = ", ".join(WRITING)
                self._problems.add(location, problem, f"name {actions} instead of {WRITE!r}")
                return ()
            return WRITING
        if key in Action.__members__.values():
            return (Action(key),)
        if key == "says":
            remedy = "write it in a rule: {rule: user if active, says: The row is not active}"
            self._problems.add(location, "'says' is a part of a rule", remedy)
            return ()
        other = _OTHERS.get(key.lower())
        remedy = f"write '{other}'" if other else suggest(key, (*Action, WRITE, FIELDS, *SCOPES))
        self._problems.add(location, f"unknown operation {quoted(key)}", remedy)
        return ()

    def _read_callers(
        self, value: YamlValue, path: Path, actions: Sequence[Right]
    ) -> tuple[str, ...]:
        """Return the callers whom one rule, or a list of them, allows to act on all rows."""
        rules = value if isinstance(value, list) else [value]
        if isinstance(value, list) and not value:
            self._add_problem(path, "the list is empty", f"for no caller, write {NOBODY}")
        paths = [(*path, n) for n in range(len(rules))] if isinstance(value, list) else [path]
        before = len(self._about_rows)
        found = [*self._read_rules(zip(rules, paths, strict=True), actions)]
        if NOBODY in found and len(found) + len(self._about_rows) - before > 1:
            self._add_problem(path, f"{NOBODY!r} together with others", "remove it, or the others")
        return tuple(who for who in found if who != NOBODY)

    def _read_rules(
        self, rules: "zip[tuple[YamlValue, Path]]", actions: Sequence[Right]
    ) -> Iterator[str]:
        """Yield the callers of rules about all rows; keep the rules about some rows."""
        seen: set[str] = set()
        for rule, path, says in split_messages(self._written, rules, self._problems):
            before, problems = len(self._about_rows), len(self._problems)
            if not isinstance(rule, str):
                self._add_problem(path, "expected who may do this", suggest("", self._words))
            elif rule in seen:
                self._add_problem(path, f"duplicate rule {quoted(rule)}", "remove one of them")
            elif rule == OWNER:
                seen.add(rule)
                self._about_rows += self._owner_rules(path, actions)
            elif rule in self._words:
                seen.add(rule)
                yield rule
            elif condition := _CONDITION.fullmatch(rule):
                seen.add(rule)
                if self._is_valid_caller(condition[1], path):
                    found = self._conditions.read(condition, path, actions)
                    self._about_rows += map(self._scope.with_owner_condition, found)
            elif other := _NOT_IF.match(rule):
                self._report_missing_if(path, other)
            else:
                self._is_valid_caller(rule, path)
            if len(self._problems) == problems:
                added = self._about_rows[before:]
                self._about_rows[before:] = with_message(
                    added, says, path, self._written, self._problems
                )

    def _report_missing_if(self, path: Path, found: re.Match[str]) -> None:
        """Add the problem that another word or sign than `if` follows the caller in a rule."""
        start, end = found.span(found.lastgroup or 0)
        remedy = "write 'if'"
        if (first := found.string.split()[0]) in {"if", "not"}:
            start, end = 0, len(first)
            remedy = f"begin the rule with a caller, such as '{USER} if …'"
        elif found["sign"] or found["word"] in {"and", "or"}:
            remedy = "write a list, such as [user, editor]"
        location = part_of_rule(self._written.locate(*path), found.string, start, end)
        self._problems.add(location, f"unexpected {found.string[start:end]!r}", remedy)

    def _owner_rules(self, path: Path, actions: Sequence[Right]) -> Iterator[RuleAboutRows]:
        """Yield the rule `owner` for each action."""
        if self._is_valid_caller(OWNER, path) and (condition := self._scope.owner) is not None:
            self._conditions.check_new_values(condition, actions, path)
            yield from (RuleAboutRows(action, USER, condition) for action in actions)

    def _is_valid_caller(self, word: str, path: Path) -> bool:
        """Return whether a word of a rule stands for callers; add a problem if not."""
        if word == OWNER:
            if field_named_by(self._written, OWNER) is None:
                problem = "'owner' is the user in a field of the row, and 'access' names no field"
                self._add_problem(
                    path, problem, "add 'owner: owner_id' to 'access', or another field"
                )
            return self._scope.owner is not None
        if word == NOBODY:
            self._add_problem(path, f"{NOBODY!r} with a condition", "remove the rule")
        if word in self._words:
            return word != NOBODY
        other = _OTHER_CALLERS.get(word.lower())
        roles = [one for one in self._words if one != NOBODY]
        if path[0] == "actions":
            roles += map(str, ACCESS)
        remedy = f"write '{other}'" if other else suggest(word, roles)
        if remedy.startswith("allowed"):
            remedy += "; or add it to the roles of 'auth' in crudgen.yaml"
        self._add_problem(path, f"unknown role {quoted(word)}", remedy)
        return False

    def _add_problem(self, path: Path, problem: str, remedy: str) -> None:
        self._problems.add(self._written.locate(*path), problem, remedy)
