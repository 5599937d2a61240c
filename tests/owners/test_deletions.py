"""`session.delete` does what the API's DELETE does, for each row of random graphs of references.

`GRAPHS=500` tests 500 graphs.
"""

import os
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import Random
from typing import Any
from urllib.parse import quote

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import Connection, Engine, Table, inspect, select, update
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session

from crudgen.delivery.memory import unload
from crudgen.language.operations import Operation
from crudgen.language.schema import Entity, Field, Schema
from tests.startup.started import Application, application
from tests.support.random_graphs import random_graph

pytestmark = pytest.mark.long

GRAPHS = int(os.environ.get("GRAPHS", "2"))
"""How many graphs are tested."""
Rows = dict[str, list[tuple[Any, ...]]]


@dataclass(frozen=True)
class Filled:
    """An application, and a database with two rows of each entity."""

    schema: Schema
    app: Application
    engine: Engine
    random: Random

    @property
    def tables(self) -> list[Table]:
        """The tables of entities and links; a referenced table comes before those that refer."""
        return [one for one in self.app.metadata.sorted_tables if not one.name.startswith("_")]

    def fill(self) -> None:
        """Delete all rows, and insert new ones with random optional references."""
        with self.engine.begin() as connection:
            self._clear(connection)
            for table in self.tables:
                entity = self._entity(table)
                rows = [self._row(entity, n) for n in (0, 1)] if entity else self._links(table)
                connection.execute(table.insert(), rows)
            for entity in self.schema.entities:
                self._refer(connection, entity)

    def _clear(self, connection: Connection) -> None:
        for table in reversed(self.tables):
            nullable = {key.parent.name: None for key in table.foreign_keys if key.parent.nullable}
            if nullable:
                connection.execute(table.update().values(nullable))
        for table in reversed(self.tables):
            connection.execute(table.delete())

    def _entity(self, table: Table) -> Entity | None:
        return next((one for one in self.schema.entities if one.table == table.name), None)

    def _row(self, entity: Entity, n: int) -> dict[str, Any]:
        return {
            str(field.column): self._value(field, n)
            for field in entity.fields
            if field.reference is None or not field.optional
        }

    def _value(self, field: Field, n: int) -> Any:
        if field.reference is None:
            return field.samples[n]
        return self.schema.entity(field.reference.target).key.samples[n]

    def _links(self, table: Table) -> list[dict[str, Any]]:
        link = next(
            one
            for entity in self.schema.entities
            for one in entity.links
            if one.table == table.name
        )
        keys = [(str(end.column), self.schema.entity(end.entity).key) for end in link.ends]
        pairs = [(0, 0), (1, 1), (0, 1)]
        return [
            {column: key.samples[n] for (column, key), n in zip(keys, pair, strict=True)}
            for pair in pairs[: self.random.randint(1, 3)]
        ]

    def _refer(self, connection: Connection, entity: Entity) -> None:
        """Set the optional references of both rows. No row refers to itself: see the how-to."""
        table = self.app.metadata.tables[str(entity.table)]
        key = table.c[str(entity.key.column)]
        for field in entity.fields:
            if field.reference is None or not field.optional:
                continue
            for n in (0, 1):
                other = n if field.unique else self.random.randint(0, 1)
                other = 1 - n if field.reference.target == entity.name else other
                value = self._value(field, other) if self.random.random() < 0.7 else None
                is_row = key == entity.key.samples[n]
                connection.execute(update(table).where(is_row).values({str(field.column): value}))

    def rows(self, connection: Connection) -> Rows:
        """Return all rows, by table."""
        return {
            table.name: sorted(map(tuple, connection.execute(select(table))), key=repr)
            for table in self.tables
        }

    def all_rows(self) -> Rows:
        with self.engine.connect() as connection:
            return self.rows(connection)

    def after_delete(self, entity: Entity, key: Any, *, loads: bool) -> Rows | None:
        """Return the rows after `session.delete`, which is undone; None if it is rejected."""
        model = getattr(self.app.module("models"), str(entity.name))
        with Session(self.engine) as session:
            row = session.get_one(model, key)
            if loads:
                for relationship in inspect(model).relationships:
                    getattr(row, relationship.key)
            session.delete(row)
            try:
                session.flush()
            except IntegrityError:
                return None
            rows = self.rows(session.connection())
            session.rollback()
            return rows


@pytest.fixture(autouse=True)
def no_warnings() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
@pytest.mark.parametrize("seed", range(GRAPHS))
def test_sessions_and_requests_delete_the_same(
    seed: int, kind: str, new_database: Callable[[str], str]
) -> None:
    schema = random_graph(seed)
    app = application(schema)
    url = new_database(kind)
    settings = app.module("settings").Settings(database_url=url)
    with TestClient(app.module("main").create_app(settings)) as client:
        while client.get("/ready").status_code != 200:
            time.sleep(0.1)  # the database is busy
        filled = Filled(schema, app, app.engine(url), Random(seed))  # noqa: S311
        filled.fill()
        for entity in schema.entities:
            if Operation.DELETE in entity.api.operations:
                for n in (0, 1):
                    check_deletion(client, filled, entity, entity.key.samples[n])
        filled.engine.dispose()
    unload(app.package)


def check_deletion(client: TestClient, filled: Filled, entity: Entity, key: Any) -> None:
    before = filled.all_rows()
    expected = filled.after_delete(entity, key, loads=False)
    assert filled.after_delete(entity, key, loads=True) == expected
    response = client.delete(f"{entity.path}/{quote(str(key), safe='')}")
    if expected is None:
        assert response.status_code == 409, response.text
        assert {one["type"] for one in response.json()["detail"]} == {"referred_to"}
        assert filled.all_rows() == before
    else:
        assert response.status_code == 200, response.text
        assert filled.all_rows() == expected
        filled.fill()
