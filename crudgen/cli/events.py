"""The commands `crudgen events …`. Reason to change: their options or output."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, TypeAlias

import typer

from crudgen.cli import console, database_options, source
from crudgen.errors import ArgumentError, CrudgenError

EXAMPLES = (
    "crudgen events list",
    "crudgen events list --json",
    "crudgen events retry",
    "crudgen events drop 6f0c0a4d0f3c4d2f9d0c8a2f3b1e5a77",
)
AsJson: TypeAlias = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
Ids: TypeAlias = Annotated[
    list[str] | None, typer.Argument(metavar="[ID]...", help="Events, by the ids that list prints.")
]

events = typer.Typer(
    no_args_is_help=True,
    help="List, retry and drop the events that wait: functions after commits, and webhooks.",
)


@contextmanager
def _opened_events(entities: Path, url: str | None) -> Iterator[Any]:
    """Yield the stored events of an application. Raises CrudgenError."""
    schema, tree = source.render_to_serve(source.read(entities))
    if not schema.webhooks and not any(entity.api.events for entity in schema.entities):
        raise CrudgenError(
            "no function runs after commits, and there are no webhooks\n"
            "  list a function in an entity, such as: hooks: [on_create]"
        )
    from crudgen.delivery.administration import opened_events  # noqa: PLC0415 -- lazy

    with database_options.errors_with_url_origin(url), opened_events(tree, url) as found:
        yield found


@events.command("list")
def list_all(
    database: database_options.Url = None,
    entities: source.EntitiesOption = source.DEFAULT,
    as_json: AsJson = False,
) -> None:
    """List the events that wait, in their order. Those without a next time have failed for good."""
    with _opened_events(entities, database) as stored:
        found = stored.all()
    if as_json:
        console.say(json.dumps(found, indent=2, ensure_ascii=False))
        return
    for one in found:
        due = "failed for good" if one["next"] is None else f"next {one['next']}"
        error = f": {one['error']}" if one["error"] else ""
        to = f" to {one['webhook']}" if "webhook" in one else ""
        what = f"{one['entity']} {one['key']} {one['kind']}{to}"
        console.say(
            f"{one['id']}  {what}  {source.count(one['attempts'], 'attempt')}, {due}{error}"
        )
    if not found:
        console.say("no events wait")


@events.command("retry")
def retry(
    ids: Ids = None,
    database: database_options.Url = None,
    entities: source.EntitiesOption = source.DEFAULT,
    as_json: AsJson = False,
) -> None:
    """Run functions and send webhooks again now. Without ids, all that have failed."""
    with _opened_events(entities, database) as stored:
        _print_count(stored.retry(ids or []), "retried", as_json=as_json)


@events.command("drop")
def drop(
    ids: Ids = None,
    database: database_options.Url = None,
    entities: source.EntitiesOption = source.DEFAULT,
    as_json: AsJson = False,
) -> None:
    """Delete events without handling them. Later events of these rows no longer wait."""
    if not ids:
        raise ArgumentError("no events are named\n  give the ids that 'crudgen events list' prints")
    with _opened_events(entities, database) as stored:
        _print_count(stored.drop(ids), "dropped", as_json=as_json)


def _print_count(number: int, verb: str, *, as_json: bool) -> None:
    console.say(
        json.dumps({verb: number}) if as_json else f"{source.count(number, 'event')} {verb}"
    )
