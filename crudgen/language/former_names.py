"""Former names in the database, from those in a spec. Reason to change: what `was` can name.

`was` can contain a former name in the database, of a table or a column. It can also contain a
former name in the spec, of an entity, a field or a link: the names in the database are then derived
from it, as from a present one.
"""

from collections.abc import Iterable, Iterator
from itertools import product

from .names import ClassName, FieldName, ModuleName, NamingConventions, singular_of, snake_case
from .relations import Link
from .schema import Entity

LINK_TABLE = "_link"
"""How the default names of link tables end. A former name that ends so is that of a table."""


def tables_for_former_name(former: str) -> tuple[str, ...]:
    """Return the tables that a former name of an entity can mean: `Person` or `person`."""
    names = (former, snake_case(former)) if ClassName.PATTERN.fullmatch(former) else (former,)
    return tuple(dict.fromkeys(names))


def former_entity_tables(entity: Entity) -> tuple[str, ...]:
    """Return the former tables of an entity, the latest first."""
    names = (name for former in entity.was for name in tables_for_former_name(former))
    return tuple(name for name in dict.fromkeys(names) if name != entity.table)


def columns_for_former_name(former: str, conventions: NamingConventions) -> tuple[str, ...]:
    """Return the columns that a former name of a field can mean.

    With `columns: PascalCase`, `born_on` is also `BornOn`.
    """
    derived = conventions.columns.convert(former) if FieldName.PATTERN.fullmatch(former) else former
    return tuple(dict.fromkeys((former, derived)))


def former_link_tables(entity: Entity, name: str, link: Link) -> tuple[str, ...]:
    """Return the former tables of the link `name` of an entity, the latest first.

    The entity, the link, or both can have had another name.
    """
    roles = [str(entity.singular), *_former_singulars(entity)]
    derived = [
        f"{role}_{word}{LINK_TABLE}"
        for role, word in _name_pairs_latest_first(roles, _link_singulars(name, link))
    ]
    return tuple(dict.fromkeys([*derived[1:], *link.was]))


def former_link_columns(
    entity: Entity, target: Entity, name: str, link: Link, conventions: NamingConventions
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the former names of both columns of a link of an entity, the latest first.

    The entity, the link, or the keys of both entities can have had another name.
    """
    roles = [str(entity.singular), *_former_singulars(entity)]
    words = [*_link_singulars(name, link), *_singulars_in_tables(roles, link)]
    near, far = (
        [
            conventions.columns.convert(f"{role}_{key}")
            for role, key in _name_pairs_latest_first(names, _key_names(owner))
        ]
        for names, owner in ((roles, entity), (words, target))
    )
    present = {str(end.column) for end in link.ends}
    kept = dict.fromkeys(column for column in near if column not in present)
    others = dict.fromkeys(column for column in far if column not in {*present, *kept})
    return tuple(kept), tuple(others)


def _former_singulars(entity: Entity) -> list[str]:
    """Return the former names of an entity in snake_case; by default they are its tables."""
    derived = [snake_case(name) for name in entity.was]
    return [name for name in derived if ModuleName.PATTERN.fullmatch(name)]


def _link_singulars(name: str, link: Link) -> list[str]:
    """Return the singular of a link's name, and of its former ones."""
    former = [name for name in link.was if not name.endswith(LINK_TABLE)]
    return [singular_of(name) for name in [name, *filter(FieldName.PATTERN.fullmatch, former)]]


def _singulars_in_tables(roles: Iterable[str], link: Link) -> Iterator[str]:
    """Yield the singulars of a link's name in its former tables, such as `hero_skill_link`."""
    for table, role in product(link.was, roles):
        if table.startswith(f"{role}_") and table.endswith(LINK_TABLE):
            yield table[len(role) + 1 : -len(LINK_TABLE)]


def _key_names(entity: Entity) -> list[str]:
    """Return the name of the key of an entity, and its former names, as those of fields."""
    return [str(entity.key.name), *(snake_case(name) for name in entity.key.was)]


def _name_pairs_latest_first(first: list[str], second: list[str]) -> list[tuple[str, str]]:
    """Return all pairs, the present one first, then those with the latest names."""
    numbered = product(enumerate(first), enumerate(second))
    ordered = sorted(numbered, key=lambda pair: pair[0][0] + pair[1][0])
    return [(one, other) for (_, one), (_, other) in ordered]
