"""The changes of the spec that no revision has. Reason to change: how both are compared."""

import shlex
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from crudgen.cli import console, source
from crudgen.delivery.garbage import paused_collection
from crudgen.errors import CrudgenError, DriftError, OutputError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import MetaData

    from crudgen.codegen.tree import SourceTree
    from crudgen.evolution.hints import Hints
    from crudgen.evolution.revisions.draft import Draft
    from crudgen.evolution.revisions.history import History
    from crudgen.language.schema import Schema

FOLDER = Path("migrations/versions")
"""The folder of revisions in a generated project."""
_UNUSED_DATABASE = "sqlite:///unused.db"


@dataclass(frozen=True, slots=True)
class UnrevisedChanges:
    """The changes of a spec that no revision of its project has."""

    history: "History"
    draft: "Draft"
    after: "Mapping[str, str | None]"
    """The long forms of the changed entities by name; None for a removed entity."""
    hints: "Hints"

    @property
    def changes(self) -> list[str]:
        """The changes and problems in words, a line each: `hero.title: was name`."""
        found = [(one.table, one.column, one.what) for one in self.draft.plan.steps]
        found += [(one.table, one.column, one.what) for one in self.draft.plan.problems]
        return [f"{self.hints.name(table, column)}: {what}" for table, column, what in found]


def check_has_revisions(schema: "Schema", entities: Path, out: Path) -> None:
    """Raise CrudgenError if a folder is no project with revisions."""
    if not schema.migrations:
        from crudgen.language.load import APP_FILE  # noqa: PLC0415 -- lazy

        file = (entities if entities.is_dir() else entities.parent).parent / APP_FILE
        raise CrudgenError(
            f"{file}: the project has no revisions\n"
            "  write `migrations: true` in this file, then run: crudgen emit"
        )
    env = out / FOLDER.parent / "env.py"
    if not env.is_file():
        raise OutputError(f"{env}: no such file\n  write it with: crudgen emit")


def find(
    schema: "Schema",
    tree: "SourceTree",
    out: Path,
    fills: Sequence[str] | None = None,
    drops: Sequence[str] | None = None,
) -> UnrevisedChanges:
    """Return the changes that the revisions in the folder `out` lack; `tree` renders the schema.

    Raises RevisionError, SpecError and ChoiceError.
    """
    with paused_collection():
        from crudgen.evolution.choices import read_choices  # noqa: PLC0415 -- lazy
        from crudgen.evolution.hints import hints  # noqa: PLC0415 -- lazy
        from crudgen.evolution.revisions import history  # noqa: PLC0415 -- lazy
        from crudgen.evolution.revisions.following import next_revision  # noqa: PLC0415 -- lazy

    revisions = history.read(out / FOLDER)
    before = revisions.spec()
    found = hints(schema)
    choices = read_choices(schema, found, fills or (), drops or ())
    with _imported_tables(tree) as metadata:
        made, after = next_revision(before, schema, metadata, choices, tables_of)
    if made.plan.problems:
        return UnrevisedChanges(revisions, made, {}, found)
    changed: dict[str, str | None] = {
        name: text for name, text in after.items() if before.get(name) != text
    }
    changed |= {name: None for name in before if name not in after}
    return UnrevisedChanges(revisions, made, changed, found)


def check_all_revised(found: UnrevisedChanges, entities: Path, out: Path) -> None:
    """Raise DriftError if the spec has changes that no revision has."""
    if not found.draft.is_empty:
        lines = console.limited_lines(f"  {line}" for line in found.changes)
        raise DriftError(
            "\n".join(
                [
                    f"{entities} has changes that no revision in {out / FOLDER} has",
                    *lines,
                    f'  write one with: {revision_command(entities, out)} -m "what it does"',
                ]
            )
        )


def revision_command(entities: Path, out: Path = source.DEFAULT_OUT) -> str:
    """Return the command that writes a revision, without its message."""
    words = ["crudgen", "revision"]
    words += [str(entities)] if entities != source.DEFAULT else []
    words += ["--out", str(out)] if out != source.DEFAULT_OUT else []
    return shlex.join(words)


@contextmanager
def tables_of(schema: "Schema | None") -> "Iterator[MetaData]":
    """Yield the tables of a schema, from memory."""
    if schema is None:
        from sqlalchemy import MetaData  # noqa: PLC0415 -- lazy

        yield MetaData()
        return
    with paused_collection():
        from crudgen import codegen  # noqa: PLC0415 -- lazy

        tree = codegen.render_to_serve(schema)
    with _imported_tables(tree) as metadata:
        yield metadata


@contextmanager
def _imported_tables(tree: "SourceTree") -> "Iterator[MetaData]":
    from crudgen.delivery.models import imported_models  # noqa: PLC0415 -- lazy

    with imported_models(tree, _UNUSED_DATABASE) as models:
        yield models.metadata
