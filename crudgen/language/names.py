"""Types of names that are safe in source, SQL and URLs. Reason to change: valid characters."""

import re
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import Any, ClassVar, Self

MAX_IDENTIFIER = 63
"""Maximum length of a name in PostgreSQL, in bytes. SQLite has no limit."""


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


class ClaimName(FieldName):
    """The name of an attribute of the caller in a condition: `me.org`."""

    __slots__ = ()
    PATTERN = re.compile(r"me\.[a-z][a-z0-9_]{0,59}", re.ASCII)
    RULE = "a claim is written 'me.' and its name"


class VersionName(FieldName):
    """The name of a field before or after an update, in a condition: `old.status`."""

    __slots__ = ()
    PATTERN = re.compile(r"(?:old|new)\.[a-z][a-z0-9_]{0,59}", re.ASCII)
    RULE = "a field before an update is written 'old.' and its name, and after it with 'new.'"

    @property
    def field(self) -> FieldName:
        """The name of the field."""
        return FieldName(self.partition(".")[2])


class PathName(FieldName):
    """The name of a field of related rows, in a condition: `team.lead_id`."""

    __slots__ = ()
    PATTERN = re.compile(r"[a-z][a-z0-9_]*(?:\.[a-z][a-z0-9_]*)+", re.ASCII)
    RULE = "a path is written as the names of relations and a field, with '.' between them"


class AttributeName(PythonName):
    """The name of a field's attribute in Python: `secret_name`, `class_`."""

    __slots__ = ()
    PATTERN = re.compile(r"[a-z][a-z0-9_]{0,60}", re.ASCII)
    RULE = "an attribute has 1 to 61 characters of a-z, 0-9 and '_', and starts with a letter"


class SqlName(Name):
    """A name in the database, which is quoted in SQL: any text that both databases can hold."""

    __slots__ = ()
    PATTERN = re.compile(r"[^\u0000-\u001f\u007f-\u009f\u2028\u2029\ud800-\udfff]{1,63}")
    RULE = "a name has 1 to 63 bytes in UTF-8, and no control characters"

    def __new__(cls, text: str) -> Self:
        """Return the name. Raises ValueError with RULE if `text` is too long for PostgreSQL."""
        name = super().__new__(cls, text)
        if byte_length(text) > MAX_IDENTIFIER:
            raise ValueError(cls.RULE)
        return name


class ColumnName(SqlName):
    """The name of a field's column: `secret_name`, `SecretName`."""

    __slots__ = ()


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


class TableName(SqlName):
    """The name of a table: `hero`, `Hero List`."""

    __slots__ = ()


class UrlPath(Name):
    """The path of a collection: `/heroes`, `/v1/heroes`."""

    __slots__ = ()
    PATTERN = re.compile(r"(/[a-z0-9][a-z0-9_-]{0,59}){1,4}", re.ASCII)
    RULE = "a path has 1 to 4 segments such as '/heroes', of a-z, 0-9, '-' and '_'"


class Case(StrEnum):
    """Cases of names that consist of several words. The values are the words of a spec."""

    SNAKE = "snake_case"
    CAMEL = "camelCase"
    PASCAL = "PascalCase"

    def convert(self, name: str) -> str:
        """Return the name of a field in this case: `born_on` is `bornOn` or `BornOn`."""
        if self is Case.SNAKE:
            return name
        first, *others = (word for word in name.split("_") if word)
        head = first if self is Case.CAMEL else first.capitalize()
        return head + "".join(word.capitalize() for word in others)


@dataclass(frozen=True, slots=True)
class NamingConventions:
    """The cases in which names of columns and JSON properties are derived from those of fields."""

    columns: Case = Case.SNAKE
    json: Case = Case.SNAKE


SNAKE_CASE = NamingConventions()
"""Columns and JSON names are those of the fields."""


def byte_length(name: str) -> int:
    """Return the length of a name in the database: in bytes of UTF-8."""
    return len(name.encode())


def folded(name: str) -> str:
    """Return a name with ASCII letters in lower case: SQLite compares names in this form."""
    if name.isascii():
        return name.lower()
    return re.sub("[A-Z]+", lambda upper: upper[0].lower(), name)


def snake_case(name: str) -> str:
    """Convert `BlogPost` to `blog_post`, and `HTTPServer` to `http_server`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()


def plural_of(singular: str) -> str:
    """Convert `hero` to `heroes`, and `blog_post` to `blog_posts`."""
    head, separator, last = singular.rpartition("_")
    return f"{head}{separator}{_pluralizer().plural(last)}"


def singular_of(plural: str) -> str:
    """Convert `powers` to `power`, and `blog_posts` to `blog_post`."""
    head, separator, last = plural.rpartition("_")
    return f"{head}{separator}{_pluralizer().singular(last)}"


@cache
def _pluralizer() -> Any:
    from pluralizer import Pluralizer  # noqa: PLC0415 -- lazy: only if a spec sets no plural

    return Pluralizer()  # type: ignore[no-untyped-call]
