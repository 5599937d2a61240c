"""The rules that read: one row, lists, rows under a row, all with related rows."""

from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from tests.stateful.graph_machine import GraphMachine, other_end
from tests.stateful.guild import GUILD, UNDER, Under
from tests.stateful.guild_bodies import LINKED, NUMBERS, queries, reads
from tests.stateful.included import Query, related
from tests.stateful.runs import is_as

UNDER_ROW = st.sampled_from(UNDER).flatmap(
    lambda one: st.tuples(st.just(one), queries(one[1].plural, of_list=True))
)


class Reads(GraphMachine):
    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[str, Any, Query, str]] = []
        """The reads so far, and the ETags of their responses."""

    @rule(sent=reads(of_list=False), number=NUMBERS)
    def read(self, sent: tuple[str, Query], number: int) -> None:
        plural, query = sent
        key = self.choose(plural, number)
        answer = self.ask("GET", f"{GUILD[plural].path}{key}", params=query.of_rows)
        if is_as(answer, lambda _: query.read(self.graph, plural, key)):
            self.learn(plural, answer)
            self.seen.append((plural, key, query, answer.headers["etag"]))

    @precondition(lambda self: self.seen)
    @rule(number=NUMBERS)
    def read_again(self, number: int) -> None:
        """Read unless the response is the same as before."""
        plural, key, query, tag = self.seen[-1 - number % len(self.seen)]
        answer = self.ask(
            "GET",
            f"{GUILD[plural].path}{key}",
            params=query.of_rows,
            headers={"If-None-Match": tag},
        )
        exists = key in self.graph.rows[plural]
        if exists and self.tags.is_of(tag, query.read(self.graph, plural, key)):
            assert (answer.status_code, answer.content) == (304, b"")
            assert answer.headers["etag"] == tag
        elif is_as(answer, lambda _: query.read(self.graph, plural, key)):
            assert answer.headers["etag"] != tag
            self.learn(plural, answer)

    @rule(sent=reads(of_list=True))
    def list_all(self, sent: tuple[str, Query]) -> None:
        plural, query = sent
        self._list(GUILD[plural].path, plural, sorted(self.graph.rows[plural]), query)

    @rule(sent=LINKED, number=NUMBERS)
    def list_links(self, sent: tuple[str, Query], number: int) -> None:
        plural, query = sent
        self._list_under(plural, other_end(plural), number, query)

    @rule(sent=UNDER_ROW, number=NUMBERS)
    def list_under(self, sent: tuple[tuple[str, Under], Query], number: int) -> None:
        (plural, under), query = sent
        self._list_under(plural, under.path, number, query)

    def _list_under(self, plural: str, name: str, number: int, query: Query) -> None:
        key = self.choose(plural, number)
        path = f"/{plural}/{key}/{name}/"
        if key in self.graph.rows[plural]:
            target = GUILD[plural].relations[name].target
            self._list(path, target, related(self.graph, plural, key, name), query)
        else:
            is_as(self.ask("GET", path), lambda _: self.graph.read(plural, key))

    def _list(self, path: str, plural: str, keys: list[Any], query: Query) -> None:
        answer = self.ask("GET", path, params=query.of_list)
        is_as(answer, lambda _: query.listed(self.graph, plural, keys))
        assert answer.headers["x-total-count"] == str(len(keys))
