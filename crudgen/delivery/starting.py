"""The program that `Trial` runs: creates the application in the current folder, without serving it.

Reason to change: how a generated application is created.
"""

import importlib
import os
import sys
import textwrap
import traceback
from pathlib import Path

from crudgen.delivery.memory import PACKAGE_FOLDER

_LONGEST = 300
"""Maximum length of an error's message."""


def main(result: str) -> None:
    """Create the application. Write the error and its place to a file, or two blank lines."""
    folder = Path.cwd()
    error, place = "", ""
    try:
        _try_creation()
    except BaseException as raised:  # noqa: BLE001 -- whatever the code raises is the result
        error, place = (
            _error_message(raised).replace(f"{folder}{os.sep}", ""),
            _error_place(raised, folder),
        )
    Path(result).write_text(f"{error}\n{place}", "utf-8")


def _try_creation() -> None:
    """Create the application, and the mappers of its tables."""
    module = importlib.import_module(f"{PACKAGE_FOLDER}.main")
    if not hasattr(module, "app"):
        settings = importlib.import_module(f"{PACKAGE_FOLDER}.settings")
        module.create_app(settings.Settings())
    if "sqlalchemy.orm" in sys.modules:
        sys.modules["sqlalchemy.orm"].configure_mappers()


def _error_message(error: BaseException) -> str:
    """Return the class and message of an error in one line."""
    message = " ".join(str(error.msg if isinstance(error, SyntaxError) else error).split())
    name = type(error).__name__
    return f"{name}: {textwrap.shorten(message, _LONGEST, placeholder=' …')}" if message else name


def _error_place(error: BaseException, folder: Path) -> str:
    """Return the file and line in the folder that raised an error, or nothing."""
    places = [(frame.filename, frame.lineno) for frame in traceback.extract_tb(error.__traceback__)]
    if isinstance(error, SyntaxError) and error.filename:
        places.append((error.filename, error.lineno))
    for name, line in reversed(places):
        file = Path(name)
        if file.is_relative_to(folder):
            return f"{file.relative_to(folder).as_posix()}:{line}"
    return ""
