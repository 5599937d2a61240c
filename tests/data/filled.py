"""Applications with made-up rows, and the requests that create the same rows."""

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError
from sqlmodel import select

from crudgen.codegen import render_to_serve
from crudgen.data.fake.filling import Filled, Filler
from crudgen.data.open_application import OpenApplication, opened_application
from crudgen.data.order import insertion_order
from crudgen.language.names import ClassName
from crudgen.language.operations import Operation
from crudgen.language.schema import Entity, KeyKind, Schema
from tests.support.asgi import AsgiClient


def ignored(_what: str, _done: int, _of: int) -> None:
    """Report nothing."""


def fill(
    schema: Schema,
    application: OpenApplication,
    rows: int | None = None,
    seed: int = 1,
    chosen: Mapping[str, int] | None = None,
) -> Filled:
    filler = Filler(schema, application, seed)
    named = {ClassName(name): number for name, number in (chosen or {}).items()}
    filler.fill(filler.row_counts(rows, named), ignored)
    application.session.commit()
    return filler.filled


@contextlib.contextmanager
def opened(schema: Schema, url: str) -> Iterator[OpenApplication]:
    with opened_application(render_to_serve(schema), url) as application:
        yield application


def rows_of(application: OpenApplication, entity: Entity) -> list[Any]:
    model = application.table_model(entity)
    key = getattr(model, str(entity.key.attribute))
    return [*application.session.exec(select(model).order_by(key))]


def table_contents(application: OpenApplication, schema: Schema) -> dict[str, list[Any]]:
    """Return all rows by table, those of link tables too."""
    metadata = application.import_module("kit.models").Model.metadata
    names = [str(entity.table) for entity in schema.entities]
    names += [str(link.table) for entity in schema.entities for link in entity.links]
    return {
        name: sorted(map(repr, application.session.execute(metadata.tables[name].select())))
        for name in names
    }


@dataclass
class Poster:
    """Sends rows to the API of an empty application, with the keys that it gives to them."""

    schema: Schema
    application: OpenApplication
    client: AsgiClient
    posted: int = 0

    def __post_init__(self) -> None:
        self._keys: dict[tuple[str, Any], Any] = {}

    async def post_all(self) -> None:
        for step in insertion_order(self.schema.entities):
            entity = step.entity
            create = self.application.create_model(entity)
            if Operation.CREATE not in entity.api.operations:
                continue
            for row in rows_of(self.application, entity):
                later = {one.name for one in step.later}
                body = self._body(entity, row, create, later)
                if body is None:
                    continue
                response = await self.client.post(f"{entity.path}/", json=body)
                assert response.status_code in {200, 201}, (entity.name, body, response.text)
                self.posted += 1
                key = getattr(row, str(entity.key.attribute))
                self._keys[entity.name, key] = response.json()[str(entity.key.json_name)]

    def _body(
        self, entity: Entity, row: Any, create: Any, later: set[Any]
    ) -> dict[str, Any] | None:
        """Return the body that creates a row; None if it refers to a row that was not posted."""
        values = {}
        for field in entity.fields:
            if str(field.attribute) not in create.model_fields:
                continue
            value = getattr(row, str(field.attribute))
            if field.name in later:
                value = None
            elif field.reference is not None and value is not None:
                value = self._keys.get((field.reference.target, value))
                if value is None:
                    return None
            values[str(field.json_name)] = value
        assert entity.key_kind is not KeyKind.CLIENT or values
        try:
            made = create.model_validate(values)
        except ValidationError as error:
            raise AssertionError(f"{entity.name}: {values} {error}") from error
        body: dict[str, Any] = made.model_dump(mode="json", by_alias=True)
        return body
