"""Names that are safe to print into source, SQL and URLs: their own types; plurals; reserved words.

Changes when generated code, or a library under it, takes a name for itself.
"""

import builtins
import re
from keyword import iskeyword, issoftkeyword
from typing import ClassVar, Self


class Name(str):
    """Text that matches the pattern of its kind, and can therefore be printed anywhere as it is.

    Raises ValueError when it does not.
    """

    __slots__ = ()
    PATTERN: ClassVar[re.Pattern[str]] = re.compile(r"(?!)")
    RULE: ClassVar[str] = ""

    def __new__(cls, text: str) -> Self:
        """Return the name, or raise ValueError with the rule of its kind."""
        if not cls.PATTERN.fullmatch(text):
            raise ValueError(cls.RULE)
        return super().__new__(cls, text)


class FieldName(Name):
    """A column, an attribute, a JSON property: `secret_name`."""

    __slots__ = ()
    PATTERN = re.compile(r"[a-z][a-z0-9_]{0,59}", re.ASCII)
    RULE = "a field name is 1 to 60 of a-z, 0-9 and '_', and starts with a letter"


class ClassName(Name):
    """An entity: `Hero`."""

    __slots__ = ()
    PATTERN = re.compile(r"[A-Z][A-Za-z0-9]{0,39}", re.ASCII)
    RULE = "an entity name is 1 to 40 letters and digits, and starts with a capital letter"


class ModuleName(Name):
    """A folder, a module, a function's part: `heroes`."""

    __slots__ = ()
    PATTERN = re.compile(r"[a-z][a-z0-9_]{0,59}", re.ASCII)
    RULE = "a plural is 1 to 60 of a-z, 0-9 and '_', and starts with a letter"


class TableName(Name):
    """A table: `hero`."""

    __slots__ = ()
    PATTERN = re.compile(r"[a-z][a-z0-9_]{0,49}", re.ASCII)
    RULE = "a table name is 1 to 50 of a-z, 0-9 and '_', and starts with a letter"


class UrlPath(Name):
    """The path of a collection: `/heroes`, `/v1/heroes`."""

    __slots__ = ()
    PATTERN = re.compile(r"(/[a-z0-9][a-z0-9_-]{0,59}){1,4}", re.ASCII)
    RULE = "a path is 1 to 4 parts such as '/heroes', of lower-case letters, digits, '-' and '_'"


QUERY_PARAMETERS = frozenset({"limit", "offset", "sort", "q", "fields", "count", "cursor", "or"})
"""Query parameters of a list: a field of the same name could not be filtered by."""

SHADOWING = frozenset(
    {
        *("bool", "bytes", "date", "datetime", "dict", "float", "frozenset", "int", "list"),
        *("object", "set", "str", "time", "timedelta", "tuple", "type"),
        *("utc_now", "utc_time", "utc_today"),
    }
)
"""Names that annotations and defaults use: after `date: date | None = None`, `date` is None."""

SQL_KEYWORDS = frozenset(
    {
        *("collation", "concurrently", "lateral", "nothing", "returning", "system_user"),
        "tablesample",
    }
)
"""Keywords of SQLite or PostgreSQL that SQLAlchemy does not put in quotes."""

LIBRARY_ATTRIBUTES = frozenset(
    {
        *("cls", "construct", "copy", "dict", "from_orm", "json", "metadata", "mro", "parse_file"),
        *("parse_obj", "parse_raw", "register", "registry", "schema", "schema_json"),
        *("sqlmodel_update", "update_forward_refs", "validate"),
    }
)
"""Attributes of models (pydantic, SQLAlchemy); `model_…` and `sa_…` are refused by prefix.

`cls` is what SQLModel's `__new__` calls the class, which is given the values by their names.
"""

SYSTEM_COLUMNS = frozenset({"tableoid", "xmin", "cmin", "xmax", "cmax", "ctid"})
"""Columns that PostgreSQL has in every table."""

RESERVED_CLASSES = frozenset(
    {
        *(
            "APIRouter",
            "Annotated",
            "Answers",
            "Any",
            "AsyncClient",
            "AsyncIterator",
            "AwareDatetime",
        ),
        *("Base64Bytes", "BaseAppSettings", "BaseModel", "BaseSettings", "BigInteger", "Body"),
        *("Callable", "Changes", "CheckConstraint", "ClassVar", "Database", "DatabaseDep"),
        *("DateTime", "Decimal", "Deleted", "Depends", "Ellipsis", "EmailStr", "EmailText"),
        *("Enum", "Exact", "ExactNumber", "Exception", "False", "FastAPI", "Field", "Final"),
        *(
            "ForeignKey",
            "HTTPException",
            "HTTPValidationError",
            "HttpUrl",
            "IdempotencyKey",
            "Index",
            "IsoDate",
        ),
        *("IsoTime", "Iterator", "JSON", "JSONResponse", "Json", "JsonValue", "LargeBinary"),
        *(
            "ListQuery",
            "Literal",
            "Many",
            "Model",
            "Multiline",
            "NaiveDatetime",
            "NfcText",
            "None",
            "NotFound",
            "NotImplemented",
        ),
        *("IntText", "Optional", "Path", "PlainSerializer", "Query", "ReadOnly", "Relationship"),
        *(
            "Request",
            "Resource",
            "Response",
            "Router",
            "SQLModel",
            "Self",
            "SerialInteger",
            "SparseRow",
        ),
        *(
            "StrEnum",
            "Text",
            "TextKey",
            "TextRule",
            "True",
            "TypeAlias",
            "TypeVar",
            "UUID",
            "Union",
        ),
        *("UniqueConstraint", "UrlText", "UtcDatetime", "UuidText", "ValidationError"),
    }
)
"""Names that generated modules import or define; every builtin of Python is refused too."""

