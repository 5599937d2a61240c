"""The statements on a table with rules about its rows, for callers with the same roles."""

from collections.abc import Collection, Mapping, Sequence
from functools import partial
from typing import Any

from sqlalchemy import Column, ColumnElement, Select, and_, false, literal_column, select

from ..database.statements import Statement
from ..query.columns import Condition
from ..query.visibility import Visibility
from ..rows.related_writes import BodyLinkKeys
from ..rows.resource import Resource
from ..rows.statements import RowStatements
from .clauses import NEW, Clause, allows_change, allows_new_row, allows_row, columns_of
from .field_writes import FieldWriteChecks
from .fields import masks_of, restricted_fields
from .references import ReadableReferences
from .rules import Access, Roles, access_of, known_access_of

MAX_STATEMENTS = 1_000
"""Maximum number of statements in the cache: clients choose the properties of an update."""


def read_condition(access: Access | None, roles: Roles) -> Condition | None:
    """Return the condition of the rows that callers with some roles can read; None for all."""
    clauses = None if access is None else access.read.clauses(roles)
    return None if clauses is None else partial(allows_row, tuple(clauses))


def visibility_of(roles: Roles) -> Visibility:
    """Return which rows of all tables, and values in them, callers with some roles can read."""
    return Visibility(
        lambda table: read_condition(known_access_of(table), roles),
        lambda table: masks_of(known_access_of(table), roles),
    )


def depends_on_rows(rows: Resource, access: Access, roles: Roles) -> bool:
    """Return whether some rules for these roles have conditions, in this table or in related ones.

    Rules that hide properties, or forbid to set them, count too.
    """
    if any(one.clauses(roles) is not None for one in access.permissions) and access.is_about_rows:
        return True
    if access.fields and (masks_of(access, roles) or restricted_fields(access, roles)):
        return True
    related = [known_access_of(table) for table in rows.related_tables()]
    if any(_requires_update_rule(one, roles) for one in rows.linked_keys()):
        return True
    created = [one for one in map(known_access_of, rows.created_tables()) if one is not None]
    if any(one.create.clauses(roles) or restricted_fields(one, roles) for one in created):
        return True
    if any(masks_of(one, roles) for one in related):
        return True
    return any(one is not None and one.read.clauses(roles) for one in related)


def _requires_update_rule(keys: BodyLinkKeys, roles: Roles) -> bool:
    """Return whether a rule with a condition must allow the update of rows linked by keys."""
    access = known_access_of(keys.rows._properties.table) if keys.is_inverse else None
    return access is not None and access.update.clauses(roles) is not None


