from decimal import Decimal
from typing import Any

import pytest

from crudgen.errors import SpecError
from crudgen.language.yaml.document import MAX_BYTES, parse
from crudgen.language.yaml.nodes import node_value


def read(text: str | bytes) -> Any:
    return node_value(parse("a.yaml", text))


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        *((word, word) for word in ("no", "on", "Off", "y", "True", "NULL", "1:30", "012", "+5")),
        *(
            (word, word)
            for word in ("0x1F", "0o17", ".inf", ".nan", "1_000", "2024-01-01", "=", "1.")
        ),
        ("true", True),
        ("false", False),
        ("null", None),
        ("~", None),
        ("", None),
        ("0", 0),
        ("-12", -12),
        ("1.10", Decimal("1.10")),
        ("-1e3", Decimal(-1000)),
        ("'5'", "5"),
        ('"true"', "true"),
        ("''", ""),
        ("|\n  a\n  b\n", "a\nb\n"),
        (">\n  a\n  b\n", "a b\n"),
        ("[a, 1, [~]]", ["a", 1, [None]]),
        ("{b: 1, c: {}}", {"b": 1, "c": {}}),
        ("a # comment", "a"),
    ],
)
def test_scalars(written: str, meant: object) -> None:
    found = read(f"a: {written}")["a"]
    assert found == meant
    assert type(found) is type(meant)


def test_digits_are_kept() -> None:
    assert str(read("a: 1.10")["a"]) == "1.10"


def test_places_count_characters() -> None:
    root = parse("a.yaml", "é: ü\n'x y':  [1, zwei]\n")
    first, second = root.entries
    assert (first.location.line, first.location.column, first.location.length) == (1, 1, 1)
    assert (first.value.location.line, first.value.location.column) == (1, 4)
    assert (second.location.line, second.location.column, second.location.length) == (2, 1, 5)
    assert second.value.items[1].location.column == 13  # type: ignore[union-attr]
    assert second.location.source == "'x y':  [1, zwei]"


def test_a_byte_order_mark_is_skipped() -> None:
    assert read("\ufeffa: 1".encode()) == {"a": 1}
    with pytest.raises(SpecError, match=r"U\+FEFF"):
        read("a: \ufeff1")


def test_document_markers_are_harmless() -> None:
    assert read("---\na: 1\n...\n") == {"a": 1}


@pytest.mark.parametrize(
    "text",
    [
        *("a: &x 1", "a: *x", "a: {<<: {b: 1}}", "a: !env X", "a: !!str 5", "a: 1\n---\nb: 2"),
        *("%YAML 1.2\n---\na: 1", "a: 1\na: 2", "1: a", "true: a", "{a: 1}: b", "~: 1", "[]: 1"),
        *("a: '", "a: [", "a: {", "a: b: c", "\ta: 1", "a:\n\tb: 1", "a: @b", "a: `b", "a: %b"),
        *(
            "a: \x00",
            'a: "\\0"',
            'a: "\\x1b"',
            "a: \x85",
            "a: \u2029",
            "a: \ud800",
            'a: "\\ud800"',
            "a\rb: 1",
        ),
        *(
            "",
            "# only",
            "- a",
            "text",
            "5",
            "---",
            "...",
            "a: 1e999",
            "a: 1e-999",
            "a: " + "9" * 99,
        ),
        *("a: " + "[" * 33 + "]" * 33, "a: #b\n" + "# " + "x" * MAX_BYTES),
    ],
)
def test_everything_else_is_refused(text: str) -> None:
    with pytest.raises(SpecError) as caught:
        read(text)
    assert len(caught.value.diagnostics) == 1


def test_the_depth_that_is_allowed() -> None:
    assert read("a: " + "[" * 31 + "]" * 31)
    with pytest.raises(SpecError, match="nested more than 32 levels"):
        read("a: " + "[" * 32 + "]" * 32)


def test_bytes_that_are_not_utf8() -> None:
    with pytest.raises(SpecError, match=r"a.yaml:2:7: the file is not valid UTF-8"):
        read(b"a: 1\nb: caf\xe9\n")
