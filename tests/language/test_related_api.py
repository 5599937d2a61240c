"""The keys of the `api` block about relations: their defaults and what they mean."""

import pytest

from crudgen.errors import SpecError
from crudgen.language import Schema, explain, load_texts
from crudgen.language.names import ClassName
from crudgen.language.notes import notes
from crudgen.language.operations import Operation
from crudgen.language.properties import count_property, keys_property, more_property
from crudgen.language.relations import NestedWrite
from crudgen.language.schema import Entity

HERO = """\
name: Hero
fields: {name: str, age: int? index, team_id: -> Team?}
links: {powers: Power}
"""
TEAM = "name: Team\nfields: {name: str unique, city: str, country_code: -> Country?}\n"
COUNTRY = "name: Country\nfields: {code: str(2..2) pk, name: str}\n"
POWER = "name: Power\nfields: {name: str}\n"
PROFILE = "name: Profile\nfields: {text: text, hero_id: -> Hero unique}\n"


def loaded(app: str | None = None, **apis: str) -> Schema:
    """Return the schema, with the `api` blocks of entities by name."""
    texts = {"hero": HERO, "team": TEAM, "country": COUNTRY, "power": POWER, "profile": PROFILE}
    files = {
        f"{name}.yaml": f"{text}api: {apis[name]}\n" if name in apis else text
        for name, text in texts.items()
    }
    return load_texts(files, app)


def hero(app: str | None = None, **apis: str) -> Entity:
    return loaded(app, **apis).entity(ClassName("Hero"))


def test_every_relation_is_included_if_the_target_offers_it() -> None:
    assert hero().api.include == (("team",), ("powers",), ("profile",))
    assert hero(hero="{include: []}").api.include == ()
    assert hero(hero="{operations: [create, update]}").api.include == ()
    assert hero(team="{operations: [list]}").api.include == (("powers",), ("profile",))
    assert hero(power="{operations: [read]}").api.include == (("team",), ("profile",))


def test_the_other_keys_are_empty_by_default() -> None:
    api = hero().api
    assert (api.related, api.nested, api.embed, api.counts, api.write) == ((), (), (), (), ())


@pytest.mark.parametrize("operation", Operation)
def test_keys_require_an_operation_whose_requests_contain_them(operation: Operation) -> None:
    api = f"{{operations: [{operation}], write: {{powers: keys}}}}"
    if operation in {"create", "update", "replace", "create_many", "update_many"}:
        assert hero(hero=api).api.write == (("powers", NestedWrite.KEYS),)
    else:
        with pytest.raises(SpecError, match=r"'write' requires one of the operations create, "):
            hero(hero=api)


def test_a_path_is_included_after_its_prefix() -> None:
    api = hero(hero="{include: [team__country, powers, team, team__heroes]}").api
    assert api.include == (("powers",), ("team",), ("team", "country"), ("team", "heroes"))


@pytest.mark.parametrize(
    ("path", "steps", "field", "to_many"),
    [
        ("team__name", ["team"], "name", [False]),
        ("team__id", ["team"], "id", [False]),
        ("team__country__name", ["team", "country"], "name", [False, False]),
        ("team__country_code", ["team"], "country_code", [False]),
        ("powers__any__name", ["powers"], "name", [True]),
        ("powers", ["powers"], None, [True]),
        ("profile", ["profile"], None, [False]),
        ("profile__text", ["profile"], "text", [False]),
        ("team__heroes", ["team", "heroes"], None, [False, True]),
        ("team__heroes__any__age", ["team", "heroes"], "age", [False, True]),
        ("powers__any__heroes__any__age", ["powers", "heroes"], "age", [True, True]),
        ("powers__any__heroes", ["powers", "heroes"], None, [True, True]),
    ],
)
def test_a_related_path(
    path: str, steps: list[str], field: str | None, to_many: list[bool]
) -> None:
    [found] = hero(hero=f"{{related: [{path}]}}").api.related
    assert (list(found.steps), found.field, list(found.to_many)) == (steps, field, to_many)
    assert str(found) == path


