"""View of users who log in. Reason to change: what a project with users has."""

from collections.abc import Iterator
from dataclasses import dataclass

from crudgen.codegen.code import Code, literal, name, raw, words
from crudgen.codegen.imports import Imports
from crudgen.codegen.layout import Bracket, call, statement
from crudgen.language.access import ROW_CLAIM, Auth
from crudgen.language.schema import Entity, Schema

from .tables import has_relations
from .variables import folder_name

_OF_USERS = (
    *("accounts", "delays", "login_routes", "login_settings", "logins"),
    *("passwords", "user_table", "user_tokens"),
)
"""Modules of `kit/access` for users."""
_OF_ROWS = (
    *("new_user_rows", "user_row_accounts", "user_row_caller", "user_row_settings"),
    *("user_row_tokens", "user_rows"),
)
"""Modules of `kit/access` for users who are rows of an entity."""
_OF_BOTH = ("credentials", "own_settings", "own_tokens", "subjects")
"""Modules of `kit/access` for users and API keys."""


def has_users(auth: Auth | None) -> bool:
    """Return whether an application has users of its own."""
    return auth is not None and auth.users


def has_keys(auth: Auth | None) -> bool:
    """Return whether an application has API keys."""
    return auth is not None and auth.keys


def users_are_rows(auth: Auth | None) -> bool:
    """Return whether the users are rows of an entity."""
    return auth is not None and auth.user_entity is not None


def kit_conditions_of_users(auth: Auth | None) -> dict[str, bool]:
    """Return the kit's files for users and API keys: whether a project needs each."""
    users, keys, rows = has_users(auth), has_keys(auth), users_are_rows(auth)
    return {
        **{f"access/{one}.py": users for one in _OF_USERS},
        **{f"access/{one}.py": users or keys for one in _OF_BOTH},
        **{f"access/{one}.py": rows for one in _OF_ROWS},
        "access/user_row_keys.py": rows and keys,
        "access/api_keys.py": keys,
        "command_line.py": users or keys,
        "key_commands.py": keys,
        "user_commands.py": users,
        "user_row_commands.py": rows,
        "user_row_key_commands.py": rows and keys,
    }


@dataclass(frozen=True, slots=True)
class UserRowsView:
    """The module that says which rows the users are."""

    imports: Code
    rows: Code
    plural: Code
    name: Code


def entity_of_users(schema: Schema) -> Entity | None:
    """Return the entity whose rows are the users, if the spec names one."""
    name = None if schema.auth is None else schema.auth.user_entity
    return next((one for one in schema.entities if one.name == name), None)


def user_rows_view(entity: Entity, schema: Schema) -> UserRowsView:
    """Return the view of the module that says which rows users are."""
    imports = Imports(schema.kit, defined={"USER_ROWS", str(entity.name)})
    if has_relations(schema):  # the references of a table need the other tables
        imports.use("..models", entity.name)
    else:
        imports.use(".models", entity.name)
    claims = () if schema.auth is None else schema.auth.me
    attributes = [one.claim.removeprefix(f"{ROW_CLAIM}.") for one in claims]
    rows = call(
        imports.name("..kit.access.user_rows", "UserRows"),
        [name(entity.name), Bracket("[", [*map(literal, dict.fromkeys(attributes))], "]")],
    )
    return UserRowsView(
        imports=imports.code(),
        rows=statement(raw("USER_ROWS = "), rows),
        plural=words(entity.plural),
        name=name(entity.name),
    )


def settings_base(schema: Schema) -> tuple[str, str]:
    """Return the module and the name of the base class of the settings."""
    if schema.auth is None:
        return ".kit.settings", "BaseAppSettings"
    if users_are_rows(schema.auth):
        return ".kit.access.user_row_settings", "RowLoginSettings"
    if schema.auth.users:
        return ".kit.access.login_settings", "LoginSettings"
    if schema.auth.keys:
        return ".kit.access.own_settings", "OwnTokenSettings"
    return ".kit.access.settings", "AuthSettings"


def settings_of_users(schema: Schema, imports: Imports) -> Iterator[Code]:
    """Yield the settings of users that differ from those of the kit."""
    auth = schema.auth
    if (entity := entity_of_users(schema)) is not None:
        kind = imports.name("typing", "ClassVar") + raw("[")
        kind += imports.name(".kit.access.user_rows", "UserRows") + raw("] = ")
        rows = imports.name(f".{folder_name(entity.plural)}.logins", "USER_ROWS")
        yield raw("user_rows: ") + kind + rows
    if has_users(auth) and has_keys(auth):
        kind = imports.name("typing", "ClassVar")
        yield raw("api_keys: ") + kind + raw("[bool] = True")


def user_routers(auth: Auth | None, imports: Imports) -> Iterator[Code]:
    """Yield the routers of users: `user_routes(Caller)`."""
    if has_users(auth):
        routes = imports.name(".kit.access.login_routes", "user_routes")
        yield routes + raw("(") + imports.name(".caller", "Caller") + raw(")")


def import_commands(auth: Auth | None, imports: Imports) -> None:
    """Add the imports of the commands of users and keys to those of `python -m app`."""
    if has_users(auth):
        module = ".kit.user_row_commands" if users_are_rows(auth) else ".kit.user_commands"
        imports.use(module, "run_user_command")
    if has_keys(auth):
        module = ".kit.user_row_key_commands" if users_are_rows(auth) else ".kit.key_commands"
        imports.use(module, "run_key_command")
    if has_users(auth) or has_keys(auth):
        imports.use(".caller", "Caller")
        imports.use(".settings", "Settings")
