"""Reserved names. Reason to change: another name in generated code, a library or a database."""

import re
from keyword import iskeyword

from .names import folded


def _word_set(text: str) -> frozenset[str]:
    return frozenset(text.split())


PROTECTED_PREFIXES = ("model_dump", "model_validate")
"""Prefixes that pydantic warns about."""

SQL_KEYWORDS = _word_set(
    """
    collation concurrently lateral nothing returning system_user tablesample
    """
)
"""Keywords of SQLite and PostgreSQL that SQLAlchemy quotes only on request."""

LIBRARY_ATTRIBUTES = _word_set(
    """
    cls construct copy dict from_orm json metadata mro parse_file parse_obj parse_raw register
    registry schema schema_json sqlmodel_update update_forward_refs validate
    model_computed_fields model_config model_construct model_copy model_extra model_fields
    model_fields_set model_json_schema model_parametrized_name model_post_init model_rebuild
    """
)
"""Attributes of SQLModel, pydantic and SQLAlchemy models.

`cls` is the first parameter of SQLModel's `__new__`, which takes field values as keywords.
"""

SYSTEM_COLUMNS = _word_set(
    """
    cmax cmin ctid tableoid xmax xmin
    """
)
"""System columns of every PostgreSQL table."""

TABLE_PREFIXES = ("sqlite_", "pg_")
"""Prefixes of the tables of the databases themselves."""

TABLES = {
    "alembic_version": "Alembic stores its revision in this table",
    "excluded": "it is the name of the rejected row in ON CONFLICT",
    **dict.fromkeys(
        ("_answer", "_credential", "_delivery", "_event", "_login", "_secret", "_write_lock"),
        "the application has a table of this name",
    ),
}
"""Names of tables that are in use, and by what."""

CLASS_SUFFIXES = ("Base", "Create", "Update", "UpdateById", "Public")
"""Suffixes of the classes that are generated for an entity."""

BODY_SUFFIXES = (
    *("CreateWithRelated", "CreateWithKeys", "UpdateWithRelated", "UpdateByIdWithRelated"),
    *("PublicWithCreated", "PublicWithKeys"),
)
"""Suffixes of the classes of bodies that write more than one row, for an entity with `write`."""

DERIVED_SUFFIXES = (
    *CLASS_SUFFIXES,
    *("PublicWithRelated", "PublicWithEmbedded"),
    *("Id", "Ids", "Included", "Query", "Filters", "Sort"),
)
"""Suffixes of the classes and type aliases that are generated for an entity."""

SCHEMAS = _word_set(
    """
    Deleted FunctionProblem HTTPValidationError LinksChanged Me Message NewPassword Token
    ValidationError
    """
)
"""Names of the kit's schemas in OpenAPI."""

WINDOWS_DEVICES = frozenset(
    {
        *("aux", "con", "conin$", "conout$", "nul", "prn"),
        *(f"{port}{number}" for port in ("com", "lpt") for number in "0123456789¹²³"),
    }
)
"""Device names of Windows: no file or folder can have one, with any suffix."""

APP_MODULES = _word_set(
    """
    api caller kit main models settings
    """
)
"""Modules and packages in the folder `app` of a generated project."""

RESERVED_PATHS = ("/docs", "/redoc", "/openapi.json", "/openapi", "/live", "/ready", "/metrics")
"""Paths of the generated application. Paths below them are reserved too."""
PATHS_OF_AGENTS = ("/mcp",)
"""Paths of an application with tools for agents."""
PATH_OF_ADMIN = "/admin"
"""The path of the admin page."""
PATHS_OF_USERS = ("/login", "/logout", "/me")
"""Paths of an application with users of its own."""
OPERATIONS_OF_USERS = ("log_in", "log_out", "me", "change_password")
"""Ids of the operations at these paths, in OpenAPI."""


def attribute_for(name: str) -> str:
    """Return the Python attribute of a field: its name, plus '_' if that name is reserved."""
    return f"{name}_" if iskeyword(name) or name in LIBRARY_ATTRIBUTES else name


def attribute_problem(name: str) -> str | None:
    """Return why a valid field name cannot be an attribute of a model, or None."""
    if name.startswith(PROTECTED_PREFIXES):
        return "pydantic reserves the prefixes 'model_dump' and 'model_validate'"
    return None


def column_problem(name: str) -> str | None:
    """Return why a valid column name is reserved, or None."""
    if name in SYSTEM_COLUMNS:
        return f"it is a system column of PostgreSQL: write 'column({name}_)'"
    return None


def json_name_problem(name: str) -> str | None:
    """Return why a valid JSON name is reserved, or None."""
    if "__" in name:
        separate = "'__' separates property and operator in filters such as 'age__gte'"
        return f"{separate}: write 'json({re.sub('__+', '_', name).strip('_')})'"
    if name.endswith("_"):
        return f"filters such as 'age__gte' append '_' to it: write 'json({name.strip('_')})'"
    return None


def class_name_problem(name: str) -> str | None:
    """Return why a valid entity name is reserved, or None."""
    if iskeyword(name):
        return f"it is a Python keyword; use another name, such as '{name}Item'"
    return None


def module_name_problem(name: str) -> str | None:
    """Return why a valid plural, or the singular of an entity, is reserved, or None."""
    if name.endswith("_"):
        return f"generated code appends '_' to names: write {name.rstrip('_')!r}"
    return None


def file_name_problem(name: str) -> str | None:
    """Return why Windows reserves or changes a file or folder name, or None."""
    stem = name.split(".", maxsplit=1)[0].rstrip(" ").lower()
    if stem in WINDOWS_DEVICES:
        return f"{stem!r} is a device name on Windows, with any suffix"
    if name.endswith((".", " ")):
        return "Windows removes a dot or space at the end of a name"
    return None


def table_name_problem(name: str) -> str | None:
    """Return why a valid table name is reserved, or None."""
    lower = folded(name)
    reason = TABLES.get(lower)
    if lower.startswith(TABLE_PREFIXES):
        reason = "the prefixes 'sqlite_' and 'pg_' are reserved by the databases"
    return f"{reason}; set another one, such as 'table: my_{lower.strip('_')}'" if reason else None


def path_problem(path: str) -> str | None:
    """Return why a valid path is reserved, or None."""
    for reserved in RESERVED_PATHS:
        if path == reserved or path.startswith(f"{reserved}/"):
            remedy = f"set another one, such as 'path: /my-{path[1:]}'"
            return f"{reserved!r} is a path of the application; {remedy}"
    return None
