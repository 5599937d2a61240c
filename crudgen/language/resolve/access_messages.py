"""Resolves rules with a message. Reason to change: the keys of a rule in the long form."""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from crudgen.language.access import RuleAboutRows
from crudgen.language.written.reading import WrittenSpec
from crudgen.language.written.spec import EntitySpec
from crudgen.language.yaml.nodes import YamlValue
from crudgen.language.yaml.problems import Problems, quoted, suggest

Path = tuple[str | int, ...]
_KEYS = ("rule", "says")
_MAX_SAYS = 200
_SUCH = "such as '{rule: user if active, says: The row is not active}'"


def split_messages(
    written: WrittenSpec[EntitySpec], rules: Iterable[tuple[YamlValue, Path]], problems: Problems
) -> Iterator[tuple[YamlValue, Path, str | None]]:
    """Yield each rule, its path and its message; add a problem for an invalid long form."""
    for rule, path in rules:
        if not isinstance(rule, dict):
            yield rule, path, None
            continue
        unknown = [key for key in rule if key not in _KEYS]
        if unknown:
            location = written.locate_key(*path, unknown[0])
            problems.add(location, f"unknown key {quoted(unknown[0])}", suggest(unknown[0], _KEYS))
        elif rule.keys() != {*_KEYS}:
            missing = next(key for key in _KEYS if key not in rule)
            problems.add(written.locate(*path), f"{missing!r} is missing", _SUCH)
        elif says := _valid_message(rule["says"]):
            yield rule["rule"], (*path, "rule"), says
        else:
            problem = f"expected one line of text, of up to {_MAX_SAYS} characters"
            problems.add(written.locate(*path, "says"), problem, "such as 'The row is not active'")


def _valid_message(text: YamlValue) -> str | None:
    """Return the message, or None if it is not one line of text."""
    if not isinstance(text, str) or len(text) > _MAX_SAYS or not text.isprintable():
        return None
    return text.strip() or None


def with_message(
    found: list[RuleAboutRows],
    says: str | None,
    path: Path,
    written: WrittenSpec[EntitySpec],
    problems: Problems,
) -> list[RuleAboutRows]:
    """Return the rules with their line, and the message of a denial, which needs a condition."""
    location = written.locate(*path)
    if says is not None and not found:
        remedy = "remove it: the response names who may do this"
        problems.add(written.locate(*path[:-1], "says"), "'says' needs a rule with 'if'", remedy)
    return [replace(one, says=says, line=location.line) for one in found]
