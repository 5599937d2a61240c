"""The functions in `hooks.py` that a spec lists. Reason to change: what a function must be.

They are found in the source: nothing of the user is imported.
"""

import ast
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import replace
from difflib import get_close_matches

from crudgen.errors import Diagnostic
from crudgen.language.hooks import Hook
from crudgen.language.schema import Entity, Schema

from .needs import bound_names
from .views.hooks import hooks_of, hooks_path

_Function = ast.FunctionDef | ast.AsyncFunctionDef
_PARAMETERS = {Hook.CREATE: 2, Hook.UPDATE: 3, Hook.DELETE: 2}
"""The number of arguments that each function gets."""


def function_problems(schema: Schema, texts: Mapping[str, tuple[str, str]]) -> list[Diagnostic]:
    """Return what is wrong with the functions of all entities.

    `texts` are the texts of the user's modules, by path in the project, each after the name of its
    file for messages. A module that is not in it, or has a syntax error, has no problem here.
    """
    found: list[Diagnostic] = []
    for entity in schema.entities:
        path = hooks_path(entity)
        if entity.api.hooks and path in texts:
            found += _problems(entity, *texts[path])
    return found


def _problems(entity: Entity, file: str, text: str) -> Iterator[Diagnostic]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return  # Python reports it
    functions = {node.name: node for node in tree.body if isinstance(node, _Function)}
    bound = {*bound_names(tree.body)}
    lines = text.split("\n")
    listed = hooks_of(entity)
    for one in entity.api.hooks:
        if one.hook not in bound and "*" not in bound:
            others = [name for name in functions if name not in Hook.__members__.values()]
            near = get_close_matches(one.hook, others, 1)
            command = f"write it with: crudgen hook {entity.name} {one.hook}"
            remedy = f"rename {near[0]!r}, or {command}" if near else command
            yield replace(one.place, problem=f"{file} has no function '{one.hook}'", remedy=remedy)
    for name, function in functions.items():
        if name not in Hook.__members__.values():
            continue
        hook = Hook(name)
        if hook not in listed:
            remedy = f"add '{hook}' to 'hooks' in {entity.file}, or rename the function"
            problem = f"the function '{hook}' is not called: the spec does not list it"
            yield _at(function, file, lines, problem, remedy)
        elif isinstance(function, ast.AsyncFunctionDef):
            problem = f"'{hook}' is an async function, and runs in a thread with its transaction"
            yield _at(function, file, lines, problem, f"write 'def {hook}'")
        elif not _accepts(function, _PARAMETERS[hook]):
            problem = f"'{hook}' must accept {_PARAMETERS[hook]} arguments"
            remedy = f"see the form with: crudgen hook {entity.name} {hook} --show"
            yield _at(function, file, lines, problem, remedy)


def _at(function: _Function, file: str, lines: list[str], problem: str, remedy: str) -> Diagnostic:
    """Return a diagnostic for the name of a function."""
    source = lines[function.lineno - 1]
    word = "async def " if isinstance(function, ast.AsyncFunctionDef) else "def "
    start = source.find(function.name, function.col_offset + len(word))
    column, length = (start + 1, len(function.name)) if start >= 0 else (1, 1)
    if isinstance(function, ast.AsyncFunctionDef):
        column, length = function.col_offset + 1, len("async def")
    return Diagnostic(file, function.lineno, column, problem, remedy, source.rstrip("\r"), length)


def _accepts(function: _Function, number: int) -> bool:
    """Return whether a function can be called with a number of arguments."""
    given = function.args
    positional = [*given.posonlyargs, *given.args]
    required = len(positional) - len(given.defaults)
    has_keywords = any(default is None for default in given.kw_defaults)
    fits = required <= number and (number <= len(positional) or given.vararg is not None)
    return fits and not has_keywords
