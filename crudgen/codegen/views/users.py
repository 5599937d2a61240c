"""View of users who log in. Reason to change: what a project with users has."""

from collections.abc import Iterator

from crudgen.codegen.code import Code, raw
from crudgen.codegen.imports import Imports
from crudgen.language.access import Auth
from crudgen.language.schema import Schema

_OF_USERS = (
    *("accounts", "delays", "login_routes", "login_settings", "logins"),
    *("passwords", "user_table", "user_tokens"),
)
"""Modules of `kit/access` for users."""
_OF_BOTH = ("credentials", "own_settings", "own_tokens", "subjects")
"""Modules of `kit/access` for users and API keys."""


def has_users(auth: Auth | None) -> bool:
    """Return whether an application has users of its own."""
    return auth is not None and auth.users


def has_keys(auth: Auth | None) -> bool:
    """Return whether an application has API keys."""
    return auth is not None and auth.keys


def kit_of_users(auth: Auth | None) -> dict[str, bool]:
    """Return whether a project needs each of the modules of the kit for users and API keys."""
    users, keys = has_users(auth), has_keys(auth)
    return {
        **{f"access/{name}.py": users for name in _OF_USERS},
        **{f"access/{name}.py": users or keys for name in _OF_BOTH},
        "access/api_keys.py": keys,
        "command_line.py": users or keys,
        "key_commands.py": keys,
        "user_commands.py": users,
    }


def settings_base(schema: Schema) -> tuple[str, str]:
    """Return the module and the name of the base class of the settings."""
    if schema.auth is None:
        return ".kit.settings", "BaseAppSettings"
    if schema.auth.users:
        return ".kit.access.login_settings", "LoginSettings"
    if schema.auth.keys:
        return ".kit.access.own_settings", "OwnTokenSettings"
    return ".kit.access.settings", "AuthSettings"


def settings_of_users(auth: Auth | None, imports: Imports) -> Iterator[Code]:
    """Yield the settings of users that differ from those of the kit."""
    if has_users(auth) and has_keys(auth):
        kind = imports.name("typing", "ClassVar")
        yield raw("api_keys: ") + kind + raw("[bool] = True")


def user_routers(auth: Auth | None, imports: Imports) -> Iterator[Code]:
    """Yield the routers of users: `user_routes(Caller)`."""
    if has_users(auth):
        routes = imports.name(".kit.access.login_routes", "user_routes")
        yield routes + raw("(") + imports.name(".caller", "Caller") + raw(")")


def use_commands(auth: Auth | None, imports: Imports) -> None:
    """Add the imports of the commands of users and keys to those of `python -m app`."""
    if has_users(auth):
        imports.use(".kit.user_commands", "run_user_command")
    if has_keys(auth):
        imports.use(".kit.key_commands", "run_key_command")
    if has_users(auth) or has_keys(auth):
        imports.use(".caller", "Caller")
        imports.use(".settings", "Settings")
