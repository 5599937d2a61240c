"""Random requests to tables that refer to each other, answered as dicts would answer them.

`RUNS=500 python -m pytest tests/stateful` is the extended run.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar

import httpx
import pytest
from hypothesis import HealthCheck, Phase, note, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tests.stateful.graph import ENDS, GUILD, UNDER, Entity, Graph, Row, Under
from tests.stateful.model import Refusal
from tests.stateful.process import Process
from tests.support.servers import Servers

SPEC = Path(__file__).parents[1] / "specs/guild/entities"
RUNS = int(os.environ.get("RUNS", "8"))
STEPS = 30
ENOUGH = 300
"""After so many runs, everything has happened."""
NAMES = ["a", "b", "c", "é", "ab", "zz"]
VALUES: dict[str, Sequence[Any]] = {
    "name": NAMES,
    "code": NAMES,
    "rank": range(3),
    "label": NAMES,
    "position": range(4),
    "text": NAMES,
}
NUMBERS = st.integers(0, 39)
"""Choose a row: most of them one that exists."""
NULL, GONE = 34, 37
"""From these numbers on, a number is no row, or a row that does not exist."""
NEVER: dict[str, Any] = {"powers": "zz"}


@st.composite
def bodies(draw: st.DrawFn, plural: str, *, whole: bool) -> Row:
    """Draw a body, in which the number of a row stands for its key."""
    entity = GUILD[plural]
    drawn: Row = {}
    for name, default in entity.defaults.items():
        if (whole and default is None) or (name != entity.key and draw(st.booleans())):
            drawn[name] = draw(st.sampled_from(VALUES[name]))
    for one in entity.references:
        if (whole and not one.optional) or draw(st.booleans()):
            drawn[one.by] = draw(st.integers(0, NULL - 1) if not one.optional else NUMBERS)
            if draw(st.integers(0, 15)) == 7:
                drawn[one.by] = GONE
    return drawn


def of(plurals: Sequence[str], *, whole: bool) -> st.SearchStrategy[tuple[str, Row]]:
    """Draw one of several entities, and a body for it."""
    return st.sampled_from(plurals).flatmap(
        lambda one: st.tuples(st.just(one), bodies(one, whole=whole))
    )


def several(plurals: Sequence[str], *, whole: bool) -> st.SearchStrategy[tuple[str, list[Row]]]:
    return st.sampled_from(plurals).flatmap(
        lambda one: st.tuples(
            st.just(one), st.lists(bodies(one, whole=whole), min_size=1, max_size=3)
        )
    )


ALL = list(GUILD)
SOME_STEPS = st.lists(bodies("steps", whole=True), max_size=3)
MANY = st.lists(NUMBERS, min_size=1, max_size=3)


class Machine(RuleBasedStateMachine):
    """Each rule sends requests and compares the responses with the model's."""

    process: ClassVar[Process]

    def __init__(self) -> None:
        super().__init__()
        self.process.rows.emptied()
        self.graph = Graph()
        self.may_restart = False

    @initialize(restarts=st.booleans(), data=st.data())
    def begin(self, data: st.DataObject, *, restarts: bool) -> None:
        """Create a few rows of each entity, so that references have targets."""
        self.may_restart = restarts
        for plural in (
            "teams",
            "powers",
            "heroes",
            "heroes",
            "badges",
            "missions",
            "steps",
            "reports",
        ):
            for _ in range(2):
                self._create(plural, data.draw(bodies(plural, whole=True)))

    # One row

    @rule(sent=of(ALL, whole=True))
    def create(self, sent: tuple[str, Row]) -> None:
        self._create(*sent)

    def _create(self, plural: str, drawn: Row) -> None:
        if plural == "missions":
            self._create_with_steps(drawn, [])
            return
        entity, body = GUILD[plural], self._body(plural, drawn)
        answer = self._ask("POST", entity.path, json=body)
        self._compare(answer, lambda row: self.graph.create(plural, body, _key(entity, row)))

    @rule(plural=st.sampled_from(ALL), number=NUMBERS)
    def read(self, plural: str, number: int) -> None:
        key = self._choose(plural, number)
        answer = self._ask("GET", f"{GUILD[plural].path}{key}")
        self._compare(answer, lambda _: self.graph.read(plural, key))

    @rule(sent=of(ALL, whole=False), number=NUMBERS)
    def update(self, sent: tuple[str, Row], number: int) -> None:
        plural, drawn = sent
        key, body = self._choose(plural, number), self._body(plural, drawn)
        answer = self._ask("PATCH", f"{GUILD[plural].path}{key}", json=body)
        self._compare(answer, lambda _: self.graph.update(plural, key, body))

    @rule(drawn=bodies("heroes", whole=True), number=NUMBERS)
    def replace(self, drawn: Row, number: int) -> None:
        key, body = self._choose("heroes", number), self._body("heroes", drawn)
        answer = self._ask("PUT", f"/heroes/{key}", json=body)
        whole = {"team_id": None, "boss_id": None, **body}
        self._compare(answer, lambda _: self.graph.update("heroes", key, whole))

    @rule(plural=st.sampled_from(ALL), number=NUMBERS)
    def delete(self, plural: str, number: int) -> None:
        key = self._choose(plural, number)
        answer = self._ask("DELETE", f"{GUILD[plural].path}{key}")
        self._compare(answer, lambda _: self.graph.delete(plural, key))

    # Several rows

    @rule(sent=several(["heroes", "badges", "steps"], whole=True))
    def create_many(self, sent: tuple[str, list[Row]]) -> None:
        plural, drawn = sent
        entity, items = GUILD[plural], [self._body(plural, one) for one in drawn]
        answer = self._ask("POST", f"{entity.path}bulk", json=items)
        self._compare(
            answer,
            lambda rows: self.graph.create_many(plural, items, [_key(entity, row) for row in rows]),
        )

    @rule(drawn=st.lists(bodies("heroes", whole=False), min_size=1, max_size=3), numbers=MANY)
    def update_many(self, drawn: list[Row], numbers: list[int]) -> None:
        keys = list(dict.fromkeys(self._choose("heroes", number) for number in numbers))
        items = [
            {**self._body("heroes", body), "id": key}
            for body, key in zip(drawn, keys, strict=False)
        ]
        answer = self._ask("PATCH", "/heroes/bulk", json=items)
        self._compare(answer, lambda _: self.graph.update_many("heroes", items))

    @rule(plural=st.sampled_from(["teams", "heroes", "missions", "steps"]), numbers=MANY)
    def delete_many(self, plural: str, numbers: list[int]) -> None:
        keys = list(dict.fromkeys(self._choose(plural, number) for number in numbers))
        parameters = [("id", str(key)) for key in keys]
        answer = self._ask("DELETE", f"{GUILD[plural].path}bulk", params=parameters)
        self._compare(answer, lambda _: self.graph.delete_many(plural, keys))

    # Links, rows under a row, and rows with others

    @rule(hero=NUMBERS, power=NUMBERS, method=st.sampled_from(["PUT", "PUT", "DELETE"]))
    def link(self, hero: int, power: int, method: str) -> None:
        key, other = self._choose("heroes", hero), self._choose("powers", power)
        answer = self._ask(method, f"/heroes/{key}/powers/{other}")
        change = self.graph.link if method == "PUT" else self.graph.unlink
        self._compare(answer, lambda _: change(key, other))

    @rule(plural=st.sampled_from(ENDS), number=NUMBERS, numbers=st.lists(NUMBERS, max_size=4))
    def replace_links(self, plural: str, number: int, numbers: list[int]) -> None:
        target = ENDS[1 - ENDS.index(plural)]
        key = self._choose(plural, number)
        others = list(dict.fromkeys(self._choose(target, other) for other in numbers))
        answer = self._ask("PUT", f"/{plural}/{key}/{target}/", json=others)
        self._compare(answer, lambda _: self.graph.link_only(plural, key, others))

    @rule(plural=st.sampled_from(ENDS), number=NUMBERS)
    def list_links(self, plural: str, number: int) -> None:
        key = self._choose(plural, number)
        answer = self._ask("GET", f"/{plural}/{key}/{ENDS[1 - ENDS.index(plural)]}/")
        self._compare(answer, lambda _: self.graph.linked(plural, key))

    @rule(where=st.sampled_from(UNDER), number=NUMBERS)
    def list_under(self, where: tuple[str, Under], number: int) -> None:
        plural, under = where
        key = self._choose(plural, number)
        answer = self._ask("GET", f"/{plural}/{key}/{under.path}/")
        self._compare(answer, lambda _: self.graph.under(plural, key, under))

    @rule(where=st.sampled_from(UNDER), number=NUMBERS, data=st.data())
    def create_under(self, where: tuple[str, Under], number: int, data: st.DataObject) -> None:
        plural, under = where
        key = self._choose(plural, number)
        body = self._body(under.plural, data.draw(bodies(under.plural, whole=True)))
        body.pop(under.by, None)
        answer = self._ask("POST", f"/{plural}/{key}/{under.path}/", json=body)
        entity = GUILD[under.plural]
        self._compare(
            answer, lambda row: self.graph.create_under(plural, key, under, body, _key(entity, row))
        )

    @rule(drawn=bodies("missions", whole=True), steps=SOME_STEPS)
    def create_with_steps(self, drawn: Row, steps: list[Row]) -> None:
        self._create_with_steps(drawn, steps)

    def _create_with_steps(self, drawn: Row, steps: list[Row]) -> None:
        body = self._body("missions", drawn)
        items = [self._body("steps", step) for step in steps]
        for item in items:
            item.pop("mission_id")
        sent = {"steps": items} if items else {}
        answer = self._ask("POST", "/missions/", json={**body, **sent})
        self._compare(
            answer,
            lambda row: self.graph.create_with_steps(
                body, items, row.get("id", 0), [step["id"] for step in row.get("steps", ())]
            ),
        )

    @rule(number=NUMBERS)
    def read_hero_with_all(self, number: int) -> None:
        key = self._choose("heroes", number)
        names = "team,boss,minions,badge,powers,led_missions"
        answer = self._ask("GET", f"/heroes/{key}", params={"include": names})
        self._compare(answer, lambda _: self.graph.hero_with_all(key))

    @rule()
    def list_teams_with_all(self) -> None:
        names = "heroes,missions,missions__steps"
        query = {"include": names, "count": "exact", "limit": "20"}
        answer = self._ask("GET", "/teams/", params=query)
        teams = sorted(self.graph.rows["teams"])
        self._compare(answer, lambda _: [self.graph.team_with_all(key) for key in teams[:20]])
        assert answer.headers["x-total-count"] == str(len(teams))

    @precondition(lambda self: self.may_restart)
    @rule(abruptly=st.booleans())
    def restart(self, *, abruptly: bool) -> None:
        """Restart the server, which takes as long as a run."""
        self.may_restart = False
        self.process.restart(abruptly=abruptly)

    # After every step

    @invariant()
    def all_rows_are_those_of_the_model(self) -> None:
        for plural, rows in self.graph.rows.items():
            answer = self.process.api.ask("GET", GUILD[plural].path)
            wanted = [rows[key] for key in sorted(rows)]
            assert answer.json() == wanted, plural

    # How a rule asks and compares

    def _ask(self, method: str, path: str, **options: Any) -> httpx.Response:
        answer = self.process.api.ask(method, path, **options)
        note(f"{method} {path} {options} -> {answer.status_code} {answer.text}")
        plural, *rest = path.strip("/").split("/")
        what = " ".join([method, plural, *rest[1:2], *(["bulk"] if rest == ["bulk"] else [])])
        self.process.seen[what, answer.status_code] += 1
        return answer

    def _compare(self, answer: httpx.Response, work: Callable[[Any], Any]) -> None:
        """Compare a response with what the model makes of it."""
        found, status = answer.json(), 200
        try:
            wanted = [work(found if answer.status_code == 200 else {})]
        except Refusal as refusal:
            status, wanted = refusal.status, [{"detail": one} for one in refusal.details]
        assert answer.status_code == status, (found, wanted)
        assert _sorted(found) in [_sorted(one) for one in wanted]

    def _body(self, plural: str, drawn: Row) -> Row:
        """Put keys in the place of the numbers of rows."""
        body = dict(drawn)
        for one in GUILD[plural].references:
            if one.by in body:
                is_null = one.optional and NULL <= drawn[one.by] < GONE
                body[one.by] = None if is_null else self._choose(one.target, drawn[one.by])
        return body

    def _choose(self, plural: str, number: int) -> Any:
        """Choose a key: mostly of a row, or else of one that is deleted, or of none."""
        rows, gone = sorted(self.graph.rows[plural]), sorted(self.graph.gone[plural])
        if number < GONE and rows:
            return rows[number % len(rows)]
        return gone[number % len(gone)] if gone else NEVER.get(plural, 999_999)


