"""The documentation is true: its parts are current, its examples work, its links lead somewhere.

`ACCEPT=1 pytest tests/docs` writes the generated parts and the diagnostics anew.
"""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from typer.main import get_command

from crudgen import cli
from crudgen.errors import SpecError
from crudgen.language import load_texts
from crudgen.language.written.app import AppSpec
from crudgen.language.written.spec import EntitySpec
from tests.docs import pages, parts
from tests.docs.pages import GENERATED, PAGES, Block

ROOT = pages.ROOT
COMMANDS = get_command(cli.app).commands  # type: ignore[attr-defined]
NEWCOMERS = ("pip install -e . && crudgen serve", "pip install -e '.[test]' && python -m pytest")
LONG = 'python -m pytest -m "long and not external"'
EXTERNAL = "python -m pytest -m external"


@pytest.mark.parametrize("page", PAGES)
def test_generated_parts_are_current(page: str) -> None:
    text = pages.read(page)
    current = GENERATED.sub(
        lambda found: (
            f"{found['open']}{parts.part(found['name'], found['argument'] or '')}{found['close']}"
        ),
        text,
    )
    if os.environ.get("ACCEPT"):
        (ROOT / page).write_text(current, "utf-8")
        text = current
    assert text == current, f"ACCEPT=1 python -m pytest tests/docs brings {page} up to date"


def test_every_marker_opens_a_part_that_exists_and_closes() -> None:
    for page in PAGES:
        text = pages.read(page)
        found = [match["name"] for match in GENERATED.finditer(text)]
        assert len(found) == text.count("<!-- generated:") == text.count("<!-- /generated -->")
        assert set(found) <= set(parts.PARTS)


_AUTH = "auth: {roles: [editor, hr], me: {id: int = sub, org: str?}}"


def texts(block: Block) -> tuple[dict[str, str], str | None]:
    """Return what a YAML example is: an entity, a crudgen.yaml, or fields of an entity."""
    said = yaml.safe_load(block.text)
    name = "entities/hero.yaml"
    if "fields" in said and said.keys() <= EntitySpec.model_fields.keys():
        others = {*re.findall("(?:->|powers:) ([A-Z]\\w*)", block.text)} - {said["name"]}
        targets = {f"{other}.yaml": f"name: {other}\nfields: {{name: str}}\n" for other in others}
        if "access" not in said:
            return {name: block.text, **targets}, None
        targets = {name: f"{text}access: anyone\n" for name, text in targets.items()}
        return {name: block.text, **targets}, _AUTH
    hero = "name: Hero\nfields:\n  name: str\n"
    if said.keys() <= AppSpec.model_fields.keys():
        return {name: f"{hero}access: anyone\n" if "auth" in said else hero}, block.text
    fields = "".join(f"  {line}\n" for line in block.text.splitlines())
    return {name: f"name: Example\nfields:\n{fields}"}, None


@pytest.mark.parametrize("block", pages.blocks("yaml", mark=""), ids=str)
def test_yaml_examples_load(block: Block) -> None:
    entities, app = texts(block)
    assert load_texts(entities, app).entities


@pytest.mark.parametrize("block", pages.blocks("yaml", mark="wrong"), ids=str)
def test_wrong_yaml_examples_say_what_is_shown(block: Block) -> None:
    with pytest.raises(SpecError) as caught:
        load_texts({"entities/hero.yaml": block.text})
    found = f"{caught.value}\n"
    if os.environ.get("ACCEPT"):
        page = pages.read(block.page)
        assert page.count(block.following) == 1
        (ROOT / block.page).write_text(page.replace(block.following, found), "utf-8")
    else:
        assert found == block.following


@pytest.mark.parametrize("block", pages.blocks("python"), ids=str)
def test_python_examples_compile(block: Block) -> None:
    compile(block.text, str(block), "exec")


@pytest.mark.parametrize("block", pages.blocks("python", mark="runs"), ids=str)
def test_python_examples_run(block: Block, tmp_path: Path) -> None:
    shutil.copytree(ROOT / "entities", tmp_path / "entities")
    run(tmp_path, block.text)


USE = """
import asyncio

import httpx


async def use(prefix: str) -> None:
    client = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test")
    async with app.router.lifespan_context(app), client:
        sent = {"name": "Deadpond", "secret_name": "Dive Wilson"}
        made = await client.post(f"{prefix}/heroes", json=sent)
        assert made.headers["location"] == f"{prefix}/heroes/1", made.text
        assert (await client.get(made.headers["location"])).json() == made.json()
        assert (await client.get(f"{prefix}/heroes/?nope=1")).status_code == 422
"""


def example_with(text: str) -> str:
    return next(block.text for block in pages.blocks("python") if text in block.text)


