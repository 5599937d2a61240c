"""Keys that this version does not support. Reason to change: a new capability."""

_USERS = "write 'users: true' in 'auth', or the name of an entity"

APP_KEYS: dict[str, str] = {
    "users": _USERS,
    "access": "write 'access' in the file of each entity",
}
"""Unsupported keys of crudgen.yaml, and what to do instead."""
