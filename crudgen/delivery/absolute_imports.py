"""Resolves imports of `app` in a package of another name. Reason to change: the import statement.

A project's own code may import `app.heroes.models`, and the code of a library project imports
`crudgen.kit`. The imported package has a unique name instead of `app`, and a kit of its own.
"""

import builtins
import re
from collections.abc import Container, Mapping, Sequence
from typing import Any

_FOLDER, _KIT, _LIBRARY = "app", "kit", "crudgen.kit"
_STATEMENT = re.compile(r"^[ \t]*(?:from|import)[ \t]+(?:app|crudgen\.kit)\b", re.MULTILINE)


def has_absolute_imports(text: str) -> bool:
    """Return whether the source of a module imports `app` or `crudgen.kit` by an absolute name."""
    return _STATEMENT.search(text) is not None


def builtins_for(package: str, modules: Container[str]) -> dict[str, Any]:
    """Return builtins for modules of a package, whose `import` finds the package as `app`.

    `modules` are the full names of its modules.
    """

    def import_(
        name: str,
        globals: Mapping[str, object] | None = None,  # noqa: A002 -- the names of `__import__`
        locals: Mapping[str, object] | None = None,  # noqa: A002 -- the names of `__import__`
        fromlist: Sequence[str] | None = (),
        level: int = 0,
    ) -> Any:
        found = name if level else _name_in_package(name, package, modules)
        return builtins.__import__(found, globals, locals, fromlist or (), level)

    return {**vars(builtins), "__import__": import_}


def _name_in_package(name: str, package: str, modules: Container[str]) -> str:
    """Return the name of a module in the package, or another name unchanged."""
    if name == _FOLDER or name.startswith(f"{_FOLDER}."):
        return package + name.removeprefix(_FOLDER)
    kit = f"{package}.{_KIT}"
    if kit in modules and (name == _LIBRARY or name.startswith(f"{_LIBRARY}.")):
        return kit + name.removeprefix(_LIBRARY)
    return name
