"""Imports packages from source trees. Reason to change: Python's import system.

The package is the folder `app/` of a tree. Each import has a unique name (`crudgen_app_1`,
`crudgen_app_2`, …), so that one process can import several trees. Tracebacks, debuggers and
`inspect.getsource` show the generated source: modules have file names such as
`<crudgen_app_1>/heroes/routes.py`, and a loader that returns their source. Modules of the user have
the names of their files.
"""

import importlib
import itertools
import linecache
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.abc import InspectLoader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import decode_source
from pathlib import Path
from types import CodeType, MappingProxyType, ModuleType

from crudgen.delivery import absolute_imports
from crudgen.delivery.bytecode import bytecode
from crudgen.errors import ServeError

PACKAGE_FOLDER = "app"
PACKAGE_NAME = re.compile(r"\bcrudgen_app_\d+\b")
"""Matches the names of imported packages."""

_numbers = itertools.count(1)


@dataclass(frozen=True, slots=True)
class _Module:
    """A module of a package: its source, file name and search path."""

    text: str
    path: str
    """Path of the file in the package, such as `heroes/routes.py`."""
    filename: str
    search: list[str] | None
    """Where submodules are searched; None if the module is not a package."""


class _Loader(InspectLoader):
    """Loads the modules of a package from their source."""

    def __init__(self, modules: Mapping[str, _Module]) -> None:
        self._modules = modules

    def _find_module(self, fullname: str) -> _Module:
        try:
            return self._modules[fullname]
        except KeyError:
            raise ImportError(f"no module named {fullname!r}", name=fullname) from None

    def get_source(self, fullname: str) -> str:
        return self._find_module(fullname).text

    def get_code(self, fullname: str) -> CodeType:
        module = self._find_module(fullname)
        return bytecode(module.text, module.path, module.filename)

    def is_package(self, fullname: str) -> bool:
        return self._find_module(fullname).search is not None

    def exec_module(self, module: ModuleType) -> None:
        """Run the code of a module. Its absolute imports of the package find this package."""
        if absolute_imports.has_absolute_imports(self._find_module(module.__name__).text):
            package = module.__name__.partition(".")[0]
            names = absolute_imports.builtins_for(package, self._modules)
            vars(module)["__builtins__"] = names
        super().exec_module(module)


class _Finder(MetaPathFinder):
    """Finds the modules of a package."""

    def __init__(self, modules: Mapping[str, _Module]) -> None:
        self.modules = modules
        self._loader = _Loader(modules)

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None = None,  # noqa: ARG002 -- the import system passes it
        target: ModuleType | None = None,  # noqa: ARG002 -- the import system passes it
    ) -> ModuleSpec | None:
        module = self.modules.get(fullname)
        if module is None:
            return None
        spec = ModuleSpec(fullname, self._loader, origin=module.filename)
        spec.submodule_search_locations = module.search
        spec.has_location = True
        return spec


def import_tree(
    tree: Mapping[str, str], locations: Mapping[str, str] = MappingProxyType({})
) -> ModuleType:
    """Import the package of a tree from memory, and return it.

    `locations` are the files of the user's modules, by path in the tree. Import the modules with
    `importlib.import_module(f"{package.__name__}.main")`. Raises ImportError if the tree has no
    package, and any exception of its code.
    """
    name = _next_package_name()
    return _import_package(name, _modules_by_name(name, tree, locations, folder=None))


def import_folder(folder: Path) -> ModuleType:
    """Import the package of an emitted folder, and return it.

    Modules have their real file names, so that breakpoints work. `__pycache__` is not used: its
    timestamps could miss a quick edit. Raises OSError if a file cannot be read, ServeError if it
    cannot be decoded, and any exception of its code.
    """
    folder = folder.resolve()
    files = sorted((folder / PACKAGE_FOLDER).rglob("*.py"))
    tree = {file.relative_to(folder).as_posix(): read_source(file) for file in files}
    name = _next_package_name()
    return _import_package(name, _modules_by_name(name, tree, {}, folder=folder))


def read_source(file: Path) -> str:
    """Return the source of a module, decoded as Python does. Raises ServeError."""
    try:
        return decode_source(file.read_bytes())
    except (SyntaxError, UnicodeDecodeError):
        raise ServeError(
            f"{file} is not valid UTF-8\n"
            "  save it as UTF-8, or declare its encoding on the first line"
        ) from None


def unload(package: ModuleType) -> None:
    """Remove a package: its modules, its finder and its lines in `linecache`."""
    _remove_package(package.__name__)


def _next_package_name() -> str:
    return f"crudgen_app_{next(_numbers)}"


def _modules_by_name(
    name: str, tree: Mapping[str, str], locations: Mapping[str, str], folder: Path | None
) -> dict[str, _Module]:
    """Return the modules of the package in a tree by their full names."""
    modules: dict[str, _Module] = {}
    for path, text in tree.items():
        top, *parts = path.removesuffix(".py").split("/")
        if top != PACKAGE_FOLDER or not parts or not path.endswith(".py"):
            continue
        inside = "/".join([*parts[:-1], f"{parts[-1]}.py"])
        filename = str(folder / path) if folder else locations.get(path, f"<{name}>/{inside}")
        search = None
        if parts[-1] == "__init__":
            parts.pop()
            search = [str((folder / path).parent)] if folder else []
        modules[".".join([name, *parts])] = _Module(text, inside, filename, search)
    return modules


def _import_package(name: str, modules: dict[str, _Module]) -> ModuleType:
    # Before the path finder, which would find the files of a folder and use `__pycache__`.
    sys.meta_path.insert(0, _Finder(modules))
    try:
        return importlib.import_module(name)
    except BaseException:
        _remove_package(name)
        raise


def _remove_package(name: str) -> None:
    # Iterate over copies: a thread can import the next generation meanwhile.
    for module in [m for m in list(sys.modules) if m == name or m.startswith(f"{name}.")]:
        del sys.modules[module]
    for finder in [f for f in list(sys.meta_path) if isinstance(f, _Finder) and name in f.modules]:
        sys.meta_path.remove(finder)
        for known in finder.modules.values():
            linecache.cache.pop(known.filename, None)
