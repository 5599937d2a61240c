"""Text of a spec is data in every generated file, whatever it is."""

import ast
import base64
import builtins
import inspect
import os
import sys
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import PurePosixPath
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

from crudgen.codegen import render
from crudgen.codegen.manifest import FromTemplate, project_files
from crudgen.codegen.render import _render_file
from crudgen.delivery.memory import import_tree, unload
from crudgen.language import load_texts
from crudgen.language.names import (
    ClassName,
    ColumnName,
    FieldName,
    JsonName,
    ModuleName,
    Name,
    TableName,
    UrlPath,
)
from crudgen.language.schema import Schema
from tests.codegen.hostile import FRAGMENTS, SLOTS, TEXTS, as_bytes, schema_with

EXAMPLES = int(os.environ.get("EXAMPLES", "200"))
DOC = "A harmless entity."
HARMLESS = [*(f"harmless{index}" for index in range(SLOTS - 1)), DOC]
CHANGING = ("settings.py.jinja", "models.py.jinja", "routes.py.jinja", "test_entity.py.jinja")
MANY = settings(
    max_examples=EXAMPLES,
    deadline=None,
    database=None,
    phases=(Phase.explicit, Phase.generate, Phase.shrink),
    suppress_health_check=list(HealthCheck),
)


def rendered(schema: Schema) -> dict[str, str]:
    """Render the files that a text can change."""
    rows = [row for row in project_files(schema) if isinstance(row, FromTemplate)]
    files = [_render_file(row) for row in rows if row.template in CHANGING]
    return {file.path: file.text for file in files}


def dissect(text: str) -> tuple[list[object], list[Any]]:
    """Return the tree of a module without its constants, and the constants in their order."""
    skeleton: list[object] = []
    constants: list[Any] = []
    pending: list[Any] = [ast.parse(text)]
    while pending:
        node = pending.pop()
        skeleton.append(type(node))
        if isinstance(node, ast.Constant):
            skeleton.append(type(node.value))
            constants.append(node.value)
        elif isinstance(node, ast.AST):
            pending += [getattr(node, field) for field in node._fields]
        elif isinstance(node, list):
            skeleton.append(len(node))
            pending += node
        else:
            skeleton.append(node)
    return skeleton, constants


@cache
def harmless() -> dict[str, tuple[list[object], list[Any]]]:
    return {path: dissect(text) for path, text in rendered(schema_with(HARMLESS)).items()}


def lines(doc: str) -> str:
    """Return what a docstring keeps of a text: its words and its line breaks."""
    return "\n".join(" ".join(line.split()) for line in doc.strip().splitlines())


def expected(texts: list[str]) -> dict[Any, Any]:
    """Say what each constant for harmless text is for other text."""
    found: dict[Any, Any] = {}
    for old, new in zip(HARMLESS, texts, strict=True):
        found[old] = new
        found[f"^(?:{old})$"] = f"^(?:{new})$"
        found[as_bytes(old)] = as_bytes(new)
        found[base64.b64encode(as_bytes(old)).decode()] = base64.b64encode(as_bytes(new)).decode()
    return {(type(old), old): new for old, new in found.items()}


@pytest.mark.slow
@MANY
@given(st.lists(TEXTS, min_size=SLOTS, max_size=SLOTS))
@example(['"""'] * SLOTS)
@example(["\\"] * SLOTS)
@example(['"; import os #'] * SLOTS)
def test_text_stays_text(texts: list[str]) -> None:
    table = expected(texts)
    files = rendered(schema_with(texts))
    assert files.keys() == harmless().keys()
    for path, text in files.items():
        text.encode("utf-8")
        usual, before = harmless()[path]
        skeleton, after = dissect(text)
        assert skeleton == usual
        if path == "app/probes/models.py":
            position = before.index(DOC)
            assert inspect.cleandoc(after.pop(position)) == lines(texts[-1] or "-")
            before = [*before[:position], *before[position + 1 :]]
        if path == "app/probes/routes.py":
            before = [(texts[-1] or "-").strip() if one == DOC else one for one in before]
        assert after == [table.get((type(old), old), old) for old in before]


DATABASE_NAME = "harmless name"
NAMED = load_texts(
    {
        "probe.yaml": f"name: Probe\ntable: {DATABASE_NAME}\ndoc: {DOC}\nfields:\n"
        f"  title: str column({DATABASE_NAME}) index\n  number: int\nindex: [[title, number]]"
    }
)


def named(text: str) -> Schema:
    """Return the schema of an entity with a text as the name of its table and of a column."""
    (entity,) = NAMED.entities
    fields = tuple(
        replace(field, column=ColumnName(text)) if field.name == "title" else field
        for field in entity.fields
    )
    return replace(NAMED, entities=(replace(entity, fields=fields, table=TableName(text)),))


@pytest.mark.long
@pytest.mark.slow
@MANY
@given(TEXTS)
@example('"""')
@example('"; import os #')
@example("%(name)s")
def test_names_of_the_database_stay_text(text: str) -> None:
    try:
        schema = named(text)
    except ValueError:
        return
    for path, source in rendered(schema).items():
        usual, before = dissect(rendered(NAMED)[path])
        skeleton, after = dissect(source)
        assert skeleton == usual
        new = [one.replace(DATABASE_NAME, text) if isinstance(one, str) else one for one in before]
        assert after == new


