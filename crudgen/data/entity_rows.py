"""Rows of files as rows of an entity, validated as by the API. Reason to change: what the API does.

The code is that of the application: the parser of bodies, the Create model, and the conversion of
errors of the database.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from pydantic import TypeAdapter, ValidationError
from pydantic_core import from_json, to_json
from sqlalchemy import Connection, select
from sqlalchemy.exc import DBAPIError

from crudgen.codegen.views.variables import folder_name
from crudgen.errors import DataError
from crudgen.language.schema import Entity
from crudgen.language.yaml.problems import quoted, suggest

from .imported_csv import Columns
from .json_text import json_problem

Problem = tuple[str, str]
"""A property with its value, and what is wrong with it.

The first text is empty if the problem is that of the whole row.
"""
Detail = Mapping[str, Any]
"""A problem, as responses list it."""


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
        self._validate = TypeAdapter(create).validate_python  # as FastAPI does
        self._depth = import_module("kit.limits").Limits().json_depth
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
        self._secret = {str(field.json_name) for field in entity.fields if field.write_only}
        self.ignored: set[str] = set()
        """The properties of rows that have no effect: the application sets them."""

        self.columns = Columns(
            entity=str(entity.name),
            types={
                str(field.json_name): field.type for field in (*entity.fields, *entity.computed)
            },
            required=[
                properties.json_name(name)
                for name, field in create.model_fields.items()
                if field.is_required()
            ],
            secret=self._secret,
        )
        """The columns that a CSV file of such rows can have."""

    def values(self, body: bytes) -> dict[str, Any]:
        """Return the values of a row, by column. Raises RowProblemsError."""
        from fastapi import HTTPException  # noqa: PLC0415 -- slow to import

        try:
            sent = self._parse(body, self._depth)
            if not isinstance(sent, dict):
                raise RowProblemsError([("", "expected a JSON object")])
            self.ignored |= sent.keys() & self._read_only
            row = self._read(self._validate(sent))
        except HTTPException as error:
            detail: Any = error.detail
            if detail[0]["type"] == "json_invalid":
                raise RowProblemsError([("", json_problem(body))]) from None
            raise self._problems(detail, None, skipped=1) from None
        except ValidationError as error:
            raise self._problems(_details(error), sent, skipped=0) from None
        return {self._keys[name]: value for name, value in row.items()}

    def is_refusal(self, error: DBAPIError) -> bool:
        """Return whether an error of the database is about the values of a row."""
        return getattr(self._http_error(error), "status_code", 0) in {409, 422}

    def refusal_error(
        self, error: DBAPIError, connection: Connection, values: Mapping[str, Any], body: bytes
    ) -> RowProblemsError:
        """Return why the database refuses a row with these values. `error` is a refusal."""
        detail = self._http_error(error).detail
        refers = any(one["type"] == "no_target" for one in detail)
        found = self._missing_targets(connection, values) if refers else []
        return self._problems(found or detail, from_json(body), skipped=1)

    def _missing_targets(
        self, connection: Connection, values: Mapping[str, Any]
    ) -> Sequence[Detail]:
        """Return the references to rows that do not exist: SQLite does not name them."""
        found = []
        for column in self.table.columns:
            value = values.get(column.key)
            for target in [key.column for key in column.foreign_keys if value is not None]:
                if not connection.execute(select(target).where(target == value)).first():
                    words = self._properties.row_words(target.table)
                    name = self._properties.json_name_of(column)
                    found.append(
                        {
                            "type": "no_target",
                            "loc": ["body", name],
                            "msg": f"There is no such {words}",
                        }
                    )
        return found

    def _problems(self, detail: Sequence[Detail], sent: Any, *, skipped: int) -> RowProblemsError:
        """Return the error of a row; the first `skipped` parts of a location are `body`."""
        return RowProblemsError(
            [(self._place(one["loc"][skipped:], sent), self._message(one)) for one in detail]
        )

    def _message(self, problem: Detail) -> str:
        """Return the message of a problem, about a row of a file."""
        message: str = problem["msg"].replace("The body", "The row")
        if problem["type"] == "extra_forbidden" and len(problem["loc"]) == 1:
            remedy = suggest(problem["loc"][0], self.columns.types)
            return f"{message}: {remedy}" if remedy.startswith("did you mean") else message
        return message

    def _place(self, location: Sequence[str | int], sent: Any) -> str:
        """Return a property of a row with its value, unless it is secret.

        The value of an unknown property may be meant for a secret one.
        """
        place, value = ".".join(map(str, location)), sent
        if not location or location[0] in self._secret:
            return place
        if self._secret and location[0] not in self.columns.types:
            return place
        for step in location:
            try:
                value = value[step]
            except (KeyError, IndexError, TypeError):
                return place
        if isinstance(value, dict | list):
            return place
        return f"{place} {quoted(value) if isinstance(value, str) else to_json(value).decode()}"


def _details(error: ValidationError) -> Sequence[Mapping[str, Any]]:
    return [dict(one) for one in error.errors(include_url=False, include_context=False)]
