"""Resolves the key `webhooks` of crudgen.yaml. Reason to change: what a webhook can say."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from crudgen.language.hooks import Hook
from crudgen.language.names import ClassName, FieldName, ModuleName
from crudgen.language.patterns import WEBHOOK_NAME, WEBHOOK_URL
from crudgen.language.properties import keys_property
from crudgen.language.relations import NestedWrite
from crudgen.language.schema import Entity
from crudgen.language.webhooks import (
    EVENTS,
    MAX_WEBHOOK_NAME,
    MAX_WEBHOOKS,
    Webhook,
    WebhookEvent,
)
from crudgen.language.written.app import AppSpec
from crudgen.language.written.reading import WrittenSpec
from crudgen.language.yaml.nodes import Mapping
from crudgen.language.yaml.problems import Problems, quoted, suggest

from .hooks import missing_operation

_EXAMPLE = "such as Hero.created"


def resolve_webhooks(
    written: WrittenSpec[AppSpec], problems: Problems, entities: Sequence[Entity] | None = None
) -> tuple[Webhook, ...]:
    """Return the webhooks, in the order of the spec.

    Events and fields are only resolved with `entities`, which are None if they have problems.
    """
    specs = written.spec.webhooks
    node = written.root.get("webhooks")
    if node is not None and isinstance(node.value, Mapping) and not node.value.entries:
        remedy = "write a name, and what is sent, or remove it"
        problems.add(written.locate("webhooks"), "'webhooks' is empty", remedy)
    if len(specs) > MAX_WEBHOOKS:
        location = written.locate("webhooks")
        problems.add(
            location, f"more than {MAX_WEBHOOKS} webhooks", "let a receiver forward the messages"
        )
    found = []
    for name, spec in specs.items():
        _check_url(written, name, problems)
        if not _is_valid_name(written, name, problems):
            continue
        webhook = Webhook(ModuleName(name), spec.url)
        if entities is not None:
            reader = _WebhookReader(written, name, entities, problems)
            events = tuple(reader.events())
            fields = tuple(reader.fields({event.entity for event in events}))
            webhook = replace(webhook, events=events, fields=fields)
        found.append(webhook)
    return tuple(found)


def with_webhooks(entities: Sequence[Entity], webhooks: Sequence[Webhook]) -> list[Entity]:
    """Return the entities, each with the kinds of its events that webhooks send."""
    events = [event for webhook in webhooks for event in webhook.events]
    found = []
    for entity in entities:
        sent = [event.kind for event in events if event.entity == entity.name]
        kinds = tuple(dict.fromkeys(sent))
        found.append(replace(entity, api=replace(entity.api, sent=kinds)) if kinds else entity)
    return found


def _is_valid_name(written: WrittenSpec[AppSpec], name: str, problems: Problems) -> bool:
    if re.fullmatch(WEBHOOK_NAME, name) and len(name) <= MAX_WEBHOOK_NAME:
        return True
    problem = f"the webhook {quoted(name)} has an invalid name"
    remedy = f"write at most {MAX_WEBHOOK_NAME} of a-z, 0-9 and '_', such as 'crm'"
    problems.add(written.locate_key("webhooks", name), problem, remedy)
    return False


def _check_url(written: WrittenSpec[AppSpec], name: str, problems: Problems) -> None:
    spec, location = written.spec.webhooks[name], written.locate("webhooks", name, "url")
    url, example = spec.url, "such as https://example.com/hooks"
    if url is None:
        if spec.is_set("url"):
            remedy = f"write a URL, or remove it and set WEBHOOK_{name.upper()}_URL"
            problems.add(location, "'url' is empty", remedy)
    elif not re.fullmatch(WEBHOOK_URL, url):
        if re.match(r"https?://[^/?#]*@", url):
            problem, remedy = "the URL contains credentials", "remove them: messages are signed"
        elif url.startswith("http://") and re.fullmatch(WEBHOOK_URL, f"https{url[4:]}"):
            problem, remedy = f"{quoted(url)} is not encrypted", f"write 'https{url[4:]}'"
        elif "#" in url:
            problem, remedy = "the URL has a fragment, which is not sent", "remove it"
        else:
            problem, remedy = f"{quoted(url)} is not a URL", example
            if re.fullmatch(r"[A-Z][A-Z0-9_]*", url):
                remedy = f"remove it: WEBHOOK_{name.upper()}_URL of the environment overrides it"
        problems.add(location, problem, remedy)


class _WebhookReader:
    """Reads what one webhook sends."""

    def __init__(
        self,
        written: WrittenSpec[AppSpec],
        name: str,
        entities: Sequence[Entity],
        problems: Problems,
    ) -> None:
        self._written = written
        self._name = name
        self._entities = entities
        self._by_name = {str(entity.name): entity for entity in entities}
        self._problems = problems

    def events(self) -> Iterator[WebhookEvent]:
        """Yield the events; add what prevents them to the problems."""
        listed = self._written.spec.webhooks[self._name].events
        if not listed:
            self._add_problem("the list is empty", _EXAMPLE, "events")
        for position, text in enumerate(listed):
            if text in listed[:position]:
                problem = f"duplicate event {quoted(text)}"
                self._add_problem(problem, "remove one of them", "events", position)
                continue
            name, dot, word = text.partition(".")
            entity = self._by_name.get(name)
            if not dot:
                problem = f"{quoted(text)} does not name an entity and an event"
                self._add_problem(problem, self._incomplete_event_remedy(text), "events", position)
            elif entity is None:
                problem = f"unknown entity {quoted(name)}"
                self._add_problem(problem, suggest(name, self._by_name), "events", position)
            else:
                kind = self._event_kind(entity, word, position)
                if kind is not None:
                    yield WebhookEvent(entity.name, kind)

    def fields(self, sent: set[ClassName]) -> Iterator[tuple[ClassName, tuple[FieldName, ...]]]:
        """Yield the fields that are sent, by entity."""
        for name, listed in self._written.spec.webhooks[self._name].fields.items():
            entity = self._by_name.get(name)
            if entity is None or entity.name not in sent:
                place = self._written.locate_key("webhooks", self._name, "fields", name)
                problem = f"no event of {quoted(name)} is sent"
                self._problems.add(place, problem, suggest(name, sorted(map(str, sent))))
                continue
            if not listed:
                self._add_problem("the list is empty", "list fields, or remove it", "fields", name)
            keys = [*self._keys_properties(entity)]
            shown = [*(str(one.name) for one in entity.fields if not one.write_only), *keys]
            known = {*(str(one.name) for one in entity.fields), *keys}
            for position, field in enumerate(listed):
                if field in listed[:position]:
                    problem, remedy = f"duplicate field {quoted(field)}", "remove one of them"
                elif field not in known:
                    problem, remedy = f"unknown field {quoted(field)}", suggest(field, shown)
                elif field not in shown:
                    problem, remedy = f"{quoted(field)} is write-only", "remove it"
                else:
                    continue
                self._add_problem(problem, remedy, "fields", name, position)
            yield entity.name, tuple(FieldName(field) for field in listed if field in known)
        self._check_hidden_fields(sent)

    def _keys_properties(self, entity: Entity) -> Iterator[str]:
        """Yield the properties with keys of linked rows, such as `power_ids`."""
        for name, write in entity.api.write:
            if write is NestedWrite.KEYS:
                relation = entity.relation(name)
                yield keys_property(relation, self._by_name[relation.target].key.name)

    def _check_hidden_fields(self, sent: set[ClassName]) -> None:
        """Check that the spec names what is sent, if rules hide fields from some callers."""
        fields = self._written.spec.webhooks[self._name].fields
        for entity in self._entities:
            hidden = entity.access.hidden_fields if entity.access else frozenset()
            if entity.name not in sent or entity.name in fields or not hidden:
                continue
            shown = [f.name for f in entity.fields if not f.write_only and f.name not in hidden]
            problem = f"it sends all fields of {entity.name}, and rules hide some from some callers"
            remedy = (
                f"list those to send, such as 'fields: {{{entity.name}: [{', '.join(shown)}]}}'"
            )
            self._problems.add(self._written.locate_key("webhooks", self._name), problem, remedy)

    def _event_kind(self, entity: Entity, word: str, position: int) -> str | None:
        """Return the kind of an event of an entity; None, with a problem, if there is none."""
        kinds = {text: hook for hook, text in EVENTS.items()}
        actions = [str(one.name) for one in entity.actions]
        if word not in kinds:
            if word in actions:
                return word
            problem = f"{entity.name} has no event {quoted(word)}"
            remedy = suggest(word, [*EVENTS.values(), *actions])
            if word in Hook.__members__.values():
                remedy = f"write '{entity.name}.{EVENTS[Hook(word)]}'"
            self._add_problem(problem, remedy, "events", position)
            return None
        hook, event = kinds[word], f"the event '{entity.name}.{word}'"
        if word in actions:
            problem = f"{event} is also the name of an action"
            self._add_problem(problem, "rename the action", "events", position)
        elif (missing := missing_operation(entity, hook)) is not None:
            operation, remedy = missing
            self._add_problem(
                f"{event} requires the operation {operation!r}", remedy, "events", position
            )
        return hook

    def _incomplete_event_remedy(self, text: str) -> str:
        if text in self._by_name:
            return f"write '{text}.created', '{text}.updated' or '{text}.deleted'"
        return f"write both, with a dot between them, {_EXAMPLE}"

    def _add_problem(self, problem: str, remedy: str, *path: str | int) -> None:
        place = self._written.locate("webhooks", self._name, *path)
        self._problems.add(place, problem, remedy)
