"""Resolves `fields` of `access`. Reason to change: the keys of a rule about a field."""

from collections.abc import Callable, Iterator, Sequence

from crudgen.language.access import WRITE, Action, Allowed, FieldRules
from crudgen.language.names import FieldName
from crudgen.language.written.reading import WrittenSpec
from crudgen.language.written.spec import EntitySpec
from crudgen.language.yaml.nodes import YamlValue
from crudgen.language.yaml.problems import Problems, quoted, suggest

FIELDS = "fields"
"""The key of `access` with the rules about fields."""
_KEYS: dict[str, tuple[Action, ...]] = {
    Action.READ: (Action.READ,),
    WRITE: (Action.CREATE, Action.UPDATE),
}
"""What the keys of a field are about."""
_OTHERS = {
    **dict.fromkeys(("see", "view", "show", "get", "list"), Action.READ),
    **dict.fromkeys(("set", "edit", "change", "create", "update", "patch"), WRITE),
}
"""Other words for these keys."""
_SUCH = "such as 'fields: {email: {read: user}}'"
Path = tuple[str | int, ...]
Reader = Callable[[YamlValue, Path, Sequence[Action]], Allowed]
"""Reads a rule, or a list of them."""


def resolve_field_rules(
    written: WrittenSpec[EntitySpec], value: YamlValue, read: Reader, problems: Problems
) -> tuple[FieldRules, ...]:
    """Return the rules about fields; add a problem for each that is invalid."""
    if not isinstance(value, dict) or not value:
        location = written.locate("access", FIELDS)
        problems.add(location, "expected fields, each with who may read or write it", _SUCH)
        return ()
    known = dict.fromkeys([*written.spec.fields])
    found = []
    for name, rules in value.items():
        if name in known:
            found.append(_resolve_rules_of_field(written, name, rules, read, problems))
        elif name not in written.broken:
            location = written.locate_key("access", FIELDS, name)
            remedy = suggest(name, known)
            if name == "id":
                remedy = "remove it: whoever may read a row may see its key"
            problems.add(location, f"unknown field {quoted(name)}", remedy)
    return tuple(found)


def _resolve_rules_of_field(
    written: WrittenSpec[EntitySpec], name: str, value: YamlValue, read: Reader, problems: Problems
) -> FieldRules:
    path = ("access", FIELDS, name)
    if not isinstance(value, dict):
        # The rules are read twice, and a mistake in them is one problem.
        before = len(problems)
        reading = read(value, path, _KEYS[Action.READ])
        writing = reading if len(problems) > before else read(value, path, _KEYS[WRITE])
        return FieldRules(FieldName(name), reading, writing)
    if not value:
        problems.add(
            written.locate(*path), "the field has no rule", "say who may 'read' or 'write' it"
        )
    allowed = {
        key: read(value[key], (*path, key), _KEYS[key])
        for key in _valid_keys(written, path, value, problems)
    }
    return FieldRules(FieldName(name), allowed.get(Action.READ), allowed.get(WRITE))


def _valid_keys(
    written: WrittenSpec[EntitySpec], path: Path, value: dict[str, YamlValue], problems: Problems
) -> Iterator[str]:
    """Yield the valid keys of a rule about a field; add a problem for the others."""
    for key in value:
        if key in _KEYS:
            yield key
        else:
            other = _OTHERS.get(key.lower())
            remedy = f"write '{other}'" if other else suggest(key, _KEYS)
            problems.add(written.locate_key(*path, key), f"unknown key {quoted(key)}", remedy)
