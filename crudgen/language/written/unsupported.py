"""Keys and types that this version does not support. Reason to change: a new capability."""

import re

from crudgen.language.schema import TypeName
from crudgen.language.yaml.problems import suggest

_CHECK_CALLER = "emit the project, and add a dependency to the routers in app/main.py"
_WRITE_HANDLER = "emit the project, and write a handler in app/main.py"

ENTITY_KEYS: dict[str, str] = {
    "access": _CHECK_CALLER,
    **dict.fromkeys(("hooks", "actions"), _WRITE_HANDLER),
}
"""Unsupported keys of an entity, and what to do instead."""

APP_KEYS: dict[str, str] = dict.fromkeys(("auth", "users", "access"), _CHECK_CALLER)
"""Unsupported keys of crudgen.yaml, and what to do instead."""

_REFERENCE = re.compile(r"\s*(?:(?:ref(?:erence)?|fk)\b[ (]*)?([A-Z]\w*)\)?(\?)?", re.ASCII)


def type_remedy(word: str) -> str:
    """Return the remedy for an unknown type, which may be the name of an entity."""
    remedy = suggest(word, TypeName)
    entity = _REFERENCE.fullmatch(word)
    if remedy.startswith("allowed") and entity:
        return f"for a reference, write '-> {entity[1]}{entity[2] or ''}'"
    return remedy
