"""Models of references and links, key by key. Reason to change: another key of them."""

from typing import Any, Literal

from pydantic import Field

from crudgen.language.relations import OnDelete
from crudgen.language.types import REFERENCE

from . import options
from .base import BaseSpec
from .value_types import AnyValue, FieldList, InverseName, OnDeleteWord, TableNames, Text


def is_reference(written: Any) -> bool:
    """Return whether a field in the long form is a reference."""
    return isinstance(written, dict) and written.get("type") == REFERENCE


class ReferenceSpec(BaseSpec):
    """A reference in the long form: a field that contains the key of another row."""

    type: Literal["reference"] = Field(description="The field contains the key of another row.")
    to: Text = Field(description="The entity of the other row, such as Team.")
    optional: options.Optional = False
    default: AnyValue = Field(
        default=None, description="Key that is stored if a request omits the field."
    )
    on_delete: OnDeleteWord = Field(
        default=OnDelete.RESTRICT,
        description="What happens when the other row is deleted; by default restrict.",
    )
    relation: Text | None = Field(
        default=None,
        description="Name of the relation; by default that of the field without the key's name.",
    )
    inverse: InverseName | None = Field(
        default=None,
        description="Name of the relation of the other entity, or false for none; by default the"
        " plural of this entity, or its name if the reference is unique.",
    )
    order: FieldList | None = Field(
        default=None,
        description="Fields that rows of this entity are sorted by where the other row includes"
        " them; '-' before a name is descending.",
    )
    unique: options.Unique = False
    read_only: options.ReadOnly = False
    write_only: options.WriteOnly = False
    immutable: options.Immutable = False
    column: options.Column = None
    json_name: options.JsonNameOption = None
    doc: options.Doc = None
    example: options.Example = None
    was: options.Was = None


class LinkSpec(BaseSpec):
    """A link in the long form: a many-to-many relation."""

    to: Text = Field(description="The linked entity, such as Power.")
    inverse: InverseName | None = Field(
        default=None,
        description="Name of the relation of the other entity, or false for none; by default the"
        " plural of this entity.",
    )
    via: Text | None = Field(
        default=None,
        description="Entity with one reference to each linked entity, instead of a link table.",
    )
    table: Text | None = Field(
        default=None, description="Name of the link table, such as hero_power_link."
    )
    was: TableNames | None = Field(
        default=None,
        description="Former name of the link or of its table, or a list of them, the latest first.",
    )
