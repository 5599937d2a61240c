"""Rows of files as rows of an entity, validated as by the API. Reason to change: what the API does.

The code is that of the application: the parser of bodies, the Create model, and the conversion of
errors of the database.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from pydantic import ValidationError
from sqlalchemy import Connection, select
from sqlalchemy.exc import DBAPIError

from crudgen.codegen.views.variables import folder_name
from crudgen.errors import DataError
from crudgen.language.schema import Entity

Problem = tuple[str, str]
"""A property, and what is wrong with it. The property is empty for the row itself."""


class RowProblemsError(Exception):
    """A row is invalid, or the database refuses it."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__(problems)
        self.problems = tuple(problems)


class EntityRows:
    """Validates rows of an entity. Raises DataError if the API creates none."""

    def __init__(self, import_module: Callable[[str], Any], entity: Entity) -> None:
        models = import_module(f"{folder_name(entity.plural)}.models")
        create = getattr(models, f"{entity.name}Create", None)
        if create is None:
            raise DataError(
                f"no operation of the API creates a {entity.name}, so its rows have no form\n"
                "  list 'create' in api.operations of the entity"
            )
        self._create, self._depth = create, import_module("kit.limits").Limits().json_depth
        model = getattr(models, str(entity.name))
        public = getattr(models, f"{entity.name}Public", model)
        faults = import_module("kit.database.faults")
        properties = import_module("kit.database.properties").Properties(model, public)
        self._properties = properties
        self._http_error = partial(faults.http_error, properties=properties)
        self._parse = import_module("kit.http.json_body").parse
        self._read = import_module("kit.rows.values").RequestValues(properties.columns).read
        self.table = model.__table__
        self._keys = {name: column.key for name, column in properties.columns.items()}
        read_only = create.__read_only__
        self._read_only = {properties.json_name(name) for name in read_only}
        self.ignored: set[str] = set()
        """The properties of rows that have no effect: the application sets them."""

    def values(self, body: bytes) -> dict[str, Any]:
        """Return the values of a row, by column. Raises RowProblemsError."""
        from fastapi import HTTPException  # noqa: PLC0415 -- slow to import

        try:
            sent = self._parse(body, self._depth)
            if not isinstance(sent, dict):
                raise RowProblemsError([("", "expected a JSON object")])
            self.ignored |= sent.keys() & self._read_only
            row = self._read(self._create.model_validate(sent))
        except HTTPException as error:
            detail: Any = error.detail
            raise RowProblemsError(_problems(detail, skipped=1)) from None
        except ValidationError as error:
            raise RowProblemsError(_problems(_details(error), skipped=0)) from None
        return {self._keys[name]: value for name, value in row.items()}

    def refusal(
        self, error: DBAPIError, connection: Connection, values: Mapping[str, Any]
    ) -> RowProblemsError | None:
        """Return the error of a row with these values; None for another error of the database."""
        found = self._http_error(error)
        if getattr(found, "status_code", 0) not in {409, 422}:
            return None
        refers = any(one["type"] == "no_target" for one in found.detail)
        missing = self._missing_targets(connection, values) if refers else []
        return RowProblemsError(missing or _problems(found.detail, skipped=1))

    def _missing_targets(self, connection: Connection, values: Mapping[str, Any]) -> list[Problem]:
        """Return the references to rows that do not exist: SQLite does not name them."""
        found = []
        for column in self.table.columns:
            value = values.get(column.key)
            for target in [key.column for key in column.foreign_keys if value is not None]:
                if not connection.execute(select(target).where(target == value)).first():
                    words = self._properties.row_words(target.table)
                    name = self._properties.json_name_of(column)
                    found.append((name, f"There is no such {words}"))
        return found


def _details(error: ValidationError) -> Sequence[Mapping[str, Any]]:
    return [dict(one) for one in error.errors(include_url=False, include_context=False)]


def _problems(detail: Sequence[Mapping[str, Any]], *, skipped: int) -> list[Problem]:
    """Return problems of a response; the first `skipped` parts of a location are `body`."""
    return [
        (".".join(map(str, one["loc"][skipped:])), one["msg"].replace("The body", "The row"))
        for one in detail
    ]
