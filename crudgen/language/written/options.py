"""Options that fields and references share. Reason to change: another shared option."""

from typing import Annotated, TypeAlias

from pydantic import Field

from .value_types import AnyValue, ColumnNames, ColumnText, Flag, JsonText, Text

Optional: TypeAlias = Annotated[Flag, Field(description="Whether null is accepted ('?').")]
Unique: TypeAlias = Annotated[Flag, Field(description="The column has a unique constraint.")]
ReadOnly: TypeAlias = Annotated[Flag, Field(description="Set by the server; ignored in requests.")]
WriteOnly: TypeAlias = Annotated[
    Flag, Field(description="Accepted in requests; never returned, never used in filters.")
]
Immutable: TypeAlias = Annotated[Flag, Field(description="Set on create; ignored in updates.")]
Column: TypeAlias = Annotated[
    ColumnText | None, Field(description="Name of the column; by default that of the field.")
]
JsonNameOption: TypeAlias = Annotated[
    JsonText | None,
    Field(
        alias="json",
        description="Name in JSON and in query parameters; by default that of the field.",
    ),
]
Doc: TypeAlias = Annotated[
    Text | None, Field(description="Description, for the models and OpenAPI.")
]
Example: TypeAlias = Annotated[AnyValue, Field(description="Example, for OpenAPI and tests.")]
Was: TypeAlias = Annotated[
    ColumnNames | None,
    Field(description="Former name of the column, or a list of them, the latest first."),
]
