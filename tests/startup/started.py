"""The start of an application within the process of a test: the models of a spec, and prepare()."""

import importlib
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from functools import cache
from types import ModuleType
from typing import Any

from sqlalchemy import Connection, Engine, MetaData, create_engine, make_url

from crudgen.codegen import render
from crudgen.delivery.memory import import_tree
from crudgen.language import Schema, load_texts


@dataclass(frozen=True)
class Application:
    """A generated application, imported but not served."""

    package: ModuleType

    def module(self, name: str) -> Any:
        return importlib.import_module(f"{self.package.__name__}.{name}")

    @asynccontextmanager
    async def running(self, url: str, **settings: Any) -> AsyncIterator[Any]:
        """Start the application on a database, and yield it, as a server does."""
        made = self.module("settings").Settings(database_url=url, **settings)
        app = self.module("main").create_app(made)
        async with app.router.lifespan_context(app):
            yield app

    @property
    def metadata(self) -> MetaData:
        self.module("main")
        found: MetaData = self.module("kit.models").Model.metadata
        return found

    def engine(self, url: str) -> Engine:
        """Connect as the application does."""
        if url.startswith("sqlite"):
            backend = self.module("kit.database.sqlite").Sqlite(
                make_url(url), connections=2, lock_seconds=2.0, statement_seconds=60.0
            )
        else:
            backend = self.module("kit.database.postgresql").Postgresql(
                url, connections=2, lock_seconds=2.0, statement_seconds=60.0
            )
        engine: Engine = backend.engine
        return engine

    @contextmanager
    def connected(self, url: str) -> Iterator[Engine]:
        """Return an engine for many short transactions, one after another.

        It keeps its connection to PostgreSQL, which starts a process for each.
        """
        engine = pooled = self.engine(url)
        if engine.dialect.name == "postgresql":

            def connect() -> Any:
                connection = engine.raw_connection()
                kept = connection.driver_connection
                connection.detach()
                return kept

            pooled = create_engine("postgresql+psycopg://", creator=connect, pool_size=1)
        yield pooled
        pooled.dispose()

    def prepare(self, engine: Engine, *, needs_secret: bool = True) -> bytes:
        """Create what is missing, and compare; raises StartupError."""
        secret: bytes = self.module("kit.database.tables").prepare_tables(
            engine, self.metadata, where="X", needs_secret=needs_secret
        )
        return secret

    def start(self, url: str, *, needs_secret: bool = True) -> bytes:
        return self.prepare(self.engine(url), needs_secret=needs_secret)

    def findings(self, connection: Connection) -> list[tuple[str, Any]]:
        """Compare every table by what its catalogue says alone."""
        catalogue = self.module("kit.database.catalogue")
        tables = self.metadata.sorted_tables
        found = catalogue.read_tables(connection, [table.name for table in tables])
        wanted = catalogue.expected_tables(connection, tables)
        assert set(found) == set(wanted)
        comparison = self.module("kit.database.comparison")
        lacking = [
            (name, index)
            for name in wanted
            for index in comparison.missing_indexes(found[name], wanted[name])
        ]
        return lacking + [
            (name, finding)
            for name in wanted
            for finding in comparison.compare(
                *catalogue.normalize_checks(connection, found[name], wanted[name])
            )
        ]

    @property
    def startup_error(self) -> type[Exception]:
        found: type[Exception] = self.module("kit.errors").StartupError
        return found


def application(spec: Schema | str | Mapping[str, str]) -> Application:
    """Generate and import an application; one of the same text is imported once."""
    if isinstance(spec, str):
        return _of_text(spec)
    if isinstance(spec, Mapping):
        spec = load_texts(dict(spec))
    return Application(import_tree(render(spec)))


@cache
def _of_text(spec: str) -> Application:
    return application(load_texts({"one.yaml": spec}))
