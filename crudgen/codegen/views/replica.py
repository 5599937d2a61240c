"""View of reads from a replica. Reason to change: how an application finds its replica."""

from collections.abc import Iterator

from crudgen.codegen.imports import Imports
from crudgen.codegen.layout import Bracket, call
from crudgen.codegen.needs import Mention
from crudgen.language.schema import Schema

_NO_REPLICA = Mention(
    "Settings(", ("database_read_url",), "database_read_url=None,", "in the call of Settings"
)


def replica_needs_of_fixtures(schema: Schema) -> Iterator[Mention]:
    """Yield what the fixtures of tests must contain so that tests read no replica."""
    if schema.read_replica:
        yield _NO_REPLICA


def replica_router(schema: Schema, imports: Imports) -> Iterator[Bracket]:
    """Yield `ReplicaRouter()`, if reads may go to a replica."""
    if schema.read_replica:
        yield call(imports.name(".kit.replica", "ReplicaRouter"), [])


def replica_settings(schema: Schema) -> Iterator[tuple[str, str]]:
    """Yield the module and the name of a base class of the settings, if there is a replica."""
    if schema.read_replica:
        yield ".kit.replica.settings", "ReplicaSettings"
