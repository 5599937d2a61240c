"""Entities that would get in each other's way. Changes when entities share another kind of name."""

from dataclasses import dataclass

from crudgen.language.names import DERIVED_SUFFIXES
from crudgen.language.schema import Field, Index
from crudgen.language.written.reading import Written
from crudgen.language.written.spec import EntitySpec
from crudgen.language.yaml.places import Place, Problems, shown

from .identity import Identity
from .indexes import MAX_IDENTIFIER, index_names


@dataclass(frozen=True, slots=True)
class Candidate:
    """An entity whose names are known; its fields may still be broken."""

    written: Written[EntitySpec]
    identity: Identity
    fields: dict[str, Field]
    indexes: tuple[Index, ...]

    def place(self, key: str) -> Place:
        """Return where a name comes from."""
        return self.written.value(key if self.written.spec.says(key) else "name")


def check_collisions(candidates: list[Candidate], problems: Problems) -> None:
    """Note everything that two entities have in common, but must not."""
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
            problem = f"an entity {shown(str(name))} is also in {first.written.file}"
            problems.add(candidate.written.value("name"), problem, "rename one of them")
    derived = {
        f"{candidate.identity.name}{suffix}".lower(): candidate
        for candidate in candidates
        for suffix in DERIVED_SUFFIXES
    }
    for candidate in candidates:
        owner = derived.get(candidate.identity.name.lower())
        if owner:
            problem = f"{owner.identity.name!s} gets a class {candidate.identity.name!s} of its own"
            problems.add(candidate.written.value("name"), problem, "rename one of the two entities")


def _check_modules(candidates: list[Candidate], problems: Problems) -> None:
    """Singulars and plurals share the names of functions: `read_hero`, `read_heroes`."""
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
                problem = f"the name {shown(str(name))} is also used by {first.identity.name!s}"
                remedy = f"give one of them another 'plural' (in {first.written.file} or here)"
                problems.add(candidate.place(key), problem, remedy)


def _check_paths(candidates: list[Candidate], problems: Problems) -> None:
    """One path below another would be taken for a row of it: `/a` and `/a/b`."""
    seen: dict[str, Candidate] = {}
    ordered = sorted(candidates, key=lambda c: (c.identity.path.count("/"), c.identity.path))
    for candidate in ordered:
        path = str(candidate.identity.path)
        parts = path.split("/")
        for length in range(2, len(parts) + 1):
            above = "/".join(parts[:length])
            if above in seen:
                other = seen[above]
                relation = "is also that of" if above == path else f"is below {above!r}, that of"
                problem = f"the path {shown(path)} {relation} {other.identity.name!s}"
                problems.add(candidate.place("path"), problem, "give one of them another 'path'")
                break
        seen.setdefault(path, candidate)


def _check_tables(candidates: list[Candidate], problems: Problems) -> None:
    """Tables and indexes share one space of names, in PostgreSQL and in SQLite."""
    seen: dict[str, Candidate] = {}
    for candidate in candidates:
        table = str(candidate.identity.table)
        first = seen.setdefault(table, candidate)
        if first is not candidate:
            problem = f"the table {shown(table)} is also that of {first.identity.name!s}"
            problems.add(candidate.place("table"), problem, "give one of them another 'table'")
    for candidate in candidates:
        identity = candidate.identity
        for name, path in index_names(identity.table, candidate.fields, candidate.indexes):
            place = candidate.written.value(*path)
            if len(name) > MAX_IDENTIFIER:
                problem = f"the index {shown(name)} has more than {MAX_IDENTIFIER} characters"
                problems.add(place, problem, "shorten 'table' or the fields' names")
            elif name in seen:
                problem = (
                    f"the name of the index {shown(name)} is taken by {seen[name].identity.name!s}"
                )
                problems.add(place, problem, "rename the table or a field")
            seen.setdefault(name, candidate)
