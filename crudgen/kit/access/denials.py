"""Why a rule denies a write: the message for the client, and the line in the log."""

import logging
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from fastapi import HTTPException
from sqlalchemy import ColumnElement, bindparam, select

from ..database.statements import Prepared, Statement, Values
from ..database.transaction import Row
from ..models import Model
from ..rows.resource import Resource
from .caller import BaseCaller
from .clauses import Clause
from .errors import Forbidden
from .row_operations import RowOperations
from .rules import Permission, Rule

_PARTS = re.compile(r"""'(?:[^']|'')*'|"(?:[^"]|"")*"|[()]|\sand\s|.""", re.DOTALL)
_log = logging.getLogger(__name__)


class _CallerDatabase(Protocol):
    """What this module needs of a CallerBoundDatabase."""

    kind: str

    def compile(self, statement: Statement) -> Prepared: ...

    async def read(self, statement: Statement | Prepared, values: Values) -> Sequence[Row]: ...


@dataclass(frozen=True, slots=True)
class EvaluatedPart:
    """A part of a rule, and whether it is true for the row before and after a write."""

    rule: Rule
    text: str
    found: Sequence[tuple[str, bool | None]]
    """`before`, `after` or "" for the only row, each with the value; None for unknown."""
    note: str = ""
    """Why there is no value, if there is none."""

    def __str__(self) -> str:
        """Return the part as in the log: `status = draft: before yes, after NO`."""
        if self.note:
            return f"{self.text}: {self.note}"
        words = {True: "yes", False: "NO", None: "NO (null)"}
        values = {value for _, value in self.found}
        found = self.found[:1] if len(values) == 1 else self.found
        named = (
            f"{when} {words[value]}" if len(found) > 1 else words[value] for when, value in found
        )
        return f"{self.text}: {', '.join(named)}"


@dataclass(frozen=True, slots=True)
class Write:
    """A write that rules allow or deny."""

    action: str
    """`create`, `update`, `delete`, or the name of an action that has rules of its own."""
    key: Any = None
    values: Mapping[str, Any] | None = None
    """The values that it sets, by attribute; None for a deletion, or if a function sets them."""
    above: str | None = None
    """The reference to the parent row, if the request creates it too: a denial rolls it back."""


class RowDenied(Forbidden):
    """403: no rule allows this write of this row."""

    def __init__(
        self,
        operations: RowOperations,
        caller: BaseCaller | None,
        write: Write,
        loc: Sequence[str | int] = (),
        answers: Sequence[EvaluatedPart] = (),
    ) -> None:
        """`answers` are the parts of the rules, with their values, if they are known already."""
        super().__init__(denial_message(operations, write.action), loc)
        self._operations, self._caller, self._write = operations, caller, write
        self._answers = answers

    async def log(self, db: _CallerDatabase) -> None:
        """Log each part of each rule that is about the caller, with its value."""
        if not _log.isEnabledFor(logging.INFO):
            return
        write, caller = self._write, self._caller
        who = "a caller without credentials" if caller is None else f"caller {caller.subject!r}"
        row = "this new row" if write.key is None else f"row {write.key!r}"
        try:
            answers = self._answers or await evaluate_rules(self._operations, db, write)
        except HTTPException:  # the database is busy or down, and the response is still 403
            answers = []
        rules = {id(one.rule): one.rule for one in answers}.values()
        found = "; ".join(
            f"{rule} {' '.join(f'[{one}]' for one in answers if one.rule is rule)}{rule.place}"
            for rule in rules
        )
        name = self._operations.all._name
        _log.info(
            "%s may not %s %s of %s: %s", who, write.action, row, name, found or "no explanation"
        )


def denial_message(operations: RowOperations, action: str) -> str:
    """Return the message of a denial: the rules, without those about hidden properties."""
    permission, name = _permission(operations, action), operations.all._name
    verb = action.replace("_", " ")
    about = [rule for rule, _ in permission.rules if rule.admits(operations.roles)]
    if said := dict.fromkeys(rule.says for rule in about if rule.says):
        return " ".join(said)
    told = [
        str(rule)
        for rule, clause in permission.rules
        if _shows_whole_condition(rule, clause, operations)
    ]
    if not told:
        return f"No rule lets this caller {verb} this row of {name}"
    return f"To {verb} this row of {name}, a rule must hold: {'; or '.join(dict.fromkeys(told))}"