def _key(entity: Entity, row: Row) -> Any:
    """Take over the key of a new row; where the row is refused, none is given."""
    return row.get(entity.key, 0) if row else 0


def _sorted(body: Any) -> Any:
    """Sort problems: their order is not documented."""
    if not (isinstance(body, dict) and isinstance(body.get("detail"), list)):
        return body
    return {"detail": sorted(body["detail"], key=str)}


@pytest.fixture(params=["sqlite", "postgresql"])
def process(
    request: pytest.FixtureRequest, servers: Servers, new_database: Callable[[str], str]
) -> Iterator[Process]:
    process = Process(servers, SPEC, new_database(request.param))
    yield process
    process.api.stop()


@pytest.mark.slow
def test_the_server_answers_as_a_graph_of_dicts_would(process: Process) -> None:
    class Running(Machine):
        pass

    Running.process = process
    run_state_machine_as_test(
        Running,
        settings=settings(
            max_examples=RUNS,
            stateful_step_count=STEPS,
            deadline=None,
            database=None,
            phases=[Phase.generate],  # to shrink would take minutes
            suppress_health_check=list(HealthCheck),
        ),
    )
    if RUNS >= ENOUGH:
        statuses = {status for _, status in process.seen}
        assert statuses == {200, 404, 409, -9, -15}, process.seen
    print(sorted(process.seen.items()))  # noqa: T201 -- pytest -s shows what was asked
