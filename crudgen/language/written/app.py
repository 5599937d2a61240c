"""The model of crudgen.yaml, key by key. Reason to change: another key of the application."""

from pydantic import Field

from crudgen.language.schema import KitForm

from .auth import AuthSpec
from .base import BaseSpec
from .capabilities import AdminPage, McpWord
from .limits_and_names import LimitsSpec, NamesSpec
from .value_types import ArtifactWord, Flag, KitWord, Line
from .webhooks import WebhookSpec


class AppSpec(BaseSpec):
    """The application: crudgen.yaml, next to the folder of entities."""

    title: Line | None = Field(
        default=None,
        description="Title of the application, for OpenAPI and for the name of the distribution.",
    )
    version: Line | None = Field(
        default=None, description="Version of the application, as a quoted string."
    )
    database: Line | None = Field(
        default=None,
        description="Default database URL: sqlite:///app.db or postgresql://host/name.",
    )
    limits: LimitsSpec = Field(default=LimitsSpec(), description="Default limits.")
    names: NamesSpec = Field(
        default_factory=NamesSpec, description="Cases of the column names and of the JSON names."
    )
    kit: KitWord = Field(
        default=KitForm.VENDORED,
        description="How an emitted project gets the kit: vendored (copied), plain (copied"
        " without what exists for speed alone) or library (imported from crudgen).",
    )
    emit: list[ArtifactWord] | None = Field(
        default=None,
        json_schema_extra={"minItems": 1, "uniqueItems": True},
        description="What an emitted project contains besides the application: provider"
        " (clients/provider.ts, for react-admin and refine); by default nothing.",
    )
    auth: AuthSpec | None = Field(
        default=None, description="Who the callers are; by default, the API accepts all requests."
    )
    migrations: Flag = Field(
        default=False,
        description="Whether an emitted project changes its tables by revisions in migrations/,"
        " which Alembic runs.",
    )
    read_replica: Flag = Field(
        default=False,
        description="Whether reads may go to a replica of PostgreSQL: the setting"
        " DATABASE_READ_URL is its URL.",
    )
    metrics: Flag = Field(
        default=False, description="Whether Prometheus can read metrics of requests at /metrics."
    )
    tracing: Flag = Field(
        default=False,
        description="Whether OpenTelemetry gets spans of requests and of their statements.",
    )
    webhooks: dict[str, WebhookSpec] = Field(
        default={},
        description="Receivers of signed messages about committed changes of rows, by name.",
    )
    admin: AdminPage = False
    mcp: McpWord = Field(
        default=None,
        description="Whether agents get tools at /mcp, with the permissions of the caller: true,"
        " or read_only.",
    )
