"""Opens the stored users and API keys. Reason to change: how a spec enables or stores them."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from crudgen.cli import source
from crudgen.errors import CrudgenError

_COMMANDS = {
    "user": ("user_commands", "user_row_commands"),
    "key": ("key_commands", "user_row_key_commands"),
}
"""The modules of the kit with the commands: without, and with users who are rows of an entity."""


@contextmanager
def opened_users(
    entities: Path, url: str | None, *, row_options: str = ""
) -> Iterator[tuple[Any, Any]]:
    """Yield the kit's module of commands, and the users of an application. Raises CrudgenError.

    `row_options` names the given options that require users who are rows of an entity.
    """
    missing = "the spec has no users of its own\n  write 'auth: {users: true}' in crudgen.yaml"
    with _opened_accounts("user", entities, url, missing, row_options) as found:
        yield found


@contextmanager
def opened_keys(
    entities: Path, url: str | None, *, row_options: str = ""
) -> Iterator[tuple[Any, Any]]:
    """Yield the kit's module of commands, and the API keys of an application. Raises CrudgenError.

    `row_options` names the given options that require users who are rows of an entity.
    """
    missing = "the spec has no API keys\n  write 'auth: {keys: true}' in crudgen.yaml"
    with _opened_accounts("key", entities, url, missing, row_options) as found:
        yield found


@contextmanager
def _opened_accounts(
    kind: str, entities: Path, url: str | None, missing: str, row_options: str
) -> Iterator[tuple[Any, Any]]:
    schema, tree = source.render_to_serve(source.read(entities))
    auth = schema.auth
    if auth is None or not (auth.users if kind == "user" else auth.keys):
        raise CrudgenError(missing)
    if auth.user_entity is None and row_options:
        verb = "require" if " and " in row_options else "requires"
        raise CrudgenError(
            f"{row_options} {verb} users who are rows of an entity\n"
            "  in crudgen.yaml, write the name of the entity, such as 'auth: {users: User}'"
        )
    from crudgen.delivery.administration import opened_accounts  # noqa: PLC0415 -- lazy

    plain, about_rows = _COMMANDS[kind]
    commands = plain if auth.user_entity is None else about_rows
    with opened_accounts(tree, commands, url) as found:
        yield found
