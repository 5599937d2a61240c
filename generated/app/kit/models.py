"""The base of every model: how input is read and how tables are named."""

from typing import Annotated, Any

from pydantic import Field
from sqlalchemy import MetaData
from sqlalchemy.orm import registry
from sqlmodel import SQLModel

NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}

MIN_INT = -(2**63)
"""Smallest integer that a column holds."""
MAX_INT = 2**63 - 1
"""Largest integer that a column holds."""

ReadOnly = Annotated[Any, Field(exclude=True, json_schema_extra={"readOnly": True})]
"""A property that the server sets: a client may send it back, and it is ignored."""


class Model(SQLModel, registry=registry(metadata=MetaData(naming_convention=NAMES))):
    """Base of every model of this application, with a registry and metadata of its own.

    Input is read strictly: no text for a number, no number for a truth value, no unknown property.
    """

    model_config = {
        "strict": True,
        "extra": "forbid",
        "allow_inf_nan": False,
        "hide_input_in_errors": True,
        "ser_json_bytes": "base64",
        "regex_engine": "rust-regex",
    }


def _leave_out_defaults(schema: dict[str, Any]) -> None:
    for definition in schema.get("properties", {}).values():
        definition.pop("default", None)


class Changes(Model):
    """Base of every model of a partial update (RFC 7396): what is absent stays as it is.

    The fields have a default only so that they may be absent: it is never used, and not documented.
    """

    model_config = {"json_schema_extra": _leave_out_defaults}
