"""Keys that this version does not support. Reason to change: a new capability."""

_CHECK_CALLER = "emit the project, and add a dependency to the routers in app/main.py"
_WRITE_HANDLER = "emit the project, and write a handler in app/main.py"

ENTITY_KEYS: dict[str, str] = {
    "access": _CHECK_CALLER,
    **dict.fromkeys(("hooks", "actions"), _WRITE_HANDLER),
}
"""Unsupported keys of an entity, and what to do instead."""

APP_KEYS: dict[str, str] = dict.fromkeys(("auth", "users", "access"), _CHECK_CALLER)
"""Unsupported keys of crudgen.yaml, and what to do instead."""
