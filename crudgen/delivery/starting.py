"""The program that `Trial` runs: creates the application in the current folder, without serving it.

Reason to change: how a generated application is created.
"""

import importlib
import os
import sys
import traceback
from pathlib import Path

from crudgen.delivery.memory import PACKAGE_FOLDER


def main(result: str) -> None:
    """Create the application. Write the error and its place to a file, or two blank lines."""
    folder = Path.cwd()
    error, place = "", ""
    try:
        create()
    except BaseException as raised:  # noqa: BLE001 -- whatever the code raises is the result
        lines = [*traceback.format_exception_only(raised)[-1].splitlines(), "", ""]
        error, place = lines[0].strip() or type(raised).__name__, _place(raised, folder)
    error = error.replace(f"{folder}{os.sep}", "")
    Path(result).write_text(f"{error}\n{place}", "utf-8")


def create() -> None:
    """Create the application, and the mappers of its tables."""
    module = importlib.import_module(f"{PACKAGE_FOLDER}.main")
    if not hasattr(module, "app"):
        settings = importlib.import_module(f"{PACKAGE_FOLDER}.settings")
        module.create_app(settings.Settings())
    if "sqlalchemy.orm" in sys.modules:
        sys.modules["sqlalchemy.orm"].configure_mappers()


def _place(error: BaseException, folder: Path) -> str:
    """Return the file and line in the folder that raised an error, or nothing."""
    places = [(frame.filename, frame.lineno) for frame in traceback.extract_tb(error.__traceback__)]
    if isinstance(error, SyntaxError) and error.filename:
        places.append((error.filename, error.lineno))
    for name, line in reversed(places):
        file = Path(name)
        if file.is_relative_to(folder):
            return f"{file.relative_to(folder).as_posix()}:{line}"
    return ""
