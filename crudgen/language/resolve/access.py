"""Resolves the key `access` of an entity. Reason to change: what rules can say."""

import re
from collections.abc import Iterator

from crudgen.language.access import ANYONE, NOBODY, USER, WRITE, WRITING, Access, Action, Auth
from crudgen.language.written.reading import WrittenSpec
from crudgen.language.written.spec import EntitySpec
from crudgen.language.written.unsupported import ACCESS_KEYS
from crudgen.language.yaml.locations import Location
from crudgen.language.yaml.nodes import Plain
from crudgen.language.yaml.problems import Problems, quoted, suggest

Path = tuple[str | int, ...]
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
}
"""Other words for callers."""


def resolve_access(
    written: WrittenSpec[EntitySpec], auth: Auth | None, problems: Problems
) -> Access | None:
    """Return who may do what with the rows of an entity; None if the spec has no callers."""
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
    return _Reader(written, auth, problems).access()


class _Reader:
    """Reads the rules of one entity."""

    def __init__(self, written: WrittenSpec[EntitySpec], auth: Auth, problems: Problems) -> None:
        self._written = written
        self._words = (ANYONE, USER, *auth.roles, NOBODY)
        self._problems = problems

    def access(self) -> Access:
        value, path = self._written.spec.access, ("access",)
        if not isinstance(value, dict):
            who = self._who(value, path)
            return Access(who, who, who, who)
        allowed: dict[Action, tuple[str, ...]] = {}
        if not value:
            self._add(path, "'access' is empty", "say 'access: nobody', or who may do what")
        for key, rules in value.items():
            for action in self._actions(key, value):
                allowed[action] = self._who(rules, ("access", key))
        return Access(**{str(action): who for action, who in allowed.items()})

    def _actions(self, key: str, written: dict[str, Plain]) -> tuple[Action, ...]:
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
        if key in ACCESS_KEYS:
            problem = f"{key!r} in 'access' is not supported in this version"
            self._problems.add(location, problem, ACCESS_KEYS[key])
            return ()
        other = _OTHERS.get(key.lower())
        remedy = f"write '{other}'" if other else suggest(key, (*Action, WRITE))
        self._problems.add(location, f"unknown operation {quoted(key)}", remedy)
        return ()

    def _who(self, value: Plain, path: Path) -> tuple[str, ...]:
        """Return who one rule, or a list of them, allows."""
        rules = value if isinstance(value, list) else [value]
        if isinstance(value, list) and not value:
            self._add(path, "the list is empty", f"for no caller, write {NOBODY}")
        paths = [(*path, n) for n in range(len(rules))] if isinstance(value, list) else [path]
        found = [*self._known(zip(rules, paths, strict=True))]
        if NOBODY in found and len(found) > 1:
            self._add(path, f"{NOBODY!r} together with others", "remove it, or the others")
        return tuple(who for who in found if who != NOBODY)

    def _known(self, rules: "zip[tuple[Plain, Path]]") -> Iterator[str]:
        seen: set[str] = set()
        for rule, path in rules:
            if not isinstance(rule, str):
                self._add(path, "expected who may do this", suggest("", self._words))
            elif rule in seen:
                self._add(path, f"duplicate rule {quoted(rule)}", "remove one of them")
            elif rule in self._words:
                seen.add(rule)
                yield rule
            elif condition := re.search(r"\s(if|where|when)\b", rule):
                location = self._written.locate(*path)
                problem = "conditions are not supported in this version"
                remedy = f"write {NOBODY}, or a role that may do this with all rows"
                self._problems.add(_part(location, rule, condition), problem, remedy)
            elif rule == "owner":
                problem = "'owner' is not supported in this version"
                self._add(path, problem, ACCESS_KEYS["owner"])
            else:
                other = _OTHER_CALLERS.get(rule.lower())
                roles = [word for word in self._words if word != NOBODY]
                remedy = f"write '{other}'" if other else suggest(rule, roles)
                if remedy.startswith("allowed"):
                    remedy += "; or add it to the roles of 'auth' in crudgen.yaml"
                self._add(path, f"unknown role {quoted(rule)}", remedy)

    def _add(self, path: Path, problem: str, remedy: str) -> None:
        self._problems.add(self._written.locate(*path), problem, remedy)


def _part(location: Location, rule: str, match: re.Match[str]) -> Location:
    """Return the location of the condition of a rule, if the rule stands in the file as it is."""
    written = location.source[location.column - 1 :]
    quotes = next((n for n in (0, 1) if written[n:].startswith(rule)), None)
    if quotes is None:
        return location
    return location.part(quotes + match.start(1), len(match[1]))
