"""Schema → what a database cannot show of a change. Reason to change: another word for a change.

A database has tables and columns, but does not say what they will be called. A plan looks up here
where the rows of a new table or column are now.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from crudgen.language.relations import Link
from crudgen.language.schema import Constant, Entity, Now, Schema

Key: TypeAlias = tuple[str, str | None]
"""A table and a column; None is the table itself."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a spec defines a table or a column."""

    file: str
    line: int

    def __str__(self) -> str:
        """Return the place as in diagnostics: `entities/hero.yaml:7`."""
        return f"{self.file}:{self.line}"


@dataclass(frozen=True, slots=True)
class Hints:
    """What a spec says about the change to it. All keys are the new names in the database."""

    tables: Mapping[str, tuple[str, ...]]
    """Former names of each table, the latest first, of link tables too.

    A former name applies only if the new table does not exist, and the former one does.
    """
    columns: Mapping[str, Mapping[str, tuple[str, ...]]]
    """Former names of the columns of each table, the latest first. They apply likewise."""
    words: Mapping[str, Mapping[str, Mapping[str, str]]]
    """Former words of the enums in each table and column, each with the word that replaces it."""
    fills: Mapping[str, Mapping[str, object]]
    """Values for existing rows, by table and column: the defaults of required fields.

    `Now()` is the current time.
    """
    places: Mapping[Key, Place]
    """Where the spec defines each table and column, by table and column."""
    names: Mapping[Key, str]
    """What messages call each table and column: `hero`, `hero.title`, `hero.powers`."""
    links: frozenset[str]
    """The link tables. A former one has two columns, called as now or as before."""


def hints(schema: Schema) -> Hints:
    """Return what a spec says about the change to it."""
    tables = [_of_entity(entity) for entity in schema.entities]
    tables += [
        _of_link(entity, relation.name, relation.link)
        for entity in schema.entities
        for relation in entity.relations
        if relation.link in entity.links and relation.near == relation.link.ends[0]
    ]
    return Hints(
        tables={table.name: table.former for table in tables if table.former},
        columns={table.name: table.columns for table in tables if table.columns},
        words={table.name: table.words for table in tables if table.words},
        fills={table.name: table.fills for table in tables if table.fills},
        places={key: place for table in tables for key, place in table.places.items()},
        names={key: name for table in tables for key, name in table.names.items()},
        links=frozenset(link.table for entity in schema.entities for link in entity.links),
    )


@dataclass(frozen=True, slots=True)
class _Table:
    """The hints of one table."""

    name: str
    places: Mapping[Key, Place]
    names: Mapping[Key, str]
    former: tuple[str, ...] = ()
    columns: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    words: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    fills: Mapping[str, object] = field(default_factory=dict)


def _of_entity(entity: Entity) -> _Table:
    table, name = str(entity.table), str(entity.singular)
    places: dict[Key, Place] = {(table, None): Place(entity.file, entity.line)}
    names: dict[Key, str] = {(table, None): name}
    for each in entity.fields:
        places[table, each.column] = Place(entity.file, each.line)
        names[table, each.column] = f"{name}.{each.name}"
    return _Table(
        table,
        places,
        names,
        fills={
            str(each.column): each.default.value if isinstance(each.default, Constant) else Now()
            for each in entity.fields
            if not each.optional and each.default is not None
        },
    )


def _of_link(entity: Entity, name: str, link: Link) -> _Table:
    table, place = str(link.table), Place(entity.file, link.line)
    keys: list[Key] = [(table, None), *((table, str(end.column)) for end in link.ends)]
    called = f"{entity.singular}.{name}"
    return _Table(
        table,
        dict.fromkeys(keys, place),
        dict(zip(keys, [called, *(f"{called}.{end.attribute}" for end in link.ends)], strict=True)),
    )
