"""What an entity is called everywhere: class, folder, URL, table. Changes with the naming rules."""

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
    class_name_problem,
    module_name_problem,
    path_problem,
    plural_of,
    snake_case,
    table_name_problem,
)
from crudgen.language.written.reading import Written
from crudgen.language.written.spec import EntitySpec
from crudgen.language.yaml.places import Place, Problems, shown

NameT = TypeVar("NameT", bound=Name)
VERBS = ("create", "read", "update", "replace", "delete")
"""What is done with one row: `read_hero` is a function beside the variable `heroes`."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Every name of one entity."""

    name: ClassName
    singular: ModuleName
    plural: ModuleName
    path: UrlPath
    table: TableName


def resolve_identity(written: Written[EntitySpec], problems: Problems) -> Identity | None:
    """Return the names of an entity, the unsaid ones derived from its name."""
    spec = written.spec
    name = _name(written, problems)
    if name is None:
        return None
    singular = _singular(name, written, problems)
    plural = _plural(singular, written, problems) if singular else None
    if singular is None or plural is None:
        return None
    path = spec.path if spec.path is not None else f"/{plural.replace('_', '-')}"
    checked_path = _checked(UrlPath, path, path_problem, _place(written, "path"), problems)
    table = spec.table if spec.table is not None else singular
    place = _place(written, "table")
    checked_table = _checked(TableName, table, table_name_problem, place, problems)
    if checked_path is None or checked_table is None:
        return None
    return Identity(name, singular, plural, checked_path, checked_table)


def _name(written: Written[EntitySpec], problems: Problems) -> ClassName | None:
    text, place = written.spec.name, written.value("name")
    camel = "".join(part[:1].upper() + part[1:] for part in re.split(r"[\s_-]+", text))
    if camel != text and ClassName.PATTERN.fullmatch(camel):
        remedy = f"did you mean {shown(camel)}?"
        problems.add(place, f"{shown(text)} is no name of an entity", remedy)
        return None
    return _checked(ClassName, text, class_name_problem, place, problems)


def _singular(
    name: ClassName, written: Written[EntitySpec], problems: Problems
) -> ModuleName | None:
    place = written.value("name")
    return _checked(ModuleName, snake_case(name), module_name_problem, place, problems)


def _plural(
    singular: ModuleName, written: Written[EntitySpec], problems: Problems
) -> ModuleName | None:
    place = _place(written, "plural")
    if written.spec.plural is not None:
        plural = _checked(ModuleName, written.spec.plural, module_name_problem, place, problems)
    else:
        plural = _derived(plural_of(singular), place, problems)
    if plural == singular:
        problem = f"the plural {shown(str(plural))} is the same as the singular"
        remedy = f"functions need two names: write 'plural: {singular}_list', for instance"
    elif plural in {f"{singular}_id", *(f"{verb}_{singular}" for verb in VERBS)}:
        problem = f"the plural {shown(str(plural))} cannot be used"
        remedy = f"the functions of {singular!s} use it; write another one"
    else:
        return plural
    problems.add(place, problem, remedy)
    return None


def _derived(plural: str, place: Place, problems: Problems) -> ModuleName | None:
    why = module_name_problem(plural)
    if why or not ModuleName.PATTERN.fullmatch(plural):
        problem = f"the plural {shown(plural)} cannot be used: {why or 'it is too long'}"
        problems.add(place, problem, "write another one, such as 'plural: my_things'")
        return None
    return ModuleName(plural)


def _place(written: Written[EntitySpec], key: str) -> Place:
    return written.value(key) if written.spec.says(key) else written.value("name")


def _checked(
    kind: type[NameT],
    text: str,
    why_not: Callable[[str], str | None],
    place: Place,
    problems: Problems,
) -> NameT | None:
    try:
        name = kind(text)
    except ValueError as error:
        problems.add(place, f"{shown(text)} is not possible here", str(error))
        return None
    why = why_not(name)
    if why:
        problems.add(place, f"{shown(text)} cannot be used", why)
        return None
    return name
