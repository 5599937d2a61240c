"""Examples of values, by key, for errors about values of the wrong type."""

_BY_KEY = {
    "actions": "actions: {promote: {takes: {reason: str}}}",
    "audience": "audience: heroes",
    "counts": "counts: [heroes]",
    "created": "created: 201",
    "doc": "doc: Somebody who saves people.",
    "embed": "embed: [team]",
    "events": "events: [Hero.created]",
    "filter": "filter: [name]",
    "hooks": "hooks: [create, on_create]",
    "include": "include: [team]",
    "issuer": "issuer: https://id.example",
    "links": "links: {powers: Power}",
    "max": "max: 10",
    "me": "me: {id: int = sub}",
    "min": "min: 0",
    "nested": "nested: [heroes]",
    "operations": "operations: [create, list]",
    "path": "path: /heroes",
    "plural": "plural: heroes",
    "related": "related: [team__name]",
    "roles": "roles: [editor]",
    "roles_claim": "roles_claim: groups",
    "search": "search: [name]",
    "sort": "sort: [name]",
    "table": "table: hero",
    "takes": "takes: {reason: str}",
    "title": "title: Heroes",
    "to": "to: Power",
    "url": "url: https://crm.example.com/hooks",
    "values": "values: [red, green]",
    "version": "version: 1.0.0",
    "was": "was: former_name",
    "webhooks": "webhooks: {crm: {events: [Hero.created]}}",
    "write": "write: {lines: create}",
}
_BY_PARENT = {
    "actions": "promote: {takes: {reason: str}}",
    "fields": "Hero: [id, name]",
    "links": "powers: Power",
    "me": "id: int = sub",
}
"""Examples of keys that the user names, by the key that they are under."""


def example_remedy(path: tuple[str | int, ...]) -> str:
    """Return an example of the value at a path as a remedy, or "" if its key has none."""
    keys = [step for step in path if isinstance(step, str)]
    example = _BY_KEY.get(keys[-1], "") if keys else ""
    if len(keys) > 1 and keys[-2] in _BY_PARENT:
        example = _BY_PARENT[keys[-2]]
    if path[:1] == ("webhooks",):
        if len(path) == 2:
            example = _BY_KEY["webhooks"]
        elif keys[-1] == "fields":
            example = "fields: {Hero: [id, name]}"
    return f"such as '{example}'" if example else ""
