"""Runs Python modules in processes that are forked from one that has imported the libraries.

Imports are more than half of what a start takes. Tests of the start itself, of several workers and
of variables that Python reads at its start run `python -m` instead.
"""

import multiprocessing
import os
import runpy
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping
from pathlib import Path

LIBRARIES = (
    "alembic.config",
    "asgi_correlation_id",
    "fastapi.openapi.utils",
    "jinja2",
    "pluralizer",
    "psycopg_pool",
    "pydantic_settings",
    "sqlalchemy.dialects.postgresql.psycopg",
    "sqlalchemy.dialects.sqlite",
    "sqlmodel",
    "typer",
    "uvicorn.protocols.http.httptools_impl",
    "uvloop",
    "yaml",
)
CRUDGEN = (
    "crudgen.cli",
    "crudgen.codegen.render",
    "crudgen.delivery.disk",
    "crudgen.language.load",
)

_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload([*LIBRARIES, *CRUDGEN, __name__])
_starting = threading.Lock()


class Forked:
    """A running module, with the methods of `subprocess.Popen` that the tests use."""

    def __init__(
        self,
        module: str,
        *arguments: str,
        folder: Path,
        environment: Mapping[str, str],
        output: Path,
        errors: Path | None = None,
    ) -> None:
        """Run `python -m module` in a folder, in a process group of its own.

        Only the module `crudgen` can import crudgen.
        """
        command = [module, *arguments]
        files = [str(output), str(errors or output)]
        for file in files:
            Path(file).touch()
        target = (command, str(folder), dict(environment), files)
        with _starting:
            self._process = _context.Process(target=_run, args=target)
            self._process.start()
        assert self._process.pid
        self.pid = self._process.pid

    def poll(self) -> int | None:
        return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        self._process.join(timeout)
        if self._process.exitcode is None:
            raise subprocess.TimeoutExpired(str(self.pid), timeout or 0)
        return self._process.exitcode

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


def run(
    module: str, *arguments: str, folder: Path, environment: Mapping[str, str]
) -> subprocess.CompletedProcess[str]:
    """Run `python -m module` in a folder until it ends."""
    with tempfile.TemporaryDirectory() as place:
        output, errors = Path(place) / "output", Path(place) / "errors"
        process = Forked(
            module,
            *arguments,
            folder=folder,
            environment=environment,
            output=output,
            errors=errors,
        )
        try:
            code = process.wait(180)
        finally:
            process.kill()
        return subprocess.CompletedProcess(
            [module, *arguments], code, output.read_text("utf-8"), errors.read_text("utf-8")
        )


def _run(command: list[str], folder: str, environment: dict[str, str], files: list[str]) -> None:
    os.setsid()
    for descriptor, file in enumerate(files, 1):
        opened = os.open(file, os.O_WRONLY | os.O_APPEND)
        os.dup2(opened, descriptor)
        os.close(opened)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    if "PYTHONUNBUFFERED" in environment:  # perhaps to a pipe, and Python took it for a file
        sys.stdout = os.fdopen(1, "w", buffering=1, closefd=False)
        sys.stderr = os.fdopen(2, "w", buffering=1, closefd=False, errors="backslashreplace")
    sys.path.insert(0, folder)
    sys.argv = command
    if command[0] != "crudgen":
        for name in [name for name in sys.modules if name.partition(".")[0] == "crudgen"]:
            del sys.modules[name]
        sys.modules["crudgen"] = None  # type: ignore[assignment]
    runpy.run_module(command[0], run_name="__main__", alter_sys=True)
