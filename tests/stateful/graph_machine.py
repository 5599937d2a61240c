"""How the rules of the graph's machine send requests and compare the responses."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import httpx
from hypothesis import note
from hypothesis.stateful import RuleBasedStateMachine, invariant

from tests.stateful.graph import Graph
from tests.stateful.guild import ENDS, GUILD, Entity
from tests.stateful.guild_bodies import GONE, NULL
from tests.stateful.included import Query
from tests.stateful.model import Row
from tests.stateful.process import Process
from tests.stateful.tags import Condition, Tags

NEVER: dict[str, Any] = {"powers": "no"}
PATHS = [one.path for one in GUILD.values()]
PAGE = Query(limit=100)
"""What a list without parameters returns."""


class GraphMachine(RuleBasedStateMachine):
    """The server, and the model of its rows. Subclasses have the rules."""

    process: ClassVar[Process]

    def __init__(self) -> None:
        super().__init__()
        self.process.rows.emptied()
        self.graph = Graph()
        self.tags = Tags()

    @invariant()
    def all_rows_are_those_of_the_model(self) -> None:
        answers = self.process.ask_all(PATHS)
        for answer, (plural, rows) in zip(answers, self.graph.rows.items(), strict=True):
            assert answer.json() == PAGE.listed(self.graph, plural, sorted(rows)), plural

    def ask(self, method: str, path: str, **options: Any) -> httpx.Response:
        answer = self.process.ask(method, path, **options)
        note(f"{method} {path} {options} -> {answer.status_code} {answer.text}")
        plural, *rest = path.strip("/").split("/")
        what = " ".join([method, plural, *rest[1:2], *(["bulk"] if rest == ["bulk"] else [])])
        self.process.seen[what, answer.status_code] += 1
        return answer

    def learn(self, plural: str, answer: httpx.Response) -> None:
        """Learn the ETag of a response with one row."""
        response = answer.json()
        key = response[GUILD[plural].key]
        self.tags.learn(plural, key, answer.headers["etag"], self.graph.rows[plural][key], response)

    def condition(self, plural: str, key: Any, drawn: tuple[str, str] | None) -> Condition:
        if drawn is None:
            return Condition()
        header, which = drawn
        return Condition(header, self.tags.of(plural, key, which))

    def body(self, plural: str, drawn: Mapping[str, Any]) -> Row:
        """Put keys in the place of the numbers of rows."""
        body, entity = dict(drawn), GUILD[plural]
        for one in entity.references:
            if one.by in body:
                is_null = one.optional and NULL <= drawn[one.by] < GONE
                body[one.by] = None if is_null else self.choose(one.target, drawn[one.by])
        if entity.keys in body:
            body[entity.keys] = self.choose_some(other_end(plural), drawn[entity.keys])
        return body

    def choose(self, plural: str, number: int) -> Any:
        """Choose a key: mostly of a row, or else of one that is deleted, or of none."""
        rows, gone = sorted(self.graph.rows[plural]), sorted(self.graph.gone[plural])
        if number < GONE and rows:
            return rows[number % len(rows)]
        return gone[number % len(gone)] if gone else NEVER.get(plural, 999_999)

    def choose_some(self, plural: str, numbers: Sequence[int]) -> list[Any]:
        """Choose each key once."""
        return list(dict.fromkeys(self.choose(plural, number) for number in numbers))


def other_end(plural: str) -> str:
    return ENDS[1 - ENDS.index(plural)]


def key_of(entity: Entity, row: Row) -> Any:
    """Take over the key of a new row; where the row is refused, none is given."""
    return row.get(entity.key, 0) if row else 0
