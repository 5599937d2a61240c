"""Resolves the names of fields. Reason to change: how the names of a field are derived."""

from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import TypeVar

from crudgen.language.names import (
    AttributeName,
    ColumnName,
    FieldName,
    JsonName,
    Name,
    NamingConventions,
    folded,
    snake_case,
)
from crudgen.language.reserved import (
    attribute_for,
    attribute_problem,
    column_problem,
    json_name_problem,
)
from crudgen.language.schema import Field
from crudgen.language.written.field import AnyWrittenField
from crudgen.language.written.reading import WrittenSpec
from crudgen.language.written.spec import EntitySpec
from crudgen.language.yaml.problems import Problems, quoted

NameT = TypeVar("NameT", bound=Name)
Names = tuple[FieldName, AttributeName, ColumnName, JsonName]


def default_names_of_field(name: FieldName, conventions: NamingConventions) -> Names:
    """Return the names of a field that sets none of them."""
    return (
        name,
        AttributeName(attribute_for(name)),
        ColumnName(conventions.columns.convert(name)),
        JsonName(conventions.json.convert(name)),
    )


def names_of_field(written: AnyWrittenField, conventions: NamingConventions) -> Names | None:
    """Return the names of a field, written or derived, or None if one of them is invalid."""
    spec = written.spec
    is_derived = not (spec.is_set("column") or spec.is_set("json"))
    if is_derived and (names := _valid_names(written.name, conventions)):
        return names
    if not FieldName.PATTERN.fullmatch(written.name):
        problem = f"invalid field name {quoted(written.name)}"
        written.problems.add(written.locate_key(), problem, _invalid_name_remedy(written.name))
        return None
    name = FieldName(written.name)
    reason = attribute_problem(name)
    if reason:
        problem = f"the field name {quoted(str(name))} is reserved"
        remedy = f"{reason}: rename it, and add 'json({name}) column({name})'"
        written.problems.add(written.locate_key(), problem, remedy)
    column = _set_or_derived_name(
        written,
        ColumnName,
        ("column", spec.column, conventions.columns.convert(name)),
        column_problem,
    )
    sent = _set_or_derived_name(
        written,
        JsonName,
        ("json", spec.json_name, conventions.json.convert(name)),
        json_name_problem,
    )
    if reason or column is None or sent is None:
        return None
    return name, AttributeName(attribute_for(name)), column, sent


@lru_cache(maxsize=4096)
def _valid_names(text: str, conventions: NamingConventions) -> Names | None:
    """Return the names of a field that sets none of them, or None if one of them is invalid."""
    if not FieldName.PATTERN.fullmatch(text) or attribute_problem(text):
        return None
    try:
        names = default_names_of_field(FieldName(text), conventions)
    except ValueError:
        return None
    *_, column, sent = names
    return None if column_problem(column) or json_name_problem(sent) else names


def _invalid_name_remedy(name: str) -> str:
    """Return the remedy for an invalid field name: its rule, or the same name in snake_case."""
    snake = snake_case(name)
    is_json = JsonName.PATTERN.fullmatch(name) and not json_name_problem(name)
    is_word = FieldName.PATTERN.fullmatch(snake) and is_json
    return f"write '{snake}', and add 'json({name})'" if is_word else FieldName.RULE


def _set_or_derived_name(
    written: AnyWrittenField,
    kind: type[NameT],
    choice: tuple[str, str | None, str],
    check: Callable[[str], str | None],
) -> NameT | None:
    """Return the name that an option sets, or the derived one, or None if it is invalid.

    `choice` has the key of the option, its value and the derived name.
    """
    key, text, derived = choice
    is_set = written.spec.is_set(key)
    what = "column name" if key == "column" else "JSON name"
    if is_set and text is None:
        problem, remedy = f"'{key}' is empty", "set a name, or remove it"
    else:
        text = derived if text is None else text
        problem = f"invalid {what} {quoted(text)}"
        try:
            name = kind(text)
        except ValueError as error:
            remedy = str(error)
        else:
            reason = check(name)
            if reason is None:
                return name
            problem, remedy = f"the {what} {quoted(text)} is reserved", reason
    location = written.locate(key) if is_set else written.locate_key()
    written.problems.add(location, problem, remedy)
    return None


def check_field_names(
    written: WrittenSpec[EntitySpec], fields: Iterable[Field], problems: Problems
) -> None:
    """Add a problem for each column, JSON name or attribute that two fields share.

    SQLite does not distinguish upper and lower case in the names of columns.
    """
    seen: dict[tuple[str, str], Field] = {}
    for field in fields:
        for key, what, name, shared in (
            ("column", "column", field.column, folded(field.column)),
            ("json", "JSON name", field.json_name, field.json_name),
            ("", "attribute", field.attribute, field.attribute),
        ):
            first = seen.setdefault((key, shared), field)
            if first is field:
                continue
            spec = written.spec.fields.get(field.name)
            is_set = bool(key) and spec is not None and spec.is_set(key)
            path = ("fields", field.name)
            location = written.locate(*path, key) if is_set else written.locate_key(*path)
            problem = f"the {what} {quoted(str(name))} is already used by {quoted(str(first.name))}"
            remedy = f"set another one with '{key}(…)'" if key else "rename one of the fields"
            problems.add(location, problem, remedy)