DERIVED_SUFFIXES = (
    *("Base", "Create", "Update", "UpdateById", "Public"),
    *("Id", "Ids", "Query", "Filters", "Sort"),
)
"""Endings of the classes that are generated beside an entity's own."""

WINDOWS_DEVICES = frozenset(
    {
        *("aux", "con", "conin$", "conout$", "nul", "prn"),
        *(f"{port}{number}" for port in ("com", "lpt") for number in "0123456789¹²³"),
    }
)
"""Names of devices, which no file or folder of Windows can have, whatever its suffix."""

RESERVED_MODULES = frozenset(
    {
        *("api", "app", "body", "cls", "conftest", "database", "datetime", "date", "db"),
        *(
            "decimal",
            "errors",
            "fastapi",
            "fields",
            "idempotency_key",
            "ids",
            "init",
            "int",
            "json",
            "kit",
            "limit",
            "list",
        ),
        *(
            "main",
            "models",
            "offset",
            "payload",
            "pydantic",
            "query",
            "str",
            "request",
            "response",
            "router",
            "routes",
            "self",
            "settings",
        ),
        *("sqlalchemy", "sqlmodel", "starlette", "test", "tests", "time", "timedelta"),
        *("typing", "uuid"),
        *(name for name in WINDOWS_DEVICES if name.isascii() and name.isalnum()),
    }
)
"""Folders, functions and variables of a generated project."""

RESERVED_PATHS = ("/docs", "/redoc", "/openapi.json", "/openapi", "/live", "/ready", "/metrics")
"""Paths of the generated application itself; nothing may be below them either."""


_TAKEN_FIELDS = (
    (QUERY_PARAMETERS, "it is a query parameter of every list"),
    (SHADOWING, "it would hide the Python type of the same name"),
    (SQL_KEYWORDS, "it is a keyword of SQL"),
    (LIBRARY_ATTRIBUTES, "SQLModel, pydantic or SQLAlchemy uses it"),
    (SYSTEM_COLUMNS, "PostgreSQL has a system column of that name"),
)


def field_name_problem(name: str) -> str | None:
    """Say why a well-formed field name cannot be used."""
    if "__" in name:
        return "'__' separates a field from an operator in filters such as 'age__gte'"
    if name.endswith("_"):
        return "a field name does not end with '_'"
    if iskeyword(name) or issoftkeyword(name):
        return "it is a Python keyword"
    if name.startswith(("model_", "sa_")):
        return "SQLModel and pydantic keep names that start so for themselves"
    return next((why for names, why in _TAKEN_FIELDS if name in names), None)


def class_name_problem(name: str) -> str | None:
    """Say why a well-formed entity name cannot be used."""
    if name in RESERVED_CLASSES or iskeyword(name):
        return "generated code uses it"
    if hasattr(builtins, name):
        return "it is a Python builtin"
    return None


def module_name_problem(name: str) -> str | None:
    """Say why a well-formed plural (or the singular that an entity's name gives) cannot be used."""
    if iskeyword(name):
        return "it is a Python keyword"
    if name in WINDOWS_DEVICES:
        return "Windows cannot have a folder of that name"
    if name in RESERVED_MODULES or name.startswith("test_"):
        return "generated code uses it"
    return None


def file_name_problem(name: str) -> str | None:
    """Say why a file or a folder should not have a name: Windows has none of it."""
    stem = name.split(".", maxsplit=1)[0].rstrip(" ").lower()
    if stem in WINDOWS_DEVICES:
        return f"Windows knows {stem!r} as a device, whatever stands behind it"
    if name.endswith((".", " ")):
        return "Windows drops a dot or a blank at the end of a name"
    return None


def table_name_problem(name: str) -> str | None:
    """Say why a well-formed table name cannot be used."""
    if name.startswith(("sqlite_", "pg_")):
        return "the database keeps names that start so for itself"
    if name in SQL_KEYWORDS:
        return "it is a keyword of SQL"
    if name == "alembic_version":
        return "migrations are noted in it"
    if name == "excluded":
        return "ON CONFLICT calls the row so that could not be inserted"
    return None


def path_problem(path: str) -> str | None:
    """Say why a well-formed path cannot be used."""
    for reserved in RESERVED_PATHS:
        if path == reserved or path.startswith(f"{reserved}/"):
            return f"the application answers {reserved!r} itself"
    return None


def snake_case(name: str) -> str:
    """`BlogPost` → `blog_post`, `HTTPServer` → `http_server`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()


def plural_of(singular: str) -> str:
    """`hero` → `heroes`, `blog_post` → `blog_posts`; only the last word changes."""
    from pluralizer import Pluralizer  # noqa: PLC0415 needed only where the spec gives no plural

    head, separator, last = singular.rpartition("_")
    return f"{head}{separator}{Pluralizer().plural(last)}"  # type: ignore[no-untyped-call]
