"""Types of names that are safe in source, SQL and URLs. Reason to change: valid characters."""

import re
from typing import ClassVar, Self


class Name(str):
    """A string that matches PATTERN, and is therefore safe to print without escaping.

    Raises ValueError if it does not match.
    """

    __slots__ = ()
    PATTERN: ClassVar[re.Pattern[str]] = re.compile(r"(?!)")
    RULE: ClassVar[str] = ""

    def __new__(cls, text: str) -> Self:
        """Return the name. Raises ValueError with RULE if `text` does not match PATTERN."""
        if not cls.PATTERN.fullmatch(text):
            raise ValueError(cls.RULE)
        return super().__new__(cls, text)


class PythonName(Name):
    """A name that is a Python identifier."""

    __slots__ = ()


class FieldName(Name):
    """The name of a field in a spec: `secret_name`, `class`."""

    __slots__ = ()
    PATTERN = re.compile(r"[a-z][a-z0-9_]{0,59}", re.ASCII)
    RULE = "a field name has 1 to 60 characters of a-z, 0-9 and '_', and starts with a letter"


class AttributeName(PythonName):
    """The name of a field's attribute in Python: `secret_name`, `class_`."""

    __slots__ = ()
    PATTERN = re.compile(r"[a-z][a-z0-9_]{0,60}", re.ASCII)
    RULE = "an attribute has 1 to 61 characters of a-z, 0-9 and '_', and starts with a letter"


class ColumnName(Name):
    """The name of a field's column: `secret_name`, `SecretName`."""

    __slots__ = ()
    PATTERN = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,59}", re.ASCII)
    RULE = "a column name has 1 to 60 letters, digits and '_', and starts with a letter"


class JsonName(Name):
    """The name of a field in JSON and in query parameters: `secret_name`, `secretName`."""

    __slots__ = ()
    PATTERN = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,59}", re.ASCII)
    RULE = "a JSON name has 1 to 60 letters, digits and '_', and starts with a letter"


class ClassName(PythonName):
    """The name of an entity: `Hero`."""

    __slots__ = ()
    PATTERN = re.compile(r"[A-Z][A-Za-z0-9]{0,39}", re.ASCII)
    RULE = "an entity name has 1 to 40 letters and digits, and starts with a capital letter"


class ModuleName(PythonName):
    """The name of a folder or module, also used in function names: `heroes`."""

    __slots__ = ()
    PATTERN = re.compile(r"[a-z][a-z0-9_]{0,59}", re.ASCII)
    RULE = "a plural has 1 to 60 characters of a-z, 0-9 and '_', and starts with a letter"


class TableName(Name):
    """The name of a table: `hero`."""

    __slots__ = ()
    PATTERN = re.compile(r"[a-z][a-z0-9_]{0,49}", re.ASCII)
    RULE = "a table name has 1 to 50 characters of a-z, 0-9 and '_', and starts with a letter"


class UrlPath(Name):
    """The path of a collection: `/heroes`, `/v1/heroes`."""

    __slots__ = ()
    PATTERN = re.compile(r"(/[a-z0-9][a-z0-9_-]{0,59}){1,4}", re.ASCII)
    RULE = "a path has 1 to 4 segments such as '/heroes', of a-z, 0-9, '-' and '_'"


def snake_case(name: str) -> str:
    """Convert `BlogPost` to `blog_post`, and `HTTPServer` to `http_server`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()


def plural_of(singular: str) -> str:
    """Convert `hero` to `heroes`, and `blog_post` to `blog_posts`."""
    from pluralizer import Pluralizer  # noqa: PLC0415 -- lazy: only if the spec sets no plural

    head, separator, last = singular.rpartition("_")
    return f"{head}{separator}{Pluralizer().plural(last)}"  # type: ignore[no-untyped-call]
