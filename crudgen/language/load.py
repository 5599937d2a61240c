"""Spec files on disk. Changes when specs may lie somewhere else."""

import os
from collections.abc import Mapping
from pathlib import Path

from .names import file_name_problem
from .resolve.steps import resolve
from .schema import Schema
from .yaml.document import MAX_BYTES
from .yaml.places import Place, Problems, shown

APP_FILE = "crudgen.yaml"
SUFFIXES = (".yaml", ".yml")
MAX_FILES = 2000
_NOT_SPECS = {"", ".md", ".txt", ".tmp", ".swp", ".swx", ".orig", ".rej", ".bak"}
"""Notes, and what editors and merges leave behind."""


def load(path: str | Path, more: Mapping[str, str] | None = None) -> Schema:
    """Read a folder of entities, or the file of one, and the crudgen.yaml beside the folder.

    `more` are entities that are not there yet, by the names of their files. Raises SpecError with
    every problem of every file.
    """
    path = Path(path)
    problems = Problems()
    is_new = bool(more) and not os.path.lexists(path)
    files = [] if is_new else _entity_files(path, problems, may_be_empty=bool(more))
    entities = {str(file): data for file in files if (data := _read(file, problems)) is not None}
    app_file = _app_file(path)
    app_data = _read(app_file, problems) if app_file else None
    app = (str(app_file), app_data) if app_file and app_data is not None else None
    links = {str(file) for file in [*files, app_file] if file and _leads_elsewhere(file)}
    return resolve({**entities, **(more or {})}, app, problems, links)


def load_texts(entities: dict[str, str], app: str | None = None) -> Schema:
    """Read entities from texts by file name, and the text of a crudgen.yaml; touches no disk."""
    problems = Problems()
    if not entities:
        problems.add(Place("entities"), "there is no entity", "add one")
    return resolve(dict(entities), None if app is None else (APP_FILE, app), problems)


def _app_file(path: Path) -> Path | None:
    folder = path if path.is_dir() else path.parent
    beside = folder / ".." if folder.name in {"", ".."} else folder.parent
    file = beside / APP_FILE
    return file if os.path.lexists(file) else None


def _leads_elsewhere(file: Path) -> bool:
    """Tell whether a file is a link out of its folder; ConfigMaps have links within."""
    folder = Path(os.path.realpath(file.parent))
    return file.is_symlink() and not Path(os.path.realpath(file)).is_relative_to(folder)


def _entity_files(path: Path, problems: Problems, *, may_be_empty: bool = False) -> list[Path]:
    place = Place(str(path))
    try:
        if path.is_file():
            return [path] if _is_spec(path, problems) else []
        if not path.is_dir():
            problems.add(
                place, "there is no such file or folder", "crudgen reads a folder of entities"
            )
            return []
        entries = sorted(path.iterdir())
    except OSError as error:
        problems.add(place, f"cannot be read: {error.strerror}")
        return []
    files = [
        entry for entry in entries if not entry.name.startswith(".") and _is_spec(entry, problems)
    ]
    if not files and not problems and not may_be_empty:
        problems.add(place, "there is no entity in this folder", "add a file such as hero.yaml")
    if len(files) > MAX_FILES:
        problems.add(place, f"more than {MAX_FILES} entities", "split the application")
    return files[:MAX_FILES]


def _is_spec(file: Path, problems: Problems) -> bool:
    place = Place(str(file))
    if file.name == APP_FILE:
        problems.add(
            place, "this file belongs beside the folder of entities", "move it one level up"
        )
        return False
    if file.suffix not in SUFFIXES:
        if file.suffix.lower() in SUFFIXES or file.is_dir():
            problems.add(
                place, "not an entity", "this folder holds one file per entity, named *.yaml"
            )
        elif file.suffix in _NOT_SPECS or file.name.endswith(("~", "#")):
            return False
        else:
            problems.add(
                place, "not an entity", "files here are named *.yaml; keep others elsewhere"
            )
        return False
    why = file_name_problem(file.name)
    if why:
        problems.add(place, f"a file called {shown(file.name)}", f"rename it: {why}")
    return not why


def _read(file: Path, problems: Problems) -> bytes | None:
    place = Place(str(file))
    try:
        if not file.is_file():
            if file.is_symlink() and not file.exists():
                problems.add(place, "a link to nothing", "make the file that it leads to")
            else:
                problems.add(place, "this is not a file", "an entity is one file")
            return None
        with open(file, "rb", opener=_without_waiting) as stream:
            return stream.read(MAX_BYTES + 1) or b""
    except OSError as error:
        problems.add(place, f"cannot be read: {error.strerror}")
        return None


def _without_waiting(path: str, flags: int) -> int:
    """Open a file that may wait for somebody to write: a pipe, or one of the kernel's."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))
