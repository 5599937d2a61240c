"""References and links in the Schema: both ends, names, indexes and circles."""

import json
from pathlib import Path
from typing import Any

import pytest

from crudgen.errors import SpecError
from crudgen.language import Schema, explain, load, load_texts
from crudgen.language.indexes import Index
from crudgen.language.names import FieldName
from crudgen.language.relations import Link, LinkEnd, OnDelete, Relation, RelationKind
from crudgen.language.schema import Constant, TypeName

TEAMS = Path(__file__).parent.parent / "specs" / "teams" / "entities"
BESIDE: tuple[str, ...] = ("links", "unique", "index")
CAMEL = "names: {columns: PascalCase, json: camelCase}"


def schema(entities: dict[str, dict[str, Any]], app: str | None = None) -> Schema:
    """Load entities: their fields after a name, and the keys `links`, `unique` and `index`."""
    texts = {}
    for name, keys in entities.items():
        beside = {key: keys[key] for key in BESIDE if key in keys}
        fields = {key: field for key, field in keys.items() if key not in beside}
        entity: dict[str, Any] = {"name": name, "fields": {"name": "str", **fields}, **beside}
        texts[f"{name}.yaml"] = json.dumps(entity)
    return load_texts(texts, app)


def relation(found: Schema, entity: str, name: str) -> Relation:
    (owner,) = (each for each in found.entities if each.name == entity)
    (relation,) = (each for each in owner.relations if each.name == name)
    return relation


def names(found: Schema, entity: str) -> list[str]:
    (owner,) = (each for each in found.entities if each.name == entity)
    return [str(relation.name) for relation in owner.relations]


def indexes(found: Schema, entity: str) -> tuple[Index, ...]:
    (owner,) = (each for each in found.entities if each.name == entity)
    return owner.indexes


def test_the_tutorials_teams() -> None:
    found = load(TEAMS)
    hero, power, team = found.entities
    assert [str(field.name) for field in hero.fields][-1] == "team_id"
    field = hero.field(hero.fields[-1].name)
    assert field.type is TypeName.INT
    assert field.optional
    assert field.default == Constant(None)
    assert (field.minimum, field.maximum, field.samples) == (-(2**63), 2**63 - 1, (1, 2))
    assert field.reference is not None
    assert field.reference.target == "Team"
    assert field.reference.on_delete is OnDelete.RESTRICT
    assert not field.reference.use_alter
    assert indexes(found, "Hero") == (Index((field.name, hero.key.name)),)
    assert names(found, "Hero") == ["team", "powers"]
    assert names(found, "Team") == ["heroes"]
    assert names(found, "Power") == ["heroes"]
    assert relation(found, "Hero", "team").kind is RelationKind.MANY_TO_ONE
    assert relation(found, "Hero", "team").inverse == "heroes"
    heroes = relation(found, "Team", "heroes")
    assert (heroes.kind, heroes.target, heroes.by) == (
        RelationKind.ONE_TO_MANY,
        "Hero",
        "team_id",
    )
    (link,) = hero.links
    assert (link.name, link.table, link.via) == ("HeroPowerLink", "hero_power_link", False)
    assert [(end.entity, end.attribute, end.column) for end in link.ends] == [
        ("Hero", "hero_id", "hero_id"),
        ("Power", "power_id", "power_id"),
    ]
    powers, heroes = relation(found, "Hero", "powers"), relation(found, "Power", "heroes")
    assert powers.kind is heroes.kind is RelationKind.MANY_TO_MANY
    assert powers.link is heroes.link is link
    assert (powers.near, powers.far) == (heroes.far, heroes.near) == link.ends
    assert (power.links, team.links) == ((), ())


