"""The functions in `hooks.py` that a spec lists. Reason to change: what a function must be.

They are found in the source: nothing of the user is imported.
"""

import ast
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import replace
from difflib import get_close_matches

from crudgen.errors import Diagnostic
from crudgen.language.hooks import AFTER, Hook
from crudgen.language.schema import Entity, Schema

from .needs import bound_names
from .views.hooks import hook_functions_of, hooks_of, hooks_path

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
        if hook_functions_of(entity) and path in texts:
            found += _module_problems(entity, *texts[path])
    return found


def _module_problems(entity: Entity, file: str, text: str) -> Iterator[Diagnostic]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return  # Python reports it
    functions = {node.name: node for node in tree.body if isinstance(node, _Function)}
    bound = {*bound_names(tree.body)}
    lines = text.split("\n")
    places = {str(one.hook): one.place for one in entity.api.hooks}
    places |= {str(one.name): one.place for one in entity.actions if one.place}
    places |= {one.name: one.place for one in entity.api.events}
    for name, place in places.items():
        if name not in bound and "*" not in bound:
            others = [one for one in functions if one not in {*Hook, *places}]
            near = get_close_matches(name, others, 1)
            command = f"write it with: crudgen hook {entity.name} {name}"
            remedy = f"rename {near[0]!r}, or {command}" if near else command
            yield replace(place, problem=f"{file} has no function '{name}'", remedy=remedy)
    arguments = {str(one): _PARAMETERS[one] for one in hooks_of(entity)}
    arguments |= {str(one.name): 3 if one.takes else 2 for one in entity.actions}
    arguments |= {one.name: 1 for one in entity.api.events}
    known = {*map(str, Hook), *(str(one.name) for one in entity.actions)}
    known |= {f"{AFTER}{name}" for name in known}
    for hook, function in functions.items():
        if hook not in arguments and hook not in known:
            continue
        if hook not in arguments:
            remedy = f"add '{hook}' to 'hooks' in {entity.file}, or rename the function"
            problem = f"the function '{hook}' is not called: the spec does not list it"
            yield _diagnostic_at(function, file, lines, problem, remedy)
        elif isinstance(function, ast.AsyncFunctionDef) and not hook.startswith(AFTER):
            problem = f"'{hook}' must not be async: it runs in a thread with its transaction"
            yield _diagnostic_at(function, file, lines, problem, f"write 'def {hook}'")
        elif not _accepts_arguments(function, arguments[hook]):
            problem = f"'{hook}' must accept {_argument_count_text(arguments[hook])}"
            remedy = f"see the form with: crudgen hook {entity.name} {hook} --show"
            yield _diagnostic_at(function, file, lines, problem, remedy)


def _diagnostic_at(
    function: _Function, file: str, lines: list[str], problem: str, remedy: str
) -> Diagnostic:
    """Return a diagnostic for the name of a function."""
    source = lines[function.lineno - 1]
    word = "async def " if isinstance(function, ast.AsyncFunctionDef) else "def "
    start = source.find(function.name, function.col_offset + len(word))
    column, length = (start + 1, len(function.name)) if start >= 0 else (1, 1)
    if isinstance(function, ast.AsyncFunctionDef):
        column, length = function.col_offset + 1, len("async def")
    return Diagnostic(file, function.lineno, column, problem, remedy, source.rstrip("\r"), length)


def _accepts_arguments(function: _Function, number: int) -> bool:
    """Return whether a function can be called with a number of arguments."""
    given = function.args
    positional = [*given.posonlyargs, *given.args]
    required = len(positional) - len(given.defaults)
    has_keywords = any(default is None for default in given.kw_defaults)
    fits = required <= number and (number <= len(positional) or given.vararg is not None)
    return fits and not has_keywords


def _argument_count_text(number: int) -> str:
    return "one argument" if number == 1 else f"{number} arguments"
