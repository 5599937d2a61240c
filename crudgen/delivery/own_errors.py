"""Errors in the user's code of a project. Reason to change: what of a traceback is shown."""

import traceback
from collections.abc import Collection, Iterator
from pathlib import Path

from crudgen.delivery import absolute_imports, memory
from crudgen.errors import OwnCodeError

_IMPORTING = {absolute_imports.__file__, memory.__file__}


def own_code_error(error: BaseException, files: Collection[str]) -> OwnCodeError | None:
    """Return an error with its place, if code in these files of the user raised it; else None.

    The traceback is shown from the first of these files on, without the import system.
    """
    if not isinstance(error, (Exception, SystemExit)):
        return None
    frames = [one for one in traceback.extract_tb(error.__traceback__) if not _is_import_frame(one)]
    own = [number for number, frame in enumerate(frames) if frame.filename in files]
    if isinstance(error, SyntaxError) and error.filename and error.filename in files:
        place = f"{_display_path(error.filename)}:{error.lineno}"
        return OwnCodeError(
            "\n".join([f"{place}: {_error_text(error)}", *_syntax_error_excerpt(error)])
        )
    if not own and _is_missing_module(error):
        own = [len(frames) - 1]
    if not own:
        return None
    last = frames[own[-1]]
    head = f"{_display_path(last.filename)}:{last.lineno}: {_error_text(error)}"
    for frame in frames:
        frame.filename = _display_path(frame.filename)
    lines = "".join(traceback.format_list(frames[own[0] :])).rstrip("\n")
    return OwnCodeError(f"{head}\n{lines}")


def _is_import_frame(frame: traceback.FrameSummary) -> bool:
    name = frame.filename
    return name.startswith("<frozen importlib") or name in _IMPORTING


def _is_missing_module(error: BaseException) -> bool:
    """Return whether a module of the package is missing: the user deleted its file."""
    return isinstance(error, ModuleNotFoundError) and bool(
        memory.PACKAGE_NAME.match(error.name or "")
    )


def _error_text(error: BaseException) -> str:
    message = error.msg if isinstance(error, SyntaxError) else str(error)
    named = memory.PACKAGE_NAME.sub(memory.PACKAGE_FOLDER, f"{type(error).__name__}: {message}")
    return named.removesuffix(": ")


def _syntax_error_excerpt(error: SyntaxError) -> Iterator[str]:
    """Yield the line with a syntax error, and a mark below it."""
    _, *lines, _ = traceback.format_exception_only(error)
    yield from (line.rstrip("\n") for line in lines)


def _display_path(filename: str) -> str:
    """Return the name of a file as the user sees it: from the current folder, if it is inside."""
    path = Path(filename)
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else filename
