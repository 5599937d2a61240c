"""The key `actions` of an entity. Reason to change: another key of an action."""

from pydantic import Field

from .base import BaseSpec
from .value_types import AnyMap, AnyValue, Line


class ActionSpec(BaseSpec):
    """An operation on one row that a function in hooks.py does."""

    doc: Line | None = Field(default=None, description="Description, for OpenAPI.")
    takes: AnyMap = Field(
        default=None,
        description="Properties of the request body, such as {reason: str(1..200)}; fields in the"
        " short or the long form.",
    )
    access: AnyValue = Field(
        default=None,
        description="What a caller must be allowed to do with the row: update (the default), read,"
        " or rules of its own, such as [editor, user if owner_id = me.id].",
    )
