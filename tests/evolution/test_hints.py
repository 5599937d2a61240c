"""What a spec says about the change to it: former names, words, values, places."""

from decimal import Decimal

from crudgen.evolution.hints import Hints, Place, hints
from crudgen.language import load_texts
from crudgen.language.schema import Now

POWER = "name: Power\nfields: {name: str}"


def hints_of(*entities: str, app: str | None = None) -> Hints:
    texts = {f"entities/{number}.yaml": text for number, text in enumerate(entities)}
    return hints(load_texts(texts, app))


def test_a_plain_spec_has_no_former_names() -> None:
    found = hints_of("name: Hero\nfields: {name: str}\nlinks: {powers: Power}", POWER)
    assert (found.tables, found.columns, found.words, found.fills) == ({}, {}, {}, {})
    assert found.links == {"hero_power_link": ("hero_id", "power_id")}


def test_defaults_of_required_fields_are_values_for_existing_rows() -> None:
    found = hints_of(
        """
name: Hero
table: Some Heroes
fields:
  name: str
  price: decimal(10,2) = 1.5 column(Price)
  age: int? = 3
  seen: datetime = now
  level: int = 0
"""
    )
    values = {"Price": Decimal("1.50"), "seen": Now(), "level": 0}
    assert found.fills == {"Some Heroes": values}


def test_places_and_names_are_those_of_the_spec() -> None:
    found = hints_of(
        """name: BlogPost
table: Posts
fields:
  title: str column(Title)
  text: text
links:
  powers: Power
""",
        POWER,
    )
    assert found.places == {
        ("Posts", None): Place("entities/0.yaml", 2),
        ("Posts", "id"): Place("entities/0.yaml", 1),
        ("Posts", "Title"): Place("entities/0.yaml", 4),
        ("Posts", "text"): Place("entities/0.yaml", 5),
        ("blog_post_power_link", None): Place("entities/0.yaml", 7),
        ("blog_post_power_link", "blog_post_id"): Place("entities/0.yaml", 7),
        ("blog_post_power_link", "power_id"): Place("entities/0.yaml", 7),
        ("power", None): Place("entities/1.yaml", 1),
        ("power", "id"): Place("entities/1.yaml", 1),
        ("power", "name"): Place("entities/1.yaml", 2),
    }
    assert str(found.places["Posts", "Title"]) == "entities/0.yaml:4"
    assert found.names == {
        ("Posts", None): "blog_post",
        ("Posts", "id"): "blog_post.id",
        ("Posts", "Title"): "blog_post.title",
        ("Posts", "text"): "blog_post.text",
        ("blog_post_power_link", None): "blog_post.powers",
        ("blog_post_power_link", "blog_post_id"): "blog_post.powers.blog_post_id",
        ("blog_post_power_link", "power_id"): "blog_post.powers.power_id",
        ("power", None): "power",
        ("power", "id"): "power.id",
        ("power", "name"): "power.name",
    }


def test_a_link_to_the_same_entity_has_both_columns() -> None:
    found = hints_of(
        "name: Hero\nfields: {name: str}\nlinks: {friends: {to: Hero, inverse: false}}",
    )
    assert found.names["hero_friend_link", "friend_id"] == "hero.friends.friend_id"
    assert found.names["hero_friend_link", "hero_id"] == "hero.friends.hero_id"


def test_former_names_are_those_of_the_database() -> None:
    found = hints_of(
        """
name: Champion
was: [Hero, fighter]
fields:
  code: str pk was(sku)
  title: str was(name, Label)
  mood: {type: enum, values: [calm, furious], renamed: {angry: furious, mad: furious}}
  team_id: -> Team? was(squad_id)
""",
        "name: Team\nfields: {name: str}",
    )
    assert found.tables == {"champion": ("Hero", "hero", "fighter")}
    assert found.columns == {
        "champion": {"code": ("sku",), "title": ("name", "Label"), "team_id": ("squad_id",)}
    }
    assert found.words == {"champion": {"mood": {"angry": "furious", "mad": "furious"}}}


def test_a_former_field_has_the_column_of_the_convention_too() -> None:
    text = "name: Hero\nfields: {born_on: date was(birth_date), age: 'int was(age, Years)'}"
    found = hints_of(text, app="names: {columns: PascalCase, json: camelCase}")
    columns = {"BornOn": ("birth_date", "BirthDate"), "Age": ("age", "Years")}
    assert found.columns == {"hero": columns}


def test_the_links_of_a_renamed_entity_are_renamed() -> None:
    champion = "name: Champion\nwas: Hero\nfields: {name: str}\nlinks: {powers: Power}"
    found = hints_of(champion, POWER)
    assert found.tables["champion_power_link"] == ("hero_power_link",)
    assert found.columns == {"champion_power_link": {"champion_id": ("hero_id",)}}


def test_a_renamed_link_has_another_table_and_column() -> None:
    hero = "name: Hero\nfields: {name: str}\nlinks: {powers: {to: Power, was: skills}}"
    found = hints_of(hero, POWER)
    assert found.tables == {"hero_power_link": ("hero_skill_link", "skills")}
    assert found.columns == {"hero_power_link": {"power_id": ("skill_id",)}}


def test_the_former_table_of_a_link() -> None:
    link = "{to: Power, table: gifts, was: hero_skill_link}"
    found = hints_of(f"name: Hero\nfields: {{name: str}}\nlinks: {{powers: {link}}}", POWER)
    assert found.tables == {"gifts": ("hero_skill_link",)}
    assert found.columns == {"gifts": {"power_id": ("skill_id",)}}


def test_an_entity_its_link_and_both_keys_are_renamed() -> None:
    found = hints_of(
        """
name: Champion
was: [Hero]
fields: {number: int pk was(id), name: str}
links: {powers: {to: Power, was: [skills, gifts]}}
""",
        "name: Power\nfields: {code: str pk was(Key), name: str}",
    )
    assert found.tables["champion_power_link"] == (
        "champion_skill_link",
        "hero_power_link",
        "champion_gift_link",
        "hero_skill_link",
        "hero_gift_link",
        "skills",
        "gifts",
    )
    columns = found.columns["champion_power_link"]
    assert columns["champion_number"] == ("champion_id", "hero_number", "hero_id")
    assert columns["power_code"] == (
        "power_key",
        "skill_code",
        "skill_key",
        "gift_code",
        "gift_key",
    )


def test_the_table_of_an_entity_is_no_former_link() -> None:
    hero = "name: Hero\nfields: {name: str}\nlinks: {powers: {to: Power, was: skill}}"
    found = hints_of(hero, POWER, "name: Skill\nfields: {name: str}")
    assert found.tables == {"hero_power_link": ("hero_skill_link",)}


def test_a_name_is_given_up_before_it_is_taken() -> None:
    entity = "name: {0}\nwas: {1}\nfields: {{c: str was(b), b: str was(a), d: str was(c)}}"
    pairs = [("Bear", "ape"), ("Cat", "bear"), ("Ape", "dog")]
    found = hints_of(*(entity.format(*pair) for pair in pairs))
    assert [*found.tables] == ["cat", "bear", "ape"]
    assert [*found.columns["cat"]] == ["d", "c", "b"]
