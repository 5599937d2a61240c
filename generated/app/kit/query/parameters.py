"""The parameters of a list: which there are, how they are read, how OpenAPI describes them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any
from urllib.parse import quote, unquote_plus

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from pydantic import TypeAdapter, ValidationError

from ..errors import problem, public
from .columns import Columns
from .operators import OPERATORS, fold
from .query import Filter, ListQuery
from .query_string import is_utf8, read_pairs
from .values import COUNT, CURSOR, FLAG, OFFSET, SEARCH, limit_up_to, some_of, with_plus

MOST_VALUES = 100
"""How many values `in` and `not_in` take."""
MOST_SORTED = 8
"""How many properties rows are sorted by, besides the key."""
MOST_KEPT = 1000
"""How many query strings are remembered with what they ask."""
MOST_KEPT_BYTES = 512
"""How long such a query string is at most."""
_OF_PAGES = ("offset", "limit", "cursor")
_PLUS = "; in a query, `+` means a blank: write `%2B`"
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
    """Whether its values stand behind one another, with commas between them.

    Many clients give the parameter again for each value instead; it means the same.
    """
    default: int | None = None

    @property
    def is_many(self) -> bool:
        """Whether it may be given more than once."""
        return self.is_list or self._has_many

    @property
    def _has_many(self) -> bool:
        return bool(self.operator) and OPERATORS[self.operator].many

    def describe(self, name: str) -> dict[str, Any]:
        """Describe it, as OpenAPI does."""
        schema = _schema(self.adapter)
        if self.default is not None:
            schema = {**schema, "default": self.default}
        if self._has_many:
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
        pairs = read_pairs(query_string)
        single = [name for name, _ in pairs if not self.is_many(name)]
        known = all(name in self.names for name, _ in pairs) and len(single) == len(set(single))
        if not known or any("\0" in value or not is_utf8(value) for _, value in pairs):
            return None
        found = self._read(pairs, query_string)
        if isinstance(found, list):
            return None
        if len(query_string) <= MOST_KEPT_BYTES:
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
        given: dict[str, list[str]] = {}
        for name, text in pairs:
            if name in self.names:  # others are of the handler itself, or refused already
                given.setdefault(name, []).append(text)
        problems: list[dict[str, Any]] = []
        values: dict[str, list[Any]] = {}
        for name, texts in given.items():
            parameter = self.names[name]
            if len(texts) > MOST_VALUES:
                message = f"The parameter should be given at most {MOST_VALUES} times"
                problems.append(problem("too_long", ["query", name], message))
                continue
            values[name] = []
            for text in [",".join(texts)] if parameter.is_list else texts:
                try:
                    values[name].append(_parse(parameter, text))
                except ValidationError as error:
                    hint = _PLUS if " " in text and _means_plus(parameter, text) else ""
                    problems += [
                        problem(one["type"], ["query", name], one["msg"] + hint)
                        for one in public(error.errors())
                    ]
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
            sent=self._for_links(query_string),
        )

    def _for_links(self, query_string: bytes) -> str:
        """Keep what does not choose the page as it was sent: written anew, it might be longer.

        A list that was given in parts is joined.
        """
        kept: list[bytes] = []
        places: dict[str, int] = {}
        for part in filter(None, query_string.split(b"&")):
            sent_name, _, value = part.partition(b"=")
            name = unquote_plus(sent_name.decode("latin-1"))
            if name in places:
                kept[places[name]] += b"," + value
            elif name not in _OF_PAGES:
                if name in self.names and self.names[name].is_list:
                    places[name] = len(kept)
                kept.append(part)
        return "".join(f"&{quote(part, safe=_LINKED)}" for part in kept)


def _means_plus(parameter: Parameter, text: str) -> bool:
    """Tell whether a value would be one if a `+` had not been read as a blank."""
    for meant in with_plus(text):
        try:
            _parse(parameter, meant)
        except ValidationError:
            continue
        return True
    return False


@cache
def _schema(adapter: TypeAdapter[Any]) -> dict[str, Any]:
    return adapter.json_schema()


def _parse(parameter: Parameter, text: str) -> Any:
    value = parameter.adapter.validate_python(text.split(",") if parameter.is_list else text)
    if parameter.operator and OPERATORS[parameter.operator].folds:
        return fold(value)
    return value
