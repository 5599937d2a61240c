"""Text becomes code in one place, and templates decide nothing."""

import ast
import math
from datetime import UTC, date, datetime, time
from decimal import Decimal
from pathlib import Path
from uuid import UUID

import jinja2
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jinja2 import nodes

import crudgen.codegen
from crudgen.codegen.code import (
    Code,
    attribute_name,
    class_name,
    docstring,
    from_import,
    identifier,
    join,
    json_name,
    literal,
    name,
    raw,
    words,
)
from crudgen.codegen.layout import Bracket, nested_literal, statement, typed_declaration
from crudgen.codegen.render import _jinja_environment
from crudgen.language.names import AttributeName, ClassName, ModuleName
from crudgen.language.schema import Value

FOLDER = Path(crudgen.codegen.__file__).parent
MODULES = sorted(FOLDER.rglob("*.py"))
TEMPLATES = sorted(FOLDER.glob("templates/*.jinja"))
BRACKET = Bracket("[", (raw("x"),), "]")


def calls(file: Path, *names: str) -> list[ast.Call]:
    return [
        node
        for node in ast.walk(ast.parse(file.read_text("utf-8")))
        if isinstance(node, ast.Call)
        and getattr(node.func, "id", getattr(node.func, "attr", "")) in names
    ]


@pytest.mark.parametrize("file", MODULES, ids=lambda file: file.name)
def test_code_is_made_in_two_modules(file: Path) -> None:
    if file.name not in {"code.py", "layout.py"}:
        assert not calls(file, "Code")
    for call in calls(file, "raw"):
        assert len(call.args) == 1
        assert isinstance(call.args[0], ast.Constant), ast.unparse(call)


@pytest.mark.parametrize("file", MODULES, ids=lambda file: file.name)
def test_brackets_begin_and_end_with_constants(file: Path) -> None:
    for call in calls(file, "Bracket") if file.name != "layout.py" else []:
        head, _, tail = call.args
        assert isinstance(head, ast.Constant), ast.unparse(call)
        assert isinstance(tail, ast.Constant), ast.unparse(call)


@pytest.mark.parametrize("file", MODULES, ids=lambda file: file.name)
def test_nothing_else_evaluates_or_marks_text(file: Path) -> None:
    assert not calls(file, "eval", "exec", "Markup", "cast", "from_string")
    if file.name != "layout.py":  # its brackets are strings
        assert not calls(file, "__new__")


@pytest.mark.parametrize("file", TEMPLATES, ids=lambda file: file.name)
def test_templates_only_place(file: Path) -> None:
    tree = jinja2.Environment(autoescape=True).parse(file.read_text("utf-8"))
    allowed = (nodes.Output, nodes.TemplateData, nodes.Name, nodes.For, nodes.If, nodes.Getattr)
    for node in tree.find_all(nodes.Node):
        assert isinstance(node, allowed), f"{type(node).__name__} in line {node.lineno}"
        if isinstance(node, nodes.If):
            assert isinstance(node.test, nodes.Name | nodes.Getattr)
            assert not node.elif_
        if isinstance(node, nodes.For):
            assert isinstance(node.iter, nodes.Name)
            assert isinstance(node.target, nodes.Name)
            assert node.test is None
        if isinstance(node, nodes.Getattr):
            assert isinstance(node.node, nodes.Name | nodes.Getattr)


@pytest.mark.parametrize("value", ["text", 1, None, True, AttributeName("a"), b"x", BRACKET])
def test_only_code_is_printed(value: object) -> None:
    template = _jinja_environment().from_string("{{ value }}")
    with pytest.raises(TypeError, match="only Code"):
        template.render(value=value)
    assert template.render(value=raw("x")) == "x"


def test_a_name_that_a_template_misspells_is_an_error() -> None:
    with pytest.raises(jinja2.UndefinedError):
        _jinja_environment().from_string("{{ value }}").render()
    with pytest.raises(jinja2.UndefinedError):
        _jinja_environment().from_string("{% if value %}{% endif %}").render()


