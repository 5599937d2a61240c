"""What a diagram shows, and its text as Mermaid and as SVG."""

import os
from dataclasses import replace
from pathlib import Path
from textwrap import dedent
from xml.etree import ElementTree as ET

import pytest

import crudgen
from crudgen.diagram import Diagram, as_mermaid, as_svg, diagram_of
from crudgen.language.names import ClassName

SHOP = Path(__file__).parents[1] / "specs" / "shop" / "entities"
GOLDEN = Path(__file__).parents[1] / "cases" / "diagram" / "shop.mmd"
SVG = "{http://www.w3.org/2000/svg}"
ENTITIES = """
    name: End
    fields:
      pk: str(1..9) pk
      next_pk: -> End? unique set_null inverse(before)
    links:
      others: {to: End, inverse: false}
      teams: {to: Team, via: Fan, inverse: end_fans}
    ---
    name: Team
    fields:
      lead_pk: {type: reference, to: End, inverse: false}
      secret_pk: {type: reference, to: End, write_only: true}
    ---
    name: Fan
    fields:
      end_pk: -> End cascade
      team_id: -> Team cascade
    unique: [[end_pk, team_id]]
    ---
    name: Alone
    fields:
      name: str
    """


@pytest.fixture
def diagram(tmp_path: Path) -> Diagram:
    for number, text in enumerate(dedent(ENTITIES).split("---\n")):
        (tmp_path / f"{number}.yaml").write_text(text.lstrip())
    return diagram_of(crudgen.load(tmp_path))


@pytest.fixture(scope="module")
def shop() -> Diagram:
    return diagram_of(crudgen.load(SHOP))


def texts(svg: str, kind: str) -> list[str]:
    """Return the texts of the elements of an SVG picture."""
    root = ET.fromstring(svg)  # noqa: S314 -- made here
    return [element.text or "" for element in root.iter(f"{SVG}{kind}")]


def test_lines_have_names_and_cardinalities(diagram: Diagram) -> None:
    shown = {
        f"{line.near.box} {line.name} {line.far.box}": (
            f"{line.near.cardinality.value} to {line.far.cardinality.value}",
            line.via,
        )
        for line in diagram.lines
    }
    assert shown == {
        "End next / before End": ("zero or one to zero or one", None),
        "End others End": ("many to many", None),
        "End teams / end_fans Team": ("many to many", "Fan"),
        "Fan end / fans End": ("many to one", None),
        "Fan team / fans Team": ("many to one", None),
        "Team lead End": ("many to one", None),
        "Team secret_pk End": ("many to one", None),
    }


def test_rows_have_marks_and_types(diagram: Diagram) -> None:
    boxes = {str(box.name): box for box in diagram.boxes}
    rows = {str(row.name): (row.type_text, row.marks) for row in boxes["End"].rows}
    assert rows == {
        "pk": ("str", ("PK",)),
        "next_pk": ("-> End?", ("FK", "UK")),
        "others": ("End[]", ()),
        "teams": ("Team[] via Fan", ()),
        "before": ("End?", ()),
        "fans": ("Fan[]", ()),
    }
    assert [row.type_text for row in boxes["Alone"].rows] == ["int", "str"]


def test_names_select_entities_and_the_lines_between_them(shop: Diagram) -> None:
    schema = crudgen.load(SHOP)
    some = diagram_of(schema, [ClassName("Tag"), ClassName("Product")])
    assert [box.name for box in some.boxes] == ["Product", "Tag"]
    assert [line.name for line in some.lines] == ["tags / products"]
    assert diagram_of(schema, ()).boxes == ()
    assert diagram_of(schema) == shop


def test_mermaid_of_the_shop(shop: Diagram) -> None:
    text = as_mermaid(shop)
    if os.environ.get("ACCEPT"):
        GOLDEN.write_text(text)
    assert text == GOLDEN.read_text()


def test_mermaid_quotes_names_that_are_keywords(diagram: Diagram) -> None:
    text = as_mermaid(diagram)
    assert '    "End" {\n        str `pk` PK\n' in text
    assert '        str next_pk FK, UK "optional"\n' in text
    assert '    "End" }o..o{ "Team" : "teams / end_fans via Fan"\n' in text
    assert '    "End" |o--o| "End" : "next / before"\n' in text
    assert '    "Team" }o--|| "End" : "lead"\n' in text


@pytest.mark.parametrize("has_style", [True, False])
def test_svg_has_each_entity_field_and_relation(shop: Diagram, *, has_style: bool) -> None:
    svg = as_svg(shop, has_style=has_style)
    assert ("<style>" in svg) is has_style
    assert "<script" not in svg
    assert "style=" not in svg
    assert "href" not in svg
    shown, titles = texts(svg, "text"), texts(svg, "title")
    assert titles[0] == "crudgen API"
    for box in shop.boxes:
        assert f"{box.name}: {box.path}" in titles
        assert box.name in shown
        assert {str(row.name) for row in box.rows} <= {*shown}
    assert {title.partition(":")[0] for title in titles} >= {line.name for line in shop.lines}
    assert "wishes / wished_by: many Customer to many Product, via Wish" in titles
    assert "customer / profile: zero or one Profile to one Customer" in titles


def test_svg_escapes_the_title(shop: Diagram) -> None:
    title = "</title><script>alert(1)</script>&\x00\x0b\ufffe\u202e😀"
    svg = as_svg(replace(shop, title=title))
    assert "<script" not in svg
    assert texts(svg, "title")[0] == "</title><script>alert(1)</script>&���\u202e😀"


def test_svg_of_no_entity_is_empty() -> None:
    svg = as_svg(Diagram("empty", (), ()))
    assert texts(svg, "title") == ["empty"]


def test_a_box_shows_the_first_fields_and_all_references(tmp_path: Path) -> None:
    fields = "".join(f"  f{number}: int?\n" for number in range(30))
    (tmp_path / "hero.yaml").write_text(f"name: Hero\nfields:\n{fields}  boss_id: -> Hero?\n")
    found = diagram_of(crudgen.load(tmp_path))
    shown = texts(as_svg(found), "text")
    assert {"id", "f0", "f11", "boss_id", "… 18 more fields"} <= {*shown}
    assert "f12" not in shown
    assert "f29" in as_mermaid(found)


def test_equal_specs_give_equal_texts(shop: Diagram) -> None:
    again = diagram_of(crudgen.load(SHOP))
    assert as_svg(again) == as_svg(shop)
    assert as_mermaid(again) == as_mermaid(shop)
