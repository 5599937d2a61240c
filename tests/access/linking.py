"""Changes of the links of the guild, and what the rules say about each."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from tests.access.guild import KEYS, Caller, Guild, Rules, allows, may

MISSING = 99
Pairs = set[tuple[int, int]]


@dataclass(frozen=True)
class Side:
    """The path of links: the entities of the rows above and of the linked ones."""

    path: tuple[str, str]
    owner: str
    row: str
    links: str
    """The attribute of the guild with the links."""
    inverse: bool = False
    """Whether the links belong to the linked rows."""

    @property
    def declaring(self) -> str:
        return self.row if self.inverse else self.owner


SIDES = (
    Side(("heroes", "powers"), "Hero", "Power", "powers"),
    Side(("powers", "heroes"), "Power", "Hero", "powers", inverse=True),
    Side(("heroes", "friends"), "Hero", "Hero", "friends"),
    Side(("heroes", "fans"), "Hero", "Hero", "friends", inverse=True),
)


@dataclass(frozen=True)
class Change:
    """A request that changes the links of a row."""

    method: str
    side: Side
    key: int
    sent: int | Sequence[int]
    """The key of the other row in the path, or the keys in the body."""

    @property
    def path(self) -> str:
        first, last = self.side.path
        return f"/{first}/{self.key}/{last}/{self.sent if isinstance(self.sent, int) else ''}"

    @property
    def body(self) -> Sequence[int] | None:
        return None if isinstance(self.sent, int) else self.sent

    @property
    def others(self) -> Sequence[int]:
        return [self.sent] if isinstance(self.sent, int) else self.sent


def changes() -> Iterator[Change]:
    """Yield changes of links, from all sides."""
    for side in SIDES:
        for key in (*KEYS, MISSING):
            for other in (1, 3, MISSING):
                yield Change("PUT", side, key, other)
            for other in (*KEYS, MISSING):
                yield Change("DELETE", side, key, other)
            for others in ([], [2, 1], [4, 3, 5], [4, MISSING, 2**63]):
                yield Change("PUT", side, key, others)


def expected(rules: Rules, data: Guild, caller: Caller, change: Change) -> tuple[int, Pairs]:
    """Return the status of a change, and the links after it."""
    before: Pairs = getattr(data, change.side.links)
    status, after = _judged(rules, data, caller, change)
    return status, after if status == 200 else before


def _judged(rules: Rules, data: Guild, caller: Caller, change: Change) -> tuple[int, Pairs]:
    side, before = change.side, getattr(data, change.side.links)
    needed = ((side.owner, "read"), (side.row, "read"), (side.declaring, "update"))
    if not all(may(rules, name, action, caller) for name, action in needed):
        return 401 if caller is None else 403, before
    visible = data.readable(rules, side.row, caller)
    pairs = {
        (other, change.key) if side.inverse else (change.key, other) for other in change.others
    }

    def are_allowed(keys: Iterable[int]) -> bool:
        rows = data.rows[side.declaring]
        return all(allows(rules, side.declaring, "update", caller, rows[one]) for one in keys)

    if change.key not in data.readable(rules, side.owner, caller):
        return 404, before
    if not (side.inverse or are_allowed([change.key])):
        return 403, before
    if not visible.issuperset(change.others):
        return 404 if change.body is None else 409, before
    after = _after(change, before, pairs, visible)
    judged = change.others if change.body is None else {one for one, _ in after ^ before}
    if side.inverse and not are_allowed(judged):
        return 403, before
    is_there = change.method == "PUT" or pairs <= before
    return 200 if is_there else 404, after


def _after(change: Change, before: Pairs, pairs: Pairs, visible: set[int]) -> Pairs:
    """Return the links after a change: those to hidden rows stay."""
    if change.method == "DELETE":
        return before - pairs
    if change.body is None:
        return before | pairs
    near = int(change.side.inverse)
    here = {one for one in before if one[near] == change.key and one[1 - near] in visible}
    return (before - here) | pairs
