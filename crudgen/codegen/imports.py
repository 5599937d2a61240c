"""Imports of a generated module, sorted as ruff does. Reason to change: the form of imports."""

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from functools import lru_cache

from crudgen.language.schema import KitForm

from .code import Code, from_import, identifier, join, raw
from .layout import INDENT, WIDTH, Bracket, statement

_STANDARD = {"builtins", "collections.abc", "contextlib", "datetime", "decimal", "typing", "uuid"}

_ALIASES = {"datetime": "dt", "sqlalchemy": "sa"}
"""Usual names of imported modules."""

_KIT = re.compile(r"^\.+kit\b")

_NUMBER = re.compile(r"[0-9]+")

_LINE = raw("\n")


class Imports:
    """Collects the imports of a module while its source is built.

    A name that the module itself defines is imported with its module: `fastapi.Path` in the
    routes of an entity `Path`. In a class body, this holds for the names of attributes too, as
    annotations and defaults find these first: `date: dt.date`.
    """

    def __init__(
        self,
        kit: KitForm = KitForm.VENDORED,
        *,
        defined: Iterable[str] = (),
        attributes: Iterable[str] = (),
    ) -> None:
        """Set the names that the module defines, and those of attributes in its class bodies."""
        self._is_library = kit is KitForm.LIBRARY
        self._defined = frozenset(defined)
        self._attributes = frozenset(attributes)
        self._names: defaultdict[str, set[str]] = defaultdict(set)
        self._types: defaultdict[str, set[str]] = defaultdict(set)
        self._modules: dict[str, str] = {}
        self._printed: dict[tuple[str, str, bool], Code] = {}

    def use(self, module: str, *names: str) -> None:
        """Add names to import from a module of the project, each as `name` or `name as alias`.

        No other import may have these names: pass them as `defined`.
        """
        self._names[self._import_path(module) if self._is_library else module].update(names)

    def own(self, module: str, what: str) -> Code:
        """Add a name of the project to import, as `use` does, and return it as code."""
        self.use(module, what)
        return identifier(what)

    def use_for_types(self, module: str, what: str) -> None:
        """Add a class to import for type checkers only: the modules may import each other.

        No other import may have this name: pass it as `defined`.
        """
        self._types[module].add(what)

    def name(self, module: str, what: str, *, in_class: bool = False) -> Code:
        """Add a name to import from a module, and return it as code."""
        key = (module, what, in_class)
        printed = self._printed.get(key)
        if printed is None:
            printed = self._printed[key] = self._import_or_qualify(module, what, in_class=in_class)
        return printed

    def _import_or_qualify(self, module: str, what: str, *, in_class: bool) -> Code:
        """Return the imported name; or `module.name` if the module defines such a name itself."""
        if what in self._defined or (in_class and what in self._attributes):
            return identifier(f"{self._qualifier(module)}.{what}")
        if module != "builtins":
            self.use(module, what)
        return identifier(what)

    def builtin(self, what: str, *, in_class: bool = False) -> Code:
        """Return the name of a builtin as code: `int`, or `builtins.int` if it is defined."""
        return self.name("builtins", what, in_class=in_class)

    def _qualifier(self, module: str) -> str:
        """Add an import of a module, and return its name: `fastapi`, `kit_models`."""
        module = self._import_path(module)
        if module not in self._modules:
            is_kit = "kit." in module
            leaf = module.rpartition(".")[2]
            alias = f"kit_{leaf}" if is_kit else _ALIASES.get(module, leaf)
            while alias in self._defined or alias in self._attributes:
                alias = f"_{alias}"
            self._modules[module] = alias
            package, separator, leaf = module.rpartition(".")
            if separator:
                self._names[package].add(f"{leaf} as {alias}")
        return self._modules[module]

    def _import_path(self, module: str) -> str:
        return _KIT.sub("crudgen.kit", module) if self._is_library else module

    def code(self) -> Code:
        """Return the import statements in groups: standard library, third-party, local.

        The imports for type checkers come last, in a block of their own.
        """
        if self._types:
            self.use("typing", "TYPE_CHECKING")
        groups: tuple[list[Code], ...] = ([], [], [])
        for module in sorted(self._modules, key=_module_order):
            if "." not in module:
                line = raw("import ") + _with_alias(module, self._modules[module])
                groups[_group_number(module)].append(line)
        for module in sorted(self._names, key=_module_order):
            group, *_ = _module_order(module)
            groups[group].append(_module_imports(module, self._names[module]))
        blocks = [join(_LINE, group) for group in groups if group]
        return join(raw("\n\n"), [*blocks, *self._type_checking_block()])

    def _type_checking_block(self) -> Iterator[Code]:
        """Yield the block `if TYPE_CHECKING:`, if there are imports for type checkers."""
        if self._types:
            lines = [
                _module_imports(module, self._types[module], INDENT)
                for module in sorted(self._types, key=_module_order)
            ]
            yield join(raw("\n    "), [raw("if TYPE_CHECKING:"), *lines])


