"""The arguments of the tools: their types, and the descriptions that agents get."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictInt, StrictStr

Name = Annotated[StrictStr, Field(min_length=1, max_length=200)]
Words = Annotated[list[StrictStr], Field(max_length=50)]
Key = StrictInt | Annotated[StrictStr, Field(min_length=1, max_length=500)]
Values = dict[str, Any]


class Arguments(BaseModel):
    """The arguments of a tool; unknown ones are rejected."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)


class Describe(Arguments):
    """Arguments of `describe`."""

    entity: Name | None = Field(None, description="Omit for the list of entities.")


class ReadRows(Arguments):
    """Arguments of `read_rows`."""

    entity: Name
    key: Key | None = Field(None, description="Omit to list rows.")
    relation: Name | None = Field(None, description="List the related rows of the row `key`.")
    filters: Values = Field({}, description="Such as {'age__gte': 30}; see describe.")
    search: StrictStr | None = None
    sort: Words = Field([], description="Properties; '-age' is descending.")
    fields: Words = []
    include: Words = Field([], description="Relations whose rows are included.")
    limit: StrictInt | None = None
    cursor: StrictStr | None = Field(None, description="The next_cursor of the page before.")
    count: StrictBool = Field(False, description="Return the total number of rows too.")


class CreateRow(Arguments):
    """Arguments of `create_row`."""

    entity: Name
    values: Values = {}
    key: Key | None = Field(None, description="With `relation`: the row that gets a related one.")
    relation: Name | None = None
    target: Key | None = Field(None, description="Link this existing row; no values.")


class UpdateRow(Arguments):
    """Arguments of `update_row`."""

    entity: Name
    key: Key
    values: Values
    etag: StrictStr | None = None


class DeleteRow(Arguments):
    """Arguments of `delete_row`."""

    entity: Name
    key: Key
    relation: Name | None = None
    target: Key | None = Field(None, description="With `relation`: only unlink this row.")
    etag: StrictStr | None = None


class RunAction(Arguments):
    """Arguments of `run_action`."""

    entity: Name
    key: Key
    action: Name
    values: Values = {}
    etag: StrictStr | None = None