def run(folder: Path, program: str) -> None:
    (folder / "use.py").write_text(program, "utf-8")
    subprocess.run([sys.executable, "-W", "error", "use.py"], cwd=folder, check=True)


def test_the_routers_answer_in_an_application_that_exists(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "entities", tmp_path / "entities")
    example = example_with("in api.ROUTERS")
    run(tmp_path, f"{example}\n{USE}\nasyncio.run(use('/crud'))\n")


def test_commands_in_the_text_exist() -> None:
    for page in PAGES:
        for code in pages.inline_code(page):
            if code.startswith("crudgen ") and code.split()[1].islower():
                check_command(code.replace(" --host", "") if code.endswith(" --host") else code)


def check_command(command: str) -> None:
    _, *arguments = shlex.split(command)
    if arguments not in (["--version"], ["--help"]):
        name, *rest = arguments
        assert name in COMMANDS, command
        # `crudgen new` in running text names the command and leaves its arguments out.
        COMMANDS[name].make_context(name, rest, resilient_parsing=not rest)


def test_every_command_is_documented() -> None:
    text = pages.read("docs/reference/command-line.md")
    documented = re.findall(r"^## crudgen (\S+)$", text, re.MULTILINE)
    assert documented == list(COMMANDS)
    for name in COMMANDS:
        assert f"<!-- generated: options {name} -->" in text


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page: str) -> None:
    for target in pages.links(page):
        path, _, anchor = target.partition("#")
        file = (ROOT / page).parent / path if path else ROOT / page
        assert file.exists(), target
        if anchor:
            assert anchor in pages.anchors(file.resolve().relative_to(ROOT).as_posix()), target


def test_every_page_is_in_the_index() -> None:
    linked = {f"docs/{target}" for target in pages.links("docs/index.md")}
    expected = {page for page in PAGES if page.startswith("docs/")} - {"docs/index.md"}
    assert expected == {page for page in linked if not page.startswith("docs/..")}
    top = {"docs/index.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md"}
    assert top <= set(pages.links("README.md"))


def test_newcomers_have_exactly_two_commands() -> None:
    found = [block.text.strip() for block in pages.blocks("bash") if block.page == "README.md"]
    assert tuple(found) == NEWCOMERS
    script = (ROOT / ".ci" / "run").read_text("utf-8").splitlines()
    assert script[-3:] == [
        f"{NEWCOMERS[1]} || exit",
        LONG,
        f"pip install -e '.[external]' && {EXTERNAL}",
    ]
    for command in (LONG, EXTERNAL):
        assert f"`{command}`" in pages.read("CONTRIBUTING.md")
    assert len(script) < 25


def test_contributors_have_exactly_three_commands() -> None:
    block = next(block for block in pages.blocks("bash") if block.page == "CONTRIBUTING.md")
    assert len(list(pages.commands(block))) == 3


def test_the_changelog_begins_with_the_version_of_the_project() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    first = re.search(r"^## \[(.+?)\] - \d{4}-\d\d-\d\d$", pages.read("CHANGELOG.md"), re.MULTILINE)
    assert first
    assert first[1] == project["version"]
    assert f"Version {project['version']}." in pages.read("README.md")


def test_the_versions_of_python_are_those_that_are_tested() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    classifier = re.compile(r"Programming Language :: Python :: (3\.\d+)")
    versions = [found[1] for one in project["classifiers"] if (found := classifier.fullmatch(one))]
    assert project["requires-python"] == f">={versions[0]}"
    listed = f"{', '.join(versions[:-1])} and {versions[-1]}"
    assert f"The quick tests pass on Python {listed}," in pages.read("CONTRIBUTING.md")


def test_no_page_names_a_place_of_one_machine() -> None:
    for page in PAGES:
        assert not re.search(r"/(?:home|root|tmp|work|Users)/", pages.read(page)), page


def test_the_problem_matcher_of_vs_code_finds_each_diagnostic() -> None:
    blocks = pages.all_blocks("docs/how-to/editors.md")
    [text] = [block.text for block in blocks if block.language == "json"]
    pattern = json.loads(text)["tasks"][0]["problemMatcher"]["pattern"]
    broken = "name: Hero\nfields:\n  name: strng\n  age: int indx\n"
    with pytest.raises(SpecError) as caught:
        load_texts({"entities/hero.yaml": broken}, "titel: x\n")
    parts = [pattern[key] for key in ("file", "line", "column", "message")]
    found = [
        match.group(*parts)
        for line in str(caught.value).splitlines()
        if (match := re.search(pattern["regexp"], line))
    ]
    assert found == [
        (said.file, str(said.line), str(said.column), said.problem)
        for said in caught.value.diagnostics
    ]
