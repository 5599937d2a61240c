"""Resolves the names of an entity. Reason to change: how names are derived."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from crudgen.language.names import (
    ClassName,
    ModuleName,
    Name,
    TableName,
    UrlPath,
    plural_of,
    snake_case,
)
from crudgen.language.reserved import (
    class_name_problem,
    module_name_problem,
    path_problem,
    table_name_problem,
)
from crudgen.language.written.reading import WrittenSpec
from crudgen.language.written.spec import EntitySpec
from crudgen.language.yaml.locations import Location
from crudgen.language.yaml.problems import Problems, quoted

NameT = TypeVar("NameT", bound=Name)


@dataclass(frozen=True, slots=True)
class Identity:
    """The names of an entity."""

    name: ClassName
    singular: ModuleName
    plural: ModuleName
    path: UrlPath
    table: TableName


def resolve_identity(written: WrittenSpec[EntitySpec], problems: Problems) -> Identity | None:
    """Return the names of an entity, written or derived, or None if one is invalid."""
    spec = written.spec
    for key in ("doc", "table", "was", "plural", "path"):
        if spec.is_set(key) and getattr(spec, key) is None:
            problems.add(written.locate(key), f"'{key}' is empty", "set a value, or remove it")
    name = _resolve_name(written, problems)
    if name is None:
        return None
    singular = _resolve_singular(name, written, problems)
    plural = _resolve_plural(singular, written, problems) if singular else None
    if singular is None or plural is None:
        return None
    path = spec.path if spec.path is not None else f"/{plural.replace('_', '-')}"
    checked_path = checked_name(
        UrlPath, path, path_problem, _location_of_key_or_name(written, "path"), problems
    )
    table = spec.table if spec.table is not None else singular
    location = _location_of_key_or_name(written, "table")
    checked_table = checked_name(TableName, table, table_name_problem, location, problems)
    if checked_path is None or checked_table is None:
        return None
    return Identity(name, singular, plural, checked_path, checked_table)


def _resolve_name(written: WrittenSpec[EntitySpec], problems: Problems) -> ClassName | None:
    text, location = written.spec.name, written.locate("name")
    camel = "".join(part[:1].upper() + part[1:] for part in re.split(r"[\s_-]+", text))
    if camel != text and ClassName.PATTERN.fullmatch(camel):
        remedy = f"did you mean {quoted(camel)}?"
        problems.add(location, f"invalid entity name {quoted(text)}", remedy)
        return None
    return checked_name(ClassName, text, class_name_problem, location, problems)


def _resolve_singular(
    name: ClassName, written: WrittenSpec[EntitySpec], problems: Problems
) -> ModuleName | None:
    location = written.locate("name")
    return checked_name(ModuleName, snake_case(name), module_name_problem, location, problems)


def _resolve_plural(
    singular: ModuleName, written: WrittenSpec[EntitySpec], problems: Problems
) -> ModuleName | None:
    location = _location_of_key_or_name(written, "plural")
    if written.spec.plural is not None:
        plural = checked_name(
            ModuleName, written.spec.plural, module_name_problem, location, problems
        )
    else:
        plural = _checked_default_plural(plural_of(singular), location, problems)
    if plural == singular:
        problem = f"the plural {quoted(str(plural))} is the same as the singular"
        remedy = f"set a different one, such as 'plural: {singular}_list'"
        problems.add(location, problem, remedy)
        return None
    return plural


def _checked_default_plural(
    plural: str, location: Location, problems: Problems
) -> ModuleName | None:
    if not ModuleName.PATTERN.fullmatch(plural):
        problem = f"invalid plural {quoted(plural)}: it is too long"
        problems.add(location, problem, "set a different one, such as 'plural: my_things'")
        return None
    return ModuleName(plural)


def _location_of_key_or_name(written: WrittenSpec[EntitySpec], key: str) -> Location:
    return written.locate(key) if written.spec.is_set(key) else written.locate("name")


def checked_name(
    kind: type[NameT],
    text: str,
    check: Callable[[str], str | None],
    location: Location,
    problems: Problems,
) -> NameT | None:
    """Return the name; None, with a problem, if it is invalid or reserved."""
    try:
        name = kind(text)
    except ValueError as error:
        problems.add(location, f"invalid name {quoted(text)}", str(error))
        return None
    reason = check(name)
    if reason:
        problems.add(location, f"the name {quoted(text)} is reserved", reason)
        return None
    return name