def _shows_whole_condition(rule: Rule, clause: Clause | None, operations: RowOperations) -> bool:
    """Return whether responses contain all properties in the condition of a rule."""
    if clause is None or rule.condition is None:
        return clause is None
    shown = {operations.all._columns.column(name) for name in operations.all._columns.shown}
    return clause.columns <= shown - operations.masks.keys() and not clause.has_related


async def evaluate_rules(
    operations: RowOperations, db: _CallerDatabase, write: Write
) -> list[EvaluatedPart]:
    """Return each part of each rule about these callers, with its value in the database."""
    asked = [*_conditions_to_evaluate(operations, db.kind, write)]
    undone = [*_unevaluated_parts(operations, write)]
    if not asked:
        return undone
    statement: Any = select(*(one.label(f"c{n}") for n, (*_, one) in enumerate(asked)))
    values = operations.new_values(write.values or {})
    if write.key is not None:
        columns = operations.all._properties.columns
        statement = statement.where(columns[operations.all._key] == bindparam("key__"))
        values["key__"] = write.key
    rows = await db.read(db.compile(statement), values)
    if not rows:
        return []
    found: dict[tuple[int, str], EvaluatedPart] = {}
    for (rule, text, when, _), value in zip(asked, rows[0], strict=True):
        is_true = None if value is None else bool(value)
        known = found.get((id(rule), text), EvaluatedPart(rule, text, ()))
        found[id(rule), text] = EvaluatedPart(rule, text, (*known.found, (when, is_true)))
    return [*found.values(), *undone]


def _unevaluated_parts(operations: RowOperations, write: Write) -> Iterator[EvaluatedPart]:
    """Yield the parts of rules about the parent row, which cannot be evaluated after a rollback."""
    for rule, clause in _permission(operations, write.action).rules:
        if write.above is not None and clause is not None and rule.admits(operations.roles):
            for text, part in rule_parts(operations, rule, clause):
                if _reads_reference(operations, write.above, part):
                    yield EvaluatedPart(
                        rule,
                        text,
                        (),
                        "not evaluated: depends on the parent row, which was rolled back",
                    )


def _reads_reference(operations: RowOperations, name: str | None, part: Clause) -> bool:
    return name is not None and part.contains_column(operations.all._properties.columns[name])


def _conditions_to_evaluate(
    operations: RowOperations, kind: str, write: Write
) -> Iterator[tuple[Rule, str, str, ColumnElement[bool]]]:
    """Yield the parts of rules to evaluate: rule, text, `before` or `after`, and condition."""
    changed = operations.parameters(write.values or {})
    for rule, clause in _permission(operations, write.action).rules:
        if clause is None or not rule.admits(operations.roles):
            continue
        for text, part in rule_parts(operations, rule, clause):
            if _reads_reference(operations, write.above, part):
                continue
            is_known = write.values is not None
            if write.action != "create" and (is_known or not part.needs_new_values):
                yield rule, text, "before", part.before_write(kind, changed)
            if write.action in {"create", "update"} and is_known:
                yield rule, text, "after", part.after_write(changed, kind)


def rule_parts(operations: RowOperations, rule: Rule, clause: Clause) -> list[tuple[str, Clause]]:
    """Return the parts of a condition that `and` combines, each with its text."""
    tenant = operations.access.tenant
    texts = [
        *(split_at_and(tenant.text) if tenant else ()),
        *(split_at_and(rule.text) if rule.text else ()),
    ]
    parts = clause.and_parts()
    if len(parts) != len(texts):
        return [(" and ".join(texts), clause)]
    return [*zip(texts, parts, strict=True)]


async def row_exists(operations: RowOperations, db: _CallerDatabase, key: Any) -> bool:
    """Return whether there is a row with this key, even if no rule lets a caller read it."""
    column = operations.all._properties.columns[operations.all._key]
    statement = select(column).where(column == bindparam("key__"))
    return bool(await db.read(db.compile(statement), {"key__": key}))


def written_values(rows: Resource, row: Model, *, is_update: bool) -> Mapping[str, Any]:
    """Return the values that a request body sets, by attribute."""
    return rows._values.read(row, exclude_unset=is_update)


def split_at_and(text: str) -> list[str]:
    """Split the text of a condition at each `and` outside of parentheses and quotes."""
    found, depth = [""], 0
    for part in _PARTS.findall(text):
        depth += (part == "(") - (part == ")")
        if part.strip() == "and" and not depth:
            found.append("")
        else:
            found[-1] += part
    return found


def _permission(operations: RowOperations, action: str) -> Permission:
    return operations.access.permission(action)
