"""The parameters of a list: which there are, how they are read, how OpenAPI describes them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any
from urllib.parse import parse_qsl, quote, unquote_plus

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from pydantic import TypeAdapter, ValidationError

from ..errors import problem, public
from .columns import Columns
from .operators import OPERATORS, fold
from .query import Filter, ListQuery
from .values import COUNT, CURSOR, FLAG, OFFSET, SEARCH, limit_up_to, some_of

MOST_VALUES = 100
"""How many values `in` and `not_in` take."""
MOST_SORTED = 8
"""How many properties rows are sorted by, besides the key."""
MOST_KEPT = 1000
"""How many query strings are remembered with what they ask."""
_OF_PAGES = ("offset", "limit", "cursor")
_LINKED = "!$%()*+,-./:=?@_~"
"""What a query may have (RFC 3986) and clients that read links make nothing else of."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of the query: a value, or several; `column` and `operator` for a filter."""

    doc: str
    adapter: TypeAdapter[Any]
    column: str = ""
    operator: str = ""
    is_list: bool = False
    """Whether its values stand behind one another, with commas between them."""
    default: int | None = None

    @property
    def is_many(self) -> bool:
        """Whether it may be given more than once."""
        return bool(self.operator) and OPERATORS[self.operator].many

    def describe(self, name: str) -> dict[str, Any]:
        """Describe it, as OpenAPI does."""
        schema = _schema(self.adapter)
        if self.default is not None:
            schema = {**schema, "default": self.default}
        if self.is_many:
            schema = {"type": "array", "items": schema, "minItems": 1, "maxItems": MOST_VALUES}
        described = {"name": name, "in": "query", "required": False, "description": self.doc}
        if self.is_list:
            described |= {"style": "form", "explode": False}
        return {**described, "schema": schema}


class Parameters:
    """The parameters of one list; as a dependency, what a request asks.

    Raises RequestValidationError (422) for a value that its parameter does not take.
    """

    def __init__(self, columns: Columns, default_limit: int, max_limit: int) -> None:
        self._columns = columns
        self._default_limit = default_limit
        self._limit = limit_up_to(max_limit)
        self._kept: dict[bytes, ListQuery] = {}

    async def __call__(self, request: Request) -> ListQuery:
        """Read what a request asks."""
        query_string = request.scope["query_string"]
        found = self._read(request.query_params.multi_items(), query_string)
        if isinstance(found, list):
            raise RequestValidationError(found)
        return found

    def read(self, query_string: bytes) -> ListQuery | None:
        """Read a query; None if something is wrong with it, or strange to it."""
        kept = self._kept.get(query_string)
        if kept is not None:
            return kept
        pairs = parse_qsl(query_string.decode("latin-1"), keep_blank_values=True)
        single = [name for name, _ in pairs if not self.is_many(name)]
        known = all(name in self.names for name, _ in pairs) and len(single) == len(set(single))
        if not known or any("\0" in value for _, value in pairs):
            return None
        found = self._read(pairs, query_string)
        if isinstance(found, list):
            return None
        if len(self._kept) >= MOST_KEPT:
            self._kept.clear()
        self._kept[query_string] = found
        return found

    def is_many(self, name: str) -> bool:
        """Tell whether a parameter may be given more than once."""
        return name in self.names and self.names[name].is_many

    def describe(self) -> list[dict[str, Any]]:
        """Describe the parameters, as OpenAPI does."""
        return [parameter.describe(name) for name, parameter in self.names.items()]

    @cached_property
    def names(self) -> Mapping[str, Parameter]:
        """The parameters by their names; made when they are first needed."""
        return dict(self._parameters())

    def _parameters(self) -> Iterator[tuple[str, Parameter]]:
        columns = self._columns
        yield (
            "offset",
            Parameter("How many rows to leave out; with a cursor, of those behind it.", OFFSET),
        )
        doc = "How many rows to answer at most."
        yield "limit", Parameter(doc, self._limit, default=self._default_limit)
        doc = "The page behind the one that gave this, in its Link header. Empty: the first page."
        yield "cursor", Parameter(doc, CURSOR)
        if columns.sorted:
            names = [sign + name for name in columns.sorted for sign in ("", "-")]
            doc = "What to sort by, the key last; `-` for descending. Null is less than any value."
            yield "sort", Parameter(doc, some_of(names, MOST_SORTED), is_list=True)
        if columns.searched:
            names = list(columns.searched)
            doc = f"Words that each stand in {' or '.join(names)}; A to Z in any case."
            yield "q", Parameter(doc, SEARCH)
        doc = "The properties to answer, if not all."
        yield "fields", Parameter(doc, some_of(columns.shown), is_list=True)
        doc = "`exact`: count all rows that are found, in the header X-Total-Count."
        yield "count", Parameter(doc, COUNT)
        for column in columns.filtered:
            for operator in columns.operators(column):
                name = column if operator == "eq" else f"{column}__{operator}"
                yield name, self._filter(column, operator)

    def _filter(self, column: str, operator: str) -> Parameter:
        about = OPERATORS[operator]
        adapter: TypeAdapter[Any] = FLAG
        if not about.is_flag:
            adapter = (self._columns.part if about.is_text else self._columns.sought)(column)
        return Parameter(f"Rows whose {about.doc.format(column)}.", adapter, column, operator)

    def _read(
        self, pairs: Sequence[tuple[str, str]], query_string: bytes
    ) -> ListQuery | list[dict[str, Any]]:
        problems: list[dict[str, Any]] = []
        values: dict[str, list[Any]] = {}
        for name, text in pairs:
            parameter = self.names.get(name)
            if parameter is None:
                continue  # of the handler itself, or refused already
            given = values.setdefault(name, [])
            if len(given) == MOST_VALUES:
                message = f"The parameter should be given at most {MOST_VALUES} times"
                problems.append(problem("too_long", ["query", name], message))
                break
            try:
                given.append(_parse(parameter, text))
            except ValidationError as error:
                found = public(error.errors())
                problems += [{**one, "loc": ["query", name]} for one in found]
        return problems or self._query(values, query_string)

    def _query(self, values: Mapping[str, list[Any]], query_string: bytes) -> ListQuery:
        one = {name: given[0] for name, given in values.items()}
        filters = [
            Filter(parameter.column, parameter.operator, tuple(values[name]))
            for name, parameter in self.names.items()
            if parameter.operator and name in values
        ]
        shown = one.get("fields", ())
        return ListQuery(
            limit=one.get("limit", self._default_limit),
            offset=one.get("offset", 0),
            filters=tuple(filters),
            sort=self._columns.order(one.get("sort", ())),
            words=self._columns.words(one.get("q", "")),
            fields=tuple(name for name in self._columns.shown if name in shown),
            count="count" in one,
            cursor=one.get("cursor"),
            sent=_for_links(query_string),
        )


def _for_links(query_string: bytes) -> str:
    """Keep what does not choose the page as it was sent: written anew, it might be longer."""
    parts = [part for part in query_string.split(b"&") if part]
    names = [unquote_plus(part.partition(b"=")[0].decode("latin-1")) for part in parts]
    kept = [part for part, name in zip(parts, names, strict=True) if name not in _OF_PAGES]
    return "".join(f"&{quote(part, safe=_LINKED)}" for part in kept)


@cache
def _schema(adapter: TypeAdapter[Any]) -> dict[str, Any]:
    return adapter.json_schema()


def _parse(parameter: Parameter, text: str) -> Any:
    value = parameter.adapter.validate_python(text.split(",") if parameter.is_list else text)
    if parameter.operator and OPERATORS[parameter.operator].folds:
        return fold(value)
    return value
