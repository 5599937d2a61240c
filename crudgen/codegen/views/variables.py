"""Names of an entity's variables and folder. Reason to change: a name that they must not have."""

from collections.abc import Collection
from functools import lru_cache
from keyword import iskeyword

from crudgen.codegen.code import Code, identifier
from crudgen.language.names import ModuleName
from crudgen.language.reserved import APP_MODULES, WINDOWS_DEVICES
from crudgen.language.schema import Entity

PARAMETERS = frozenset({"db", "request", "query", "ids", "idempotency_key"})
"""Parameters of handlers that have the same names for all entities."""
FUNCTIONS = ("create", "read", "update", "replace", "delete")
"""Prefixes of the names of handlers."""
_NOT_FOLDERS = APP_MODULES | WINDOWS_DEVICES


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
        actions = {f"{action.name}_{singular}" for action in entity.actions}
        self.functions = actions.union(
            f"{verb}_{noun}" for verb in FUNCTIONS for noun in (singular, plural)
        )
        common = {*PARAMETERS, "me"} if entity.access else PARAMETERS
        parameters = {singular, self.key, self.created, self.changed, *common}
        self.resource = free_name(plural, {"router", *parameters, *self.functions})
        self.payload = free_name(singular, {self.resource, *common})


@lru_cache(maxsize=65_536)
def folder_name(plural: ModuleName) -> str:
    """Return the name of the folder of an entity: `heroes`, or `settings_` beside `settings.py`."""
    return free_name(plural, _NOT_FOLDERS)


@lru_cache(maxsize=65_536)
def models_module(plural: ModuleName) -> str:
    """Return the module with the models of an entity, from the folder of another entity."""
    return f"..{folder_name(plural)}.models"


def router_name(plural: str, taken: Collection[str] = ()) -> Code:
    """Return the name of a router in `app/api.py`, which is not `taken`: `heroes`."""
    return free_name(plural, taken)


def free_name(name: str, taken: Collection[str]) -> Code:
    """Return a name with underscores until it is neither taken nor a keyword."""
    while name in taken or iskeyword(name):
        name = f"{name}_"
    return identifier(name)