@pytest.mark.parametrize("text", ["a b", "a\n", "1a", "", "a-b", "a.", "é", "a;b", "...a", "a..b"])
def test_identifiers(text: str) -> None:
    with pytest.raises(ValueError, match="identifier"):
        identifier(text)


def test_names_are_checked() -> None:
    assert identifier("..kit.database") == "..kit.database"
    assert name(AttributeName("hero"), prefix="read_", suffix="_id") == "read_hero_id"
    assert words(ModuleName("blog_post")) == "blog post"
    with pytest.raises(ValueError, match="identifier"):
        name(AttributeName("hero"), suffix="; x")
    assert class_name(ClassName("Hero")) == '"Hero"'
    for function in (name, words, attribute_name, class_name, json_name):
        with pytest.raises(TypeError, match="checked name"):
            function("hero")  # type: ignore[arg-type]


def test_code_is_only_joined_to_code() -> None:
    assert isinstance(raw("a") + raw("b"), Code)
    with pytest.raises(TypeError, match="only Code"):
        raw("a") + "b"
    with pytest.raises(TypeError, match="only Code"):
        join(raw(", "), [raw("a"), "b"])  # type: ignore[list-item]
    assert from_import(raw("a"), [raw("b"), raw("c")]) == "from a import b, c"
    with pytest.raises(TypeError, match="only Code"):
        from_import(raw("a"), [raw("b"), "c"])  # type: ignore[list-item]


@pytest.mark.parametrize("text", ["b", AttributeName("b")])
def test_only_code_is_laid_out(text: str) -> None:
    assert Bracket("(", (raw("a"), BRACKET), ")") == "(a, [x])"
    with pytest.raises(TypeError, match="only Code"):
        Bracket("(", (raw("a"), text), ")")  # type: ignore[arg-type]
    for kind, value in ((text, None), (raw("a"), text)):
        with pytest.raises(TypeError, match="only Code"):
            typed_declaration(AttributeName("a"), kind, value)  # type: ignore[arg-type]


VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(st.characters()),
    st.text("aZ0_ ./:-'\"\\{\n"),
    st.binary(),
    st.decimals(allow_nan=False, allow_infinity=False),
    st.uuids(),
    st.dates(),
    st.times(),
    st.datetimes(timezones=st.just(UTC)),
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(-1e300, 1e300) | st.text(st.characters()),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters()), inner),
)
KINDS = {kind.__name__: kind for kind in (Decimal, UUID, date, time, datetime)}


@given(VALUES)
def test_a_literal_evaluates_to_its_value(value: Value) -> None:
    source = literal(value)
    assert len(source.splitlines()) == 1
    found = eval(source, {"__builtins__": {}, **KINDS})  # noqa: S307 - that is the promise
    assert found == value
    assert type(found) is type(value)
    assert str(found) == str(value)


@given(JSON, st.integers(0, 90))
def test_a_structure_evaluates_to_its_value(value: Value, indent: int) -> None:
    source = statement(raw("x = "), nested_literal(value), indent)
    assert ast.literal_eval(source.removeprefix("x = ")) == value


@given(st.text(st.characters()), st.integers(0, 8))
def test_a_docstring_is_one_expression(text: str, indent: int) -> None:
    tree = ast.parse(docstring(text, indent))
    (expression,) = tree.body
    assert isinstance(expression, ast.Expr)
    assert isinstance(expression.value, ast.Constant)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_number_without_a_literal_is_refused(value: float) -> None:
    with pytest.raises(ValueError, match="cannot be written as a literal"):
        literal(value)


@pytest.mark.parametrize("value", [object(), (1,), {1}, 1j, [1], {"a": 1}])
def test_a_type_without_a_literal_is_refused(value: Value) -> None:
    with pytest.raises(TypeError, match="cannot be written as a literal"):
        literal(value)
