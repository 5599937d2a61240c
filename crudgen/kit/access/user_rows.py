"""The rows that are users. Their logins and API keys are deleted with them."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import BigInteger, Column, ForeignKey, ForeignKeyConstraint, Table, func

from ..models import Model
from .credentials import CREDENTIALS
from .user_table import LOGINS

ROW = "row_id"
"""The column of logins and API keys that refers to the row of the user."""


class UserRows:
    """The rows of an entity that are the users: `me.id` is the key of a row."""

    def __init__(self, model: type[Model], attributes: Sequence[str]) -> None:
        """Add the references to these rows to the tables of logins and tokens.

        `attributes` are the attributes of the row that callers have too.
        """
        mapper: Any = model.__mapper__  # type: ignore[attr-defined]
        self.model, self.attributes = model, tuple(attributes)
        self.table: Table = mapper.local_table
        (self.key,) = self.table.primary_key
        self.column_of: Mapping[str, Column[Any]] = mapper.columns
        """The columns of the table, by attribute."""
        self.columns = (self.key, *(mapper.columns[one] for one in self.attributes))
        """The columns that `claims` needs."""
        for table, is_unique in ((LOGINS, True), (CREDENTIALS, False)):
            table.append_column(self._reference_column(is_unique=is_unique), replace_existing=True)
        if not any(one.parent.name == "login_id" for one in CREDENTIALS.foreign_keys):
            CREDENTIALS.append_constraint(
                ForeignKeyConstraint(["login_id"], [LOGINS.c.id], ondelete="CASCADE")
            )

    def _reference_column(self, *, is_unique: bool) -> Column[Any]:
        kind = BigInteger() if isinstance(self.key.type, BigInteger) else self.key.type
        reference = ForeignKey(self.key, ondelete="CASCADE")
        return Column(ROW, kind, reference, unique=is_unique or None, index=not is_unique or None)

    @property
    def row_of_token(self) -> Any:
        """The key of the user's row, in a statement about the tables of logins and tokens."""
        return func.coalesce(LOGINS.c[ROW], CREDENTIALS.c[ROW])

    def claims(self, values: Sequence[Any]) -> dict[str, Any]:
        """Return the claims of a user: `values` are the key and the attributes of the row."""
        key, *others = values
        return {"sub": str(key), "row": dict(zip(self.attributes, others, strict=True))}
