"""What the user's files must contain. Reason to change: another line that generated code needs."""

from crudgen.language.schema import Entity, KitForm, Schema

from .needs import Argument, Function, Need, Required, ToolTable, Variable
from .views.distribution import MCP, POSTGRES, WEBHOOKS, requirements
from .views.hooks import function_name, hook_functions_of, signature
from .views.references import Entities

WIRING = (
    Argument("database", "Database", "preparing", "database_prepared"),
    Argument("database", "Database", "read_only", "database_read_only"),
    Argument("application", "Application", "root_path", "root_path"),
    Variable("app", "create_app"),
)
"""What an `app/main.py` must contain that does not call `build_application`."""
_ALEMBIC = ToolTable(
    "alembic", ('script_location = "%(here)s/migrations"', 'prepend_sys_path = ["%(here)s"]')
)


def needs_of_hooks(entity: Entity, entities: Entities, kit: KitForm) -> tuple[Need, ...]:
    """Return the functions that the module with those of an entity must have."""
    names = {*map(str, entities)}
    return tuple(
        Function(function_name(one), signature(entity, names, kit, one))
        for one in hook_functions_of(entity)
    )


def needs_of_project(schema: Schema) -> tuple[Need, ...]:
    """Return the requirements and tables that pyproject.toml must have."""
    drivers = POSTGRES if schema.database.startswith("postgresql:") else ()
    return (
        *(Required(one, everywhere=one in (*WEBHOOKS, *MCP)) for one in requirements(schema)),
        *(Required(one, extra="postgres") for one in drivers),
        *((_ALEMBIC,) if schema.migrations else ()),
    )
