"""Random requests, and restarts of the server, answered as a dict would answer them.

`RUNS=500 python -m pytest --dist=load tests/stateful` is the extended run.
"""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar

import httpx
import pytest
from hypothesis import note
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)
from sqlalchemy import select

from tests.stateful.fields import HERO, HEROES, NAMES, RARE, SHORT, TAG, TAGS, bodies
from tests.stateful.model import Conditions, Row, Table
from tests.stateful.process import Process
from tests.stateful.queries import queries
from tests.stateful.runs import is_as, run
from tests.support.list_query import ListQuery
from tests.support.servers import Servers, write_entities

ENTITIES = {one.name: one for one in (HEROES, TAGS)}
NAMED = st.sampled_from(sorted(ENTITIES))
NUMBERS = st.integers(0, 59)
EXPECTED = st.sampled_from([None, None, "last", "stale", "*"])
CREATIONS = NAMED.flatmap(lambda one: st.tuples(st.just(one), bodies(ENTITIES[one], whole=True)))
SOME_HEROES = st.lists(bodies(HEROES, whole=True), min_size=2, max_size=4)
SOME_TAGS = st.lists(bodies(TAGS, whole=True), min_size=2, max_size=4)
CHANGES = NAMED.flatmap(lambda one: st.tuples(st.just(one), bodies(ENTITIES[one], whole=False)))
SEVERAL = NAMED.flatmap(
    lambda one: st.tuples(
        st.just(one), st.lists(bodies(ENTITIES[one], whole=True), min_size=1, max_size=3)
    )
)
SEVERAL_CHANGES = st.lists(st.tuples(NUMBERS, bodies(HEROES, whole=False)), min_size=1, max_size=3)
QUERIES = NAMED.flatmap(lambda one: st.tuples(st.just(one), queries(ENTITIES[one])))