def test_relations_in_requests_and_responses() -> None:
    schema = loaded(
        hero="{embed: [team, profile], counts: [powers], write: {powers: keys}}",
        team="{nested: [heroes], counts: [heroes], write: {heroes: create}}",
    )
    api = schema.entity(ClassName("Hero")).api
    assert (api.embed, api.counts) == (("team", "profile"), ("powers",))
    assert api.write == (("powers", NestedWrite.KEYS),)
    api = schema.entity(ClassName("Team")).api
    assert (api.nested, api.write) == (("heroes",), (("heroes", NestedWrite.CREATE),))


def test_rows_under_a_row_can_have_a_read_only_reference() -> None:
    """The server sets it, so a list is not needed for the path to have an operation."""
    fields = "{text: str, owner_id: -> Hero? read_only}"
    profile = f"name: Profile\nfields: {fields}\napi: {{operations: [create]}}\n"
    text = HERO + "api: {nested: [profiles], write: {profiles: create}}\n"
    team = "name: Team\nfields: {name: str}\n"
    files = {"hero.yaml": text, "profile.yaml": profile, "team.yaml": team, "power.yaml": POWER}
    api = load_texts(files).entity(ClassName("Hero")).api
    assert (api.nested, api.write) == (("profiles",), (("profiles", NestedWrite.CREATE),))


def test_names_of_properties() -> None:
    found = hero()
    powers, team = found.relation(found.relations[1].name), found.relations[0]
    assert (more_property(powers), count_property(powers)) == ("powers_more", "powers_count")
    key = loaded().entity(team.target).key.name
    assert keys_property(powers, key) == "power_ids"
    country = loaded().entity(ClassName("Country"))
    assert keys_property(powers, country.key.name) == "power_codes"


def test_an_unknown_name_is_an_error_that_lists_the_known_ones() -> None:
    schema = loaded()
    for find, message in (
        (schema.entity, "no entity is called 'x'; known: Country, Hero, Power, Profile, Team"),
        (hero().relation, "no relation of Hero is called 'x'; known: team, powers, profile"),
        (hero().field, "no field of Hero is called 'x'; known: id, name, age, team_id"),
        (
            schema.entity(ClassName("Power")).relation,
            "no relation of Power is called 'x'; known: heroes",
        ),
    ):
        with pytest.raises(KeyError) as caught:
            find("x")  # type: ignore[arg-type]
        assert caught.value.args == (message,)


def test_explain_writes_the_keys_that_the_operations_allow() -> None:
    schema = loaded(
        hero="{include: [team, team__country], related: [team__name, powers__any__name, profile],"
        " embed: [team], counts: [powers], write: {powers: keys}}",
        team="{operations: [list, read], nested: [heroes]}",
        profile="{operations: [read, delete], include: []}",
        country="{operations: [read, create], include: []}",
    )
    texts = {entity.source: explain(entity) for entity in schema.entities}
    assert load_texts(texts) == schema
    assert """\
  include: [team, team__country]
  related: [team__name, powers__any__name, profile]
  nested: []
  embed: [team]
  counts: [powers]
  write:
    powers: keys
""" in texts["hero.yaml"]
    assert "write" not in texts["team.yaml"]
    assert "related" not in texts["profile.yaml"]
    assert "include: []" in texts["country.yaml"]


def test_notes_name_the_related_paths_without_an_index() -> None:
    paths = "team__name, team__city, team__id, team__country_code, team__country__name, powers"
    schema = loaded(
        hero=f"{{related: [{paths}]}}",
        team="{related: [heroes__any__age, heroes__any__name, heroes__any__id]}",
        power="{related: [heroes__any__profile__text]}",
    )
    text = "power.yaml: 'heroes__any__profile__text' has no index: add 'index' to 'text' in"
    assert notes(schema) == [
        "hero.yaml: 'team__city' has no index: add 'index' to 'city' in team.yaml",
        "hero.yaml: 'team__country__name' has no index: add 'index' to 'name' in country.yaml",
        f"{text} profile.yaml, with a maximum of 600",
        "team.yaml: 'heroes__any__name' has no index: add 'index' to 'name' in hero.yaml",
    ]
    assert notes(loaded()) == []
