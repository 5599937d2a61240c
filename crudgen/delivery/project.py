"""Puts the code of a project into a source tree. Reason to change: which files are served.

Served is what `emit` would leave in the folder of the project: the user's own modules, generated
files with the user's edits merged in, and the other generated files.
"""

import os
from collections.abc import Iterator
from dataclasses import replace
from importlib.resources import files
from importlib.util import decode_source
from pathlib import Path

from crudgen.codegen.tree import Ownership, SourceFile, SourceTree
from crudgen.delivery.comparing import compare
from crudgen.delivery.disk import UnresolvedError
from crudgen.delivery.memory import PACKAGE_FOLDER, read_source
from crudgen.delivery.plan import Action, Change, Plan
from crudgen.delivery.record import RECORD
from crudgen.errors import OutputError

_OF_USER = (
    Action.KEEP,
    Action.EDITED,
    Action.OWNED,
    Action.STALE,
    Action.STALE_EDITED,
)
"""States of files that a write leaves as they are, and that may differ from the generated ones."""
_KIT = f"{PACKAGE_FOLDER}/kit"


def is_project(folder: Path) -> bool:
    """Return whether `crudgen emit` wrote a project to a folder, which may not exist."""
    return any((folder / name).is_file() for name in (RECORD, f"{PACKAGE_FOLDER}/main.py"))


def code_files(folder: Path) -> Iterator[Path]:
    """Yield the modules in the package of a project, which may not exist."""
    for parent, folders, names in os.walk(folder / PACKAGE_FOLDER):
        folders[:] = sorted(name for name in folders if name != "__pycache__")
        yield from (Path(parent, name) for name in sorted(names) if name.endswith(".py"))


def with_project_code(tree: SourceTree, folder: Path) -> SourceTree:
    """Return a tree with the code that `emit` would leave in the folder of a project.

    Nothing is written. Files with text of the user have their location. Raises UnresolvedError if
    edits conflict with the tree, and OutputError if the folder cannot be read.
    """
    try:
        plan = compare(tree, folder)
        if plan.refused or plan.conflicts:
            head = f"{folder} cannot be served, because of files that you edited:"
            raise UnresolvedError(folder, (*plan.refused, *plan.conflicts), head)
        return SourceTree(_files_to_serve(tree, plan))
    except OSError as error:
        raise OutputError(f"{error.filename or folder}: {error.strerror or error}") from error


def with_kit(tree: SourceTree) -> SourceTree:
    """Return a tree with a copy of the installed kit, which the code of a library project imports.

    A process that serves a former version beside a new one needs a kit for each.
    """
    kit = Path(str(files("crudgen") / "kit"))
    copied = {
        f"{_KIT}/{file.relative_to(kit).as_posix()}": file.read_text("utf-8")
        for file in kit.rglob("*.py")
    }
    others = (file for file in tree.files if file.path not in copied)
    return SourceTree([*others, *(SourceFile(path, text) for path, text in copied.items())])


def _files_to_serve(tree: SourceTree, plan: Plan) -> Iterator[SourceFile]:
    """Yield the files of a tree as a write of the plan leaves them, and the user's own modules."""
    generated = {file.path: file for file in tree.files}
    for change in plan.changes:
        file = generated.get(change.path, SourceFile(change.path, ""))
        if not _is_code(change.path):
            if change.path in generated:
                yield file
        elif change.action in _OF_USER:
            yield _with_text_of_user(file, plan.out / (change.source or change.path))
        elif change.after is not None:
            yield _with_merged_text(file, change)
    known = {path for change in plan.changes for path in (change.path, change.source)}
    for location in code_files(plan.out):
        path = location.relative_to(plan.out).as_posix()
        if path not in known:
            yield _with_text_of_user(SourceFile(path, ""), location)


def _is_code(path: str) -> bool:
    return path.startswith(f"{PACKAGE_FOLDER}/") and path.endswith(".py")


def _with_text_of_user(file: SourceFile, location: Path) -> SourceFile:
    text = read_source(location)
    if text == file.text:
        return file
    path = str(location.absolute())
    return replace(file, text=text, ownership=Ownership.GENERATED, location=path)


def _with_merged_text(file: SourceFile, change: Change) -> SourceFile:
    if change.action is Action.MERGE and change.after is not None:
        return replace(file, text=decode_source(change.after))
    return file
