"""Models of rows that are created under or with another row. Reason to change: their code."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from crudgen.codegen.code import Code, identifier, join, name, raw
from crudgen.codegen.layout import call, statement
from crudgen.language.schema import Field

from .articles import a_row
from .collections import Collection


@dataclass(frozen=True, slots=True)
class OwnedCreate:
    """The model of rows that are created in a collection, without the reference to its owner."""

    head: Code
    a_owner: Code
    body: Code
    """The lines of the class body after its docstring, in groups with a blank line before each."""


def owned_create(
    one: Collection,
    fields: Iterable[Field],
    create: Callable[[Field], Code],
    ignored: Callable[[list[Field]], Code | None],
) -> OwnedCreate:
    """Return the model of new rows of a collection.

    `fields` are those of the entity that the base class lacks, `create` declares one. `ignored`
    declares the properties that requests may contain, but do not set. The reference is not one of
    them, even if it is read-only: the key of the owner comes from elsewhere, and another one
    would be an error.
    """
    lacking = [field for field in fields if field.name != one.relation.by]
    read_only = ignored([field for field in lacking if field.read_only])
    groups = [[] if read_only is None else [read_only]]
    groups.append([create(field) for field in lacking if not field.read_only])
    blank, line = raw("\n"), raw("\n    ")
    body = [part for group in groups if group for part in (blank, *(line + each for each in group))]
    base = call(raw(""), [name(one.target.name, suffix="Base")])
    head = statement(raw("class ") + identifier(one.create_model), base, tail=":")
    return OwnedCreate(head, a_row(one.owner), join(raw(""), [raw(""), *body]))
