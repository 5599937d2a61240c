"""Each schema in OpenAPI has a name of its own, whatever entities, fields and actions are named."""

import re
from pathlib import Path
from typing import Any

from crudgen.codegen import render
from crudgen.codegen.views.bodies import BODIES
from crudgen.delivery.memory import import_tree, unload
from crudgen.language import load_texts
from crudgen.language.reserved import BODY_SUFFIXES, SCHEMAS
from tests.startup.started import Application

APP = """\
auth: {users: true}
webhooks: {crm: {url: 'http://127.0.0.1:9/', events: [Hero.created], fields: {Hero: [name]}}}
"""
WORD = "'enum(a, b) = a'"
ENTITIES = {
    "hero.yaml": f"""\
name: Hero
fields:
  name: str
  promote: {WORD}
  promote_mood: {WORD}
  created_webhook: {WORD}
  for_crm: {WORD}
  create_in_team: {WORD}
  power_link: {WORD}
  team_id: -> Team?
links: {{powers: Power}}
actions: {{promote: {{takes: {{mood: {WORD.replace("a, b", "a, c")}}}}}}}
api: {{include: [team]}}
access: user
""",
    "team.yaml": "name: Team\nfields: {name: str}\napi: {nested: [heroes]}\naccess: user\n",
    "power.yaml": "name: Power\nfields: {name: str}\naccess: user\n",
    "new.yaml": f"name: New\nfields: {{password: {WORD}}}\naccess: user\n",
}


def test_schemas_have_names_of_their_own(tmp_path: Path) -> None:
    package = import_tree(render(load_texts(ENTITIES, APP)))
    application = Application(package)
    settings = application.module("settings").Settings(
        database_url=f"sqlite:///{tmp_path}/a.db", auth_secret="x" * 40, webhooks=False
    )
    try:
        document: Any = application.module("main").create_app(settings).openapi()
    finally:
        unload(package)
    schemas = document["components"]["schemas"]
    assert [name for name in schemas if not re.fullmatch(r"[A-Z][A-Za-z]*", name)] == []
    titles = {name: one.get("title", name) for name, one in schemas.items() if "enum" not in one}
    assert [name for name, title in titles.items() if title != name] == []
    assert schemas["HeroCreatedWebhook"]["properties"]["type"]["const"] == "Hero.created"
    assert [*schemas["HeroForCrm"]["properties"]] == ["name"]
    assert schemas["HeroPromote"]["type"] == schemas["HeroCreateInTeam"]["type"] == "object"
    (mood,) = schemas["HeroPromote"]["properties"].values()
    assert schemas[str(mood["$ref"]).rpartition("/")[2]]["enum"] == ["a", "c"]
    of_kit = {name for name in schemas if not name.startswith(("Hero", "Team", "Power", "New"))}
    assert of_kit <= SCHEMAS
    assert SCHEMAS - of_kit == {"NewPassword"}


def test_names_of_bodies_are_known() -> None:
    assert {*BODIES} == {*BODY_SUFFIXES}
