"""Checks that entities share no name. Reason to change: another kind of name."""

from collections.abc import Iterable, Iterator

from crudgen.language.names import MAX_IDENTIFIER, byte_length, folded
from crudgen.language.reserved import (
    CLASS_SUFFIXES,
    PATH_OF_ADMIN,
    PATHS_OF_AGENTS,
    PATHS_OF_USERS,
)
from crudgen.language.schema import Entity
from crudgen.language.written.reading import WrittenSpec
from crudgen.language.written.spec import EntitySpec
from crudgen.language.yaml.problems import Problems, quoted

from .draft import Draft
from .indexes import index_names


def check_collisions(drafts: list[Draft], problems: Problems) -> None:
    """Add a problem for each class, module, path, table or index name that two entities share."""
    _check_classes(drafts, problems)
    _check_singulars_and_plurals(drafts, problems)
    _check_paths(drafts, problems)
    _check_tables(drafts, problems)


def _check_classes(drafts: list[Draft], problems: Problems) -> None:
    seen: dict[str, Draft] = {}
    for draft in drafts:
        name = draft.identity.name
        first = seen.setdefault(name.lower(), draft)
        if first is not draft:
            problem = f"duplicate entity {quoted(str(name))}, also in {first.written.file}"
            problems.add(draft.written.locate("name"), problem, "rename one of them")
    derived = {
        f"{draft.identity.name}{suffix}".lower(): draft
        for draft in drafts
        for suffix in CLASS_SUFFIXES
    }
    for draft in drafts:
        owner = derived.get(draft.identity.name.lower())
        if owner:
            problem = f"{draft.identity.name!s} is a class generated for {owner.identity.name!s}"
            problems.add(draft.written.locate("name"), problem, "rename one of the entities")
    _check_link_classes(drafts, {*seen, *derived}, problems)


def _check_link_classes(drafts: list[Draft], taken: set[str], problems: Problems) -> None:
    """Check the class names of links. Remove links whose class exists: so does their table."""
    for draft in drafts:
        for name, link in [*draft.links.items()]:
            if link.name.lower() in taken:
                problem = f"the class {quoted(str(link.name))} of the link exists already"
                problems.add(draft.written.locate_key("links", name), problem, "rename the link")
                del draft.links[name]
            taken.add(link.name.lower())


def _check_singulars_and_plurals(drafts: list[Draft], problems: Problems) -> None:
    """Check singulars and plurals together: both are used in function names."""
    seen: dict[str, Draft] = {}
    for draft in drafts:
        for key, name in (
            ("name", draft.identity.singular),
            ("plural", draft.identity.plural),
        ):
            first = seen.setdefault(name, draft)
            if first is not draft and first.identity.name.lower() != draft.identity.name.lower():
                problem = f"the name {quoted(str(name))} is already used by {first.identity.name!s}"
                remedy = f"set another 'plural', here or in {first.written.file}"
                problems.add(draft.locate(key), problem, remedy)


def _check_paths(drafts: list[Draft], problems: Problems) -> None:
    """Check that no path equals another or is below it: `/a/b` is the path of a row of `/a`."""
    seen: dict[str, Draft] = {}
    ordered = sorted(drafts, key=lambda c: (c.identity.path.count("/"), c.identity.path))
    for draft in ordered:
        path = str(draft.identity.path)
        parts = path.split("/")
        for length in range(2, len(parts) + 1):
            above = "/".join(parts[:length])
            if above in seen:
                other = seen[above]
                relation = "already used by" if above == path else f"below {above!r}, the path of"
                problem = f"the path {quoted(path)} is {relation} {other.identity.name!s}"
                problems.add(draft.locate("path"), problem, "set another 'path' for one of them")
                break
        seen.setdefault(path, draft)


def check_paths_of_users(
    specs: Iterable[tuple[WrittenSpec[EntitySpec], Entity]], problems: Problems
) -> None:
    """Check that no entity has the path of an operation of users, such as `/login`."""
    _check_taken_paths(specs, PATHS_OF_USERS, "a path of users: {}", problems)


