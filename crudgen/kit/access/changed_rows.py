"""Checks the rules about a row before and after a function of the owner changes it."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Column, Label, bindparam, select

from ..database import Database
from ..database.statements import Statement
from .caller import BaseCaller
from .caller_database import as_caller
from .clauses import Clause, columns_of
from .denials import EvaluatedPart, RowDenied, Write, rule_parts
from .row_operations import RowOperations
from .rules import Rule

FORMER = "_old__"
"""The prefix of parameters with the former values of a row."""
_Asked = tuple[int, str, Label[bool]]
"""The number of the part of a rule, `before` or `after`, and its condition."""


class ChangeRules:
    """The rules for callers with some roles about a row that a function changes.

    They are those of `update`, or of an action that has rules of its own (`permission`).

    As with an update, one rule must allow both the row before the function and the row after it.
    Conditions about the former row are checked before the function runs, unless they depend on
    the new row too.
    """

    def __init__(self, operations: RowOperations, kind: str, permission: str) -> None:
        self.operations, self.permission = operations, permission
        admitted = [
            (rule, clause)
            for rule, clause in operations.access.permission(permission).rules
            if rule.admits(operations.roles)
        ]
        conditions = [(rule, clause) for rule, clause in admitted if clause is not None]
        self.are_asked = len(conditions) == len(admitted)
        """Whether each rule has a condition, so that a row must satisfy one."""
        self.parts: list[tuple[Rule, str, Clause]] = [
            (rule, text, part)
            for rule, clause in conditions
            for text, part in rule_parts(operations, rule, clause)
        ]
        """The parts of all rules, each with its text."""
        columns: Mapping[str, Column[Any]] = operations.all._properties.columns
        asked = columns_of([clause for _, clause in conditions])
        self.former = {name: column for name, column in columns.items() if column in asked}
        """The columns in the rules, by attribute."""
        former = {column: f"{FORMER}{name}" for name, column in self.former.items()}
        is_row = columns[operations.all._key] == bindparam("key__")
        self.first: list[_Asked] = []
        self.last: list[_Asked] = []
        for number, (_, _, part) in enumerate(self.parts):
            if part.needs_new_values:
                earlier = part.of_former_row(former, kind)
                self.last.append((number, "before", earlier.label(f"before{number}")))
            else:
                self.first.append(
                    (number, "before", part.before_write(kind).label(f"before{number}"))
                )
            self.last.append(
                (number, "after", part.of_written_row(former, kind).label(f"after{number}"))
            )
        values = [column.label(f"{FORMER}{name}") for name, column in self.former.items()]
        self.before: Statement = select(*values, *(one for *_, one in self.first)).where(is_row)
        """The SELECT of the former values, and the conditions to check before the function runs."""
        self.after: Statement = select(*(one for *_, one in self.last)).where(is_row)
        """The SELECT of the other conditions, after the function has run."""


class RowChangeCheck:
    """Checks the rules about a row before and after one call of a function that changes it."""

    def __init__(self, rules: ChangeRules, caller: BaseCaller | None, key: Any) -> None:
        self._rules, self._caller, self._key = rules, caller, key
        self._former: dict[str, Any] = {}
        self._found: list[list[tuple[str, bool | None]]] = [[] for _ in rules.parts]

    async def check_before(self, db: Database) -> None:
        """Store the row's former values. Raises RowDenied (403) if no rule can allow a change."""
        rules, caller_db = self._rules, as_caller(db, self._caller)
        if rules.are_asked:
            rows = await caller_db.read(rules.before, {"key__": self._key})
            for row in rows:
                count = len(rules.former)
                self._former = dict(zip(rules.former, row[:count], strict=True))
                self._record_results(rules.first, row[count:])
            await self._raise_if_denied(caller_db)

    async def check_after(self, db: Database) -> None:
        """Raise RowDenied (403) unless one rule allows the row as it was and as it is now."""
        rules, caller_db = self._rules, as_caller(db, self._caller)
        if not rules.are_asked:
            return
        former = {f"{FORMER}{name}": value for name, value in self._former.items()}
        rows = await caller_db.read(rules.after, {"key__": self._key, **former})
        for row in rows:  # none is left if the function has deleted it
            self._record_results(rules.last, row)
        await self._raise_if_denied(caller_db)

    def _record_results(self, asked: Sequence[_Asked], values: Sequence[Any]) -> None:
        for (number, when, _), value in zip(asked, values, strict=True):
            is_true = None if value is None else bool(value)
            self._found[number].append((when, is_true))

    async def _raise_if_denied(self, db: Database) -> None:
        rules = self._rules
        failed: set[int] = set()
        for (rule, _, _), found in zip(rules.parts, self._found, strict=True):
            if not all(value for _, value in found):
                failed.add(id(rule))
        if any(id(rule) not in failed for rule, _, _ in rules.parts):
            return
        answers = [
            EvaluatedPart(rule, text, found)
            for (rule, text, _), found in zip(rules.parts, self._found, strict=True)
            if found
        ]
        denied = RowDenied(
            rules.operations, self._caller, Write(rules.permission, self._key), answers=answers
        )
        await denied.log(db)
        raise denied
