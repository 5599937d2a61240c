"""View of webhooks. Reason to change: what a project with webhooks has."""

from collections.abc import Iterator, Mapping

from crudgen.codegen.code import Code, annotated, identifier, literal, name, raw, string
from crudgen.codegen.imports import Imports
from crudgen.codegen.layout import INDENT, Bracket, call, keyword, pair, text_statement
from crudgen.codegen.needs import Mention
from crudgen.language.names import ClassName, FieldName
from crudgen.language.schema import Entity, Schema
from crudgen.language.webhooks import Webhook

from .bodies import BODIES, write_response_suffix
from .collections import written_by_keys
from .references import by_name
from .variables import folder_name

_SENDS_NOTHING = Mention("Settings(", ("webhooks",), "webhooks=False,", "in the call of Settings")


def needs_of_fixtures(schema: Schema) -> Iterator[Mention]:
    """Yield what the fixtures of tests must contain so that tests send nothing."""
    if schema.webhooks:
        yield _SENDS_NOTHING


def webhook_router(schema: Schema, imports: Imports) -> Iterator[Bracket]:
    """Yield `WebhookRouter({"crm": [EntityEvents(Hero, HeroPublic, …)]})`, if the spec has any."""
    if schema.webhooks:
        items = tuple(
            Bracket("[", tuple(_sent_rows(webhook, schema, imports)), "]").surrounded_by(
                string(webhook.name) + raw(": ")
            )
            for webhook in schema.webhooks
        )
        router = imports.name(".kit.webhooks", "WebhookRouter")
        yield call(router, [Bracket("{", items, "}")])


def _sent_rows(webhook: Webhook, schema: Schema, imports: Imports) -> Iterator[Bracket]:
    """Yield `EntityEvents(Hero, HeroPublic, {"create": "created"})` for each entity."""
    fields = dict(webhook.fields)
    for entity_name in dict.fromkeys(event.entity for event in webhook.events):
        entity = schema.entity(entity_name)
        folder, suffix = f".{folder_name(entity.plural)}", write_response_suffix(entity)
        public = f"{entity.name}{suffix}"
        imports.use(f"{folder}.models", str(entity.name))
        imports.use(f"{folder}.bodies" if suffix in BODIES else f"{folder}.models", public)
        words = [
            pair(event.kind, string(event.name.partition(".")[2]))
            for event in webhook.events
            if event.entity == entity_name
        ]
        arguments: list[Bracket | Code] = [name(entity.name), identifier(public)]
        arguments.append(Bracket("{", words, "}"))
        arguments += _properties_argument(entity, schema, fields)
        yield call(imports.name(".kit.webhooks", "EntityEvents"), arguments)


def _properties_argument(
    entity: Entity, schema: Schema, fields: Mapping[ClassName, tuple[FieldName, ...]]
) -> Iterator[Bracket | Code]:
    """Yield `properties=["id", "name"]`, if not all properties are sent."""
    if entity.name in fields:
        names = {str(field.name): str(field.json_name) for field in entity.fields}
        for one in written_by_keys(entity, by_name(schema.entities)):
            names[str(one.keys)] = schema.names.json.convert(FieldName(one.keys))
        items = tuple(literal(names[str(field)]) for field in fields[entity.name])
        yield keyword("properties", Bracket("[", items, "]"))


def webhook_settings(schema: Schema) -> Iterator[tuple[str, str]]:
    """Yield the module and the name of a base class of the settings, if there are webhooks."""
    if schema.webhooks:
        yield ".kit.webhooks.settings", "WebhookSettings"


def settings_of_webhooks(schema: Schema, imports: Imports) -> Iterator[Code]:
    """Yield the settings of each webhook: its URL and its secret."""
    for webhook in schema.webhooks:
        url = annotated(identifier(f"webhook_{webhook.name}_url"), raw("str | None")) + raw(" = ")
        if webhook.url is None:
            yield url + raw("None")
        else:
            yield text_statement(url, webhook.url, INDENT)
        secret = identifier(f"webhook_{webhook.name}_secret")
        kind = imports.name("pydantic", "SecretStr") + raw(" | None")
        yield annotated(secret, kind) + raw(" = None")


def variables_of_webhooks(schema: Schema) -> Iterator[Code]:
    """Yield the beginning of the environment variables of each webhook: `WEBHOOK_CRM`."""
    for webhook in schema.webhooks:
        yield identifier(f"WEBHOOK_{webhook.name.upper()}")
