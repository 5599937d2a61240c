"""The option --admin of `crudgen serve`. Reason to change: where the page may be served."""

from dataclasses import replace
from ipaddress import ip_address
from typing import TYPE_CHECKING

from crudgen.errors import ServeError

if TYPE_CHECKING:
    from crudgen.language.schema import Schema


class AddedAdminPage:
    """Adds the admin page to a schema, whether its spec has it or not."""

    def __init__(self, host: str) -> None:
        self._host = host

    def __call__(self, schema: "Schema") -> "Schema":
        """Return the schema with the page.

        Raises ServeError if others than this host could use it without a login, or if an entity
        has its path.
        """
        from crudgen.language.reserved import PATH_OF_ADMIN  # noqa: PLC0415 -- lazy

        if schema.auth is None and not _is_loopback(self._host):
            raise ServeError(
                f"--admin with --host {self._host}: without 'auth' in crudgen.yaml, the page has no"
                " login, and anyone who can connect to this address could use it\n"
                "  remove --host, or add 'auth' to crudgen.yaml"
            )
        for entity in schema.entities:
            if f"{entity.path}/".startswith(f"{PATH_OF_ADMIN}/"):
                raise ServeError(
                    f"{entity.name} has the path {entity.path}, and --admin serves the admin page"
                    f" at {PATH_OF_ADMIN}\n  remove --admin, or set another 'path' of"
                    f" {entity.name}"
                )
        return replace(schema, admin=True)


def _is_loopback(host: str) -> bool:
    """Return whether a host is this one by a loopback address: localhost, 127.0.0.1 or ::1."""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
