"""Reserved names. Reason to change: another name in generated code, a library or a database."""

from keyword import iskeyword, issoftkeyword


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


QUERY_PARAMETERS = _words(
    """
    count cursor fields limit offset or q sort
    """
)
"""Query parameters of every list operation: a field of this name could not be a filter."""

SQL_KEYWORDS = _words(
    """
    collation concurrently lateral nothing returning system_user tablesample
    """
)
"""Keywords of SQLite and PostgreSQL that SQLAlchemy quotes only on request."""

LIBRARY_ATTRIBUTES = _words(
    """
    cls construct copy dict from_orm json metadata mro parse_file parse_obj parse_raw register
    registry schema schema_json sqlmodel_update update_forward_refs validate
    """
)
"""Attributes of pydantic and SQLAlchemy models; the prefixes `model_` and `sa_` are reserved too.

`cls` is the first parameter of SQLModel's `__new__`, which takes field values as keywords.
"""

SYSTEM_COLUMNS = _words(
    """
    cmax cmin ctid tableoid xmax xmin
    """
)
"""System columns of every PostgreSQL table."""

DERIVED_SUFFIXES = (
    *("Base", "Create", "Update", "UpdateById", "Public"),
    *("Id", "Ids", "Query", "Filters", "Sort"),
)
"""Suffixes of the classes and types that are generated for an entity."""

WINDOWS_DEVICES = frozenset(
    {
        *("aux", "con", "conin$", "conout$", "nul", "prn"),
        *(f"{port}{number}" for port in ("com", "lpt") for number in "0123456789¹²³"),
    }
)
"""Device names of Windows: no file or folder can have one, with any suffix."""

APP_MODULES = _words(
    """
    api kit main models settings
    """
)
"""Modules and packages in the folder `app` of a generated project."""

RESERVED_PATHS = ("/docs", "/redoc", "/openapi.json", "/openapi", "/live", "/ready", "/metrics")
"""Paths of the generated application. Paths below them are reserved too."""


def field_name_problem(name: str) -> str | None:
    """Return why a valid field name is reserved as attribute, column or JSON name, or None."""
    return _attribute_problem(name) or _column_problem(name) or _json_name_problem(name)


def _attribute_problem(name: str) -> str | None:
    if iskeyword(name) or issoftkeyword(name):
        return "it is a Python keyword"
    if name.startswith(("model_", "sa_")):
        return "the prefixes 'model_' and 'sa_' are reserved by pydantic and SQLModel"
    if name in LIBRARY_ATTRIBUTES:
        return "it is an attribute of SQLModel, pydantic or SQLAlchemy models"
    return None


def _column_problem(name: str) -> str | None:
    if name in SYSTEM_COLUMNS:
        return "it is a system column of PostgreSQL"
    return None


def _json_name_problem(name: str) -> str | None:
    if "__" in name:
        return "'__' separates field and operator in filters such as 'age__gte'"
    if name.endswith("_"):
        return "a field name does not end with '_'"
    if name in QUERY_PARAMETERS:
        return "it is a query parameter of every list operation"
    return None


def class_name_problem(name: str) -> str | None:
    """Return why a valid entity name is reserved, or None."""
    if iskeyword(name):
        return f"it is a Python keyword: write '{name}Item' or the like"
    return None


def module_name_problem(name: str) -> str | None:
    """Return why a valid plural, or the singular of an entity, is reserved, or None."""
    if name.endswith("_"):
        return f"generated code appends '_' to names: write {name.rstrip('_')!r}"
    return None


def file_name_problem(name: str) -> str | None:
    """Return why a file or folder name is not portable to Windows, or None."""
    stem = name.split(".", maxsplit=1)[0].rstrip(" ").lower()
    if stem in WINDOWS_DEVICES:
        return f"{stem!r} is a device name on Windows, with any suffix"
    if name.endswith((".", " ")):
        return "Windows removes a dot or space at the end of a name"
    return None


def table_name_problem(name: str) -> str | None:
    """Return why a valid table name is reserved, or None."""
    if name.startswith(("sqlite_", "pg_")):
        return "the prefixes 'sqlite_' and 'pg_' are reserved by the databases"
    if name == "alembic_version":
        return "Alembic stores its revision in this table"
    if name == "excluded":
        return "it is the name of the rejected row in ON CONFLICT"
    return None


def path_problem(path: str) -> str | None:
    """Return why a valid path is reserved, or None."""
    for reserved in RESERVED_PATHS:
        if path == reserved or path.startswith(f"{reserved}/"):
            return f"{reserved!r} is a path of the application itself"
    return None
