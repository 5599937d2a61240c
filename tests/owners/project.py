"""An emitted project that an owner edits, imported in this process under a name of its own."""

import compileall
import importlib
import shutil
import sys
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from py_compile import PycInvalidationMode
from types import ModuleType
from typing import Any

from fastapi import FastAPI

import crudgen
from crudgen.delivery import disk
from tests.support.servers import write_entities

with warnings.catch_warnings():  # Starlette prefers another client, and says so when imported
    warnings.simplefilter("ignore")
    from fastapi.testclient import TestClient

HERO = """\
name: Hero
fields:
  name: str
  age: int?
  secret_name: str write_only
"""
TEAM = """\
name: Team
fields:
  name: str unique
"""
_numbers = count()


def client_of(app: FastAPI) -> TestClient:
    """Return a client of an application whose lifespan does not run."""
    return TestClient(app)


def emit(folder: Path, specs: Mapping[str, str]) -> Path:
    """Emit a project with these entities; return its folder."""
    return _emit(write_entities(folder / "entities", specs), folder / "project")


def emit_spec(root: Path, name: str, folder: Path) -> Path:
    """Emit a project of a spec in tests/specs; return its folder."""
    return _emit(root / f"tests/specs/{name}/entities", folder)


def _emit(entities: Path, folder: Path) -> Path:
    """Emit a project, and compile it for all its copies; Python compiles edited modules anew."""
    disk.write(crudgen.render(crudgen.load(entities)), folder)
    mode = PycInvalidationMode.CHECKED_HASH  # a quick edit may leave the time and the size
    assert compileall.compile_dir(folder / "app", quiet=2, invalidation_mode=mode)
    return folder


@dataclass
class Project:
    """A copy of an emitted project. Edit it first, then import it or send requests to it."""

    folder: Path
    package: str = field(default_factory=lambda: f"owned{next(_numbers)}")

    @classmethod
    def copied(cls, emitted: Path, folder: Path) -> "Project":
        """Copy the package of an emitted project: all its imports are relative."""
        project = cls(folder)
        shutil.copytree(emitted / "app", folder / project.package)
        return project

    def path(self, path: str) -> Path:
        return self.folder / self.package / path

    def replace(self, path: str, old: str, new: str) -> None:
        """Replace a text that a file has once."""
        text = self.path(path).read_text("utf-8")
        assert text.count(old) == 1, (old, text)
        self.path(path).write_text(text.replace(old, new), "utf-8")

    def import_in(self, path: str, line: str) -> None:
        """Add an import after the docstring of a module."""
        text = self.path(path).read_text("utf-8")
        before, mark, after = text.partition('"""\n\n')
        assert mark
        self.path(path).write_text(f"{before}{mark}{line}\n{after}", "utf-8")

    def append(self, path: str, text: str) -> None:
        with self.path(path).open("a", encoding="utf-8") as file:
            file.write(text)

    def write(self, path: str, text: str) -> None:
        self.path(path).write_text(text, "utf-8")

    def module(self, name: str) -> Any:
        """Import a module of the project."""
        if str(self.folder) not in sys.path:
            sys.path.insert(0, str(self.folder))
        importlib.invalidate_caches()
        return importlib.import_module(f"{self.package}.{name}")

    def create(self, name: str = "app", **settings: Any) -> FastAPI:
        """Return an application of the project with a database of its own."""
        settings.setdefault("database_url", f"sqlite:///{self.folder}/{name}.db")
        made: FastAPI = self.module("main").create_app(self.module("settings").Settings(**settings))
        return made

    @contextmanager
    def client(self, app: FastAPI | None = None, **settings: Any) -> Iterator[TestClient]:
        with TestClient(app or self.create(**settings)) as client:
            yield client

    @contextmanager
    def clients(self) -> Iterator["Clients"]:
        """Yield clients of two applications: with shortcuts, and without."""
        with (
            TestClient(self.create("fast", shortcut=True)) as fast,
            TestClient(self.create("slow", shortcut=False)) as slow,
        ):
            yield Clients(fast, slow)

    def unload(self) -> None:
        """Forget the modules of the project."""
        if str(self.folder) in sys.path:
            sys.path.remove(str(self.folder))
        for name in [one for one in sys.modules if one.partition(".")[0] == self.package]:
            module: ModuleType = sys.modules.pop(name)
            del module


@dataclass
class Clients:
    """Sends each request to an application with shortcuts and to one without."""

    fast: TestClient
    slow: TestClient

    def ask(self, method: str, path: str, **options: Any) -> Any:
        """Send a request to both; they must respond the same."""
        first = self.fast.request(method, path, **options)
        second = self.slow.request(method, path, **options)
        assert (first.status_code, first.content) == (second.status_code, second.content)
        return first
