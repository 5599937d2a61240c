"""View of users who log in. Reason to change: what a project with users has."""

from collections.abc import Iterator

from crudgen.codegen.code import Code, raw
from crudgen.codegen.imports import Imports
from crudgen.language.access import Auth
from crudgen.language.schema import Schema

_MODULES = (
    *("accounts", "credentials", "delays", "login_routes", "login_settings", "logins"),
    *("own_tokens", "passwords"),
)
"""Modules of `kit/access` for users."""


def has_users(auth: Auth | None) -> bool:
    """Return whether an application has users of its own."""
    return auth is not None and auth.users


def kit_of_users(auth: Auth | None) -> dict[str, bool]:
    """Return whether a project needs each of the modules of the kit for users."""
    paths = (*(f"access/{name}.py" for name in _MODULES), "user_commands.py")
    return dict.fromkeys(paths, has_users(auth))


def settings_base(schema: Schema) -> tuple[str, str]:
    """Return the module and the name of the base class of the settings."""
    if schema.auth is None:
        return ".kit.settings", "BaseAppSettings"
    if schema.auth.users:
        return ".kit.access.login_settings", "LoginSettings"
    return ".kit.access.settings", "AuthSettings"


def user_routers(auth: Auth | None, imports: Imports) -> Iterator[Code]:
    """Yield the routers of users: `user_routes(Caller)`."""
    if has_users(auth):
        routes = imports.name(".kit.access.login_routes", "user_routes")
        yield routes + raw("(") + imports.name(".caller", "Caller") + raw(")")


def use_commands(auth: Auth | None, imports: Imports) -> None:
    """Add the imports of the commands of users to those of `python -m app`."""
    if has_users(auth):
        imports.use(".kit.user_commands", "run_user_command")
        imports.use(".caller", "Caller")
        imports.use(".settings", "Settings")
