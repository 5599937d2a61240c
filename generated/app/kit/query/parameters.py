"""The query parameters of a list."""

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import parse_qsl, quote, unquote_plus

from pydantic import TypeAdapter

from .columns import Columns
from .operators import OPERATORS
from .query import Filter, ListQuery
from .query_parameters import Parameter, Problems, QueryParameters
from .values import COUNT, CURSOR, FLAG, OFFSET, SEARCH, page_size_parser, unique_names_parser

MAX_SORT_PROPERTIES = 8
"""Most properties to sort by, in addition to the key."""
_PAGE_PARAMETERS = ("offset", "limit", "cursor")
LIST_PARAMETERS = {*_PAGE_PARAMETERS, "count", "fields", "or", "q", "sort"}
"""The parameters of lists. A property with such a name is filtered by `count__eq` instead."""
_SAFE_IN_LINKS = "!$%()*+,-./:=?@_~"
"""Characters allowed in a query (RFC 3986), except those with a meaning in a Link header."""


class ListParameters(QueryParameters):
    """The query parameters of one list. As a dependency, they are parsed to a ListQuery.

    Raises RequestValidationError (422) for an invalid value.
    """

    def __init__(self, columns: Columns, default_limit: int, max_limit: int) -> None:
        self._columns = columns
        self._default_limit = default_limit
        self._limit = page_size_parser(max_limit)
        self._shown = {columns.json_name(name): name for name in columns.shown}
        """The attributes by JSON name."""
        self._signed = {
            sign + columns.json_name(name): sign + name
            for name in columns.sorted
            for sign in ("", "-")
        }
        """The attributes to sort by, by JSON name, each with and without its sign."""

    def _parameters(self) -> Iterator[tuple[str, Parameter]]:
        columns = self._columns
        doc = "Number of rows to skip, counted from the cursor if any."
        yield "offset", Parameter(doc, OFFSET, default=0)
        doc = "Maximum number of rows to return."
        yield "limit", Parameter(doc, self._limit, default=self._default_limit)
        doc = "The cursor of a page, from a Link header of this list. Empty: the first page."
        yield "cursor", Parameter(doc, CURSOR)
        if columns.sorted:
            doc = "Properties to sort by; `-` for descending. Ties are sorted by key, nulls first."
            names = unique_names_parser(list(self._signed), MAX_SORT_PROPERTIES)
            yield "sort", Parameter(doc, names, is_list=True)
        if columns.searched:
            places = " or ".join(map(columns.json_name, columns.searched))
            doc = f"Words that must all occur in {places}, ignoring the case of A to Z."
            yield "q", Parameter(doc, SEARCH)
        doc = "Properties to return. Default: all. The returned rows lack the other properties."
        yield "fields", Parameter(doc, unique_names_parser(list(self._shown)), is_list=True)
        doc = "`exact`: return the number of matching rows in the header X-Total-Count."
        yield "count", Parameter(doc, COUNT)
        for column in columns.filtered:
            for operator in columns.operators(column):
                yield self._filter_name(column, operator), self._filter_parameter(column, operator)

    def _filter_name(self, column: str, operator: str) -> str:
        name = self._columns.json_name(column)
        is_bare = operator == "eq" and name not in LIST_PARAMETERS
        return name if is_bare else f"{name}__{operator}"

    def _filter_parameter(self, column: str, operator: str) -> Parameter:
        about = OPERATORS[operator]
        adapter: TypeAdapter[Any] = FLAG
        if not about.is_flag:
            adapter = (
                self._columns.substring_adapter if about.is_text else self._columns.filter_adapter
            )(column)
        doc = self._columns.filter_doc(column, about.doc)
        is_value = not (about.is_flag or about.is_text)
        name = self._columns.schema_name(column) if is_value else None
        return Parameter(doc, adapter, column, operator, schema_name=name)

    def _message_suffix(self, name: str) -> str:
        if name in LIST_PARAMETERS and f"{name}__eq" in self.by_name:
            return f"; to filter by the property `{name}`, use `{name}__eq`"
        return ""

    def _parsed_query(
        self, values: Mapping[str, list[Any]], query_string: bytes
    ) -> ListQuery | Problems:
        return ListQuery(**self._query_arguments(values, query_string))

    def _query_arguments(
        self, values: Mapping[str, list[Any]], query_string: bytes
    ) -> dict[str, Any]:
        """Return the arguments of the query."""
        one = {name: given[0] for name, given in values.items()}
        filters = [
            Filter(parameter.column, parameter.operator, tuple(values[name]))
            for name, parameter in self.by_name.items()
            if parameter.operator and name in values
        ]
        shown = one.get("fields", ())
        return {
            "limit": one.get("limit", self._default_limit),
            "offset": one.get("offset", 0),
            "filters": tuple(filters),
            "sort": self._columns.order([self._signed[name] for name in one.get("sort", ())]),
            "words": self._columns.search_words(one.get("q", "")),
            "fields": tuple(name for sent, name in self._shown.items() if sent in shown),
            "count": "count" in one,
            "cursor": one.get("cursor"),
            "link_suffix": self._link_suffix(query_string),
        }

    def _link_suffix(self, query_string: bytes) -> str:
        """Return the parameters other than offset, limit and cursor, each after an `&`.

        They are copied as sent: encoded again, they could be longer. Repeated lists are joined.
        """
        kept: list[bytes] = []
        positions: dict[str, int] = {}
        for part in filter(None, query_string.split(b"&")):
            sent_name, _, value = part.partition(b"=")
            name = unquote_plus(sent_name.decode("latin-1"))
            if name in positions:
                kept[positions[name]] += b"," + value
            elif name not in _PAGE_PARAMETERS:
                if name in self.by_name and self.by_name[name].is_list:
                    positions[name] = len(kept)
                kept.append(part)
        return "".join(f"&{quote(part, safe=_SAFE_IN_LINKS)}" for part in kept)


def read_pairs(query: bytes) -> list[tuple[str, str]]:
    """Return the names and values of a query in order; invalid UTF-8 as lone surrogates."""
    text = query.decode("utf-8", "surrogateescape")
    return parse_qsl(text, keep_blank_values=True, errors="surrogateescape")


def is_utf8(text: str) -> bool:
    """Return whether a name or a value was sent in UTF-8."""
    return text.isascii() or not any("\ud800" <= character <= "\udfff" for character in text)


def without_surrogates(name: str) -> str:
    """Return a name without lone surrogates, which JSON cannot contain."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
