"""The ETags of rows, and what requests with preconditions expect of them."""

import json
from dataclasses import dataclass, field
from typing import Any

from tests.stateful.model import CHANGED, EXISTS, NEVER, Refusal, Row


@dataclass
class Tags:
    """The ETags that the API has returned: each is that of one content, and the other way round.

    The first part of a tag is that of the row alone. There is a second part where the response
    contains more.
    """

    contents: dict[str, str] = field(default_factory=dict)
    """Of a tag, the content of the response; of a first part, that of the row."""
    tags: dict[str, str] = field(default_factory=dict)
    of_row: dict[tuple[str, Any], list[str]] = field(default_factory=dict)

    def learn(self, plural: str, key: Any, tag: str, row: Row, response: Row) -> None:
        first, _, second = tag.strip('"').partition(".")
        assert bool(second) == (response != row)
        self._pair(f'"{first}"', row)
        self._pair(tag, response)
        known = self.of_row.setdefault((plural, key), [])
        if tag not in known[-1:]:
            known.append(tag)

    def _pair(self, tag: str, content: Row) -> None:
        text = _text(content)
        assert self.contents.setdefault(tag, text) == text
        assert self.tags.setdefault(text, tag) == tag

    def of(self, plural: str, key: Any, which: str) -> str:
        """Choose a tag to send: the last one that a response had, another one, or `*`."""
        known = self.of_row.get((plural, key), [NEVER])
        others = [NEVER, *(tag for tag in known if tag != known[-1])]
        return {"*": "*", "last": known[-1], "stale": others[-1]}[which]

    def is_of_row(self, tag: str, row: Row | None) -> bool:
        """Return whether a tag is that of a row, whatever else the response contained."""
        first = tag.strip('"').partition(".")[0]
        if row is None or tag == "*":
            return row is not None
        return self.contents.get(f'"{first}"') == _text(row)

    def is_of(self, tag: str, response: Row) -> bool:
        """Return whether a tag is that of a response."""
        return tag == "*" or self.contents.get(tag) == _text(response)


@dataclass(frozen=True)
class Condition:
    """A precondition of a write."""

    header: str = ""
    tag: str = ""

    @property
    def headers(self) -> dict[str, str]:
        return {self.header: self.tag} if self.header else {}

    def check(self, tags: Tags, row: Row | None) -> None:
        matches = tags.is_of_row(self.tag, row)
        if self.header == "If-None-Match" and matches:
            raise Refusal(412, EXISTS)
        if self.header == "If-Match" and not matches:
            raise Refusal(412, CHANGED)


def _text(content: Row) -> str:
    return json.dumps(content, sort_keys=True)
