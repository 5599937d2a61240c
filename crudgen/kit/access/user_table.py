"""The table of users."""

from sqlalchemy import BigInteger, Column, Table

from ..database.columns import SerialInteger, Text
from ..models import Model

LOGINS = Table(
    "_login",
    Model.metadata,
    Column("id", SerialInteger, primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    Column("password", Text, nullable=False),
    Column("roles", Text, nullable=False),
    Column("claims", Text, nullable=False),
    Column("created", BigInteger, nullable=False),
    Column("disabled", BigInteger),
)
"""The users. The password is an argon2id hash, roles and claims are JSON."""
