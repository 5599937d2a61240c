"""A value of the wrong type has a remedy, whatever the key and the value are."""

from collections.abc import Iterator

import pytest

from crudgen.errors import SpecError
from crudgen.language import load_texts

VALUES = ("[a]", "{a: b}", "x", "3", "true", "null", "[[a]]", "[{a: b}]")
IN_ENTITY = (
    *("{0}", "{{a: {0}}}", "{{a: {{type: enum, values: {0}}}}}", "{{a: {{type: str, was: {0}}}}}"),
    *("{{a: {{type: int, min: {0}}}}}", "{{a: {{type: enum, values: [x], renamed: {0}}}}}"),
)
LISTS = ("filter", "sort", "search", "include", "nested", "counts", "embed", "related")
IN_API = (*LISTS, "operations", "write", "page", "created")
IN_WEBHOOK = ("events: {0}", "events: [Hero.created], fields: {0}")
ENTITY_KEYS = ("unique", "index", "check", "links", "api", "hooks", "actions", "doc", "path")
APP_KEYS = ("title", "version", "auth", "webhooks", "limits", "names", "kit")


def entities() -> Iterator[str]:
    yield from (f"fields: {one}" for one in IN_ENTITY)
    yield from (f"api: {{{{{key}: {{0}}}}}}" for key in IN_API)
    yield from (f"{key}: {{0}}" for key in (*ENTITY_KEYS, "table", "plural"))
    yield from ("links: {{a: {0}}}", "links: {{a: {{to: {0}}}}}", "actions: {{a: {0}}}")
    yield "actions: {{a: {{takes: {0}}}}}"


def apps() -> Iterator[str]:
    yield from (f"{key}: {{0}}" for key in APP_KEYS)
    yield from ("auth: {{roles: {0}}}", "auth: {{me: {0}}}", "auth: {{me: {{a: {0}}}}}")
    yield from ("auth: {{roles_claim: {0}}}", "auth: {{tokens: {{issuer: {0}, audience: a}}}}")
    yield from ("webhooks: {{crm: {0}}}", "webhooks: {{crm: {{url: {0}, events: [Hero.created]}}}}")
    yield from (f"webhooks: {{{{crm: {{{{{one}}}}}}}}}" for one in IN_WEBHOOK)
    yield "webhooks: {{crm: {{events: [Hero.created], fields: {{Hero: {0}}}}}}}"


def without_remedy(entity: str, app: str | None) -> list[str]:
    """Return the problems of a spec that say what was expected, without a remedy."""
    try:
        load_texts({"hero.yaml": entity}, app)
    except SpecError as error:
        blocks = str(error).split("\n\n")
        expected = [one for one in blocks if ": expected " in one.splitlines()[0]]
        return [one for one in expected if not one.splitlines()[-1].lstrip(" |").strip("^ ")]
    return []


@pytest.mark.parametrize("line", [*entities()])
def test_in_entities(line: str) -> None:
    fields = "" if line.startswith("fields") else "fields: {name: str}\n"
    for value in VALUES:
        entity = f"name: Hero\n{fields}{line.format(value)}\n"
        assert without_remedy(entity, None) == [], entity


@pytest.mark.parametrize("line", [*apps()])
def test_in_crudgen_yaml(line: str) -> None:
    for value in VALUES:
        app = f"{line.format(value)}\n"
        access = "access: anyone\n" if line.startswith("auth") else ""
        assert without_remedy(f"name: Hero\nfields: {{name: str}}\n{access}", app) == [], app
