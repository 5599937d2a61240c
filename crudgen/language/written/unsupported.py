"""Keys that this version does not support. Reason to change: a new capability."""

_WRITE_HANDLER = "emit the project, and write a handler in app/main.py"
_USERS = "write 'users: true' in 'auth'"

ENTITY_KEYS: dict[str, str] = {"actions": _WRITE_HANDLER}
"""Unsupported keys of an entity, and what to do instead."""

APP_KEYS: dict[str, str] = {
    "users": _USERS,
    "access": "write 'access' in the file of each entity",
}
"""Unsupported keys of crudgen.yaml, and what to do instead."""

ACCESS_KEYS: dict[str, str] = {
    "fields": "leave the field out with 'write_only', or move it to another entity",
}
"""Unsupported keys of `access`, and what to do instead."""