def check_paths_of_agents(
    specs: Iterable[tuple[WrittenSpec[EntitySpec], Entity]], problems: Problems
) -> None:
    """Check that no entity has the path of the tools for agents."""
    _check_taken_paths(specs, PATHS_OF_AGENTS, "used by the tools for agents", problems)


def check_path_of_admin(
    specs: Iterable[tuple[WrittenSpec[EntitySpec], Entity]], problems: Problems
) -> None:
    """Check that no entity has the path of the admin page."""
    _check_taken_paths(specs, [PATH_OF_ADMIN], "the path of the admin page: {}", problems)


def _check_taken_paths(
    specs: Iterable[tuple[WrittenSpec[EntitySpec], Entity]],
    paths: Iterable[str],
    what: str,
    problems: Problems,
) -> None:
    for written, entity in specs:
        for path in paths:
            if entity.path == path or entity.path.startswith(f"{path}/"):
                problem = f"the path {quoted(str(entity.path))} is {what.format(repr(path))}"
                remedy = f"set another one, such as 'path: /my-{entity.path[1:]}'"
                location = written.locate("path" if written.spec.is_set("path") else "name")
                problems.add(location, problem, remedy)


def _check_tables(drafts: list[Draft], problems: Problems) -> None:
    """Check names of tables and indexes together: a database has one namespace for both.

    SQLite does not distinguish upper and lower case.
    """
    seen: dict[str, Draft] = {}
    for draft in drafts:
        table = str(draft.identity.table)
        first = seen.setdefault(folded(table), draft)
        if first is not draft:
            problem = f"the table {quoted(table)} is already used by {first.identity.name!s}"
            problems.add(draft.locate("table"), problem, "set another 'table' for one of them")
    _check_link_tables(drafts, seen, problems)
    named = set(seen)
    for draft in drafts:
        _check_constraint_names(draft, problems)
        for name, path in index_names(draft):
            stored = folded(name)
            first = seen.setdefault(stored, draft)
            if byte_length(name) > MAX_IDENTIFIER:
                problem = f"the index name {quoted(name)} has more than {MAX_IDENTIFIER} bytes"
                remedy = "shorten 'table' or the names of the columns"
                problems.add(draft.written.locate(*path), problem, remedy)
            elif stored in named:
                problem = (
                    f"the index name {quoted(name)} is already used by {first.identity.name!s}"
                )
                problems.add(draft.written.locate(*path), problem, "rename the table or a column")
            named.add(stored)


def _check_link_tables(drafts: list[Draft], seen: dict[str, Draft], problems: Problems) -> None:
    for draft in drafts:
        for name, link in draft.links.items():
            table = str(link.table)
            location = draft.written.locate_key("links", name)
            if draft.written.spec.links[name].table:
                location = draft.written.locate("links", name, "table")
            if folded(table) in seen:
                first = seen[folded(table)]
                problem = f"the table {quoted(table)} is already used by {first.identity.name!s}"
                problems.add(location, problem, "set another 'table' for one of them")
            seen.setdefault(folded(table), draft)


def _check_constraint_names(draft: Draft, problems: Problems) -> None:
    """Check that PostgreSQL keeps the names of constraints, which SQLAlchemy counts in characters.

    Longer names in ASCII are shortened by SQLAlchemy, with a hash.
    """
    for name, path in _constraint_names(draft):
        if not name.isascii() and byte_length(name) > MAX_IDENTIFIER:
            location = draft.written.locate_key(*path) if path else draft.locate("table")
            problem = f"the constraint name {quoted(name)} has more than {MAX_IDENTIFIER} bytes"
            problems.add(location, problem, "shorten 'table' or the name of the column")


def _constraint_names(draft: Draft) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield the names of CHECK constraints and foreign keys, each with the path of its key."""
    table = draft.identity.table
    for field in draft.fields.values():
        path = ("fields", field.name) if field.name in draft.written.spec.fields else ()
        yield f"ck_{table}_{field.column}_length", path
        if field.reference:
            yield f"fk_{table}_{field.column}", path
    for name, link in draft.links.items():
        for end in link.ends:
            yield f"fk_{link.table}_{end.column}", ("links", name)
