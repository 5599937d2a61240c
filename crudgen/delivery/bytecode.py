"""The bytecode of imported applications. Reason to change: which modules are not compiled again.

Most code of an application is the kit. If a module of the kit equals that of the installed
package, it gets the same bytecode, which Python keeps in `__pycache__`.
"""

from functools import lru_cache
from importlib.abc import InspectLoader
from importlib.machinery import SourceFileLoader
from importlib.resources import files
from importlib.util import decode_source
from pathlib import Path, PurePosixPath
from types import CodeType

_KIT = "kit"


def bytecode(text: str, path: str, filename: str) -> CodeType:
    """Return the bytecode of a module. Raises SyntaxError.

    `path` is that of the file in the package, such as `kit/models.py`, and `filename` the one that
    tracebacks show.
    """
    if PurePosixPath(path).parts[0] == _KIT and (code := _kit_bytecode(text, path)):
        return _with_filename(code, filename)
    return InspectLoader.source_to_code(text, filename)


@lru_cache(maxsize=512)
def _kit_bytecode(text: str, path: str) -> CodeType | None:
    """Return the bytecode of a module of the installed kit; None if its text differs."""
    file = Path(str(files("crudgen") / path))
    if not file.is_file() or decode_source(file.read_bytes()) != text:
        return None
    name = ".".join(("crudgen", *PurePosixPath(path).with_suffix("").parts))
    return SourceFileLoader(name, str(file)).get_code(name)


def _with_filename(code: CodeType, filename: str) -> CodeType:
    """Return a copy of a code object for another file."""
    constants = (
        _with_filename(one, filename) if isinstance(one, CodeType) else one
        for one in code.co_consts
    )
    return code.replace(co_filename=filename, co_consts=tuple(constants))
