"""How to add the first user, if the database has none. Reason to change: the command's options."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from crudgen.cli import source

if TYPE_CHECKING:
    from crudgen.language.schema import Schema


def advice(schema: "Schema", database: str, entities: Path, given: str | None) -> str:
    """Return what to do if users can log in, and there are none; empty if there are some.

    `database` is the URL that is used, and `given` the one that was an option of the command.
    """
    if schema.auth is None or not schema.auth.users:
        return ""
    from crudgen.delivery.administration import has_users  # noqa: PLC0415 -- lazy
    from crudgen.evolution.connecting import without_password  # noqa: PLC0415 -- lazy

    if has_users(database):
        return ""
    words = ["crudgen", "user", "add", "NAME"]
    if schema.auth.roles:
        words += ["--role", str(schema.auth.roles[0])]
    if schema.auth.user_entity is not None:
        words += ["--set", "PROPERTY=VALUE"]
    if entities != source.DEFAULT:
        words += ["--entities", str(entities)]
    if given is not None:
        words += ["--database", without_password(given)]
    return f"There are no users, so nobody can log in. Add one: {shlex.join(words)}"
