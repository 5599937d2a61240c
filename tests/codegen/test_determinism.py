"""The same spec gives the same bytes, whatever the process, the order of files or of keys."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path
from random import Random
from typing import Any

import pytest
import yaml

from crudgen.codegen import render
from crudgen.language import load, load_texts
from tests.support.random_specs import Dice, accepted, written

pytestmark = pytest.mark.long

HASH = """
import hashlib, sys
from pathlib import Path
from crudgen.codegen import render
from crudgen.language import load
tree = render(load(Path(sys.argv[1])))
print(hashlib.sha256(repr(list(tree.items())).encode()).hexdigest())
"""


def test_no_difference_between_processes(root: Path) -> None:
    spec = root / "tests/specs/zoo/entities"
    digests = {
        subprocess.run(
            [sys.executable, "-c", HASH, str(spec)],
            env=os.environ | {"PYTHONHASHSEED": seed, "TZ": zone, "LC_ALL": "C"},
            cwd=place,
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        for seed, zone, place in (("0", "UTC", "/"), ("1", "Asia/Tokyo", root), ("77", "UTC", "/"))
    }
    tree = render(load(spec))
    assert digests == {hashlib.sha256(repr(list(tree.items())).encode()).hexdigest()}


def shuffled(random: Random, value: dict[str, Any]) -> dict[str, Any]:
    """Give the keys another order; the order of the fields is the author's."""
    keys = list(value)
    random.shuffle(keys)
    return {key: value[key] for key in keys}


def reordered(random: Random, entity: dict[str, Any]) -> dict[str, Any]:
    fields = {
        name: shuffled(random, field) if isinstance(field, dict) else field
        for name, field in entity["fields"].items()
    }
    api = shuffled(random, entity["api"]) if "api" in entity else {}
    return shuffled(random, entity | {"fields": fields} | ({"api": api} if api else {}))


@pytest.mark.parametrize("seed", range(20))
def test_the_order_of_keys_is_nothing(seed: int) -> None:
    random = Random(seed)  # noqa: S311 - the same at every run
    entity = next(e for e in iter(lambda: Dice(random).entity(10), None) if accepted(e))
    usual = render(load_texts({"a.yaml": written(entity)}))
    for _ in range(5):
        assert render(load_texts({"a.yaml": written(reordered(random, entity))})) == usual


def test_the_order_and_the_names_of_files_are_nothing(root: Path) -> None:
    folder = root / "tests/specs/zoo/entities"
    texts = {file.name: file.read_text("utf-8") for file in sorted(folder.glob("*.yaml"))}
    usual = render(load_texts(texts))
    random = Random(1)  # noqa: S311 - the same at every run
    for _ in range(10):
        assert render(load_texts(shuffled(random, texts))) == usual
    renamed = {f"{9 - index}.yaml": text for index, text in enumerate(texts.values())}
    assert render(load_texts(renamed)) == usual


def test_the_order_of_the_fields_is_kept(root: Path) -> None:
    text = (root / "entities/hero.yaml").read_text("utf-8")
    spec = yaml.safe_load(text)
    fields = dict(reversed(spec["fields"].items()))
    other = load_texts({"hero.yaml": yaml.safe_dump(spec | {"fields": fields}, sort_keys=False)})
    assert [str(field.name) for field in other.entities[0].fields] == ["id", *fields]
    assert render(other) != render(load_texts({"hero.yaml": text}))


def test_former_names_change_no_byte() -> None:
    """They are for plans alone."""
    plain = {
        "hero.yaml": """
name: Hero
fields:
  title: str
  mood: {type: enum, values: [calm, furious]}
  team_code: -> Team?
links: {powers: {to: Power}}
""",
        "team.yaml": "name: Team\nfields: {code: str pk, name: str}",
        "power.yaml": "name: Power\nfields: {name: str}",
    }
    renamed = {
        "hero.yaml": """
name: Hero
was: [Person, people]
fields:
  title: str was(name, label)
  mood: {type: enum, values: [calm, furious], renamed: {angry: furious}, was: Temper}
  team_code: -> Team? was(squad_id)
links: {powers: {to: Power, was: skills}}
""",
        "team.yaml": "name: Team\nwas: squad\nfields: {code: str pk was(key), name: str}",
        "power.yaml": "name: Power\nwas: Skill\nfields: {name: str}",
    }
    assert {*render(load_texts(renamed)).items()} == {*render(load_texts(plain)).items()}
