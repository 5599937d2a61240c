"""When a former name applies: chains, names that are used again, links."""

from crudgen.evolution.hints import Hints, hints
from crudgen.evolution.renames import renamed_columns, renamed_tables
from crudgen.language import load_texts

POWER = "name: Power\nfields: {name: str}"


def hints_of(*entities: str) -> Hints:
    return hints(load_texts({f"{number}.yaml": text for number, text in enumerate(entities)}))


def columns(fields: str, *existing: str) -> dict[str, str]:
    """Return the renames of a table with these columns, in order."""
    return renamed_columns(hints_of(f"name: Hero\nfields: {{{fields}}}"), "hero", existing)


def test_a_field_is_renamed_once() -> None:
    assert columns("title: str was(name)", "id", "name") == {"title": "name"}
    assert columns("title: str was(name)", "id", "title") == {}
    assert columns("title: str was(name)", "id", "title", "name") == {}
    assert columns("title: str was(name)", "id") == {}


def test_the_latest_former_name_that_is_there_counts() -> None:
    assert columns("a: 'str was(b, c, d)'", "d", "c") == {"a": "c"}


def test_a_former_name_can_be_that_of_a_new_field() -> None:
    fields = "title: str was(name), name: str?"
    assert columns(fields, "id", "name") == {"title": "name"}
    assert columns(fields, "id", "title") == {}
    assert columns(fields, "id", "title", "name") == {}


def test_a_chain_is_renamed_from_its_free_end() -> None:
    fields = "b: str was(a), c: str was(b), d: str was(c)"
    assert [*columns(fields, "a", "b", "c").items()] == [("d", "c"), ("c", "b"), ("b", "a")]
    assert columns(fields, "b", "c", "d") == {}
    assert columns(fields, "a", "b", "d") == {"c": "b", "b": "a"}


def test_a_column_becomes_one_column() -> None:
    found = Hints({}, {"hero": {"a": ("x",), "b": ("x", "y")}}, {}, {}, {}, {}, {})
    assert renamed_columns(found, "hero", ["x", "y"]) == {"a": "x", "b": "y"}


def test_a_table_without_former_names_has_no_renames() -> None:
    assert columns("name: str", "id", "title") == {}


def test_tables_are_renamed_with_their_links() -> None:
    champion = "name: Champion\nwas: Hero\nfields: {name: str}\nlinks: {powers: Power}"
    found = hints_of(champion, POWER)
    before = {"hero": ["id"], "power": ["id"], "hero_power_link": ["hero_id", "power_id"]}
    assert renamed_tables(found, before) == {
        "champion": "hero",
        "champion_power_link": "hero_power_link",
    }
    after = {"champion": ["id"], "champion_power_link": ["champion_id", "power_id"]}
    assert renamed_tables(found, after) == {}
    assert renamed_columns(found, "champion_power_link", ["hero_id", "power_id"]) == {
        "champion_id": "hero_id"
    }


def test_an_entity_can_have_the_name_of_a_renamed_one() -> None:
    champion = "name: Champion\nwas: Hero\nfields: {name: str}\nlinks: {powers: Power}"
    hero = "name: Hero\nfields: {name: str}\nlinks: {powers: {to: Power, inverse: holders}}"
    found = hints_of(champion, hero, POWER)
    before = {"hero": ["id"], "power": ["id"], "hero_power_link": ["hero_id", "power_id"]}
    assert renamed_tables(found, before) == {
        "champion": "hero",
        "champion_power_link": "hero_power_link",
    }
    links = {"champion_power_link": ["champion_id", "power_id"]}
    assert renamed_tables(found, {**before, **links, "champion": ["id"]}) == {}


def test_a_table_becomes_a_link_only_with_its_columns() -> None:
    hero = "name: Hero\nfields: {name: str}\nlinks: {powers: {to: Power, was: skills}}"
    found = hints_of(hero, POWER)
    assert renamed_tables(found, {"skills": ["id", "name"]}) == {}
    assert renamed_tables(found, {"skills": ["hero_id", "name"]}) == {}
    expected = {"hero_power_link": "skills"}
    assert renamed_tables(found, {"skills": ["skill_id", "hero_id", "since"]}) == expected


def test_links_in_a_chain_follow_a_renamed_entity() -> None:
    """Each of the steps can be the last one that was applied."""
    links = "{powers: {to: Power, was: skills}, gifts: {to: Power, was: powers, inverse: gifted}}"
    champion = f"name: Champion\nwas: Hero\nfields: {{name: str}}\nlinks: {links}"
    found = hints_of(champion, POWER)
    for before, expected in (
        (("hero", "skill", "power"), ("hero_skill_link", "hero_power_link")),
        (("hero", "power", "gift"), ("hero_power_link", "hero_gift_link")),
        (("champion", "skill", "power"), ("champion_skill_link", "champion_power_link")),
    ):
        role, *words = before
        tables = {f"{role}_{word}_link": [f"{role}_id", f"{word}_id"] for word in words}
        renamed = renamed_tables(found, tables)
        assert renamed == dict(
            zip(("champion_power_link", "champion_gift_link"), expected, strict=True)
        )
