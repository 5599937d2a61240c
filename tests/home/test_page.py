"""The home page: what it shows, and that no text of a spec becomes markup."""

from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

import crudgen
from crudgen.home import Link, Status, home_page
from crudgen.home.page import MAX_DRAWN
from crudgen.language.schema import Schema

SHOP = Path(__file__).parents[1] / "specs" / "shop" / "entities"
HOSTILE = "</title></pre><script>alert(1)</script>\" onload='x' {{ 7 * 7 }} &amp; \u202e"
DOCS = Link("Docs", "docs", "try the operations")
FINE = Status("The tables are those of the served spec.")


class Page(HTMLParser):
    """The tags, attributes and texts of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.links: list[str] = []
        self.attributes: set[str] = set()
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.links += [value or "" for name, value in attrs if name in {"href", "src"}]

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.fixture(scope="module")
def shop() -> Schema:
    return crudgen.load(SHOP)


def test_the_page_shows_entities_links_and_the_status(shop: Schema) -> None:
    html = home_page(shop, "sqlite:///app.db", [DOCS], [FINE])
    page = Page(html)
    for entity in shop.entities:
        assert f"<b>{entity.name}</b>" in html
        assert f"{entity.path}/" in page.text
        assert f"{str(entity.path)[1:]}/" in page.links
        assert {str(field.name) for field in entity.fields} <= {*page.text.split()}
    assert "A tree. A category with children or products cannot be deleted." in page.text
    assert "12 entities, 19 relations, on sqlite:///app.db" in page.text
    assert "shipping_address: Address" in page.text
    assert "wished_by: Customer[]" in page.text
    assert "delete many" in page.text
    assert FINE.text in page.text
    assert page.links[:2] == ["data:,", "docs"]


def test_the_page_loads_nothing_and_runs_nothing(shop: Schema) -> None:
    page = Page(home_page(shop, "sqlite:///app.db", [DOCS], [FINE]))
    assert not {"script", "img", "iframe", "object", "form", "base"} & page.tags
    assert not [name for name in page.attributes if name.startswith("on") or name == "style"]
    assert not [link for link in page.links if ":" in link and link != "data:,"]
    assert not [link for link in page.links if link.startswith("/")]


def test_all_texts_are_escaped(shop: Schema) -> None:
    entities = tuple(replace(one, doc=HOSTILE) for one in shop.entities)
    hostile = replace(shop, title=HOSTILE, version=HOSTILE, entities=entities)
    status = Status(HOSTILE, is_fine=False, details=HOSTILE)
    html = home_page(hostile, HOSTILE, [Link(HOSTILE, "docs", HOSTILE)], [status])
    page, usual = Page(html), Page(home_page(shop, "", [DOCS], [status]))
    assert page.tags == usual.tags | {"small"}
    assert "<script" not in html
    assert page.attributes == usual.attributes
    assert page.text.count("<script>alert(1)</script>") == 9 + len(entities)


def test_a_large_spec_has_no_diagram(shop: Schema) -> None:
    one = shop.entities[0]
    many = replace(shop, entities=(one,) * (MAX_DRAWN + 1))
    page = Page(home_page(many, "", [], []))
    assert "svg" not in page.tags
    assert "crudgen diagram Hero Team" in page.text


def test_a_list_that_cannot_be_read_is_no_link(shop: Schema) -> None:
    one = shop.entities[0]
    api = replace(one.api, operations=one.api.operations[:1])
    page = Page(home_page(replace(shop, entities=(replace(one, api=api),)), "", [], []))
    assert page.links == ["data:,"]
    assert "1 entity, " in page.text
