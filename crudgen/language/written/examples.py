"""Examples of values, by key, for errors about values of the wrong type."""

_BY_KEY = {
    "actions": "actions: {promote: {takes: {reason: str}}}",
    "audience": "audience: heroes",
    "counts": "counts: [heroes]",
    "column": "column: full_name",
    "created": "created: 201",
    "doc": "doc: Somebody who saves people.",
    "embed": "embed: [team]",
    "events": "events: [Hero.created]",
    "filter": "filter: [name]",
    "hooks": "hooks: [create, on_create]",
    "include": "include: [team]",
    "inverse": "inverse: heroes",
    "issuer": "issuer: https://id.example",
    "jwks": "jwks: https://id.example/keys",
    "json": "json: fullName",
    "links": "links: {powers: Power}",
    "max": "max: 10",
    "me": "me: {id: int = sub}",
    "min": "min: 0",
    "nested": "nested: [heroes]",
    "operations": "operations: [create, list]",
    "pattern": "pattern: '[a-z]+'",
    "path": "path: /heroes",
    "plural": "plural: heroes",
    "precision": "precision: 10",
    "related": "related: [team__name]",
    "roles": "roles: [editor]",
    "roles_claim": "roles_claim: groups",
    "scale": "scale: 2",
    "search": "search: [name]",
    "sort": "sort: [name]",
    "table": "table: hero",
    "takes": "takes: {reason: str}",
    "title": "title: Heroes",
    "to": "to: Power",
    "url": "url: https://crm.example.com/hooks",
    "values": "values: [red, green]",
    "via": "via: Award",
    "version": "version: 1.0.0",
    "was": "was: former_name",
    "webhooks": "webhooks: {crm: {events: [Hero.created]}}",
    "write": "write: {lines: create}",
}
_OF_NAMED: dict[tuple[str | int, ...], str] = {
    ("actions",): "promote: {takes: {reason: str}}",
    ("auth", "me"): "id: int = sub",
    ("links",): "powers: Power",
    ("webhooks",): "webhooks: {crm: {events: [Hero.created]}}",
}
"""Examples of what the user names, by the path of the key that it is under."""


def example_remedy(path: tuple[str | int, ...]) -> str:
    """Return an example of the value at a path as a remedy, or "" if its key has none."""
    if isinstance(path[-1], int):  # an item of a list
        path = path[:-1]
    if path[:1] == ("webhooks",) and "fields" in path[2:]:
        example = "fields: {Hero: [id, name]}"
    elif path[:-1] in _OF_NAMED:
        example = _OF_NAMED[path[:-1]]
    else:
        example = _BY_KEY.get(str(path[-1]), "")
    return f"such as '{example}'" if example else ""
