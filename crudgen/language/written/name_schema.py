"""JSON Schema of names, for editors. Reason to change: which names editors reject."""

import re
from keyword import kwlist
from typing import Any

from crudgen.language import names
from crudgen.language.reserved import (
    PROTECTED_PREFIXES,
    RESERVED_PATHS,
    TABLE_PREFIXES,
    TABLES,
)


def key_schemas() -> dict[str, dict[str, Any]]:
    """Return the schemas of the keys of an entity that are names."""
    keywords = [word for word in kwlist if names.ClassName.PATTERN.fullmatch(word)]
    prefixes, tables = (map(_any_case_pattern, words) for words in (TABLE_PREFIXES, TABLES))
    return {
        "name": _name_schema(
            names.ClassName, rf"(?:{'|'.join(keywords)})$", "It is a Python keyword."
        ),
        "plural": _name_schema(names.ModuleName, ".*_$", "A plural does not end with '_'."),
        "table": _name_schema(
            names.TableName,
            rf"{'|'.join(prefixes)}|(?:{'|'.join(tables)})$",
            "The database or the application has a table of this name.",
        ),
        "path": _name_schema(
            names.UrlPath,
            rf"(?:{'|'.join(map(re.escape, RESERVED_PATHS))})(?:/|$)",
            "The path is one of the application itself.",
        ),
    }


def forbid_reserved_table_names(former_names: dict[str, Any]) -> None:
    """Forbid the reserved names of tables in the schema of the former names of a table."""
    rules = {"allOf": key_schemas()["table"]["allOf"]}
    former_names |= {**rules, "items": {**former_names["items"], **rules}}


def field_names_schema() -> dict[str, Any]:
    """Return the schema of the names of fields."""
    prefixes = "|".join(PROTECTED_PREFIXES)
    schema = _name_schema(names.FieldName, prefixes, "pydantic reserves this prefix.")
    return {**schema, "doNotSuggest": True}


def _name_schema(kind: type[names.Name], reserved: str, message: str) -> dict[str, Any]:
    """Return the schema of names of a kind, except those that start with `reserved`."""
    return {
        "type": "string",
        "pattern": f"^{kind.PATTERN.pattern}$",
        "patternErrorMessage": f"Invalid name: {kind.RULE}.",
        "allOf": [{"pattern": f"^(?!{reserved})", "patternErrorMessage": message}],
    }


def _any_case_pattern(word: str) -> str:
    return "".join(f"[{char}{char.upper()}]" if char.isalpha() else char for char in word)
