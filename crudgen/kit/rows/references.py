"""Resources whose rows refer to other rows, or are referred to."""

from functools import cached_property

from ..database.foreign_keys import ForeignKeyDiagnosis
from ..database.statements import DIAGNOSIS
from .resource import Resource
from .statements import RowStatements


class ReferencingResource(Resource):
    """A resource whose errors name the broken references, and the rows that prevent a deletion."""

    @cached_property
    def _diagnosis(self) -> ForeignKeyDiagnosis:
        return ForeignKeyDiagnosis(self._properties)

    def _new_statements(self, kind: str) -> RowStatements:
        return RowStatements(self._columns, kind, **{DIAGNOSIS: self._diagnosis})
