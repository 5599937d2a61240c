"""Spec files on disk. Changes when specs may lie somewhere else."""

from pathlib import Path

from .document import MAX_BYTES
from .places import Place, Problems
from .resolve import resolve
from .schema import Schema

APP_FILE = "crudgen.yaml"
SUFFIXES = (".yaml", ".yml")
MAX_FILES = 2000
_NOT_SPECS = {"", ".md", ".txt", ".tmp", ".swp", ".swx", ".orig", ".rej", ".bak"}
"""Notes, and what editors and merges leave behind."""


def load(path: str | Path) -> Schema:
    """Read a folder of entities, or the file of one, and the crudgen.yaml beside the folder.

    Raises SpecError with every problem of every file.
    """
    path = Path(path)
    problems = Problems()
    entities = {
        str(file): data
        for file in _entity_files(path, problems)
        if (data := _read(file, problems)) is not None
    }
    app_file = _app_file(path)
    app_data = _read(app_file, problems) if app_file else None
    app = (str(app_file), app_data) if app_file and app_data is not None else None
    return resolve(entities, app, problems)


def load_texts(entities: dict[str, str], app: str | None = None) -> Schema:
    """Read entities from texts by file name, and the text of a crudgen.yaml; touches no disk."""
    problems = Problems()
    if not entities:
        problems.add(Place("entities"), "there is no entity", "add one")
    return resolve(dict(entities), None if app is None else (APP_FILE, app), problems)


def spec_files(path: str | Path) -> list[Path]:
    """Return the files that `load` would read, those with problems too: what a watcher watches."""
    path = Path(path)
    app_file = _app_file(path)
    return [*_entity_files(path, Problems()), *([app_file] if app_file else [])]


def _app_file(path: Path) -> Path | None:
    folder = path if path.is_dir() else path.parent
    beside = folder / ".." if folder.name in {"", ".."} else folder.parent
    file = beside / APP_FILE
    return file if file.exists() else None


def _entity_files(path: Path, problems: Problems) -> list[Path]:
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
    if not files and not problems:
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
    return True


def _read(file: Path, problems: Problems) -> bytes | None:
    place = Place(str(file))
    try:
        if not file.is_file():
            problems.add(place, "this is not a file", "an entity is one file")
            return None
        with file.open("rb") as stream:
            return stream.read(MAX_BYTES + 1)
    except OSError as error:
        problems.add(place, f"cannot be read: {error.strerror}")
        return None
