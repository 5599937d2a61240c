"""Names of an entity's variables and folder. Reason to change: a name that they must not have."""

from collections.abc import Collection
from keyword import iskeyword

from crudgen.codegen.code import Code, identifier
from crudgen.language.names import ModuleName
from crudgen.language.reserved import APP_MODULES, WINDOWS_DEVICES
from crudgen.language.schema import Entity

PARAMETERS = frozenset({"db", "request", "query", "ids", "idempotency_key"})
"""Parameters of handlers that have the same names for all entities."""
FUNCTIONS = ("create", "read", "update", "replace", "delete")
"""Prefixes of the names of handlers."""


class Variables:
    """The names of the variables in the routes of an entity.

    They are the singular and plural: `hero`, `heroes`. A name that is a keyword or is used
    otherwise gets an underscore: `class_`, `request_`.
    """

    def __init__(self, entity: Entity) -> None:
        singular, plural = entity.singular, entity.plural
        self.key = identifier(f"{singular}_id")
        self.created = identifier(f"new_{plural}")
        self.changed = identifier(f"changed_{plural}")
        self.functions = frozenset(
            f"{verb}_{noun}" for verb in FUNCTIONS for noun in (singular, plural)
        )
        parameters = {singular, self.key, self.created, self.changed, *PARAMETERS}
        self.resource = _free(plural, {"router", *parameters, *self.functions})
        self.payload = _free(singular, {self.resource, *PARAMETERS})


def folder_name(plural: ModuleName) -> str:
    """Return the name of the folder of an entity: `heroes`, or `settings_` beside `settings.py`."""
    return _free(plural, APP_MODULES | WINDOWS_DEVICES)


def router_name(plural: ModuleName) -> Code:
    """Return the name of the router of an entity in `app/api.py`: `heroes`."""
    return _free(plural, ())


def _free(name: str, taken: Collection[str]) -> Code:
    while name in taken or iskeyword(name):
        name = f"{name}_"
    return identifier(name)
