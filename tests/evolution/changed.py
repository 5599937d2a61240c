"""A database before and after a change of its spec, with what its user has added to it."""

import importlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import Connection, MetaData, insert, select

from crudgen.codegen import render
from crudgen.delivery.memory import import_tree, unload
from crudgen.evolution.applying import ApplyOptions, ApplyResult, Target, apply, watch_nothing
from crudgen.evolution.choices import read_choices
from crudgen.evolution.connecting import Database
from crudgen.evolution.hints import hints
from crudgen.evolution.plan import Plan
from crudgen.evolution.statements import run
from crudgen.language import Schema, load_texts

ROWS = int(os.environ.get("ROWS", "20"))
Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class Spec:
    """A spec, and the tables that follow from it."""

    schema: Schema
    metadata: MetaData

    def target(
        self, fills: Sequence[str] = (), drops: Sequence[str] = (), integers: Sequence[str] = ()
    ) -> Target:
        found = hints(self.schema)
        choices = read_choices(self.schema, found, fills, drops, integers)
        return Target(self.metadata, found, choices)


def load(*entities: str, only_models: bool = False) -> Spec:
    """Return a spec, and its tables. Nothing stays imported.

    Only the models are imported in a third of the time, without the tables of crudgen itself.
    """
    texts = {f"entities/e{number}.yaml": text for number, text in enumerate(entities)}
    schema = load_texts(texts)
    tree = render(schema)
    modules = [f"{one.plural}.models" for one in schema.entities] if only_models else ["api"]
    if only_models and "app/models.py" in tree:
        modules = ["models"]
    package = import_tree(tree)
    try:
        for name in (*modules, "kit.models"):
            module = importlib.import_module(f"{package.__name__}.{name}")
        return Spec(schema, module.Model.metadata)
    finally:
        unload(package)


spec = cache(load)


def entity(name: str, fields: Mapping[str, str], *more: str) -> str:
    """Return the text of an entity."""
    lines = [f"  {field}: {written}" for field, written in fields.items()]
    return "\n".join([f"name: {name}", *more, "fields:", *lines])


def ordered(**options: Any) -> ApplyOptions:
    return ApplyOptions(watch_nothing, lambda _reason: None, **options)


@dataclass(frozen=True)
class Changed:
    """A database of a test."""

    database: Database

    def plan(self, target: Target) -> Plan:
        with self.database.read_only_connection() as connection:
            return target.plan(connection)

    def apply(self, target: Target, **options: Any) -> ApplyResult:
        return apply(self.database, target, ordered(**options))

    def insert(self, before: Spec, table: str, rows: Rows) -> None:
        with self.database.connect() as connection:
            run(connection, "BEGIN")
            connection.execute(insert(before.metadata.tables[table]), rows)
            run(connection, "COMMIT")

    def execute(self, *statements: str) -> None:
        with self.database.connect() as connection:
            for statement in statements:
                run(connection, statement)

    def rows(self, of: Spec, table: str) -> Rows:
        """Return all rows of a table as the models read them, by their keys."""
        chosen = of.metadata.tables[table]
        with self.database.connect() as connection:
            found = connection.execute(select(chosen).order_by(*chosen.primary_key))
            return [dict(row._mapping) for row in found]  # noqa: SLF001 -- public, despite its name

    def values(self, sql: str) -> list[tuple[Any, ...]]:
        with self.database.connect() as connection:
            return [tuple(row) for row in run(connection, sql)]

    def everything(self) -> list[tuple[Any, ...]]:
        """Return all definitions and rows of the database."""
        with self.database.connect() as connection:
            if connection.dialect.name == "sqlite":
                driver: Any = connection.connection.dbapi_connection
                return [(line,) for line in driver.iterdump()]
            return _of_postgresql(connection)


def _of_postgresql(connection: Connection) -> list[tuple[Any, ...]]:
    found = [
        tuple(row)
        for sql in (
            "SELECT oid, relname, relnamespace, relfilenode FROM pg_class ORDER BY oid",
            "SELECT attrelid, attnum, attname, atttypid, atttypmod, attnotnull FROM pg_attribute",
            "SELECT oid, conname, pg_get_constraintdef(oid) FROM pg_constraint ORDER BY oid",
        )
        for row in run(connection, sql)
    ]
    tables = run(
        connection,
        "SELECT oid::regclass::text FROM pg_class"
        " WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace ORDER BY 1",
    )
    for name in tables.scalars().all():
        sql = f"SELECT t::text FROM {name} t ORDER BY 1"  # noqa: S608
        found += [tuple(row) for row in run(connection, sql)]
    return found
