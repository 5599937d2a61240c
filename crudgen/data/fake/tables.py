"""The tables of an application as made-up rows see them. Reason to change: how rows are stored."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from crudgen.language.names import FieldName
from crudgen.language.relations import Link
from crudgen.language.schema import Entity, Value

if TYPE_CHECKING:
    from crudgen.data.open_application import OpenApplication


class EntityTable:
    """The table of an entity. Rows are inserted after validation by the Create model."""

    def __init__(self, application: "OpenApplication", entity: Entity) -> None:
        self._session, self._entity = application.session, entity
        self.model = application.table_model(entity)
        create = application.create_model(entity)
        fields = {} if create is None else create.model_fields
        self._create = create
        sent = [one for one in entity.fields if str(one.attribute) in fields]
        self._json_names = [(one.name, str(one.json_name)) for one in sent]
        self._sent = [str(one.attribute) for one in sent]
        self._attributes = {field.name: str(field.attribute) for field in entity.fields}
        self._key = self._attributes[entity.key.name]
        self._touched = [field.name for field in entity.fields if field.touch]

    @property
    def key_column(self) -> Any:
        """The column of the primary key."""
        return self.model.__table__.primary_key.columns.values()[0]

    def count(self) -> int:
        """Return the number of rows."""
        from sqlalchemy import func, select  # noqa: PLC0415 -- slow to import

        return self._session.execute(select(func.count()).select_from(self.model)).scalar() or 0

    def keys(self, most: int) -> list[Value]:
        """Return the first keys."""
        return [row[0] for row in self.values([self._entity.key.name], most)]

    def values(self, names: Iterable[FieldName], most: int | None = None) -> list[Sequence[Value]]:
        """Return the values of some fields, of the first rows or all."""
        from sqlalchemy import select  # noqa: PLC0415 -- slow to import

        columns = [getattr(self.model, self._attributes[name]) for name in names]
        statement = select(*columns).order_by(getattr(self.model, self._key)).limit(most)
        return [tuple(row) for row in self._session.execute(statement)]

    def validated(self, row: Mapping[FieldName, Value]) -> dict[str, Value]:
        """Return the values of a row by attribute. Raises ValidationError of pydantic."""
        values = {self._attributes[name]: value for name, value in row.items()}
        if self._create is not None:
            body = {json_name: row[name] for name, json_name in self._json_names}
            made = self._create.model_validate(body)
            values.update((name, getattr(made, name)) for name in self._sent)
        return values

    def insert(self, rows: Sequence[Mapping[str, Value]]) -> None:
        """Insert rows, by attribute."""
        from sqlalchemy import insert  # noqa: PLC0415 -- slow to import

        self._session.execute(insert(self.model), list(rows))

    def update(self, rows: Sequence[tuple[Mapping[FieldName, Value], Sequence[FieldName]]]) -> None:
        """Store the values of some fields of rows."""
        from sqlalchemy import update  # noqa: PLC0415 -- slow to import

        changed = [
            {
                self._attributes[name]: row[name]
                for name in (self._entity.key.name, *self._touched, *names)
            }
            for row, names in rows
        ]
        if changed:
            self._session.execute(update(self.model), changed)


def insert_links(
    application: "OpenApplication", link: Link, pairs: Sequence[tuple[Value, Value]]
) -> None:
    """Insert rows of a link table; each pair has the keys of the two ends."""
    metadata = application.import_module("kit.models").Model.metadata
    table = metadata.tables[link.table]
    names = [str(end.column) for end in link.ends]
    rows = [dict(zip(names, pair, strict=True)) for pair in pairs]
    for start in range(0, len(rows), 1000):
        application.session.execute(table.insert(), rows[start : start + 1000])
