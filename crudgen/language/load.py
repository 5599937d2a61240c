"""Reads spec files from disk. Reason to change: the layout of a spec folder."""

import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from crudgen.errors import Diagnostic

from .reserved import file_name_problem
from .resolve.steps import resolve
from .schema import Schema
from .yaml.document import MAX_BYTES
from .yaml.locations import Location
from .yaml.problems import Problems, quoted

APP_FILE = "crudgen.yaml"
SUFFIXES = (".yaml", ".yml")
MAX_FILES = 2000
_NOT_SPECS = {"", ".md", ".txt", ".tmp", ".swp", ".swx", ".orig", ".rej", ".bak"}
"""Suffixes of files that are ignored: notes, and leftovers of editors and merges."""
_NOT_SPEC_ENDINGS = ("~", "#", ".schema.json")
"""Other endings of files that are ignored. Editors use a JSON Schema."""


@dataclass(frozen=True, slots=True)
class Sources:
    """The files of a spec, as they were read."""

    entities: Mapping[str, bytes | str]
    """The content of each file of an entity."""
    app: tuple[str, bytes | str] | None
    """The name and content of crudgen.yaml."""
    links: Collection[str]
    """The files that are symbolic links to outside their folder."""
    diagnostics: tuple[Diagnostic, ...]
    """The problems with files that could not be read."""

    def schema(self) -> Schema:
        """Return the schema. Raises SpecError with the diagnostics of all files."""
        return resolve(self.entities, self.app, Problems([*self.diagnostics]), self.links)


def load(path: str | Path, unsaved: Mapping[str, bytes | str] | None = None) -> Schema:
    """Return the schema of a folder of entities (or of one file) and the crudgen.yaml next to it.

    `unsaved` maps file names to the text of entities that are not on disk yet. Raises SpecError
    with the diagnostics of all files.
    """
    return read(path, unsaved).schema()


def read(path: str | Path, unsaved: Mapping[str, bytes | str] | None = None) -> Sources:
    """Return the files of a spec, not yet parsed; the arguments are those of `load`."""
    path = Path(path)
    problems = Problems()
    is_new = bool(unsaved) and not os.path.lexists(path)
    files = [] if is_new else _entity_files(path, problems, may_be_empty=bool(unsaved))
    entities = {
        str(file): data for file in files if (data := _read_file(file, problems)) is not None
    }
    app_file = _app_file(path)
    app_data = _read_file(app_file, problems) if app_file else None
    app = (str(app_file), app_data) if app_file and app_data is not None else None
    links = {str(file) for file in [*files, app_file] if file and _is_link_to_outside(file)}
    return Sources({**entities, **(unsaved or {})}, app, links, tuple(problems.diagnostics))


def load_texts(entities: dict[str, str], app: str | None = None) -> Schema:
    """Return the schema of `entities` (YAML by file name) and `app`, the text of crudgen.yaml."""
    problems = Problems()
    if not entities:
        problems.add(Location("entities"), "no entities", "add one")
    return resolve(dict(entities), None if app is None else (APP_FILE, app), problems)


def _app_file(path: Path) -> Path | None:
    folder = path if path.is_dir() else path.parent
    parent = folder / ".." if folder.name in {"", ".."} else folder.parent
    file = parent / APP_FILE
    return file if os.path.lexists(file) else None


def _is_link_to_outside(file: Path) -> bool:
    """Return whether a file is a symbolic link to outside its folder.

    The links of Kubernetes ConfigMaps stay inside it.
    """
    folder = Path(os.path.realpath(file.parent))
    return file.is_symlink() and not Path(os.path.realpath(file)).is_relative_to(folder)


def _entity_files(path: Path, problems: Problems, *, may_be_empty: bool = False) -> list[Path]:
    location = Location(str(path))
    try:
        if path.is_file():
            return [path] if _is_spec(path, problems) else []
        if not path.is_dir():
            problems.add(
                location, "no such file or folder", "give a folder with one YAML file per entity"
            )
            return []
        entries = sorted(path.iterdir())
    except OSError as error:
        problems.add(location, f"cannot be read: {error.strerror}")
        return []
    files = [
        entry for entry in entries if not entry.name.startswith(".") and _is_spec(entry, problems)
    ]
    if not files and not problems and not may_be_empty:
        problems.add(location, "no entities in this folder", "add a file such as hero.yaml")
    if len(files) > MAX_FILES:
        problems.add(location, f"more than {MAX_FILES} entities", "split the application")
    return files[:MAX_FILES]


def _is_spec(file: Path, problems: Problems) -> bool:
    location = Location(str(file))
    if file.name == APP_FILE:
        problems.add(
            location,
            "the file must be next to the folder of entities",
            "give the folder of entities, or move crudgen.yaml next to it",
        )
        return False
    if file.suffix not in SUFFIXES:
        if file.is_dir():
            remedy = "give this folder, or move its *.yaml files one level up"
            problems.add(location, "a subfolder, whose files are not read", remedy)
        elif file.suffix.lower() in SUFFIXES:
            problems.add(location, "the suffix is not in lower case", "rename it to *.yaml")
        elif file.suffix in _NOT_SPECS or file.name.endswith(_NOT_SPEC_ENDINGS):
            return False
        else:
            problems.add(
                location, "not an entity file", "name it *.yaml, or move it to another folder"
            )
        return False
    reason = file_name_problem(file.name)
    if reason:
        problems.add(
            location, f"the file name {quoted(file.name)} is not portable", f"rename it: {reason}"
        )
    return not reason


def _read_file(file: Path, problems: Problems) -> bytes | None:
    location = Location(str(file))
    try:
        if not file.is_file():
            if file.is_symlink() and not file.exists():
                problems.add(location, "the symbolic link has no target", "create the target")
            else:
                problems.add(location, "not a regular file", "replace it with a YAML file")
            return None
        with open(file, "rb", opener=_open_nonblocking) as stream:
            return stream.read(MAX_BYTES + 1) or b""
    except OSError as error:
        problems.add(location, f"cannot be read: {error.strerror}")
        return None


def _open_nonblocking(path: str, flags: int) -> int:
    """Open a file without blocking: opening a pipe would wait for a writer."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))
