"""Query parameters: their parsing, and their description in OpenAPI."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from pydantic import TypeAdapter, ValidationError

from ..errors import problem, to_problems
from ..json_names import title_of
from ..models import add_number_format, without_nul
from .operators import OPERATORS, lower_ascii
from .query import ListQuery
from .values import texts_with_plus

MAX_VALUES = 100
"""Most values of one `in` or `not_in`."""
_PLUS = "; in a query, `+` means a space: write `%2B`"
Problems = list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Parameter:
    """A query parameter. For a filter, `column` is an attribute, and `operator` compares it."""

    doc: str
    adapter: TypeAdapter[Any]
    column: str = ""
    operator: str = ""
    is_list: bool = False
    """Whether the value is a list, separated by commas.

    A client may also repeat the parameter for each item.
    """
    default: int | None = None
    schema_name: str | None = None
    """The name of the value's schema in OpenAPI, if it has one."""

    @property
    def is_many(self) -> bool:
        """Whether the parameter may be repeated."""
        return self.is_list or self._takes_many_values

    @property
    def _takes_many_values(self) -> bool:
        return bool(self.operator) and OPERATORS[self.operator].many

    def describe(self, name: str) -> dict[str, Any]:
        """Return the OpenAPI description of the parameter with this name.

        A named schema is in `$defs`, from where Application.openapi() moves it.
        """
        schema = _json_schema(self.adapter)
        if self.schema_name is not None:
            named = {self.schema_name: schema}
            schema = {"$ref": f"#/components/schemas/{self.schema_name}", "$defs": named}
        if self._takes_many_values:
            schema = {"type": "array", "items": schema, "minItems": 1, "maxItems": MAX_VALUES}
        if "$ref" not in schema:
            schema = {**schema, "title": title_of(name.replace("__", "_"))}
        if self.default is not None:
            schema = {**schema, "default": self.default}
        described = {"name": name, "in": "query", "required": False, "description": self.doc}
        if self.is_list:
            described |= {"style": "form", "explode": False}
        return {**described, "schema": schema}


class QueryParameters(ABC):
    """The query parameters of one operation. As a dependency, they are parsed to a ListQuery.

    Raises RequestValidationError (422) for an invalid value.
    """

    async def __call__(self, request: Request) -> ListQuery:
        """Return the parsed query of a request."""
        query_string = request.scope["query_string"]
        found = self.parse(request.query_params.multi_items(), query_string)
        if isinstance(found, list):
            raise RequestValidationError(found)
        return found

    def is_many(self, name: str) -> bool:
        """Return whether a parameter may be repeated."""
        return name in self.by_name and self.by_name[name].is_many

    def describe(self) -> list[dict[str, Any]]:
        """Return the OpenAPI descriptions of all parameters."""
        return [parameter.describe(name) for name, parameter in self.by_name.items()]

    @cached_property
    def by_name(self) -> Mapping[str, Parameter]:
        """The parameters, by name."""
        return dict(self._parameters())

    @abstractmethod
    def _parameters(self) -> Iterator[tuple[str, Parameter]]:
        """Yield the parameters, each with its name."""

    @abstractmethod
    def _parsed_query(
        self, values: Mapping[str, list[Any]], query_string: bytes
    ) -> ListQuery | Problems:
        """Return the query of these parsed values by name, or a list of its problems."""

    def _message_suffix(self, name: str) -> str:
        """Return what to add to the message for an invalid value of a parameter."""
        del name
        return ""

    def parse(self, pairs: Sequence[tuple[str, str]], query_string: bytes) -> ListQuery | Problems:
        """Return the query of these names and values, or a list of their problems."""
        given: dict[str, list[str]] = {}
        for name, text in pairs:
            if name in self.by_name:  # others belong to the handler, or were rejected before
                given.setdefault(name, []).append(text)
        problems: Problems = []
        values: dict[str, list[Any]] = {}
        for name, texts in given.items():
            parameter = self.by_name[name]
            if len(texts) > MAX_VALUES:
                message = f"The parameter should be given at most {MAX_VALUES} times"
                problems.append(problem("too_long", ["query", name], message))
                continue
            values[name] = []
            for text in [",".join(texts)] if parameter.is_list else texts:
                try:
                    values[name].append(_parse_value(parameter, text))
                except ValidationError as error:
                    hint = _PLUS if " " in text and _is_valid_with_plus(parameter, text) else ""
                    hint = self._message_suffix(name) or hint
                    problems += [
                        problem(one["type"], ["query", name], one["msg"] + hint)
                        for one in to_problems(error.errors())
                    ]
        return problems or self._parsed_query(values, query_string)


def _is_valid_with_plus(parameter: Parameter, text: str) -> bool:
    """Return whether an invalid value is valid with `+` instead of spaces."""
    for meant in texts_with_plus(text):
        try:
            _parse_value(parameter, meant)
        except ValidationError:
            continue
        return True
    return False


@cache
def _json_schema(adapter: TypeAdapter[Any]) -> dict[str, Any]:
    schema = adapter.json_schema()
    add_number_format(schema)
    without_nul(schema)
    return schema


def _parse_value(parameter: Parameter, text: str) -> Any:
    value = parameter.adapter.validate_python(text.split(",") if parameter.is_list else text)
    if parameter.operator and OPERATORS[parameter.operator].folds:
        return lower_ascii(value)
    return value
