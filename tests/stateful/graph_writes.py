"""The rules that write: rows, several rows, links, rows together with others."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import httpx
from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from tests.stateful.graph_machine import GraphMachine, key_of, other_end
from tests.stateful.guild import ENDS, GUILD, UNDER, Under
from tests.stateful.guild_bodies import ALL, GONE, MANY, NAMES, NUMBERS, bodies, of, several
from tests.stateful.model import Row
from tests.stateful.runs import is_as

CONDITIONS = st.one_of(
    st.none(),
    st.tuples(
        st.sampled_from(["If-Match", "If-Match", "If-None-Match"]),
        st.sampled_from(["last", "stale", "*"]),
    ),
)
SOME_STEPS = st.lists(bodies("steps", whole=True), max_size=3)
OTHER = [
    {
        "type": "other_request",
        "loc": ["header", "Idempotency-Key"],
        "msg": "The key was used for another request",
    }
]


@dataclass
class Attempt:
    """A create with an Idempotency-Key, and the response if it was successful."""

    path: str
    body: Any
    key: str
    work: Callable[[Any], Any]
    answer: httpx.Response | None = None


class Writes(GraphMachine):
    def __init__(self) -> None:
        super().__init__()
        self.attempts: list[Attempt] = []

    # One row

    @rule(sent=of(ALL, whole=True, with_keys=True))
    def create(self, sent: tuple[str, Row]) -> None:
        plural, drawn = sent
        if plural == "missions":
            self.create_mission(drawn, [])
        else:
            body = self.body(plural, drawn)
            self._post(plural, GUILD[plural].path, body, self._work(plural, body))

    @rule(drawn=bodies("missions", whole=True), steps=SOME_STEPS)
    def create_with_steps(self, drawn: Row, steps: list[Row]) -> None:
        self.create_mission(drawn, steps)

    def create_mission(self, drawn: Row, steps: list[Row]) -> None:
        body = self.body("missions", drawn) | self._steps(steps)
        self._post("missions", "/missions/", body, self._work("missions", body))

    def _steps(self, steps: list[Row]) -> Row:
        items = [self.body("steps", step) for step in steps]
        for item in items:
            item.pop("mission_id")
        return {"steps": items} if items else {}

    def _work(self, plural: str, body: Row) -> Callable[[Any], Any]:
        """Return what creates a row in the model, with the keys of a response."""
        if plural != "missions":
            return lambda row: self.graph.create(plural, body, key_of(GUILD[plural], row))
        return lambda row: self.graph.create_with_steps(
            body, row.get("id", 0), [step["id"] for step in row.get("steps", ())]
        )

    @rule(where=st.sampled_from(UNDER), number=NUMBERS, steps=SOME_STEPS, data=st.data())
    def create_under(
        self,
        where: tuple[str, Under],
        number: int,
        steps: list[Row],
        data: st.DataObject,
    ) -> None:
        plural, under = where
        key, target = self.choose(plural, number), under.plural
        body = self.body(target, data.draw(bodies(target, whole=True, with_keys=True)))
        body.pop(under.by, None)
        body |= self._steps(steps) if target == "missions" else {}
        work = self._work(target, {**body, under.by: key})

        def work_under(row: Any) -> Any:
            self.graph.read(plural, key)
            return work(row)

        self._post(target, f"/{plural}/{key}/{under.path}/", body, work_under)

    def _post(self, plural: str, path: str, body: Any, work: Callable[[Any], Any]) -> None:
        if GUILD[plural].is_idempotent:
            self.attempts.append(Attempt(path, body, f"key-{len(self.attempts)}", work))
            self._try(plural, self.attempts[-1])
        else:
            self._created(plural, self.ask("POST", path, json=body), work)

    def _try(self, plural: str, attempt: Attempt) -> None:
        """Send a create, perhaps again."""
        answer = self._send(attempt)
        if attempt.answer is not None:
            assert answer.headers["idempotent-replayed"] == "true"
            assert (answer.status_code, answer.content) == (200, attempt.answer.content)
            for name in ("etag", "location"):
                assert answer.headers.get(name) == attempt.answer.headers.get(name)
        elif self._created(plural, answer, attempt.work):
            attempt.answer = answer

    def _send(self, attempt: Attempt) -> httpx.Response:
        headers = {"Idempotency-Key": attempt.key}
        return self.ask("POST", attempt.path, json=attempt.body, headers=headers)

    def _created(self, plural: str, answer: httpx.Response, work: Callable[[Any], Any]) -> bool:
        assert "idempotent-replayed" not in answer.headers
        if not is_as(answer, work):
            return False
        if isinstance(answer.json(), dict):
            self.learn(plural, answer)
        return True

    @precondition(lambda self: self.attempts)
    @rule(number=NUMBERS, other_name=st.one_of(st.none(), st.sampled_from(NAMES)))
    def repeat(self, number: int, other_name: str | None) -> None:
        """Send a create with an earlier Idempotency-Key, perhaps with another body."""
        attempt = self.attempts[-1 - number % len(self.attempts)]
        plural = "missions" if "missions" in attempt.path else "heroes"
        body = attempt.body
        if attempt.answer is None or other_name is None or isinstance(body, list):
            self._try(plural, attempt)
        elif body["name"] != other_name:
            answer = self._send(replace(attempt, body={**body, "name": other_name}))
            assert (answer.status_code, answer.json()) == (422, {"detail": OTHER})

    @rule(sent=of(ALL, whole=False, with_keys=True), number=NUMBERS, drawn=CONDITIONS)
    def update(self, sent: tuple[str, Row], number: int, drawn: tuple[str, str] | None) -> None:
        plural, changes = sent
        key, body = self.choose(plural, number), self.body(plural, changes)
        condition = self.condition(plural, key, drawn)
        path = f"{GUILD[plural].path}{key}"
        answer = self.ask("PATCH", path, json=body, headers=condition.headers)

        def work(_: Row) -> Row:
            condition.check(self.tags, self.graph.read(plural, key))
            return self.graph.update(plural, key, body)

        if is_as(answer, work):
            self.learn(plural, answer)

    @rule(
        sent=of(ENDS, whole=True, with_keys=True),
        number=NUMBERS,
        drawn=CONDITIONS,
    )
    def replace(self, sent: tuple[str, Row], number: int, drawn: tuple[str, str] | None) -> None:
        plural, whole = sent
        key, body = self.choose(plural, number), self.body(plural, whole)
        if plural == "powers":
            body["code"] = key = key if number < GONE else NAMES[number % len(NAMES)]
        condition = self.condition(plural, key, drawn)
        answer = self.ask("PUT", f"/{plural}/{key}", json=body, headers=condition.headers)

        def work(_: Row) -> Row:
            if plural == "heroes":
                self.graph.read(plural, key)
            condition.check(self.tags, self.graph.rows[plural].get(key))
            return self.graph.replace(plural, key, body)

        if is_as(answer, work):
            self.learn(plural, answer)

    @rule(plural=st.sampled_from(ALL), number=NUMBERS, drawn=CONDITIONS)
    def delete(self, plural: str, number: int, drawn: tuple[str, str] | None) -> None:
        key = self.choose(plural, number)
        condition = self.condition(plural, key, drawn)
        answer = self.ask("DELETE", f"{GUILD[plural].path}{key}", headers=condition.headers)

        def work(_: Row) -> Row:
            condition.check(self.tags, self.graph.read(plural, key))
            return self.graph.delete(plural, key)

        is_as(answer, work)

    # Several rows

    @rule(sent=several(["heroes", "badges", "steps"], whole=True))
    def create_many(self, sent: tuple[str, list[Row]]) -> None:
        plural, drawn = sent
        entity, items = GUILD[plural], [self.body(plural, one) for one in drawn]
        self._post(
            plural,
            f"{entity.path}bulk",
            items,
            lambda rows: self.graph.create_many(
                plural, items, [key_of(entity, row) for row in rows]
            ),
        )

    @rule(
        drawn=st.lists(bodies("heroes", whole=False, with_keys=True), min_size=1, max_size=3),
        numbers=MANY,
    )
    def update_many(self, drawn: list[Row], numbers: list[int]) -> None:
        keys = self.choose_some("heroes", numbers)
        items = [
            {**self.body("heroes", body), "id": key} for body, key in zip(drawn, keys, strict=False)
        ]
        answer = self.ask("PATCH", "/heroes/bulk", json=items)
        is_as(answer, lambda _: self.graph.update_many("heroes", items))

    @rule(plural=st.sampled_from(["teams", "heroes", "missions", "steps"]), numbers=MANY)
    def delete_many(self, plural: str, numbers: list[int]) -> None:
        keys = self.choose_some(plural, numbers)
        parameters = [("id", str(key)) for key in keys]
        answer = self.ask("DELETE", f"{GUILD[plural].path}bulk", params=parameters)
        is_as(answer, lambda _: self.graph.delete_many(plural, keys))

    # Links

    @rule(hero=NUMBERS, power=NUMBERS, method=st.sampled_from(["PUT", "PUT", "DELETE"]))
    def link(self, hero: int, power: int, method: str) -> None:
        key, other = self.choose("heroes", hero), self.choose("powers", power)
        answer = self.ask(method, f"/heroes/{key}/powers/{other}")
        change = self.graph.link if method == "PUT" else self.graph.unlink
        is_as(answer, lambda _: change(key, other))

    @rule(plural=st.sampled_from(ENDS), number=NUMBERS, numbers=st.lists(NUMBERS, max_size=4))
    def replace_links(self, plural: str, number: int, numbers: list[int]) -> None:
        key, others = self.choose(plural, number), self.choose_some(other_end(plural), numbers)
        answer = self.ask("PUT", f"/{plural}/{key}/{other_end(plural)}/", json=others)
        is_as(answer, lambda _: self.graph.link_only(plural, key, others))