@pytest.mark.parametrize(
    ("short", "long"),
    [
        ("-> Team", {"to": "Team"}),
        ("->Team?", {"to": "Team", "optional": True}),
        ("-> Team? = 3", {"to": "Team", "optional": True, "default": 3}),
        ("-> Team cascade", {"to": "Team", "on_delete": "cascade"}),
        ("-> Team ? set_null", {"to": "Team", "on_delete": "set_null", "optional": True}),
        ("-> Team unique immutable", {"to": "Team", "unique": True, "immutable": True}),
        ("-> Team? write_only", {"to": "Team", "write_only": True, "optional": True}),
        (
            "-> Team? = 1 read_only relation(club) inverse('people') doc(The club.)",
            {
                "to": "Team",
                "optional": True,
                "default": 1,
                "read_only": True,
                "relation": "club",
                "inverse": "people",
                "doc": "The club.",
            },
        ),
        (
            "-> Team column(Team) json(teamKey) example(12) was(club_id)",
            {"to": "Team", "column": "Team", "json": "teamKey", "example": 12, "was": "club_id"},
        ),
    ],
)
def test_short_and_long_form_are_equal(short: str, long: dict[str, Any]) -> None:
    def load_one(written: Any) -> Schema:
        return schema({"Team": {}, "Hero": {"team_id": written}})

    found = load_one(short)
    assert found == load_one({"type": "reference", **long})
    texts = {f"{each.name}.yaml": explain(each) for each in found.entities}
    again = load_texts(texts)
    assert again == found
    assert texts == {f"{each.name}.yaml": explain(each) for each in again.entities}


@pytest.mark.parametrize(
    ("key", "field", "expected"),
    [
        ("id", "int pk read_only", (TypeName.INT, -(2**63), None, None)),
        ("id", "uuid pk", (TypeName.UUID, None, None, None)),
        ("number", "int(1..99) pk", (TypeName.INT, 1, None, None)),
        ("code", "str(2..2) pk pattern([A-Z]+)", (TypeName.STR, None, 2, "[A-Z]+")),
    ],
)
def test_a_reference_has_the_type_and_the_limits_of_the_key(
    key: str, field: str, expected: tuple[Any, ...]
) -> None:
    found = schema({"Team": {key: field}, "Hero": {f"team_{key}": "-> Team"}})
    reference = found.entities[0].fields[-1]
    assert reference.name == f"team_{key}"
    assert names(found, "Hero") == ["team"]
    own = (reference.type, reference.minimum, reference.max_length, reference.pattern)
    assert own == expected
    assert reference.samples == found.entities[1].key.samples
    assert {reference.pk, reference.read_only, reference.immutable} == {False}


def test_a_default_has_the_type_of_the_key() -> None:
    found = schema({"Team": {"code": "str pk"}, "Hero": {"team_code": "-> Team = red"}})
    assert found.entities[0].fields[-1].default == Constant("red")
    with pytest.raises(SpecError, match="expected a string, found the number 1"):
        schema({"Team": {"code": "str pk"}, "Hero": {"team_code": "-> Team = 1"}})


def test_a_unique_reference_is_one_to_one() -> None:
    found = schema({"User": {}, "Profile": {"user_id": "-> User unique cascade"}})
    assert relation(found, "User", "profile").kind is RelationKind.ONE_TO_ONE
    assert relation(found, "Profile", "user").kind is RelationKind.MANY_TO_ONE
    assert indexes(found, "Profile") == ()


def test_references_to_one_entity_have_different_inverses() -> None:
    found = schema(
        {
            "Team": {},
            "Match": {"home_id": "-> Team inverse(home_matches)", "away_id": "-> Team"},
        }
    )
    assert names(found, "Match") == ["home", "away"]
    assert names(found, "Team") == ["home_matches", "matches"]


def test_an_entity_refers_to_itself() -> None:
    found = schema({"Hero": {"name": "str", "boss_id": "-> Hero? inverse(minions)"}})
    assert names(found, "Hero") == ["boss", "minions"]
    reference = found.entities[0].fields[-1].reference
    assert reference is not None
    assert not reference.use_alter


def test_a_reference_that_nobody_can_read_has_no_relation() -> None:
    found = schema({"Team": {}, "Hero": {"team_id": "-> Team write_only"}})
    assert names(found, "Hero") == names(found, "Team") == []
    assert indexes(found, "Hero")


