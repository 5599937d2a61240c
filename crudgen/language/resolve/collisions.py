"""Checks that entities share no name. Reason to change: another kind of name."""

from dataclasses import dataclass

from crudgen.language.names import MAX_IDENTIFIER, byte_length, folded
from crudgen.language.reserved import CLASS_SUFFIXES
from crudgen.language.schema import Field, Index
from crudgen.language.written.reading import WrittenSpec
from crudgen.language.written.spec import EntitySpec
from crudgen.language.yaml.locations import Location
from crudgen.language.yaml.problems import Problems, quoted

from .identity import Identity
from .indexes import index_names


@dataclass(frozen=True, slots=True)
class Candidate:
    """An entity with valid names, which are compared. Its fields may have errors."""

    written: WrittenSpec[EntitySpec]
    identity: Identity
    fields: dict[str, Field]
    indexes: tuple[Index, ...]

    def locate(self, key: str) -> Location:
        """Return the location of the value of a key, or of `name` if it is derived from that."""
        return self.written.locate(key if self.written.spec.is_set(key) else "name")


def check_collisions(candidates: list[Candidate], problems: Problems) -> None:
    """Add a problem for each class, module, path, table or index name that two entities share."""
    _check_classes(candidates, problems)
    _check_modules(candidates, problems)
    _check_paths(candidates, problems)
    _check_tables(candidates, problems)


def _check_classes(candidates: list[Candidate], problems: Problems) -> None:
    seen: dict[str, Candidate] = {}
    for candidate in candidates:
        name = candidate.identity.name
        first = seen.setdefault(name.lower(), candidate)
        if first is not candidate:
            problem = f"duplicate entity {quoted(str(name))}, also in {first.written.file}"
            problems.add(candidate.written.locate("name"), problem, "rename one of them")
    derived = {
        f"{candidate.identity.name}{suffix}".lower(): candidate
        for candidate in candidates
        for suffix in CLASS_SUFFIXES
    }
    for candidate in candidates:
        owner = derived.get(candidate.identity.name.lower())
        if owner:
            problem = (
                f"{candidate.identity.name!s} is a class generated for {owner.identity.name!s}"
            )
            problems.add(candidate.written.locate("name"), problem, "rename one of the entities")


def _check_modules(candidates: list[Candidate], problems: Problems) -> None:
    """Check singulars and plurals together: both are used in function names."""
    seen: dict[str, Candidate] = {}
    for candidate in candidates:
        for key, name in (
            ("name", candidate.identity.singular),
            ("plural", candidate.identity.plural),
        ):
            first = seen.setdefault(name, candidate)
            if (
                first is not candidate
                and first.identity.name.lower() != candidate.identity.name.lower()
            ):
                problem = f"the name {quoted(str(name))} is already used by {first.identity.name!s}"
                remedy = f"set another 'plural', here or in {first.written.file}"
                problems.add(candidate.locate(key), problem, remedy)


def _check_paths(candidates: list[Candidate], problems: Problems) -> None:
    """Check that no path equals another or is below it: `/a/b` is the path of a row of `/a`."""
    seen: dict[str, Candidate] = {}
    ordered = sorted(candidates, key=lambda c: (c.identity.path.count("/"), c.identity.path))
    for candidate in ordered:
        path = str(candidate.identity.path)
        parts = path.split("/")
        for length in range(2, len(parts) + 1):
            above = "/".join(parts[:length])
            if above in seen:
                other = seen[above]
                relation = "already used by" if above == path else f"below {above!r}, the path of"
                problem = f"the path {quoted(path)} is {relation} {other.identity.name!s}"
                problems.add(
                    candidate.locate("path"), problem, "set another 'path' for one of them"
                )
                break
        seen.setdefault(path, candidate)


def _check_tables(candidates: list[Candidate], problems: Problems) -> None:
    """Check names of tables and indexes together: a database has one namespace for both.

    SQLite does not distinguish upper and lower case.
    """
    seen: dict[str, Candidate] = {}
    for candidate in candidates:
        table = str(candidate.identity.table)
        first = seen.setdefault(folded(table), candidate)
        if first is not candidate:
            problem = f"the table {quoted(table)} is already used by {first.identity.name!s}"
            problems.add(candidate.locate("table"), problem, "set another 'table' for one of them")
    named = set(seen)
    for candidate in candidates:
        identity = candidate.identity
        _check_constraint_names(candidate, problems)
        for name, path in index_names(identity.table, candidate.fields, candidate.indexes):
            location = candidate.written.locate(*path)
            first = seen.setdefault(folded(name), candidate)
            if byte_length(name) > MAX_IDENTIFIER:
                problem = f"the index name {quoted(name)} has more than {MAX_IDENTIFIER} bytes"
                problems.add(location, problem, "shorten 'table' or the names of the columns")
            elif folded(name) in named:
                problem = (
                    f"the index name {quoted(name)} is already used by {first.identity.name!s}"
                )
                problems.add(location, problem, "rename the table or a column")
            named.add(folded(name))


def _check_constraint_names(candidate: Candidate, problems: Problems) -> None:
    """Check that PostgreSQL keeps the names of constraints, which SQLAlchemy counts in characters.

    Longer names in ASCII are shortened by SQLAlchemy, with a hash.
    """
    table = candidate.identity.table
    for field in candidate.fields.values():
        name = f"ck_{table}_{field.column}_length"
        if not name.isascii() and byte_length(name) > MAX_IDENTIFIER:
            is_named = field.name in candidate.written.spec.fields
            location = (
                candidate.written.locate_key("fields", field.name)
                if is_named
                else candidate.locate("table")
            )
            problem = f"the constraint name {quoted(name)} has more than {MAX_IDENTIFIER} bytes"
            problems.add(location, problem, "shorten 'table' or the name of the column")