class Machine(RuleBasedStateMachine):
    """Each rule sends requests and compares the answers with the model's."""

    process: ClassVar[Process]

    def __init__(self) -> None:
        super().__init__()
        self.process.rows.emptied()
        self.tables = {name: Table(one) for name, one in ENTITIES.items()}
        self.tags: dict[bytes, str] = {}
        self.may_restart = False

    @initialize(heroes=SOME_HEROES, tags=SOME_TAGS, restarts=st.booleans())
    def begin(self, heroes: list[Row], tags: list[Row], *, restarts: bool) -> None:
        """Have some rows: what happens to none is soon told. A restart takes as long as a run."""
        self.may_restart = restarts
        for name, bodies_sent in (("Hero", heroes), ("Tag", tags)):
            for body in bodies_sent:
                self._create(name, body)

    # One row

    @rule(sent=CREATIONS)
    def create(self, sent: tuple[str, Row]) -> None:
        self._create(*sent)

    def _create(self, name: str, body: Row) -> None:
        table = self.tables[name]
        answer = self._ask("POST", table.entity.path, json=body)
        if is_as(answer, lambda row: table.create(body, row)):
            self._learn_tag(table, answer)
            assert answer.headers["location"] == table.place(answer.json()[table.entity.key])

    @rule(name=NAMED, number=NUMBERS)
    def read(self, name: str, number: int) -> None:
        table, key = self._key(name, number)
        answer = self._ask("GET", table.place(key))
        if is_as(answer, lambda _: table.read(key)):
            assert answer.headers["etag"] == table.tags[key][-1]

    @rule(name=NAMED, number=NUMBERS, last=st.booleans())
    def read_unless_known(self, name: str, number: int, *, last: bool) -> None:
        table, key = self._key(name, number)
        known = table.tag(key, "last" if last else "stale")
        answer = self._ask("GET", table.place(key), headers={"If-None-Match": known})
        if last and key in table.rows:
            assert (answer.status_code, answer.content) == (304, b"")
            assert answer.headers["etag"] == known
        else:
            is_as(answer, lambda _: table.read(key))

    @rule(sent=CHANGES, number=NUMBERS, expected=EXPECTED)
    def update(self, sent: tuple[str, Row], number: int, expected: str | None) -> None:
        name, body = sent
        table, key = self._key(name, number)
        conditions = Conditions(table.tag(key, expected) if expected else None)
        answer = self._ask("PATCH", table.place(key), json=body, headers=conditions.headers)
        if is_as(answer, lambda row: table.update(key, body, conditions, row)):
            self._learn_tag(table, answer)

    @rule(sent=CREATIONS, number=NUMBERS, expected=EXPECTED, new=st.booleans())
    def replace(
        self, sent: tuple[str, Row], number: int, expected: str | None, *, new: bool
    ) -> None:
        name, body = sent
        table, key = self._key(name, number)
        if table.entity.gives_keys and new:
            key = SHORT[number % len(SHORT)]
        if table.entity.gives_keys and body.get("code") in SHORT and number != RARE:
            body = body | {"code": key}
        tag = table.tag(key, expected) if expected else None
        conditions = Conditions(tag, none_may_be=number % 7 == 0)
        answer = self._ask("PUT", table.place(key), json=body, headers=conditions.headers)
        if is_as(answer, lambda row: table.replace(key, body, conditions, row)):
            self._learn_tag(table, answer)

    @rule(name=NAMED, number=NUMBERS, expected=EXPECTED)
    def delete(self, name: str, number: int, expected: str | None) -> None:
        table, key = self._key(name, number)
        conditions = Conditions(table.tag(key, expected) if expected else None)
        answer = self._ask("DELETE", table.place(key), headers=conditions.headers)
        is_as(answer, lambda _: table.delete(key, conditions))

    # Several rows

    @rule(sent=SEVERAL)
    def create_many(self, sent: tuple[str, list[Row]]) -> None:
        name, bodies_sent = sent
        table = self.tables[name]
        answer = self._ask("POST", f"{table.entity.path}bulk", json=bodies_sent)
        if is_as(answer, lambda rows: table.create_many(bodies_sent, rows)):
            self._look_again(table, [row[table.entity.key] for row in answer.json()])

    @rule(sent=SEVERAL_CHANGES)
    def update_many(self, sent: list[tuple[int, Row]]) -> None:
        table, items = self.tables["Hero"], []
        for number, body in sent:
            _, key = self._key("Hero", number, nonsense=[0, -1])
            items.append({**body, "id": key})
        answer = self._ask("PATCH", "/heroes/bulk", json=items)
        if is_as(answer, lambda rows: table.update_many(items, rows)):
            self._look_again(table, [item["id"] for item in items])

    @rule(numbers=st.lists(NUMBERS, min_size=1, max_size=3))
    def delete_many(self, numbers: list[int]) -> None:
        table = self.tables["Hero"]
        keys = [self._key("Hero", number, nonsense=[0, -1])[1] for number in numbers]
        answer = self._ask("DELETE", "/heroes/bulk", params=[("id", str(key)) for key in keys])
        is_as(answer, lambda _: table.delete_many(keys))

    def _look_again(self, table: Table, keys: list[Any]) -> None:
        """Read the tags, which an answer of several rows does not have."""
        for key in keys:
            answer = self._ask("GET", table.place(key))
            assert (answer.status_code, answer.json()) == (200, table.read(key))
            self._learn_tag(table, answer)

    # Lists

    @rule(sent=QUERIES)
    def list_page(self, sent: tuple[str, ListQuery]) -> None:
        name, query = sent
        table = self.tables[name]
        found = table.found(query)
        answer = self._ask("GET", table.entity.path, params=query.parameters())
        assert (answer.status_code, answer.json()) == (200, query.page(found, table.entity.list))
        assert set(answer.links) == query.links(len(found), table.entity.list)
        total = str(len(found)) if query.count else None
        assert answer.headers.get("x-total-count") == total

    @rule(sent=QUERIES)
    def walk(self, sent: tuple[str, ListQuery]) -> None:
        self._walk(*sent)

    @precondition(lambda self: self.may_restart)
    @rule(sent=QUERIES, abruptly=st.booleans())
    def restart(self, sent: tuple[str, ListQuery], *, abruptly: bool) -> None:
        """Restart the server, in the middle of a walk."""
        self.may_restart = False
        self._walk(*sent, between=lambda: self.process.restart(abruptly=abruptly))

    def _walk(self, name: str, query: ListQuery, between: Callable[[], None] | None = None) -> None:
        parameters = [("cursor", ""), *query.parameters()]
        table = self.tables[name]
        answer = self._ask("GET", table.entity.path, params=parameters)
        skipped, rows = query.offset or 0, answer.json()
        if between is not None:
            between()
        while "next" in answer.links:
            answer = self._ask("GET", answer.links["next"]["url"])
            rows += answer.json()
        assert rows == table.found(query)[skipped:]

    # After every step

    @invariant()
    def all_rows_are_those_of_the_dict(self) -> None:
        for table in self.tables.values():
            query = ListQuery(limit=10, count=True)
            answer = self._ask("GET", table.entity.path, params=query.parameters())
            assert answer.json() == query.page(table.found(query), table.entity.list)
            assert answer.headers["x-total-count"] == str(len(table.rows))

    def teardown(self) -> None:
        """Compare what no answer shows."""
        metadata = self.process.rows.tables
        with self.process.rows.engine.connect() as connection:
            for table in self.tables.values():
                columns = metadata.tables[table.entity.name.lower()].columns
                kept = connection.execute(select(columns[table.entity.key], columns["secret"]))
                wanted = {key: row["secret"] for key, row in table.rows.items()}
                assert {row[0]: row[1] for row in kept} == wanted

    # How a rule asks and compares

    def _ask(self, method: str, path: str, **options: Any) -> httpx.Response:
        answer = self.process.ask(method, path, **options)
        note(f"{method} {path} {options} -> {answer.status_code} {answer.text}")
        what = f"{method} bulk" if path.endswith("/bulk") else method
        self.process.seen[what, answer.status_code] += 1
        return answer

    def _learn_tag(self, table: Table, answer: httpx.Response) -> None:
        """Keep the tag of a row: each state of it has one of its own."""
        tag, tags = (
            answer.headers["etag"],
            table.tags.setdefault(answer.json()[table.entity.key], []),
        )
        assert self.tags.setdefault(answer.content, tag) == tag
        assert len(set(self.tags.values())) == len(self.tags)
        if tag not in tags[-1:]:
            tags.append(tag)

    def _key(
        self, name: str, number: int, nonsense: Sequence[Any] = ("x", 0, -1, 2**63, 10**30)
    ) -> tuple[Table, Any]:
        """Choose a key: mostly of a row, or else of one that is deleted, or of none."""
        table = self.tables[name]
        nonsense = [*NAMES, "x" * 300] if table.entity.gives_keys else nonsense
        for most, keys in ((40, sorted(table.rows)), (50, sorted(table.gone)), (60, nonsense)):
            if number < most and keys:
                return table, keys[number % len(keys)]
        raise AssertionError


@pytest.fixture(params=["sqlite", "postgresql"])
def process(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    servers: Servers,
    new_database: Callable[[str], str],
) -> Iterator[Process]:
    spec = write_entities(tmp_path / "entities", {"hero": HERO, "tag": TAG})
    process = Process(servers, spec, new_database(request.param))
    yield process
    process.stop()


@pytest.mark.long
@pytest.mark.slow
def test_the_server_answers_as_a_dict_would(process: Process) -> None:
    run(Machine, process)
