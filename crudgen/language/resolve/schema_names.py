"""The names of classes and of schemas in OpenAPI. Reason to change: another class or schema."""

from collections.abc import Iterable, Iterator, Sequence

from crudgen.language.relations import NestedWrite
from crudgen.language.reserved import BODY_SUFFIXES, DERIVED_SUFFIXES, SCHEMAS
from crudgen.language.schema import Entity, RowAction
from crudgen.language.webhooks import Webhook
from crudgen.language.written.app import AppSpec
from crudgen.language.written.reading import WrittenSpec
from crudgen.language.yaml.problems import Problems, quoted


def class_names(entities: Iterable[Entity]) -> Iterator[tuple[str, str]]:
    """Yield the names of the kit's schemas and of the classes of entities, each with its owner."""
    yield from ((name, "every application") for name in SCHEMAS)
    for entity in entities:
        what = str(entity.name)
        bodies = BODY_SUFFIXES if entity.api.write else ()
        yield from ((f"{what}{suffix}", what) for suffix in ("", *DERIVED_SUFFIXES, *bodies))
        yield from ((str(link.name), what) for link in entity.links if not link.via)
        created = {name for name, write in entity.api.write if write is NestedWrite.CREATE}
        for relation in entity.relations:
            yield f"{what}{_pascal_case(relation.attribute)}WithRelated", what
            if relation.name in created.union(entity.api.nested):
                role = _pascal_case(relation.inverse or entity.singular)
                yield f"{relation.target}CreateIn{role}", str(relation.target)


def body_name(entity: str, action: RowAction) -> str:
    """Return the name of the model of the body of an action: `HeroPromote`."""
    return f"{entity}{_pascal_case(action.name)}"


def body_names(entities: Iterable[Entity]) -> Iterator[tuple[str, str]]:
    """Yield the names of the bodies of actions, each with its owner."""
    for entity in entities:
        for action in entity.actions:
            if action.takes:
                what = f"the action '{action.name}' of {entity.name}"
                yield body_name(entity.name, action), what


def message_names(webhook: Webhook) -> Iterator[tuple[str, str]]:
    """Yield the names of the schemas of messages and of the rows in them, each with what it is."""
    for event in webhook.events:
        entity, _, word = event.name.partition(".")
        yield f"{entity}{_pascal_case(word)}Webhook", f"the message {event.name}"
    for entity_name, _ in webhook.fields:
        what = f"the rows of {entity_name} for '{webhook.name}'"
        yield f"{entity_name}For{_pascal_case(webhook.name)}", what


def check_message_names(
    written: WrittenSpec[AppSpec],
    webhooks: Sequence[Webhook],
    entities: Sequence[Entity],
    problems: Problems,
) -> None:
    """Add a problem for each schema of a message that has the name of another class or schema."""
    taken = {**dict(class_names(entities)), **dict(body_names(entities))}
    for webhook in webhooks:
        for name, what in message_names(webhook):
            other = taken.setdefault(name, what)
            if other != what:
                problem = f"the schema name {quoted(name)} is used for {what} and for {other}"
                location = written.locate_key("webhooks", webhook.name)
                problems.add(location, problem, "rename the entity, the action or the webhook")


def _pascal_case(name: str) -> str:
    return "".join(word.capitalize() for word in name.split("_"))
