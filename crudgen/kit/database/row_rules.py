"""Rules about a row, which the database checks, and those that a rejected row violates.

A database names one of the violated rules, and the other database may name another one. So the
rules are evaluated after the error: on SQLite in the same transaction, on PostgreSQL after it was
rolled back.
"""

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

from sqlalchemy import (
    CheckConstraint,
    Column,
    ColumnElement,
    Dialect,
    bindparam,
    cast,
    literal_column,
    null,
    select,
    type_coerce,
)

from ..errors import MissingTarget, RuleViolated
from .faults import MESSAGE, cause_of, columns_of_check, is_check_violation, violated_check
from .properties import Properties
from .statements import RULES, Prepared, Values, later_timestamp
from .transaction import Diagnosis, Key, Work


class RowRule(CheckConstraint):
    """A CHECK constraint about the properties of a row, with the message of a violation.

    A row meets the rule if the condition is true, or null, as SQL defines it.
    """

    def __init__(self, condition: ColumnElement[bool], *, name: str, message: str) -> None:
        super().__init__(condition, name=name, info={RULES: RuleDiagnosis, MESSAGE: message})


class RuleDiagnosis:
    """The Diagnosis of statements that write rows of a table with rules."""

    def __init__(self, properties: Properties, other: Diagnosis | None) -> None:
        """Explain errors about rules; `other` explains the rest."""
        self._properties = properties
        self._other = other

    def __call__(self, error: Exception, failed: Prepared, bound: Values) -> Work[Exception]:
        """Return RuleViolated for an error about a rule."""
        if is_check_violation(cause_of(error)) and not failed.deletes:
            violated = yield from self._violated_rules(error, failed, bound)
            return RuleViolated(violated) if violated else error
        if self._other is None:
            return error
        return (yield from self._other(error, failed, bound))

    def missing_target(
        self, written: Prepared, values: Values, new: set[Key]
    ) -> Work[MissingTarget | None]:
        """Look up the rows that the values of another row refer to."""
        if self._other is None:
            return None
        return (yield from self._other.missing_target(written, values, new))

    @cached_property
    def _rules(self) -> Mapping[Any, Sequence[Column[Any]]]:
        """The columns of each rule."""
        table = self._properties.table
        rules = [
            one
            for one in table.constraints
            if isinstance(one, CheckConstraint) and RULES in one.info
        ]
        rules.sort(key=lambda rule: str(rule.name))
        return {rule: columns_of_check(rule, table) for rule in rules}

    def _violated_rules(
        self, error: Exception, failed: Prepared, bound: Values
    ) -> Work[list[tuple[list[str], str]]]:
        """Evaluate the rules; return the properties and the message of each that is violated.

        The rule that the database names is one, even if the row has changed since. In an existing
        table, it may have another name.
        """
        row = self._rejected_values(failed, bound)
        rules = [rule for rule, columns in self._rules.items() if row.keys() >= {*columns}]
        found: set[Any] = {violated_check(cause_of(error), self._properties.table)}
        if rules:
            rows, _ = yield self._evaluation_statement(rules, row, failed), {**bound}, None
            found |= {rule for one in rows for rule, value in zip(rules, one, strict=True) if value}
        names = self._properties.json_name_of
        return [
            ([names(column) for column in columns], rule.info[MESSAGE])
            for rule, columns in self._rules.items()
            if rule in found
        ]

    def _rejected_values(
        self, failed: Prepared, bound: Values
    ) -> dict[Column[Any], ColumnElement[Any]]:
        """Return the rejected values by column, without those that are not known."""
        sent = failed.statement.compile(dialect=failed.dialect).binds
        row: dict[Column[Any], ColumnElement[Any]] = {}
        for name, column in self._properties.columns.items():
            if name in bound:
                row[column] = _with_column_type(bindparam(name, type_=column.type), failed.dialect)
            elif f"{name}__now" in bound:
                now = _with_column_type(
                    bindparam(f"{name}__now", type_=column.type), failed.dialect
                )
                row[column] = later_timestamp(column, now)
            elif failed.has_key:
                row[column] = column
            elif name not in sent and not column.primary_key:
                row[column] = _with_column_type(type_coerce(null(), column.type), failed.dialect)
        return row

    def _evaluation_statement(
        self,
        rules: Sequence[Any],
        row: Mapping[Column[Any], ColumnElement[Any]],
        failed: Prepared,
    ) -> Prepared:
        """Return the statement that says of each rule whether the row violates it."""
        columns = {column for rule in rules for column in self._rules[rule]}
        values = select(*(row[column].label(column.name) for column in columns))
        if failed.has_key:
            key = self._properties.columns[self._properties.key]
            values = values.select_from(self._properties.table).where(key == bindparam("key__"))
        violated: list[ColumnElement[Any]] = [
            literal_column(f"NOT ({_rule_sql(rule, failed.dialect)})") for rule in rules
        ]
        statement = select(*violated).select_from(values.subquery("row__"))
        prepared = Prepared(statement, failed.dialect, ())
        prepared.reads_rows = failed.has_key
        return prepared


def _with_column_type(value: ColumnElement[Any], dialect: Dialect) -> ColumnElement[Any]:
    """Return a value with the type and collation of a column, to compare it like one."""
    return value if dialect.name == "sqlite" else cast(value, value.type)


def _rule_sql(rule: Any, dialect: Dialect) -> str:
    """Return the condition of a rule as SQL, with literals in place of parameters."""
    options = {"literal_binds": True, "include_table": False}
    sql = str(rule.sqltext.compile(dialect=dialect, compile_kwargs=options))
    return sql.replace("%%", "%") if dialect.name == "postgresql" else sql
