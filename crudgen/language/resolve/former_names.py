"""Resolves former names of tables and columns. Reason to change: which ones `was` accepts."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeVar

from crudgen.language.former_names import (
    LINK_TABLE,
    columns_for_former_name,
    tables_for_former_name,
)
from crudgen.language.names import ColumnName, Name, NamingConventions, TableName, folded
from crudgen.language.reserved import column_problem, table_name_problem
from crudgen.language.schema import Field
from crudgen.language.written.field import AnyWrittenField
from crudgen.language.yaml.locations import Location
from crudgen.language.yaml.problems import Problems, quoted

from .draft import Draft

NameT = TypeVar("NameT", bound=Name)
Locate = Callable[..., Location]
"""Returns the location of `was`, or of the name at a position of its list."""
_RESERVED: dict[type[Name], Callable[[str], str | None]] = {
    ColumnName: column_problem,
    TableName: table_name_problem,
}
_MAX_LISTED = 5
_TWO_STEPS = (
    "rename in two steps, with a third name for one of them: a database does not show a swap"
)


def with_former_names(written: AnyWrittenField, field: Field) -> Field:
    """Return the field with the former names of its column."""
    if written.spec.was is None:
        return field
    present = {str(field.column): "column"}
    locate = partial(written.locate, "was")
    found = _valid_former_names(ColumnName, written.spec.was, present, locate, written.problems)
    return replace(field, was=found)


def former_tables(
    names: Sequence[str] | None, present: Mapping[str, str], locate: Locate, problems: Problems
) -> tuple[TableName, ...]:
    """Return the valid former names of a table, or of a link.

    `present` has its present names, each with what it names.
    """
    return _valid_former_names(TableName, names, present, locate, problems)


def _valid_former_names(
    kind: type[NameT],
    names: Sequence[str] | None,
    present: Mapping[str, str],
    locate: Locate,
    problems: Problems,
) -> tuple[NameT, ...]:
    """Return the valid former names, without present and reserved names."""
    found: list[NameT] = []
    if names is not None and not names:
        problems.add(locate(), "the list of former names is empty", "add one, or remove 'was'")
    for position, text in enumerate(names or ()):
        location = locate(position)
        try:
            name = kind(text)
        except ValueError as error:
            problems.add(location, f"invalid former name {quoted(text)}", str(error))
            continue
        if _RESERVED[kind](name):
            problem = f"the former name {quoted(text)} is reserved"
            problems.add(location, problem, "remove it: no spec can have had it")
        elif name in present:
            problem = f"the former name {quoted(text)} is the present name of the {present[name]}"
            problems.add(location, problem, "remove it, or write the name that it had before")
        elif name in found:
            problems.add(location, f"duplicate former name {quoted(text)}", "remove one of them")
        else:
            found.append(name)
    return tuple(found)


@dataclass(frozen=True, slots=True)
class _FormerName:
    """A former name, as written in the spec."""

    written: str
    names: tuple[str, ...]
    """The names in the database that it can mean."""
    location: Location


@dataclass(frozen=True, slots=True)
class _Renaming:
    """A table, column or link with its former names."""

    owner: str
    """What messages call it."""
    name: str
    former: tuple[_FormerName, ...]


def check_former_columns(draft: Draft, conventions: NamingConventions, problems: Problems) -> None:
    """Check that the columns of an entity share no former name, and that no two are swapped."""
    fields = draft.fields.values()
    if any(field.was for field in fields):
        _check_renamings(
            [_column_renaming(draft, field, conventions) for field in fields], problems
        )


def check_former_tables(drafts: Iterable[Draft], problems: Problems) -> None:
    """Check that tables, and the links of an entity, share no former name, and that none swap."""
    tables: list[_Renaming] = []
    for draft in drafts:
        links = [*_link_renamings(draft)]
        tables += [_table_renaming(draft), *(table for table, _ in links)]
        _check_renamings([link for _, link in links], problems)
    _check_renamings(tables, problems)


def _column_renaming(draft: Draft, field: Field, conventions: NamingConventions) -> _Renaming:
    spec = draft.written.spec.fields.get(field.name)
    locate = partial(draft.written.locate, "fields", field.name, "was")
    former = _with_locations(spec.was if spec else None, field.was, locate)
    names = (
        replace(each, names=columns_for_former_name(each.written, conventions)) for each in former
    )
    return _Renaming(field.name, field.column, tuple(names))


def _table_renaming(draft: Draft) -> _Renaming:
    former = _with_locations(
        draft.written.spec.was, draft.was, partial(draft.written.locate, "was")
    )
    names = (replace(each, names=tables_for_former_name(each.written)) for each in former)
    return _Renaming(draft.identity.name, draft.identity.table, tuple(names))


def _link_renamings(draft: Draft) -> Iterator[tuple[_Renaming, _Renaming]]:
    """Yield for each link of an entity the former names of its table, and those of the link."""
    for name, link in draft.links.items():
        locate = partial(draft.written.locate, "links", name, "was")
        former = _with_locations(draft.written.spec.links[name].was, link.was, locate)
        tables = tuple(each for each in former if each.written.endswith(LINK_TABLE))
        names = tuple(each for each in former if each not in tables)
        owner = f"{draft.identity.name}.{name}"
        yield _Renaming(owner, link.table, tables), _Renaming(name, name, names)


def _with_locations(
    written: Sequence[str] | None, valid: Collection[str], locate: Locate
) -> tuple[_FormerName, ...]:
    """Return the valid former names, each with its location."""
    positions = {name: position for position, name in enumerate(written or ()) if name in valid}
    return tuple(_FormerName(name, (name,), locate(at)) for name, at in positions.items())


def _check_renamings(renamings: list[_Renaming], problems: Problems) -> None:
    """Check that no two have the same former name, and that former names form no circle."""
    present = {folded(each.name): each for each in renamings}
    owners: dict[str, _Renaming] = {}
    after: dict[str, tuple[_Renaming, Location]] = {}
    for each in renamings:
        for former in each.former:
            for name in map(folded, former.names):
                first = owners.setdefault(name, each)
                if first is not each:
                    problem = f"the former name {quoted(former.written)} is also a former name of "
                    problem += quoted(first.owner)
                    problems.add(former.location, problem, "remove it from one of them")
                    break
                if (other := present.get(name)) and other is not each:
                    after.setdefault(other.owner, (each, former.location))
    _check_circles(renamings, after, problems)


def _check_circles(
    renamings: list[_Renaming], after: dict[str, tuple[_Renaming, Location]], problems: Problems
) -> None:
    """Check that names were not swapped: `a` was `b`, and `b` was `a`, or a longer circle.

    `after` maps an owner to the renaming whose former name is the owner's present name.
    """
    seen: set[str] = set()
    for start in renamings:
        path: dict[str, tuple[_Renaming, Location]] = {}
        owner = start.owner
        while owner not in seen and owner in after:
            seen.add(owner)
            path[owner] = after[owner]
            owner = path[owner][0].owner
        if owner in path:
            names = [*path]
            _report_circle(names[names.index(owner) :], path[names[-1]][1], problems)


def _report_circle(circle: list[str], location: Location, problems: Problems) -> None:
    """Add a problem for a circle of former names, at the former name of its first owner."""
    first, *others = map(quoted, circle)
    if len(others) == 1:
        problem = f"a swap of names: {first} was {others[0]}, and {others[0]} was {first}"
    else:
        listed = [first, *reversed(others), first]
        listed = listed if len(listed) <= _MAX_LISTED else [*listed[:_MAX_LISTED], "…"]
        problem = f"a circle of former names: {' was '.join(listed)}"
    problems.add(location, problem, _TWO_STEPS)
