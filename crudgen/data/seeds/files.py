"""The files of seeds as YAML nodes. Reason to change: where the files are."""

from pathlib import Path

from crudgen.errors import Diagnostic, SpecError
from crudgen.language.yaml.document import MAX_BYTES, parse
from crudgen.language.yaml.nodes import Mapping

_SUFFIXES = {".yaml", ".yml"}
_EXAMPLE = "Hero: [{name: Deadpond}]"


def read_files(path: Path) -> list[Mapping]:
    """Return the maps of all files in a folder, or of one file. Raises SpecError."""
    problems: list[Diagnostic] = []
    found: list[Mapping] = []
    for file in _files(path):
        try:
            with file.open("rb") as stream:
                found.append(parse(str(file), stream.read(MAX_BYTES + 1), _EXAMPLE))
        except SpecError as error:
            problems += error.diagnostics
        except OSError as error:
            problems.append(Diagnostic(str(file), 0, 0, f"cannot be read: {error.strerror}"))
    if problems:
        raise SpecError(problems)
    return found


def _files(path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    if not path.is_dir():
        kind = "file" if path.suffix in _SUFFIXES else "folder"
        remedy = "create it with a file such as seeds/heroes.yaml, or give another one"
        raise SpecError([Diagnostic(str(path), 0, 0, f"no such {kind}", remedy)])
    entries = [one for one in sorted(path.iterdir()) if not one.name.startswith(".")]
    wrong = [one for one in entries if one.suffix not in _SUFFIXES or one.is_dir()]
    if wrong:
        remedy = "name it *.yaml, or move it to another folder"
        raise SpecError(
            [Diagnostic(str(one), 0, 0, "not a file of seeds", remedy) for one in wrong]
        )
    if not entries:
        remedy = "add a file such as heroes.yaml"
        raise SpecError([Diagnostic(str(path), 0, 0, "no files in this folder", remedy)])
    return entries
