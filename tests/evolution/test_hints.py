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
    assert found.links == {"hero_power_link"}


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
