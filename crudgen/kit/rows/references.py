"""Resources whose rows refer to other rows, or are referred to."""

from collections.abc import Collection, Sequence
from functools import cached_property
from typing import Any

from ..database import Change, Database
from ..database.foreign_keys import ForeignKeyDiagnosis
from ..database.statements import DIAGNOSIS, Values
from .reference_locks import ReferenceLocks, deletion_changes_other_rows, is_referred_to
from .resource import Resource
from .statements import RowStatements


class ReferencingResource(Resource):
    """A resource whose errors name the broken references, and the rows that prevent a deletion."""

    supports_row_rules = True

    @cached_property
    def _diagnosis(self) -> ForeignKeyDiagnosis:
        return ForeignKeyDiagnosis(self._properties)

    @cached_property
    def _reference_locks(self) -> ReferenceLocks:
        return ReferenceLocks(self._properties)

    def _new_statements(self, kind: str) -> RowStatements:
        return RowStatements(self._columns, kind, **{DIAGNOSIS: self._diagnosis})

    def _locks_before_writes(
        self, db: Database, rows: Sequence[Values], keys: Collection[Any] = ()
    ) -> Sequence[Change]:
        return () if db.kind == "sqlite" else self._reference_locks.before_writes(rows, keys)

    @property
    def _deletion_gives_way(self) -> bool:
        return self._changes_other_rows

    @property
    def _bulk_deletion_gives_way(self) -> bool:
        return self._is_referred_to

    @cached_property
    def _changes_other_rows(self) -> bool:
        return deletion_changes_other_rows(self._properties.table)

    @cached_property
    def _is_referred_to(self) -> bool:
        return is_referred_to(self._properties.table)


class RowsOfRelation(ReferencingResource):
    """The rows of another table that requests to a resource write together with its rows."""

    is_of_api = False
