import inspect
import itertools
import json
import keyword
from typing import Any

import pydantic
import pytest
import sqlalchemy.orm
import sqlmodel

from crudgen.codegen import render
from crudgen.errors import SpecError
from crudgen.language import load_texts
from crudgen.language.names import FieldName, plural_of, snake_case
from crudgen.language.reserved import (
    PROTECTED_PREFIXES,
    attribute_for,
    attribute_problem,
    class_name_problem,
)


class Row(sqlmodel.SQLModel, table=True):
    key: int | None = sqlmodel.Field(default=None, primary_key=True)


class Declared(sqlalchemy.orm.DeclarativeBase):
    pass


def attributes() -> set[str]:
    """Every name that the libraries' models already use."""
    owners: list[Any] = [sqlmodel.SQLModel, pydantic.BaseModel, Row, Row(), Declared]
    names = set(itertools.chain.from_iterable(dir(owner) for owner in owners))
    return {*names, *dir(type(Row))} - {"key"}


def could_be_a_field(name: str) -> bool:
    return FieldName.PATTERN.fullmatch(name) is not None


def is_free(attribute: str) -> bool:
    return not (
        attribute in attributes()
        or keyword.iskeyword(attribute)
        or attribute.startswith(("model_dump", "model_validate"))
    )


@pytest.mark.parametrize("name", sorted(filter(could_be_a_field, attributes())))
def test_a_field_has_another_attribute_than_the_libraries(name: str) -> None:
    assert attribute_problem(name) or is_free(attribute_for(name))


def test_parameters_that_take_no_value_are_no_attributes() -> None:
    for make in (sqlmodel.SQLModel.__new__, sqlmodel.SQLModel.__init__, Row.__init__):
        for name, parameter in inspect.signature(make).parameters.items():
            if parameter.kind is parameter.POSITIONAL_OR_KEYWORD and could_be_a_field(name):
                assert attribute_for(name) != name


@pytest.mark.parametrize("name", sorted(filter(could_be_a_field, keyword.kwlist)))
def test_attributes_of_keywords_get_an_underscore(name: str) -> None:
    assert attribute_for(name) == f"{name}_"


def test_pydantic_protects_the_prefixes() -> None:
    default = inspect.getsource(pydantic.config.ConfigDict)
    assert all(f"'{prefix}'" in default for prefix in PROTECTED_PREFIXES)


@pytest.mark.parametrize("name", ["id", "hash", "match", "case", "model_x", "sa_x", "date", "type"])
def test_usual_names_are_attributes(name: str) -> None:
    assert attribute_for(name) == name
    assert not attribute_problem(name)


@pytest.mark.parametrize("name", ["None", "True", "False"])
def test_keywords_are_rejected_as_entity_names(name: str) -> None:
    remedy = f"use another name, such as '{name}Item'"
    assert class_name_problem(name) == f"it is a Python keyword; {remedy}"
    assert class_name_problem(f"{name}Item") is None


@pytest.mark.parametrize(
    ("name", "plural"),
    [
        *(("Path", None), ("Query", None), ("Request", "request_list"), ("Exception", None)),
        *(("Class", None), ("Setting", None), ("Test", None), ("Con", "con_list")),
        *(("Hero", plural) for plural in ("tests", "settings", "main", "api", "pass", "read_hero")),
    ],
)
def test_everyday_names_are_possible(name: str, plural: str | None) -> None:
    spec = {"name": name, "fields": {"date": "date", "type": "str", "int": "int"}}
    load_texts({"a.yaml": json.dumps(spec | ({"plural": plural} if plural else {}))})


@pytest.mark.parametrize("suffix", ["Base", "Create", "Update", "UpdateById", "Public"])
def test_an_entity_cannot_have_the_name_of_a_generated_class(suffix: str) -> None:
    texts = {f"{name}.yaml": f"name: {name}\nfields: {{a: int}}" for name in ("A", f"A{suffix}")}
    with pytest.raises(SpecError, match=f"A{suffix} is a class generated for A"):
        load_texts(texts)


@pytest.mark.parametrize("suffix", ["Id", "Ids", "Query", "Filters", "Sort"])
def test_the_type_aliases_of_an_entity_are_possible_entities(suffix: str) -> None:
    names = ("A", f"A{suffix}")
    load_texts(
        {
            f"{name}.yaml": f"name: {name}\nplural: {name.lower()}_all\nfields: {{a: int}}"
            for name in names
        }
    )


def test_plurals_do_not_end_with_an_underscore() -> None:
    with pytest.raises(SpecError, match="write 'heroes'"):
        load_texts({"a.yaml": "name: Hero\nplural: heroes_\nfields: {name: str}"})


@pytest.mark.parametrize(
    "name", ["a-b", "1st", "a\nb", 'x"y', "x" * 61, "", "Ä", "a b", "a\n", "_a", "A"]
)
def test_a_name_that_is_not_safe_cannot_be_made(name: str) -> None:
    with pytest.raises(ValueError, match="a field name has"):
        FieldName(name)


@pytest.mark.parametrize(
    ("name", "singular", "plural"),
    [
        ("Hero", "hero", "heroes"),
        ("BlogPost", "blog_post", "blog_posts"),
        ("HTTPServer", "http_server", "http_servers"),
        ("Category", "category", "categories"),
        ("Person", "person", "people"),
        ("Staff", "staff", "staff"),
        ("Box2", "box2", "box2s"),
        ("News", "news", "news"),
    ],
)
def test_names_are_derived(name: str, singular: str, plural: str) -> None:
    assert snake_case(name) == singular
    assert plural_of(singular) == plural


def test_the_derived_names_of_an_entity() -> None:
    entity = load_texts({"a.yaml": "name: BlogPost\nfields: {name: str}"}).entities[0]
    assert (entity.singular, entity.plural) == ("blog_post", "blog_posts")
    assert (entity.path, entity.table) == ("/blog-posts", "blog_post")


def test_uncountable_names_need_a_plural() -> None:
    with pytest.raises(SpecError, match="such as 'plural: news_list'"):
        load_texts({"a.yaml": "name: News\nfields: {name: str}"})
    entity = load_texts({"a.yaml": "name: News\nplural: news_list\nfields: {name: str}"}).entities[
        0
    ]
    assert entity.path == "/news-list"


@pytest.mark.parametrize(
    "plural",
    [
        *("con", "prn", "aux", "nul"),
        *(f"{port}{number}" for port in ("com", "lpt") for number in range(10)),
    ],
)
def test_plurals_that_windows_cannot_have_as_folders(plural: str) -> None:
    schema = load_texts({"a.yaml": f"name: Hero\nplural: {plural}\nfields: {{name: str}}"})
    tree = render(schema)
    assert f"app/{plural}_/models.py" in tree
    assert not any(plural in path.split("/") for path in tree)
    assert f'prefix="/{plural}", tags=["{plural}"]' in tree[f"app/{plural}_/routes.py"]
