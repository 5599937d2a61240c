"""Schema → what a database cannot show of a change. Reason to change: another word for a change.

A database has tables and columns, but does not say what they will be called. A plan looks up here
where the rows of a new table or column are now.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from crudgen.language.former_names import (
    columns_for_former_name,
    former_entity_tables,
    former_link_columns,
    former_link_tables,
)
from crudgen.language.names import NamingConventions
from crudgen.language.relations import Link
from crudgen.language.schema import Constant, Entity, Now, Schema

Key: TypeAlias = tuple[str, str | None]
"""A table and a column, or the constraint of a check; None is the table itself."""


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
    """Former names of each table, the latest first, of link tables too; see `renames`."""
    columns: Mapping[str, Mapping[str, tuple[str, ...]]]
    """Former names of the columns of each table, the latest first; see `renames`."""
    words: Mapping[str, Mapping[str, Mapping[str, str]]]
    """Former words of the enums in each table and column, each with the word that replaces it."""
    fills: Mapping[str, Mapping[str, object]]
    """Values for existing rows, by table and column: the defaults of required fields.

    `Now()` is the current time.
    """
    places: Mapping[Key, Place]
    """Where the spec defines each table, column and check."""
    names: Mapping[Key, str]
    """What messages call each table and column: `hero`, `hero.title`, `hero.powers`."""
    links: Mapping[str, tuple[str, str]]
    """The two columns of each link table."""
    has_revisions: bool = False
    """Whether revisions change the tables of a database that has one."""

    def name(self, table: str, column: str | None = None) -> str:
        """Return what messages call a table or a column, also if the spec does not have it."""
        entity = self.names.get((table, None), table)
        return self.names.get((table, column), f"{entity}.{column}") if column else entity


def hints(schema: Schema) -> Hints:
    """Return what a spec says about the change to it."""
    tables = [_entity_hints(entity, schema.names) for entity in schema.entities]
    entities = {entity.name: entity for entity in schema.entities}
    taken = {str(entity.table) for entity in schema.entities}
    tables += [
        _link_hints(
            (entity, entities[relation.target]), relation.name, relation.link, schema.names, taken
        )
        for entity in schema.entities
        for relation in entity.relations
        if relation.link in entity.links and relation.near == relation.link.ends[0]
    ]
    return Hints(
        tables=_in_renaming_order({table.name: table.former for table in tables if table.former}),
        columns={
            table.name: _in_renaming_order(table.columns) for table in tables if table.columns
        },
        words={table.name: table.words for table in tables if table.words},
        fills={table.name: table.fills for table in tables if table.fills},
        places={key: place for table in tables for key, place in table.places.items()},
        names={key: name for table in tables for key, name in table.names.items()},
        links={
            str(link.table): (str(link.ends[0].column), str(link.ends[1].column))
            for entity in schema.entities
            for link in entity.links
        },
        has_revisions=schema.migrations,
    )


@dataclass(frozen=True, slots=True)
class _TableHints:
    """The hints of one table."""

    name: str
    places: Mapping[Key, Place]
    names: Mapping[Key, str]
    former: tuple[str, ...] = ()
    columns: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    words: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    fills: Mapping[str, object] = field(default_factory=dict)


def _entity_hints(entity: Entity, conventions: NamingConventions) -> _TableHints:
    table, name = str(entity.table), str(entity.singular)
    places: dict[Key, Place] = {(table, None): Place(entity.file, entity.line)}
    names: dict[Key, str] = {(table, None): name}
    columns: dict[str, tuple[str, ...]] = {}
    for check in entity.checks:
        places[table, f"ck_{table}_{check.name}"] = Place(entity.file, check.line)
    for each in entity.fields:
        column = str(each.column)
        places[table, column] = Place(entity.file, each.line)
        names[table, column] = f"{name}.{each.name}"
        former = (name for was in each.was for name in columns_for_former_name(was, conventions))
        if kept := _without_present({column}, former):
            columns[column] = kept
    return _TableHints(
        table,
        places,
        names,
        former=former_entity_tables(entity),
        columns=columns,
        words={str(each.column): dict(each.renamed) for each in entity.fields if each.renamed},
        fills={
            str(each.column): each.default.value if isinstance(each.default, Constant) else Now()
            for each in entity.fields
            if not each.optional and isinstance(each.default, Constant | Now)
        },
    )


def _link_hints(
    entities: tuple[Entity, Entity],
    name: str,
    link: Link,
    conventions: NamingConventions,
    taken: Collection[str],
) -> _TableHints:
    """Return the hints of the link `name` of the first entity to the second one.

    A table in `taken` is that of an entity, and was no link.
    """
    entity, target = entities
    table, called = str(link.table), f"{entity.singular}.{name}"
    keys: list[Key] = [(table, None), *((table, str(end.column)) for end in link.ends)]
    former = former_link_columns(entity, target, name, link, conventions)
    return _TableHints(
        table,
        dict.fromkeys(keys, Place(entity.file, link.line)),
        dict(zip(keys, [called, *(f"{called}.{end.attribute}" for end in link.ends)], strict=True)),
        former=_without_present({table, *taken}, former_link_tables(entity, name, link)),
        columns={
            str(end.column): names for end, names in zip(link.ends, former, strict=True) if names
        },
    )


def _without_present(present: Collection[str], names: Iterable[str]) -> tuple[str, ...]:
    """Return names without duplicates, and without the present ones."""
    return tuple(name for name in dict.fromkeys(names) if name not in present)


def _in_renaming_order(former: Mapping[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    """Return former names in an order in which each present name is given up before it is taken."""
    takers: dict[str, list[str]] = {}
    for present, names in former.items():
        for name in names:
            takers.setdefault(name, []).append(present)
    ordered: dict[str, tuple[str, ...]] = {}
    opened: set[str] = set()
    for first in former:
        path = [first]
        while path:
            opened.add(path[-1])
            taker = next((each for each in takers.get(path[-1], ()) if each not in opened), None)
            if taker is not None:
                path.append(taker)
                continue
            present = path.pop()
            ordered.setdefault(present, former[present])
    return ordered
