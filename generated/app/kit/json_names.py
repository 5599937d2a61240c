"""The names of fields in JSON, where they differ from attributes, and the titles of properties."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from pydantic.fields import FieldInfo

_WORD = re.compile(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z0-9])(?=[A-Z][a-z])")
"""The beginning of a word in camelCase."""
_MISSING = object()


def title_of(name: str) -> str:
    """Return the title of a name in snake_case or camelCase: `Born On` for `bornOn`."""
    return default_title(_WORD.sub(" ", name))


def default_title(name: str) -> str:
    """Return the title that pydantic gives to a property."""
    return name.title().replace("_", " ").strip()


def attributes_of(names: Mapping[str, str]) -> dict[str, str]:
    """Return the attributes by JSON name. A name that is an attribute too means the attribute."""
    return {sent: name for name, sent in names.items() if sent not in names}


def rename(data: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """Return values by other names; raise TypeError for two values of one field."""
    renamed: dict[str, Any] = {}
    for name, value in data.items():
        other = names.get(name, name)
        if other in renamed:
            field = next(one for one in data if names.get(one, one) == other)
            raise TypeError(f"{field} and {name} are the same field: give one value")
        renamed[other] = value
    return renamed


def with_keys_of_tables(
    data: dict[str, Any], fields: Mapping[str, FieldInfo], names: Mapping[str, str]
) -> dict[str, Any]:
    """Return values by alias or else by attribute: table models ignore a `validation_alias`."""
    keys = {sent: name for name, sent in names.items() if fields[name].alias is None}
    return {keys.get(sent, sent): value for sent, value in data.items()}


def read_attributes(
    value: Any, attributes: Iterable[str], names: Mapping[str, str]
) -> dict[str, Any]:
    """Return the attributes of an object by their JSON names, the only ones that pydantic reads."""
    found = ((name, getattr(value, name, _MISSING)) for name in attributes)
    return {names.get(name, name): item for name, item in found if item is not _MISSING}
