"""Mermaid's own parser accepts the text of `crudgen diagram`, with its keywords as names."""

import subprocess
from pathlib import Path

import pytest

import crudgen
from crudgen.diagram import as_mermaid, diagram_of
from tests.external.programs import find_program

pytestmark = pytest.mark.external
PACKAGE = Path(__file__).parent / "mermaid"
SPECS = Path(__file__).parents[1] / "specs"
CLASSES = "Class End ErDiagram Many One Only Optionally Style Subgraph To Title U Zero Direction"
FIELDS = "pk fk uk str one to end many direction acctitle accdescr style erdiagram"


def parse(text: str) -> None:
    command = [find_program("node"), str(PACKAGE / "parse.mjs")]
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "er\n"), done.stderr + text


@pytest.mark.parametrize("spec", ["company", "guild", "shop", "teams", "zoo"])
def test_specs_are_parsed(spec: str) -> None:
    parse(as_mermaid(diagram_of(crudgen.load(SPECS / spec / "entities"))))


def test_keywords_are_parsed(tmp_path: Path) -> None:
    fields = "".join(f"  {name}: int?\n" for name in FIELDS.split())
    for number, name in enumerate(CLASSES.split()):
        more = f"  other_id: {{type: reference, to: {name}, optional: true, inverse: x{number}}}\n"
        (tmp_path / f"e{number}.yaml").write_text(
            f"name: {name}\nplural: e{number}s\nfields:\n{fields}{more}"
        )
    parse(as_mermaid(diagram_of(crudgen.load(tmp_path))))


def test_a_wrong_text_is_rejected() -> None:
    with pytest.raises(AssertionError):
        parse("erDiagram\n    Hero }o--o{ : \n")