def test_an_inverse_can_be_left_out() -> None:
    reference = {"type": "reference", "to": "Team", "inverse": False}
    found = schema({"Team": {}, "Hero": {"team_id": reference}})
    assert names(found, "Team") == []
    assert relation(found, "Hero", "team").inverse is None


def test_names_follow_the_conventions() -> None:
    found = schema(
        {
            "BlogPost": {},
            "UserNote": {
                "blog_post_id": "-> BlogPost",
                "links": {"see_also": {"to": "BlogPost", "inverse": False}},
            },
        },
        CAMEL,
    )
    own, link, _ = (*relation_names(found, "UserNote"), "")
    assert own == ("blog_post", "blog_post", "blogPost")
    assert link == ("see_also", "see_also", "seeAlso")
    (table,) = found.entities[1].links
    assert (table.name, table.table) == ("UserNoteSeeAlsoLink", "user_note_see_also_link")
    assert [(end.attribute, end.column) for end in table.ends] == [
        ("user_note_id", "UserNoteId"),
        ("see_also_id", "SeeAlsoId"),
    ]


def relation_names(found: Schema, entity: str) -> list[tuple[str, str, str]]:
    (owner,) = (each for each in found.entities if each.name == entity)
    return [(each.name, each.attribute, each.json_name) for each in owner.relations]


def test_a_relation_with_a_reserved_name_has_another_attribute() -> None:
    found = schema({"Class": {}, "Hero": {"class_id": "-> Class"}})
    assert relation_names(found, "Hero") == [("class", "class_", "class")]


def test_order_is_part_of_the_index() -> None:
    reference = {"type": "reference", "to": "Team", "order": ["-age", "name"]}
    fields = {"name": "str", "age": "int", "team_id": reference}
    found = schema({"Team": {}, "Hero": fields})
    order = (("age", True), ("name", False))
    assert relation(found, "Team", "heroes").order == order
    assert indexes(found, "Hero") == (Index(("team_id", "age", "name", "id")),)  # type: ignore[arg-type]
    texts = {f"{each.name}.yaml": explain(each) for each in found.entities}
    assert load_texts(texts) == found


@pytest.mark.parametrize("key", ["index", "unique"])
def test_an_index_of_the_spec_that_begins_with_the_reference_is_enough(key: str) -> None:
    found = schema(
        {"Team": {}, "Hero": {"name": "str", "team_id": "-> Team", key: [["team_id", "name"]]}}
    )
    assert [index.fields for index in indexes(found, "Hero")] == [("team_id", "name")]
    found = schema(
        {"Team": {}, "Hero": {"name": "str", "team_id": "-> Team", key: [["name", "team_id"]]}}
    )
    assert [index.fields for index in indexes(found, "Hero")][1:] == [("team_id", "id")]


def test_an_index_that_would_be_too_large_has_the_reference_alone() -> None:
    found = schema(
        {
            "Team": {"code": "str(1..400) pk"},
            "Hero": {"id": "str(1..300) pk", "team_code": "-> Team"},
        }
    )
    assert indexes(found, "Hero") == ()
    assert found.entities[0].fields[-1].index
    texts = {f"{each.name}.yaml": explain(each) for each in found.entities}
    assert load_texts(texts) == found


def marked(found: Schema) -> list[str]:
    return [
        f"{entity.name}.{field.name}"
        for entity in found.entities
        for field in entity.fields
        if field.reference and field.reference.use_alter
    ]


def test_the_reference_that_closes_a_circle_is_added_later() -> None:
    found = schema({"Team": {"captain_id": "-> Hero?"}, "Hero": {"team_id": "-> Team"}})
    assert marked(found) == ["Team.captain_id"]
    found = schema({"Team": {"captain_id": "-> Hero?"}, "Hero": {"team_id": "-> Team?"}})
    assert marked(found) == ["Team.captain_id"]
    found = schema(
        {
            "A": {"b_id": "-> B", "c_id": "-> C?"},
            "B": {"c_id": "-> C"},
            "C": {"a_id": "-> A?", "d_id": "-> D"},
            "D": {"name": "str", "d_id": "-> D?"},
        }
    )
    assert marked(found) == ["C.a_id"]


