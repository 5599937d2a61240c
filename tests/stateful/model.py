"""What the API should answer, worked out on a dict."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import quote

from tests.stateful.fields import REQUIRED, Entity
from tests.support.list_query import ListQuery

Body = Mapping[str, Any]
Row = dict[str, Any]
Problem = dict[str, Any]
MISSING = ("missing", "Field required")
EXTRA = ("extra_forbidden", "Extra inputs are not permitted")
OTHER_KEY = ("other_key", "The key should be that of the path")
NO_NUMBER = "Input should be a valid integer, unable to parse string as an integer"
NEVER = '"x"'
CHANGED = "Precondition failed: the row does not match If-Match"
EXISTS = "Precondition failed: the row matches If-None-Match"


class Refusal(Exception):  # noqa: N818 -- no error: the API should say it
    """Anything but 200. Where a request breaks two unique rules, the API names either."""

    def __init__(self, status: int, *details: Any) -> None:
        super().__init__(status, *details)
        self.status, self.details = status, details


@dataclass(frozen=True)
class Conditions:
    """What a request expects of the row."""

    if_match: str | None = None
    none_may_be: bool = False
    """`If-None-Match: *`."""

    @property
    def headers(self) -> dict[str, str]:
        sent = {} if self.if_match is None else {"If-Match": self.if_match}
        return sent | ({"If-None-Match": "*"} if self.none_may_be else {})


@dataclass
class Table:
    """The rows of one entity.

    What the server sets, keys and times, is learnt from its answers, and has to make sense.
    """

    entity: Entity
    rows: dict[Any, Row] = field(default_factory=dict)
    gone: set[Any] = field(default_factory=set)
    tags: dict[Any, list[str]] = field(default_factory=dict)
    """The tags that the row of a key has had, the present one last."""
    last_key: int = 0
    last_time: str = "0001-01-01T00:00:00Z"

    # The operations: each gives what is answered with 200, or raises the Refusal

    def read(self, key: Any) -> Row:
        if problems := self._path_problems(key):
            raise Refusal(422, problems)
        if key not in self.rows:
            raise Refusal(404, f"{self.entity.name} not found")
        return self.shown(self.rows[key])

    def create(self, body: Body, answered: Row) -> Row:
        _refuse(self._problems(body, self.entity.fields))
        row = self._filled(body)
        self._check_unique(row, others=self.rows)
        return self._keep(row, answered)

    def update(self, key: Any, body: Body, conditions: Conditions, answered: Row) -> Row:
        sent = {name: body[name] for name in body if name not in self._ignored}
        _refuse([*self._path_problems(key), *self._problems(sent, ())])
        old = self.read(key)
        self._check(key, conditions)
        return self._change(key, {**self.rows[key], **sent}, answered) if sent else old

    def replace(self, key: Any, body: Body, conditions: Conditions, answered: Row) -> Row:
        _refuse([*self._path_problems(key), *self._problems(body, self.entity.fields)])
        if self.entity.gives_keys and body[self.entity.key] != key:
            raise Refusal(409, [_problem(self.entity.key, OTHER_KEY)])
        if not self.entity.gives_keys:
            self.read(key)
        self._check(key, conditions)
        old = self.rows.get(key, {})
        kept = {name: old[name] for name in self._ignored if name in old}
        return self._change(key, self._filled(body) | kept, answered)

    def delete(self, key: Any, conditions: Conditions) -> Row:
        self.read(key)
        self._check(key, conditions)
        del self.rows[key]
        self.gone.add(key)
        return {"ok": True}

    # The operations on several rows: all or none

    def create_many(self, bodies: Sequence[Body], answered: Sequence[Row]) -> list[Row]:
        _refuse(self._problems_of_items(bodies, self.entity.fields))
        with self._all_or_none():
            created = []
            for index, body in enumerate(bodies):
                with _item(index):
                    created.append(self.create(body, answered[index] if answered else {}))
            return created

    def update_many(self, bodies: Sequence[Body], answered: Sequence[Row]) -> list[Row]:
        ignored = self._ignored
        sent = [{name: body[name] for name in body if name not in ignored} for body in bodies]
        keys = [body[self.entity.key] for body in bodies]
        _refuse(self._problems_of_items(sent, ()))
        self._check_once(keys, ["body"])
        with self._all_or_none():
            for index in sorted(range(len(keys)), key=keys.__getitem__):
                key = keys[index]
                if key not in self.rows:
                    raise Refusal(404, [self._of_key(["body", index], "not_found")])
                changed = {**self.rows[key], **sent[index]}
                if sent[index]:
                    with _item(index):
                        self._change(key, changed, answered[index] if answered else {})
            return [self.shown(self.rows[key]) for key in keys]

    def delete_many(self, keys: Sequence[Any]) -> Row:
        self._check_once(keys, ["query"])
        with self._all_or_none():
            for index in sorted(range(len(keys)), key=keys.__getitem__):
                if keys[index] not in self.rows:
                    raise Refusal(404, [self._of_key(["query", index], "not_found")])
                self.delete(keys[index], Conditions())
        return {"ok": True}

    def _problems_of_items(self, bodies: Sequence[Body], expected: Iterable[str]) -> list[Problem]:
        return [
            _of_item(problem, index)
            for index, body in enumerate(bodies)
            for problem in self._problems(body, expected)
        ]

    def _check_once(self, keys: Sequence[Any], place: list[Any]) -> None:
        for index, key in enumerate(keys):
            if key in keys[:index]:
                raise Refusal(409, [self._of_key([*place, index], "repeated_key")])

    def _of_key(self, place: list[Any], kind: str) -> Problem:
        named = (
            [*place, self.entity.key]
            if place[0] == "body"
            else [place[0], self.entity.key, place[1]]
        )
        said = {
            "not_found": f"{self.entity.name} not found",
            "repeated_key": "The row should be named once",
        }
        return {"type": kind, "loc": named, "msg": said[kind]}

    @contextmanager
    def _all_or_none(self) -> Iterator[None]:
        before = dict(self.rows), set(self.gone), self.last_key, self.last_time
        try:
            yield
        except Refusal:
            self.rows, self.gone, self.last_key, self.last_time = before
            raise

    # Lists

    def found(self, query: ListQuery) -> list[Row]:
        found = query.found([self.shown(row) for row in self.rows.values()], self.entity.list)
        return [query.shown(row) for row in found]

    # What the operations have in common

    def shown(self, row: Row) -> Row:
        return {name: row[name] for name in self.entity.shown}

    def place(self, key: Any) -> str:
        return self.entity.path + quote(str(key), safe="")

    def tag(self, key: Any, expected: str) -> str:
        """Find the tag that a request may send: the last one, or another that the row has had."""
        tags = self.tags.get(key, [NEVER])
        others = [NEVER, *(tag for tag in tags if tag != tags[-1])]
        return {"*": "*", "last": tags[-1], "stale": others[-1]}[expected]

    @property
    def _ignored(self) -> set[str]:
        """What a PATCH may say, to no effect."""
        immutable = {name for name, one in self.entity.fields.items() if one.immutable}
        return {self.entity.key, *self.entity.server_sets, *immutable}

    def _path_problems(self, key: Any) -> list[Problem]:
        if self.entity.gives_keys or isinstance(key, int):
            return []
        where = ["path", f"{self.entity.name.lower()}_{self.entity.key}"]
        return [{"type": "int_parsing", "loc": where, "msg": NO_NUMBER}]

    def _problems(self, body: Body, expected: Iterable[str]) -> list[Problem]:
        problems = []
        for name in dict.fromkeys([*body, *expected]):
            known = self.entity.fields.get(name)
            if known is None:
                said = None if name in self.entity.server_sets else EXTRA
            elif name not in body:
                said = MISSING if known.default is REQUIRED else None
            else:
                said = known.problem(body[name])
            problems += [] if said is None else [_problem(name, said)]
        return problems

    def _filled(self, body: Body) -> Row:
        return {name: body.get(name, one.default) for name, one in self.entity.fields.items()}

    def _check(self, key: Any, conditions: Conditions) -> None:
        seen, exists = conditions.if_match, key in self.rows
        is_known = exists and seen in {"*", self.tags[key][-1]}
        if exists and conditions.none_may_be:
            raise Refusal(412, EXISTS)
        if seen is not None and not is_known:
            raise Refusal(412, CHANGED)

    def _change(self, key: Any, row: Row, answered: Row) -> Row:
        self._check_unique(row, others={at: self.rows[at] for at in self.rows if at != key})
        return self._keep(row, answered)

    def _keep(self, row: Row, answered: Row) -> Row:
        key = self._set_by_server(row, answered)
        self.rows[key] = row
        self.gone.discard(key)
        return self.shown(row)

    def _check_unique(self, row: Row, others: Mapping[Any, Row]) -> None:
        broken = [
            [_problem(name, ("unique", f"Another row has the same {name}"))]
            for name, one in self.entity.fields.items()
            if (one.unique or name == self.entity.key)
            and row[name] is not None
            and row[name] in [other[name] for other in others.values()]
        ]
        if broken:
            raise Refusal(409, *broken)

    def _set_by_server(self, row: Row, answered: Row) -> Any:
        """Take over keys, when they are new, and times, when they go on; return the key.

        Nothing is answered where one of several rows is refused: no other row is kept either.
        """
        if self.entity.key not in row:
            key = answered.get(self.entity.key, self.last_key + 1)
            assert key > self.last_key
            row[self.entity.key] = self.last_key = key
        if "changed_at" in self.entity.server_sets:
            now = answered.get("changed_at", self.last_time)
            assert moment(now) >= moment(self.last_time)
            assert not answered or now != row.get("changed_at")
            row["changed_at"] = self.last_time = now
        return row[self.entity.key]


def _refuse(problems: list[Problem]) -> None:
    if problems:
        raise Refusal(422, problems)


@contextmanager
def _item(index: int) -> Iterator[None]:
    """Name the item in what is said of it."""
    try:
        yield
    except Refusal as refusal:
        details = [[_of_item(one, index) for one in detail] for detail in refusal.details]
        raise Refusal(refusal.status, *details) from None


def _of_item(problem: Problem, index: int) -> Problem:
    return problem | {"loc": ["body", index, *problem["loc"][1:]]}


def _problem(name: str, said: tuple[str, str]) -> Problem:
    return {"type": said[0], "loc": ["body", name], "msg": said[1]}


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)