class RowOperations:
    """The statements for callers with some roles.

    `visible` are the rows that they can read. Each other statement is one of `visible` with the
    condition of its rule added, so nothing can be changed that cannot be read.
    """

    def __init__(self, rows: Resource, access: Access, roles: Roles) -> None:
        self.all = rows
        """The rows without rules."""
        self.access, self.roles = access, roles
        """The rules, and the roles of the callers."""
        self.visibility = visibility = visibility_of(roles)
        """Which rows of all tables these callers can read."""
        self.own_condition = read_condition(access, roles)
        """The condition of the rows that these callers can read; None for all rows."""
        self.visible = rows
        """The rows that these callers can read."""
        if any(map(visibility.hides_rows_or_values, rows.related_tables())):
            self.visible = self.visible.with_visibility(visibility)
        if self.own_condition is not None:
            reading = access.read.clauses(roles) or ()
            is_indexed = len(reading) == 1 and reading[0].is_indexed
            self.visible = self.visible.restricted(self.own_condition, is_indexed=is_indexed)
        self.masks = masks_of(access, roles)
        """The columns that some rows, or all, do not show to these callers."""
        if self.masks:
            self.visible = self.visible._with_columns(self.visible._columns.masked(self.masks))
        tables = (rows._properties.table, *rows.related_tables())
        self.hides_values = any(map(visibility.masks, tables))
        """Whether some values of these rows, or of related ones, are not shown."""
        self.fields = FieldWriteChecks(self.visible, access, roles)
        """The checks of the properties that these callers set."""
        self.references = ReadableReferences(rows._properties, rows._columns.shown, visibility)
        """The check of references to rows that these callers cannot read."""
        self._columns: Mapping[str, Column[Any]] = rows._properties.columns
        self._creating = access.create.clauses(roles)
        self._updating = access.update.clauses(roles)
        self._deleting = access.delete.clauses(roles)
        self._statements: dict[tuple[object, ...], Statement] = {}
        self._others: dict[Resource, RowOperations] = {}
        self._links: dict[tuple[str, str], Any] = {}

    def statements_for(self, kind: str) -> RowStatements:
        """Return the statements of the visible rows, for a dialect."""
        return self.visible._statements_of_dialect(kind)

    def operations_on(self, rows: Resource) -> "RowOperations":
        """Return the operations on another table, whose rows are created or linked with these."""
        if rows not in self._others:
            access = access_of(rows._properties.table)
            self._others[rows] = RowOperations(rows, access, self.roles)
        return self._others[rows]

    def link_statements(self, keys: BodyLinkKeys, kind: str) -> Any:
        """Return the statements that change links between rows that these callers can read."""
        chosen = (keys.json_name, kind)
        if chosen not in self._links:
            rows = self.operations_on(keys.rows)
            updatable = rows.updatable if keys.is_inverse and rows.update_needs_rule else None
            self._links[chosen] = keys.new_link_batches(kind, self.visibility, updatable)
        return self._links[chosen]

    def creation_check(self, kind: str) -> Select[Any] | None:
        """Return the SELECT that returns a row if a rule allows the new row.

        It reads no table, so its result does not depend on other rows. None if all are allowed.
        """
        clauses = self._creating
        if clauses is None:
            return None
        chosen = ("create", kind)
        if chosen not in self._statements:
            found = allows_new_row(clauses, self._parameters_in(clauses, self._columns), kind)
            self._cache_statement(chosen, select(literal_column("1")).where(found))
        return self._statements[chosen]  # type: ignore[return-value]

    def update_statement(self, kind: str, names: Sequence[str], *, asks: bool = False) -> Statement:
        """Return the UPDATE of a visible row that sets some columns, if a rule allows it.

        Without columns, or with `asks`, it is a SELECT that returns a row if a rule allows the
        update.
        """
        use, clauses = self.statements_for(kind), self._updating
        writes = bool(names) and not asks
        statement: Any = use.update if writes else use.read
        if clauses is None:
            return statement  # type: ignore[no-any-return]
        changed = self._parameters_in(clauses, names)
        chosen = ("update", kind, writes, frozenset(changed.values()))
        if chosen not in self._statements:
            self._cache_statement(chosen, statement.where(allows_change(clauses, changed, kind)))
        return self._statements[chosen]

    def delete_statement(self, kind: str, *, asks: bool = False) -> Statement:
        """Return the DELETE of a visible row, if a rule allows it.

        With `asks`, it is a SELECT that returns a row if a rule allows the deletion.
        """
        use, clauses = self.statements_for(kind), self._deleting
        statement: Any = use.read if asks else use.delete
        if clauses is None:
            return statement  # type: ignore[no-any-return]
        chosen = ("delete", kind, asks)
        if chosen not in self._statements:
            allowed = allows_row(clauses, kind) if clauses else false()
            self._cache_statement(chosen, statement.where(allowed))
        return self._statements[chosen]

    @property
    def updatable(self) -> Visibility:
        """The visible rows whose update a rule allows, if no column changes."""
        own, clauses = self.own_condition, self._updating

        def is_updatable(kind: str) -> ColumnElement[bool]:
            readable = () if own is None else (own(kind),)
            changes = () if clauses is None else (allows_change(clauses, {}, kind),)
            return and_(*readable, *changes)

        is_judged = own is not None or clauses is not None
        return Visibility(lambda _: is_updatable if is_judged else None)

    @property
    def update_needs_rule(self) -> bool:
        """Whether the update of a visible row needs a rule whose condition the row satisfies."""
        return self._updating is not None

    @property
    def deletion_needs_rule(self) -> bool:
        """Whether the deletion of a visible row needs a rule whose condition the row satisfies."""
        return self._deleting is not None

    def new_values(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return the new values of a row as parameters of conditions. Missing values are null."""
        return {f"{NEW}{name}": values.get(name) for name in self._columns}

    def parameters(self, names: Collection[str]) -> dict[Column[Any], str]:
        """Return the parameters of the columns that a write sets."""
        return {self._columns[name]: f"{NEW}{name}" for name in names}

    def _parameters_in(
        self, clauses: Sequence[Clause], names: Sequence[str] | Mapping[str, Any]
    ) -> dict[Column[Any], str]:
        """Return the parameters of the columns in conditions that a write sets."""
        asked, found = columns_of(clauses), self.parameters(names)
        return {column: name for column, name in found.items() if column in asked}

    def _cache_statement(self, chosen: tuple[object, ...], statement: Statement) -> None:
        if len(self._statements) >= MAX_STATEMENTS:
            self._statements.clear()
        self._statements[chosen] = statement
