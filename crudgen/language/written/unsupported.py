"""Keys that this version does not support. Reason to change: a new capability."""

_WRITE_HANDLER = "emit the project, and write a handler in app/main.py"
_LOG_IN = "use the tokens of an identity provider: 'tokens: {issuer: …, audience: …}'"

ENTITY_KEYS: dict[str, str] = dict.fromkeys(("hooks", "actions"), _WRITE_HANDLER)
"""Unsupported keys of an entity, and what to do instead."""

APP_KEYS: dict[str, str] = {
    "users": _LOG_IN,
    "access": "write 'access' in the file of each entity",
}
"""Unsupported keys of crudgen.yaml, and what to do instead."""

AUTH_KEYS: dict[str, str] = {"users": _LOG_IN}
"""Unsupported keys of `auth`, and what to do instead."""

ACCESS_KEYS: dict[str, str] = {
    "fields": "leave the field out with 'write_only', or move it to another entity",
    "says": "remove it: the message names the roles that may",
}
"""Unsupported keys of `access`, and what to do instead."""
