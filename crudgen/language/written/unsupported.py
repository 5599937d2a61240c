"""Keys and types that this version does not support. Reason to change: a new capability."""

import re

from crudgen.language.schema import TypeName
from crudgen.language.yaml.locations import Location
from crudgen.language.yaml.problems import Problems, suggest

_STORE_KEY = "store the key in a field, such as 'team_id: int index'"
_CHECK_CALLER = "emit the project, and add a dependency to the routers in app/main.py"
_WRITE_HANDLER = "emit the project, and write a handler in app/main.py"

ENTITY_KEYS: dict[str, str] = {
    **dict.fromkeys(("links", "relations"), _STORE_KEY),
    "access": _CHECK_CALLER,
    **dict.fromkeys(("hooks", "actions"), _WRITE_HANDLER),
}
"""Unsupported keys of an entity, and what to do instead."""

APP_KEYS: dict[str, str] = dict.fromkeys(("auth", "users", "access"), _CHECK_CALLER)
"""Unsupported keys of crudgen.yaml, and what to do instead."""

_REFERENCE = re.compile(r"\s*(?:->|(?:ref(?:erence)?|fk)\b)", re.IGNORECASE)
_ENTITY = re.compile(r"[A-Z][a-z]\w*\??")


def is_reference(text: str) -> bool:
    """Return whether a field is written as a reference to an entity."""
    return _REFERENCE.match(text) is not None


def report_reference(location: Location, problems: Problems) -> None:
    """Add the problem that this version does not support references."""
    problem = "references between entities are not supported in this version"
    problems.add(location, problem, _STORE_KEY)


def type_remedy(word: str) -> str:
    """Return the remedy for an unknown type, which may be the name of an entity."""
    remedy = suggest(word, TypeName)
    if remedy.startswith("allowed") and _ENTITY.fullmatch(word):
        return f"references are not supported in this version: {_STORE_KEY}"
    return remedy
