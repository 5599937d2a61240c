"""The revisions in a folder, and the spec after them. Reason to change: what is read of a file.

The files are parsed, not imported. Each contains the entities that it changes, so that the spec
after all of them needs no database.
"""

import ast
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

from crudgen.errors import CrudgenError

from .user_records import USER_TABLES, example, wrong_lines

KIT = "kit"
"""The key of `AFTER` for the tables that belong to no entity, a line each."""


class RevisionError(CrudgenError):
    """The revisions of a folder cannot be read, or do not fit together."""


@dataclass(frozen=True, slots=True)
class Revision:
    """What a revision file contains."""

    name: str
    """`revision` in the file."""
    file: Path
    down: tuple[str, ...] = ()
    """The revisions before it: none for the first, several for a merge."""
    after: Mapping[str, str | None] = field(default_factory=dict)
    """The long form of each entity that it changes; None for one that it removes."""

    @property
    def is_online(self) -> bool:
        """Whether it has only the steps of PostgreSQL after the transaction of the one before."""
        return self.name.endswith("_online") and not self.after


@dataclass(frozen=True, slots=True)
class History:
    """The revisions of a folder, each after those before it."""

    folder: Path
    revisions: tuple[Revision, ...] = ()

    @property
    def heads(self) -> tuple[str, ...]:
        """The revisions that no other one follows."""
        followed = {name for one in self.revisions for name in one.down}
        return tuple(one.name for one in self.revisions if one.name not in followed)

    @property
    def next_number(self) -> int:
        """The number that the next file starts with."""
        starts = [one.file.name.partition("_")[0] for one in self.revisions]
        return max([0, *(int(start) for start in starts if start.isdecimal())]) + 1

    def spec(self) -> dict[str, str]:
        """Return the spec after all revisions: the long forms of its entities, by their names.

        Raises RevisionError if two revisions, of which neither follows the other, change the same
        entity, unless a later one does; and for a record of users that does not fit.
        """
        before = self._ancestors()
        last: dict[str, list[Revision]] = {}
        for one in self.revisions:
            for name in one.after:
                kept = [other for other in last.get(name, []) if other.name not in before[one.name]]
                last[name] = [*kept, one]
        kit = sorted({line for one in last.pop(KIT, []) for line in (one.after[KIT] or "").split()})
        for name, changing in last.items():
            if len(changing) > 1 and not self._both_create(name, changing):
                files = " and ".join(str(one.file) for one in changing)
                raise _conflict(f"{files} change {name}", name)
        texts = {name: changing[0].after[name] for name, changing in last.items()}
        found = {name: text for name, text in texts.items() if text is not None}
        self._check_records(found, kit, last)
        return {**found, KIT: "".join(f"{line}\n" for line in kit)} if kit else found

    def _both_create(self, name: str, changing: Sequence[Revision]) -> bool:
        """Return whether revisions create the same table of users, and none changes it.

        Both can run, since they create it with `IF NOT EXISTS`. A change cannot be repeated.
        """
        before = self._ancestors()
        earlier = {other for one in changing for other in before[one.name]}
        is_new = not any(name in one.after for one in self.revisions if one.name in earlier)
        return name in USER_TABLES and is_new and len({one.after[name] for one in changing}) == 1

    def _check_records(
        self,
        texts: Mapping[str, str],
        kit: Collection[str],
        last: Mapping[str, Sequence[Revision]],
    ) -> None:
        """Raise RevisionError if a table of users in `kit` has no record, or a wrong one.

        `last` are the revisions that have changed each name last.
        """
        for name in USER_TABLES:
            if name in kit and name not in texts:
                tables = ((one, (one.after.get(KIT) or "").split()) for one in self.revisions)
                creating = (one for one, names in tables if name in names)
                one = next(iter(last.get(name, creating)))
                raise RevisionError(
                    f"{one.file}: `kit` in AFTER has {name}, and AFTER has no record of it\n"
                    f"  write {example(name)} in AFTER, or {example(name, 'User')} if the"
                    " users are rows of User"
                )
            for line in wrong_lines(texts.get(name, ""), texts):
                one, what = last[name][0], f"`{line.text}` of {name}"
                for removing in last.get(line.entity, ()):
                    if self._are_apart(one, removing):
                        files = f"{one.file} records {what}, {removing.file} removes {line.entity}"
                        raise _conflict(files, name)
                lacks = f", and the revisions have no entity {line.entity}" if line.entity else ""
                raise RevisionError(
                    f"{one.file}: AFTER has {what}{lacks or ', which is no record'}\n"
                    f"  {line.remedy}"
                )

    def _are_apart(self, one: Revision, other: Revision) -> bool:
        """Return whether neither of two revisions follows the other."""
        before = self._ancestors()
        names = {one.name, other.name}
        return len(names) > 1 and names.isdisjoint(before[one.name] | before[other.name])

    def revisions_until(self, recorded: Collection[str]) -> "History":
        """Return the revisions that a database has. Raises RevisionError for an unknown one."""
        known = {one.name for one in self.revisions}
        for name in recorded:
            if name not in known:
                lost = (
                    "\n  if they are lost: drop the table alembic_version, write a first revision,"
                    " and let crudgen apply record it"
                )
                raise RevisionError(
                    f"the database is at revision {name}, which no file in {self.folder} defines\n"
                    "  restore the files of the version that was deployed last, or give the folder"
                    f" of the project with --out{'' if self.revisions else lost}"
                )
        before = self._ancestors()
        has = {*recorded, *(name for one in recorded for name in before[one])}
        return History(self.folder, tuple(one for one in self.revisions if one.name in has))

    def _ancestors(self) -> dict[str, set[str]]:
        """Return the names of all revisions before each revision."""
        before: dict[str, set[str]] = {}
        for one in self.revisions:
            before[one.name] = {*one.down, *(name for down in one.down for name in before[down])}
        return before


