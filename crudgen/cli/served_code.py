"""The code that `crudgen serve` runs. Reason to change: what it consists of."""

import shlex
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from crudgen.cli import hook_problems, source
from crudgen.delivery.garbage import paused_collection
from crudgen.errors import ServeError

if TYPE_CHECKING:
    from crudgen.codegen.tree import SourceTree
    from crudgen.language.schema import Schema

_MAX_NAMES = 10


def project_of(out: Path, keep: Path | None, *, spec_only: bool) -> Path | None:
    """Return the folder of the project whose code is served. It may not exist, if not given.

    Raises ServeError if there is no project in the given folder.
    """
    if out != source.DEFAULT_OUT:
        if spec_only:
            raise typer.BadParameter("--spec-only serves no project: remove --out")
        if not _is_project(out):
            command = f"crudgen emit --out {shlex.quote(str(out))}"
            raise ServeError(f"{out} is not an emitted project\n  create it with: {command}")
    if spec_only or (keep is not None and keep.resolve() == out.resolve()):
        return None
    return out


def _is_project(folder: Path) -> bool:
    with paused_collection():
        from crudgen.delivery.project import is_project  # noqa: PLC0415 -- lazy

    return is_project(folder)


class ServedCode:
    """Generates the code of a spec with that of a project, and remembers the last one."""

    def __init__(
        self,
        entities: Path,
        project: Path | None,
        change: "Callable[[Schema], Schema] | None" = None,
    ) -> None:
        """Serve what `change` returns instead of the schema of the files."""
        self.entities = entities
        self.project = project
        self._change = change
        self.has_project = False
        """Whether the code that was generated last contains that of the project."""
        self._schema: Schema | None = None
        self._served_schema: Schema | None = None
        self._texts: Mapping[str, bytes | str] = {}
        self._served: Mapping[str, bytes | str] = {}
        """The texts of the entities that are served, by file."""

    @property
    def schema(self) -> "Schema":
        """The schema of the code that was generated last."""
        if self._schema is None:
            raise RuntimeError("no code was generated yet")
        return self._schema

    @property
    def served_schema(self) -> "Schema":
        """The schema of the code that is served."""
        if self._served_schema is None:
            raise RuntimeError("no code is served yet")
        return self._served_schema

    def build(self) -> "SourceTree":
        """Generate the code of the spec. Raises SpecError."""
        return self._build_tree({})

    def build_keeping_served(self, files: Collection[str]) -> "SourceTree":
        """Generate the code of the spec, with these of its files as they were last served.

        Raises CrudgenError, also if the other files do not fit them.
        """
        if not self._served.keys() >= {*files}:
            raise ServeError("an entity is not served yet")
        return self._build_tree({file: self._served[file] for file in files})

    def _build_tree(self, unsaved: Mapping[str, bytes | str]) -> "SourceTree":
        sources = source.read(self.entities, unsaved)
        self.has_project = self.project is not None and _is_project(self.project)
        project = self.project if self.has_project else None
        self._schema, tree = source.render_to_serve(sources, project, self._change)
        if project is None:
            hook_problems.check_project(self._schema)
        self._texts = sources.entities
        return tree

    def mark_served(self) -> None:
        """Remember that the code that was generated last is served now."""
        self._served, self._served_schema = self._texts, self._schema

    def entity_names(self) -> str:
        """Return the served entities with their paths, a limited number."""
        entities = self.schema.entities
        names = [f"{entity.name} {entity.path}" for entity in entities[:_MAX_NAMES]]
        if len(entities) > _MAX_NAMES:
            names.append(f"… and {len(entities) - _MAX_NAMES} more")
        return ", ".join(names)
