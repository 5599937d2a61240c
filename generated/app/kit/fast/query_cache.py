"""A cache of parsed query strings."""

from typing import Any

from ..query import ListQuery
from ..query.parameters import is_utf8, read_pairs
from ..query.query_parameters import QueryParameters

MAX_CACHED = 1000
"""Most query strings in the cache. One takes 500 bytes or more, but at most some 8 kB."""
MAX_CACHED_BYTES = 512
"""Longest query string in the cache."""


class QueryCache:
    """Parses the query strings of one operation, and caches the results."""

    def __init__(self, parameters: QueryParameters) -> None:
        self._parameters = parameters
        self._cache: dict[bytes, ListQuery] = {}

    def read(self, query_string: bytes) -> ListQuery | None:
        """Return a parsed query string; None if a parameter is invalid, unknown or repeated."""
        cached = self._cache.get(query_string)
        if cached is not None:
            return cached
        found = self._parse(query_string)
        if not isinstance(found, ListQuery):
            return None
        if len(query_string) <= MAX_CACHED_BYTES:
            if len(self._cache) >= MAX_CACHED:
                self._cache.clear()
            self._cache[query_string] = found
        return found

    def _parse(self, query_string: bytes) -> Any:
        parameters, pairs = self._parameters, read_pairs(query_string)
        single = [name for name, _ in pairs if not parameters.is_many(name)]
        known = all(name in parameters.by_name for name, _ in pairs)
        if not known or len(single) > len(set(single)):
            return None
        if any("\0" in value or not is_utf8(value) for _, value in pairs):
            return None
        return parameters.parse(pairs, query_string)
