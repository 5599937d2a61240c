"""What Python modules of the user must contain. Reason to change: another need of generated code.

Nothing is reported for a module that meets a need in another way, or has a syntax error.
"""

import ast
import re
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from crudgen.language.schema import KitForm

from .lines import MissingLine

FORMER_MODULES = {
    "health": "http.health",
    "logs": "http.logs",
    "protocol": "http.protocol",
    "resource": "rows.resource",
    "routing": "http.routing",
}
"""Former names of modules of the kit, with the current ones. The next version removes them."""

_SERVER_PROTOCOL = re.compile(r"\b(app|crudgen)\.kit\.([a-z_.]+):HttpProtocol\b")


@dataclass(frozen=True, slots=True)
class Argument:
    """A keyword argument that calls of a class of the kit must have; its value is a setting."""

    module: str
    class_name: str
    keyword: str
    setting: str

    def missing_lines(self, text: str) -> Iterator[MissingLine]:
        """Yield the argument as a line to add, if the module calls the class without it."""
        tree = _syntax_tree(text)
        calls = [*self._calls_of_class(tree)]
        keywords = {keyword.arg for call in calls for keyword in call.keywords}
        mentioned = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
        # `**options` may contain the argument.
        if calls and not keywords & {self.keyword, None} and self.setting not in mentioned:
            line = f"{self.keyword}=settings.{self.setting},"
            yield MissingLine(line, f"in the call of {self.class_name}")

    def _calls_of_class(self, tree: ast.Module) -> Iterator[ast.Call]:
        names = {
            alias.asname or alias.name
            for node in ast.walk(tree)
            if isinstance(node, ast.ImportFrom) and _kit_module(node) == self.module
            for alias in node.names
            if alias.name == self.class_name
        }
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and getattr(node.func, "id", None) in names:
                yield node


@dataclass(frozen=True, slots=True)
class Variable:
    """A variable that a module must have; its value is the result of a function of the module."""

    name: str
    function: str

    def missing_lines(self, text: str) -> Iterator[MissingLine]:
        """Yield the assignment if the module has the function, but not the variable."""
        names = {*bound_names(_syntax_tree(text).body)}
        if self.function in names and not names & {self.name, "*"}:
            yield MissingLine(f"{self.name} = {self.function}()", "at the end")


@dataclass(frozen=True, slots=True)
class Function:
    """A function that a module must have."""

    name: str
    signature: str

    def missing_lines(self, text: str) -> Iterator[MissingLine]:
        """Yield the first line of the function, if the module has none of this name."""
        if not {*bound_names(_syntax_tree(text).body)} & {self.name, "*"}:
            yield MissingLine(self.signature, "at the end")


@dataclass(frozen=True, slots=True)
class KitImports:
    """The user's imports from the kit, which must name the right package and no former module."""

    form: KitForm
    package: str
    """The package of a copied kit, as imports in the file name it."""

    def missing_lines(self, text: str) -> Iterator[MissingLine]:
        """Yield the right import for each one that names another package or a former module."""
        for node in ast.walk(_syntax_tree(text)):
            if isinstance(node, ast.ImportFrom) and _kit_module(node) is not None:
                old = ast.unparse(node)
                lines = [*self._right_import_lines(node)]
                if lines != [old]:
                    yield from (MissingLine(line, f"instead of `{old}`") for line in lines)

    def _right_import_lines(self, node: ast.ImportFrom) -> Iterator[str]:
        """Yield the imports to write instead of one."""
        module = _kit_module(node) or ""
        package = (node.module or "").removesuffix(module).rstrip(".")
        package = "." * node.level + package
        if self.form is KitForm.LIBRARY:
            package = "crudgen.kit"
        elif package == "crudgen.kit":
            package = self.package
        by_module: dict[str, list[str]] = {}
        for alias in node.names:
            target, name = FORMER_MODULES.get(module, module), alias.name
            if not module and name in FORMER_MODULES:
                target, _, name = FORMER_MODULES[name].rpartition(".")
            shown = ast.unparse(ast.alias(name, alias.asname))
            by_module.setdefault(target, []).append(shown)
        for target, names in by_module.items():
            path = f"{package}.{target}" if target else package
            yield f"from {path} import {', '.join(names)}"


@dataclass(frozen=True, slots=True)
class ServerProtocol:
    """The import path of the kit's HTTP protocol, which the configuration of a server must name."""

    path: str

    def missing_lines(self, text: str) -> Iterator[MissingLine]:
        """Yield the right line for each one that names another path."""
        for line in text.splitlines():
            old = line.strip()
            new = _SERVER_PROTOCOL.sub(self.path, old)
            if new != old and not old.startswith("#"):
                yield MissingLine(new, f"instead of `{old}`")


def _syntax_tree(text: str) -> ast.Module:
    """Return the syntax tree of a module; an empty one for a syntax error."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ast.Module([], [])


def _kit_module(node: ast.ImportFrom) -> str | None:
    """Return the module of the kit that an import names: '' for the kit itself, None if none."""
    module = node.module or ""
    packages = ("kit",) if node.level else ("app.kit", "crudgen.kit")
    for package in packages:
        if module == package or module.startswith(f"{package}."):
            return module.removeprefix(package).removeprefix(".")
    return None


_BINDING = (
    *(ast.stmt, ast.ExceptHandler, ast.withitem, ast.match_case),
    *(ast.Tuple, ast.List, ast.Starred, ast.NamedExpr),
)
"""Nodes that can contain names that they bind, such as the target of an assignment."""


def bound_names(body: Iterable[ast.AST]) -> Iterator[str]:
    """Yield the names that statements bind in their own scope; `*` for an import of all names."""
    for node in body:
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                yield node.name
            case ast.Name(ctx=ast.Store()):
                yield node.id
            case ast.alias():
                yield node.asname or node.name.partition(".")[0]
            case _ if isinstance(node, _BINDING):
                yield from bound_names(ast.iter_child_nodes(node))
