"""Resolves computed properties. Reason to change: what they can be, and where they can be named."""

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace

from crudgen.language.conditions.tokens import ConditionError
from crudgen.language.hooks import AFTER, Hook
from crudgen.language.names import ColumnName
from crudgen.language.schema import Entity, Field
from crudgen.language.written.field import WrittenType
from crudgen.language.written.reading import WrittenSpec
from crudgen.language.written.relations import ReferenceSpec
from crudgen.language.written.spec import EntitySpec
from crudgen.language.yaml.locations import Location
from crudgen.language.yaml.problems import Problems, quoted

_NO_COLUMN = "remove it: a computed property has no column"
_NOT_WRITTEN = "remove it: no request sets a computed property"
_NOT_CHECKED = "remove it: the function returns the value, and no rule checks it"
_EXCLUDED = {
    **dict.fromkeys(("pk", "unique", "index", "column", "was"), _NO_COLUMN),
    **dict.fromkeys(("read_only", "immutable", "touch", "default"), _NOT_WRITTEN),
    "write_only": "remove it: clients could not read the value",
    **dict.fromkeys(("min", "max", "pattern"), _NOT_CHECKED),
    "renamed": "remove it: the function returns the present values",
}
"""Options that a computed property does not have, and what to do instead."""


def check_computed(written: WrittenType) -> None:
    """Check the options of a computed property."""
    if not written.spec.computed:
        return
    for key, remedy in _EXCLUDED.items():
        if written.spec.is_set(key):
            problem = f"{key!r} is not allowed on a computed property"
            written.add_at_key(key, problem, remedy)
    if written.name in Hook.__members__.values() or written.name.startswith(AFTER):
        problem = f"{quoted(written.name)} is the name of another function in hooks.py"
        written.problems.add(written.locate_key(), problem, "rename the property")


def as_computed(field: Field) -> Field:
    """Return a field as a computed property: without a default, bounds and a column of its own."""
    return replace(
        field,
        column=ColumnName(field.attribute),
        read_only=True,
        default=None,
        minimum=None,
        maximum=None,
        min_length=None,
        max_length=None,
    )


def check_computed_in_lists(
    written: WrittenSpec[EntitySpec], computed: Collection[str], problems: Problems
) -> None:
    """Add a problem for each computed property in a list that needs columns."""
    for location, name, what, remedy in _names_of_columns(written):
        if name in computed:
            problems.add(location, f"{quoted(name)} is computed, and {what}", remedy)


def _names_of_columns(written: WrittenSpec[EntitySpec]) -> Iterator[tuple[Location, str, str, str]]:
    """Yield each name where only columns are allowed: in `unique`, `index`, `search`, `order`.

    With its location, why it cannot be a computed field, and the remedy.
    """
    for key in ("unique", "index"):
        for place, names in enumerate(getattr(written.spec, key)):
            for position, name in enumerate(names):
                what = "an index contains columns"
                yield written.locate(key, place, position), name, what, "remove it"
    for position, name in enumerate(written.spec.api.search or ()):
        what = f"{'q'!r} searches columns"
        remedy = "remove it: clients can filter by it, such as with 'icontains'"
        yield written.locate("api", "search", position), name, what, remedy
    for field, spec in written.spec.fields.items():
        order = (spec.order or ()) if isinstance(spec, ReferenceSpec) else ()
        for position, word in enumerate(order):
            location = written.locate("fields", field, "order", position)
            yield location, word.removeprefix("-"), "'order' sorts by columns", "remove it"


def check_function_names(
    written: WrittenSpec[EntitySpec], entity: Entity, problems: Problems
) -> None:
    """Check that no action has the name of a computed property: their functions are in one file."""
    names = {str(one.name) for one in entity.computed}
    for action in entity.actions:
        if action.name in names:
            problem = f"the action {quoted(action.name)} has the name of a computed property"
            problems.add(written.locate_key("actions", action.name), problem, "rename one of them")


def computed_property_error(
    error: ConditionError, text: str, computed: Iterable[Field]
) -> ConditionError:
    """Return a clearer error of a condition if it names a computed property; else the error."""
    word = re.split(r"\W", text[error.start : error.end])[-1]
    if word not in {str(one.name) for one in computed}:
        return error
    problem = f"{quoted(word)} is computed, and conditions are about columns"
    remedy = "write the condition with the fields that it is computed from"
    return ConditionError(problem, remedy, error.start, error.end)
