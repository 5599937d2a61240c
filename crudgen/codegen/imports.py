"""The import lines of a generated module, in the order that ruff's isort wants."""

from collections import defaultdict

from .code import Bracket, Code, raw

_STANDARD = {"collections.abc", "contextlib", "datetime", "decimal", "typing", "uuid"}


class Imports:
    """Collects the names that a module needs while it is printed."""

    def __init__(self) -> None:
        self._names: defaultdict[str, set[str]] = defaultdict(set)

    def use(self, module: str, *names: str) -> None:
        """Import names; `module` and names come from crudgen's own source or are checked names."""
        self._names[module].update(names)

    def code(self) -> Code:
        """Print the lines: standard library, installed packages, this package."""
        groups: list[list[str]] = [[], [], []]
        for module in sorted(self._names, key=_module_order):
            items = tuple(raw(name) for name in sorted(self._names[module], key=_name_order))
            line = _import(module, items)
            groups[0 if module in _STANDARD else 2 if module.startswith(".") else 1].append(line)
        return raw("\n\n".join("\n".join(group) for group in groups if group))


def _import(module: str, names: tuple[Code, ...]) -> str:
    flat = Bracket(f"from {module} import ", names, "")
    if len(flat.flat()) <= 100:
        return flat.flat()
    return Bracket(f"from {module} import (", names, ")").lay_out(0)


def _module_order(module: str) -> tuple[int, str]:
    dots = len(module) - len(module.lstrip("."))
    return -dots, module


def _name_order(name: str) -> tuple[int, str]:
    """Order constants before classes before functions, each by the alphabet."""
    kind = 0 if name.isupper() and len(name) > 1 else 1 if name[:1].isupper() else 2
    return kind, name.lower()
