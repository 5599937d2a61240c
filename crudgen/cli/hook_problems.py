"""What is wrong with the user's functions in `hooks.py`. Reason to change: where they are read."""

from pathlib import Path
from typing import TYPE_CHECKING

from crudgen.errors import OutputError, ServeError, SpecError

if TYPE_CHECKING:
    from crudgen.codegen.tree import SourceTree
    from crudgen.language.schema import Entity, Schema


def check_functions(schema: "Schema", tree: "SourceTree", folder: Path) -> None:
    """Raise SpecError if functions that the spec lists are missing or cannot be called.

    The files of the user in the folder of a project are read; nothing is imported.
    """
    from crudgen.codegen.hook_functions import function_problems  # noqa: PLC0415 -- lazy
    from crudgen.codegen.tree import Ownership  # noqa: PLC0415 -- lazy
    from crudgen.delivery.memory import read_source  # noqa: PLC0415 -- lazy

    if _first_with_functions(schema) is None:
        return
    texts = {}
    for file in tree.files:
        location = folder / file.path
        is_hooks = file.path.endswith("/hooks.py") and file.ownership is Ownership.ONCE
        if is_hooks and location.is_file():
            try:
                texts[file.path] = (str(location), read_source(location))
            except OSError as error:
                raise OutputError(f"{location}: {error.strerror or error}") from error
    if problems := function_problems(schema, texts):
        raise SpecError(problems)


def check_project(schema: "Schema", remedy: str = "create the project with: crudgen emit") -> None:
    """Raise ServeError if the spec lists functions in hooks.py, which only a project has."""
    found = _first_with_functions(schema)
    if found is not None:
        raise ServeError(
            f"{found.file}: {found.name} has functions in hooks.py of an emitted project\n"
            f"  {remedy}"
        )


def _first_with_functions(schema: "Schema") -> "Entity | None":
    """Return the first entity with functions; None if there is none."""
    from crudgen.codegen.views.hooks import hook_functions_of  # noqa: PLC0415 -- lazy

    return next((one for one in schema.entities if hook_functions_of(one)), None)
