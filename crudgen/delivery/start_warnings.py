"""Logs warnings of starts once. Reason to change: which warnings a reload repeats."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager


class StartWarnings:
    """The warnings of the last start of an application. The next one does not repeat them."""

    def __init__(self) -> None:
        self._last: frozenset[str] = frozenset()

    @contextmanager
    def without_repeats(self, package: str) -> Iterator[None]:
        """Log warnings of a package within a `with` block, unless the last start logged them."""
        found: set[str] = set()

        def is_new(record: logging.LogRecord) -> bool:
            if record.levelno != logging.WARNING or record.name.partition(".")[0] != package:
                return True
            found.add(record.getMessage())
            return record.getMessage() not in self._last

        handlers = [*logging.getLogger().handlers]
        for handler in handlers:
            handler.addFilter(is_new)
        try:
            yield
        finally:
            for handler in handlers:
                handler.removeFilter(is_new)
        self._last = frozenset(found)