NAMES = [ClassName, FieldName, JsonName, ModuleName, UrlPath]
"""Names that are printed as they are."""


@settings(MANY, max_examples=1000)
@given(TEXTS, st.sampled_from(NAMES))
def test_names_refuse_everything_that_is_no_name(text: str, kind: type[Name]) -> None:
    try:
        name = kind(text)
    except ValueError:
        return
    allowed = set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_/-")
    assert set(name) <= (allowed if kind is UrlPath else allowed - set("/-"))


@pytest.mark.parametrize(
    "text", ["../x", "/etc/x", "a/b", "a\\b", "a b", "", ".", "..", "a\n", "\uff41"]
)
def test_no_path_is_made_of_text(text: str) -> None:
    with pytest.raises(ValueError, match="has 1 to"):
        ModuleName(text)


def test_every_path_is_inside() -> None:
    tree, usual = render(schema_with(['"/../../x'] * SLOTS)), render(schema_with(HARMLESS))
    assert tree.keys() == usual.keys()
    changing = {path for path in tree if tree[path] != usual[path]}
    assert changing == {*rendered(schema_with(HARMLESS)), "pyproject.toml"}
    for path in map(PurePosixPath, tree):
        assert not path.is_absolute()
        assert path.parts[0] in {"app", "tests"} or len(path.parts) == 1
        assert ".." not in path.parts


class Guard:
    """Notes what code does that no generated module should do while it is imported."""

    FOREIGN = ("os.", "subprocess.", "socket.", "shutil.", "ctypes.")

    def __init__(self) -> None:
        self.on = False
        self.seen: list[str] = []
        sys.addaudithook(self)

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self.on:
            return
        writes = event == "open" and any(letter in str(arguments[1]) for letter in "wax+")
        if writes or (event.startswith(self.FOREIGN) and event not in {"os.listdir", "os.scandir"}):
            self.seen.append(f"{event} {arguments}")


@pytest.fixture(scope="module")
def guard() -> Guard:
    return Guard()


@pytest.fixture
def touched(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the list that a text adds to when it is executed."""
    found: list[str] = []
    monkeypatch.setattr(builtins, "crudgen_touched", found.append, raising=False)
    return found


PAYLOAD = "crudgen_touched('x')"
ESCAPES = (
    *("{}", "'+{}+'", '"+{}+"', '"""\n{}\n"""', "'''\n{}\n'''", "\\\n{}", "\n{}\n", '\\"+{}+\\"'),
    *("{{{{ {} }}}}", "{{% if {} %}}", "{{{}}}", ')\n{}\n("', "]\n{}\n[", "# \r{}", "\u2028{}"),
    *('""" + str({}) + """', "\\N{{{}}}", "', x={}, y='", '"); {} #', "\x00{}", "%({})s", "\f{}"),
)


def hostile_texts(random: Random) -> Iterator[str]:
    """Make texts that call a function wherever they are executed."""
    # pydantic takes no lone surrogate, and no spec can hold one.
    plain = [text for text in FRAGMENTS if not "\ud800" <= text <= "\udfff"]
    while True:
        around = "".join(random.choices(plain, k=random.randint(0, 4)))
        yield around + random.choice(ESCAPES).format(PAYLOAD) + random.choice(plain)


@pytest.mark.parametrize("seed", range(20))
def test_importing_runs_nothing_foreign(
    seed: int, guard: Guard, touched: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", True)  # it would be seen as a write
    source = hostile_texts(Random(seed))  # noqa: S311 - the same at every run
    texts = [next(source) for _ in range(SLOTS)]
    texts[0] = texts[7] = "[a-z]+"  # the patterns: most texts are none
    texts[2] = "sqlite://"
    tree = render(schema_with(texts))
    guard.seen.clear()
    guard.on = True
    try:
        package = import_tree({path: text for path, text in tree.items() if _needed(path)})
        settings_module = __import__(f"{package.__name__}.settings", fromlist=["Settings"])
        models = __import__(f"{package.__name__}.probes.models", fromlist=["Probe"])
    finally:
        guard.on = False
    assert settings_module.Settings.model_fields["api_title"].default == texts[0]
    assert settings_module.Settings.model_fields["api_version"].default == texts[1]
    assert inspect.getdoc(models.Probe) == lines(texts[11])
    assert models.ProbeBase.model_fields["title"].default == texts[3]
    assert models.ProbeBase.model_fields["title"].description == texts[5]
    assert models.ProbeBase.model_fields["mood"].default == texts[8]
    assert not touched
    assert not guard.seen
    unload(package)


def _needed(path: str) -> bool:
    """Leave out what no text is in: the kit is the same for all."""
    return path.startswith("app/")


def test_the_guard_sees_what_it_should(guard: Guard, touched: list[str], tmp_path: Any) -> None:
    guard.seen.clear()
    guard.on = True
    try:
        import_tree({"app/__init__.py": f"open({str(tmp_path / 'x')!r}, 'w').close()\n{PAYLOAD}\n"})
    finally:
        guard.on = False
    assert touched == ["x"]
    assert any(event.startswith("open") for event in guard.seen)
