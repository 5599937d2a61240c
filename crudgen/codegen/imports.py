"""Imports of a generated module, sorted as ruff does. Reason to change: the order of imports."""

import re
from collections import defaultdict
from typing import TypeAlias

from crudgen.language.schema import KitForm

from .code import WIDTH, Bracket, Code, identifier, join, raw, statement

_STANDARD = {"collections.abc", "contextlib", "datetime", "decimal", "typing", "uuid"}

_KIT = re.compile(r"^\.+kit\b")

Natural: TypeAlias = list[tuple[str, int, str]]


class Imports:
    """Collects the imports of a module while its source is built."""

    def __init__(self, kit: KitForm = KitForm.VENDORED) -> None:
        self._kit = kit
        self._names: defaultdict[str, set[str]] = defaultdict(set)

    def use(self, module: str, *names: str) -> None:
        """Add names to import from a module, each as `name` or `name as alias`."""
        if self._kit is KitForm.LIBRARY:
            module = _KIT.sub("crudgen.kit", module)
        self._names[module].update(names)

    def name(self, module: str, what: str) -> Code:
        """Add a name to import from a module, and return it as code."""
        self.use(module, what)
        return identifier(what)

    def code(self) -> Code:
        """Return the import statements in groups: standard library, third-party, local."""
        groups: list[list[Code]] = [[], [], []]
        for module in sorted(self._names, key=_module_order):
            names = sorted(self._names[module], key=_name_order)
            group = 0 if module in _STANDARD else 2 if module.startswith(".") else 1
            groups[group].append(_import(identifier(module), [_imported(name) for name in names]))
        return join(raw("\n\n"), [join(raw("\n"), group) for group in groups if group])


def _import(module: Code, names: list[Code]) -> Code:
    head = raw("from ") + module + raw(" import ")
    flat = head + join(raw(", "), names)
    return flat if len(flat) <= WIDTH else statement(head, Bracket("(", names, ")"))


def _imported(text: str) -> Code:
    return join(raw(" as "), [identifier(name) for name in text.split(" as ")])


def _module_order(module: str) -> tuple[int, Natural]:
    dots = len(module) - len(module.lstrip("."))
    return -dots, _natural(module)


def _name_order(name: str) -> tuple[int, Natural]:
    """Return the sort key of an imported name: constants, then classes, then functions."""
    kind = 0 if name.isupper() and len(name) > 1 else 1 if name[:1].isupper() else 2
    return kind, _natural(name.lower())


def _natural(text: str) -> Natural:
    """Return a sort key that compares numbers by value, so that `a2` precedes `a10`.

    Numbers with a leading zero come first.
    """
    return [_natural_part(part) for part in re.findall(r"[0-9]+|[^0-9]", text)]


def _natural_part(part: str) -> tuple[str, int, str]:
    if not part.isdigit():
        return part, 0, ""
    return ("0", 0, part) if part.startswith("0") else ("0", int(part), "")