def _conflict(what: str, name: str) -> RevisionError:
    """Return the error of two branches, after which the spec has no single text of a name."""
    return RevisionError(
        f"{what}, and neither follows the other\n"
        "  delete the one that no database has run, and write it again: crudgen revision\n"
        f"  if both have run, write a revision that follows both, with {name} in AFTER"
    )


def read(folder: Path) -> History:
    """Return the revisions of a folder, which may be missing. Raises RevisionError."""
    revisions: dict[str, Revision] = {}
    for file in sorted(folder.glob("*.py")):
        one = _read_revision(file)
        if one is None:
            continue
        if one.name in revisions:
            raise RevisionError(
                f"{file}: {revisions[one.name].file} is the revision {one.name} too\n"
                "  give one of them another name: change `revision`, and the name of the file"
            )
        revisions[one.name] = one
    for one in revisions.values():
        for name in one.down:
            if name not in revisions:
                raise RevisionError(
                    f"{one.file}: no file in {folder} is the revision {name}, which it follows\n"
                    "  restore that file, or change `down_revision`"
                )
    order = TopologicalSorter({one.name: one.down for one in revisions.values()})
    try:
        return History(folder, tuple(revisions[name] for name in order.static_order()))
    except CycleError as error:
        names = " → ".join(error.args[1])
        raise RevisionError(
            f"{folder}: the revisions follow each other in a circle: {names}\n"
            "  change `down_revision` of one of them"
        ) from None


def _read_revision(file: Path) -> Revision | None:
    """Return the revision in a file; None if it contains none. Raises RevisionError."""
    try:
        tree = ast.parse(file.read_bytes(), str(file))
    except (SyntaxError, ValueError) as error:
        line, reason = "", str(error)
        if isinstance(error, SyntaxError):  # its text repeats the place
            line, reason = f":{error.lineno}" if error.lineno else "", error.msg
        raise RevisionError(f"{file}{line}: this is not valid Python: {reason}") from None
    except OSError as error:
        raise RevisionError(f"{file}: cannot be read: {error.strerror}") from None
    values = dict(_assignments(tree.body))
    if "revision" not in values:
        return None
    try:
        name, down, after = (
            ast.literal_eval(values[key]) if key in values else None
            for key in ("revision", "down_revision", "AFTER")
        )
    except ValueError:
        raise RevisionError(
            f"{file}: `revision`, `down_revision` and `AFTER` must be literals"
        ) from None
    downs = tuple(down) if isinstance(down, list | tuple) else (down,) if down is not None else ()
    if not isinstance(name, str) or not _are_texts(downs) or not _is_after_dict(after):
        raise RevisionError(
            f"{file}: `revision` must be a text, `down_revision` a text, a tuple or None, and"
            " `AFTER` a dict of texts"
        )
    texts = {key: text and text.lstrip("\n") for key, text in (after or {}).items()}
    return Revision(name, file, downs, texts)


def _assignments(body: Sequence[ast.stmt]) -> Iterator[tuple[str, ast.expr]]:
    """Yield the names of a module and the expressions that they are set to."""
    for statement in body:
        match statement:
            case ast.Assign(targets=targets, value=value):
                yield from ((one.id, value) for one in targets if isinstance(one, ast.Name))
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
                yield name, value


def _are_texts(values: Sequence[object]) -> bool:
    return all(isinstance(value, str) for value in values)


def _is_after_dict(value: object) -> bool:
    if value is None:
        return True
    return isinstance(value, dict) and all(
        isinstance(name, str) and isinstance(text, str | None) for name, text in value.items()
    )