def _module_imports(module: str, names: Collection[str], indent: int = 0) -> Code:
    """Return the statements that import names from a module."""
    if module.startswith(".") and not module.startswith(".."):
        # The modules of the same entity: no other entity imports the same names.
        return _import_statements(module, names, indent)
    if len(names) == 1:
        return _cached_import_statement(module, *names, indent)
    return _cached_import_statements(module, frozenset(names), indent)


@lru_cache(maxsize=8192)
def _cached_import_statement(module: str, name: str, indent: int) -> Code:
    return _import_statement(module, (name,), indent)


@lru_cache(maxsize=8192)
def _cached_import_statements(module: str, names: frozenset[str], indent: int) -> Code:
    return _import_statements(module, names, indent)


def _import_statements(module: str, names: Collection[str], indent: int) -> Code:
    """Return the statements that import names from a module, sorted by their first names.

    A name with another one in the module, as `name as alias`, has a statement of its own.
    """
    if len(names) == 1:
        return _import_statement(module, names, indent)
    plain = [name for name in names if " as " not in name]
    plain.sort(key=_name_order)
    if len(plain) == len(names):
        return _import_statement(module, plain, indent)
    statements = [[name] for name in names if " as " in name]
    statements += [plain] if plain else []
    statements.sort(key=lambda imported: _name_order(imported[0]))
    return join(_LINE, [_import_statement(module, imported, indent) for imported in statements])


def _import_statement(module: str, names: Iterable[str], indent: int) -> Code:
    """Return a statement, with parentheses if the line is too long otherwise."""
    source = raw(".") if module == "." else identifier(module)
    imported = [*map(_imported_name, names)]
    line = from_import(source, imported)
    if indent + len(line) > WIDTH:
        return statement(from_import(source, ()), Bracket("(", imported, ")"), indent)
    return line


def _group_number(module: str) -> int:
    """Return the group of a module: standard library, third-party, local."""
    return 0 if module in _STANDARD else 2 if module.startswith(".") else 1


def _imported_name(text: str) -> Code:
    if " as " not in text:
        return identifier(text)
    name, _, alias = text.partition(" as ")
    return _with_alias(name, alias)


def _with_alias(name: str, alias: str) -> Code:
    if alias == name:
        return identifier(name)
    return identifier(name) + raw(" as ") + identifier(alias)


@lru_cache(maxsize=4096)
def _module_order(module: str) -> tuple[int, int, str]:
    """Return the sort key of a module: its group, then how far its package is, then its name."""
    dots = len(module) - len(module.lstrip("."))
    return _group_number(module), -dots, _natural_order(module)


def _name_order(name: str) -> tuple[int, str]:
    """Return the sort key of an imported name: constants, then classes, then functions."""
    kind = 0 if name.isupper() and len(name) > 1 else 1 if name[:1].isupper() else 2
    return kind, _natural_order(name.lower())


def export_order(name: str) -> tuple[int, str]:
    """Return the sort key of a name in `__all__`: as of an imported name, but by case."""
    return _name_order(name)[0], _natural_order(name)


def _natural_order(text: str) -> str:
    """Return a sort key that compares numbers by value, so that `a2` precedes `a10`.

    Numbers with a leading zero come first.
    """
    return text if text.isalpha() else _NUMBER.sub(_sortable_number, text)


def _sortable_number(number: re.Match[str]) -> str:
    """Return a text that sorts as a digit does, then by the value of a number."""
    digits = number[0]
    return f"0\0{digits}\0" if digits.startswith("0") else f"0{chr(len(digits))}{digits}"
