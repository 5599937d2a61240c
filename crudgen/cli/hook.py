"""The command `crudgen hook`. Reason to change: its options, or how a function is added."""

import ast
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from crudgen.cli import console, source
from crudgen.errors import ArgumentError, CrudgenError, OutputError

if TYPE_CHECKING:
    from crudgen.codegen.views.hooks import Function
    from crudgen.language.schema import Entity, Schema

EXAMPLES = ("crudgen hook Hero create", "crudgen hook Hero update --show")


def hook(
    entity: Annotated[str, typer.Argument(help="Name of the entity, such as Hero.")],
    name: Annotated[str, typer.Argument(metavar="HOOK", help="A hook or an action of its spec.")],
    entities: Annotated[
        Path, typer.Option(help="Folder with one YAML file per entity.")
    ] = source.DEFAULT,
    out: Annotated[Path, typer.Option(help="Folder of the emitted project.")] = source.DEFAULT_OUT,
    *,
    show: Annotated[
        bool, typer.Option("--show", help="Print the function, write nothing.")
    ] = False,
) -> None:
    """Write the function of a hook or an action to hooks.py of the project.

    The function of a hook does the same as the operation without it. The project is emitted first
    if there is none.
    """
    schema = source.load(entities)
    found, listed = _listed_function(schema, entity, name)
    text = _module_source(schema, found, listed)
    if show:
        typer.echo(text.rstrip("\n"))
        return
    from crudgen.codegen.views.hooks import hooks_path  # noqa: PLC0415 -- lazy

    if not _is_project(out):
        _emit_project(schema, out)
    file = out / hooks_path(found)
    try:
        if not file.exists():
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, "utf-8")
        elif (added := _with_function(file.read_text("utf-8-sig"), text, name)) is not None:
            file.write_text(added, "utf-8")
    except SyntaxError as error:
        raise OutputError(f"{file}:{error.lineno}: a syntax error\n  correct it first") from error
    except OSError as error:
        raise OutputError(f"{error.filename or file}: {error.strerror or error}") from error
    console.say(f"{file} has the function {name!r}")


def _listed_function(schema: "Schema", entity: str, name: str) -> "tuple[Entity, Function]":
    """Return an entity and its hook. Raises ArgumentError if the spec does not have them."""
    from crudgen.codegen.views.hooks import function_name, hook_functions_of  # noqa: PLC0415 -- lazy
    from crudgen.language.hooks import AFTER, Hook  # noqa: PLC0415 -- lazy
    from crudgen.language.yaml.problems import suggest  # noqa: PLC0415 -- lazy

    found = next((one for one in schema.entities if one.name == entity), None)
    if found is None:
        remedy = suggest(entity, [str(one.name) for one in schema.entities])
        raise ArgumentError(f"unknown entity {entity!r}\n  {remedy}")
    functions = {function_name(one): one for one in hook_functions_of(found)}
    if name in functions:
        return found, functions[name]
    if name.removeprefix(AFTER) not in Hook.__members__.values():
        raise ArgumentError(f"unknown function {name!r}\n  {suggest(name, {*Hook, *functions})}")
    listed = [one for one in functions if one.removeprefix(AFTER) in Hook.__members__.values()]
    words = ", ".join([*listed, name])
    raise CrudgenError(
        f"{found.file}: {entity} does not list the hook {name!r}\n  write: hooks: [{words}]"
    )


def _module_source(schema: "Schema", entity: "Entity", hook: "Function") -> str:
    """Return the source of a module that contains only this function."""
    from crudgen.codegen.render import render_hooks  # noqa: PLC0415 -- lazy

    return render_hooks(schema, entity, [hook])


def _is_project(out: Path) -> bool:
    from crudgen.delivery.project import is_project  # noqa: PLC0415 -- lazy

    return is_project(out)


def _emit_project(schema: "Schema", out: Path) -> None:
    import crudgen  # noqa: PLC0415 -- lazy
    from crudgen.delivery import disk  # noqa: PLC0415 -- lazy

    disk.write(crudgen.render(schema), out)
    console.say(f"{out}: created")


def _with_function(text: str, module: str, name: str) -> str | None:
    """Return the text of a file with a function and its imports; None if it has the function.

    Raises SyntaxError.
    """
    tree = ast.parse(text)
    if any(getattr(node, "name", "") == name for node in tree.body):
        return None
    new = ast.parse(module)
    known = {ast.dump(one) for one in _single_imports(tree)}
    missing = [one for one in _single_imports(new) if ast.dump(one) not in known]
    lines = text.rstrip("\n").split("\n") if text.strip() else []
    place = max(
        (node.end_lineno or 0 for node in tree.body if _is_import_or_docstring(node)), default=0
    )
    lines[place:place] = [ast.unparse(one) for one in missing]
    function = new.body[-1]
    source_of = "\n".join(module.split("\n")[function.lineno - 1 : function.end_lineno])
    return "\n".join([*lines, "", "", source_of, ""])


def _single_imports(tree: ast.Module) -> list[ast.ImportFrom]:
    """Return the imports of a module, each of one name."""
    return [
        ast.ImportFrom(node.module, [alias], node.level)
        for node in tree.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    ]


def _is_import_or_docstring(node: ast.stmt) -> bool:
    """Return whether a statement is an import or a docstring, before the code of a module."""
    is_text = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    return is_text or isinstance(node, ast.Import | ast.ImportFrom)