@pytest.mark.parametrize("first", ["-> B", "-> C"])
def test_a_circle_of_required_references_is_a_problem(first: str) -> None:
    entities = {"A": {"x_id": first}, "B": {"c_id": "-> C"}, "C": {"a_id": "-> A"}}
    with pytest.raises(SpecError, match="a circle of required references") as caught:
        schema(entities)
    assert len(caught.value.diagnostics) == 1
    entities["A"]["x_id"] = f"{first}?"
    schema(entities)


def test_a_required_reference_to_the_own_entity_is_a_problem() -> None:
    entities = {"A": {"parent_id": "-> A"}}
    with pytest.raises(SpecError, match="each A requires another A") as caught:
        schema(entities)
    [found] = caught.value.diagnostics
    assert found.remedy == "make the reference optional: '-> A?'"
    schema({"A": {"parent_id": "-> A?"}})


def test_a_link_to_itself() -> None:
    link = {"to": "Person", "inverse": "friend_of"}
    found = schema({"Person": {"links": {"friends": link}}})
    assert names(found, "Person") == ["friends", "friend_of"]
    (table,) = found.entities[0].links
    assert [end.column for end in table.ends] == ["person_id", "friend_id"]
    assert relation(found, "Person", "friends").near == table.ends[0]
    assert relation(found, "Person", "friend_of").near == table.ends[1]
    text = explain(found.entities[0])
    assert load_texts({"Person.yaml": text}) == found


def test_a_link_via_an_entity_has_the_table_of_the_entity() -> None:
    membership = {
        "person_id": "-> Person cascade",
        "team_id": "-> Team cascade",
        "since": "date",
        "unique": [["team_id", "person_id"]],
    }
    found = schema(
        {
            "Membership": membership,
            "Person": {"links": {"teams": {"to": "Team", "via": "Membership"}}},
            "Team": {},
        }
    )
    ends = (
        LinkEnd(*("Person", "person_id", "person_id")),  # type: ignore[arg-type]
        LinkEnd(*("Team", "team_id", "team_id")),  # type: ignore[arg-type]
    )
    teams, people = relation(found, "Person", "teams"), relation(found, "Team", "people")
    assert teams.link == people.link == Link("Membership", "membership", ends, via=True)  # type: ignore[arg-type]
    assert (teams.near, teams.far) == (people.far, people.near) == ends
    assert all(entity.links == () for entity in found.entities)
    assert names(found, "Person") == ["teams", "memberships"]
    texts = {f"{each.name}.yaml": explain(each) for each in found.entities}
    assert load_texts(texts) == found


def test_explain_prints_both_ends() -> None:
    found = load(TEAMS)
    hero, _, team = map(explain, found.entities)
    assert "  team_id:\n    type: reference\n    to: Team\n    optional: true\n" in hero
    assert "    on_delete: restrict\n    relation: team\n    inverse: heroes\n" in hero
    assert (
        "links:\n  powers:\n    to: Power\n    inverse: heroes\n    table: hero_power_link\n"
        in hero
    )
    assert "index: [[team_id, id]]\n" in hero
    assert team.endswith(
        "# Relations that other entities declare:\n#   heroes: one to many, by Hero.team_id\n"
    )


def test_unknown_fields_and_relations() -> None:
    found = schema({"Hero": {"team_id": "-> Team"}, "Team": {}})
    hero, team = found.entities
    assert hero.field(FieldName("team_id")).reference is not None
    assert team.relation(FieldName("heroes")).inverse == "team"
    with pytest.raises(
        KeyError, match="no field of Hero is called 'age'; known: id, name, team_id"
    ):
        hero.field(FieldName("age"))
    with pytest.raises(KeyError, match="no relation of Team is called 'hero'; known: heroes"):
        team.relation(FieldName("hero"))
