"""Checks that entities share no name. Reason to change: another kind of name."""

from crudgen.language.names import MAX_IDENTIFIER, byte_length, folded
from crudgen.language.reserved import CLASS_SUFFIXES
from crudgen.language.yaml.problems import Problems, quoted

from .draft import Draft
from .indexes import index_names


def check_collisions(drafts: list[Draft], problems: Problems) -> None:
    """Add a problem for each class, module, path, table or index name that two entities share."""
    _check_classes(drafts, problems)
    _check_modules(drafts, problems)
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


def _check_modules(drafts: list[Draft], problems: Problems) -> None:
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
    named = set(seen)
    for draft in drafts:
        _check_constraint_names(draft, problems)
        for name, path in index_names(draft):
            location = draft.written.locate(*path)
            first = seen.setdefault(folded(name), draft)
            if byte_length(name) > MAX_IDENTIFIER:
                problem = f"the index name {quoted(name)} has more than {MAX_IDENTIFIER} bytes"
                problems.add(location, problem, "shorten 'table' or the names of the columns")
            elif folded(name) in named:
                problem = (
                    f"the index name {quoted(name)} is already used by {first.identity.name!s}"
                )
                problems.add(location, problem, "rename the table or a column")
            named.add(folded(name))


def _check_constraint_names(draft: Draft, problems: Problems) -> None:
    """Check that PostgreSQL keeps the names of constraints, which SQLAlchemy counts in characters.

    Longer names in ASCII are shortened by SQLAlchemy, with a hash.
    """
    table = draft.identity.table
    for field in draft.fields.values():
        name = f"ck_{table}_{field.column}_length"
        if not name.isascii() and byte_length(name) > MAX_IDENTIFIER:
            is_named = field.name in draft.written.spec.fields
            location = (
                draft.written.locate_key("fields", field.name)
                if is_named
                else draft.locate("table")
            )
            problem = f"the constraint name {quoted(name)} has more than {MAX_IDENTIFIER} bytes"
            problems.add(location, problem, "shorten 'table' or the name of the column")
