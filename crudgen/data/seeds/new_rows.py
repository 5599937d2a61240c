"""Rows from seeds, validated as requests are. Reason to change: which models validate."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from crudgen.language.names import FieldName
from crudgen.language.schema import Entity, Value

from .seed_rows import SeedRow

if TYPE_CHECKING:
    from crudgen.data.open_application import OpenApplication


class RowRefusedError(Exception):
    """A model of requests rejects a row: messages, each with a field if it has one."""

    def __init__(self, problems: list[tuple[FieldName | None, str]]) -> None:
        super().__init__(str(problems))
        self.problems = problems


def new_row(application: "OpenApplication", row: SeedRow, values: dict[FieldName, Value]) -> Any:
    """Return a row of the table model that is not stored yet. Raises RowRefusedError."""
    entity = row.entity
    # Nobody calls, so a default such as `me` has no value; required ones are in the seeds.
    omitted = {one.name: None for one in entity.fields if one.preset is not None}
    values = {**omitted, **values}
    attributes = {
        str(one.attribute): values[one.name] for one in entity.fields if one.name in values
    }
    create = application.create_model(entity)
    if create is not None:
        attributes |= _validated(create, entity, values)
    return application.table_model(entity)(**attributes)


def check_changes(
    application: "OpenApplication", entity: Entity, changes: Mapping[FieldName, Value]
) -> None:
    """Raise RowRefusedError if the Update model rejects new values of a stored row.

    Seeds also set `immutable` fields, which that model does not have.
    """
    update = application.update_model(entity)
    if update is not None:
        _validated(update, entity, changes)


def _validated(model: Any, entity: Entity, values: Mapping[FieldName, Value]) -> dict[str, Any]:
    """Return the attributes that a model of requests has. Raises RowRefusedError."""
    from pydantic import ValidationError  # noqa: PLC0415 -- slow to import

    sent = [one for one in entity.fields if str(one.attribute) in model.model_fields]
    body = {str(one.json_name): values[one.name] for one in sent if one.name in values}
    try:
        made = model.model_validate(body)
    except ValidationError as error:
        names = {str(one.json_name): one.name for one in sent}
        raise RowRefusedError(
            [
                (names.get(str(one["loc"][0])) if one["loc"] else None, one["msg"])
                for one in error.errors(include_url=False, include_input=False)
            ]
        ) from None
    return {str(one.attribute): getattr(made, str(one.attribute)) for one in sent}
