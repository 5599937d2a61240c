from pathlib import Path

import pytest

from crudgen.errors import SpecError
from crudgen.language import load_texts
from crudgen.language.patterns import anchored, matches
from crudgen.language.resolve.values import value_problem
from crudgen.language.schema import Field

SPECS = Path(__file__).parent.parent / "cases" / "specs"


def field(form: str) -> Field:
    text = f"name: Hero\nfields:\n  other: str\n  a: {form}\n"
    return load_texts({"a.yaml": text}).entities[0].fields[-1]


FORMS = [
    *(
        "str",
        "str(..1)",
        "str(200..255)",
        "text(1..2)",
        "int",
        "int(7..7)",
        "int(..-5)",
        "int(5..6)",
    ),
    *(
        "int(9223372036854775807..)",
        "float",
        "float(0.1..0.2)",
        "float(..-1e300)",
        "float(1e300..)",
    ),
    *("decimal(1,1)", "decimal(18,0)", "decimal(3,3) = 0.999", "bool", "date", "time", "datetime?"),
    *(
        "uuid",
        "enum(a, b)",
        "email",
        "email(..6)",
        "url",
        "url(..14)",
        "json",
        "bytes",
        "bytes(..1)",
    ),
    "{type: decimal, precision: 4, scale: 2, min: 99.98}",
    "{type: decimal, precision: 4, scale: 2, max: -0.01}",
]
ONE_VALUE = ("int(7..7)", "int(9223372036854775807..)")
PATTERNS = [
    *(
        "[a-z]+",
        "[A-Z]{3}-\\d{4}",
        "(red|green|blue)",
        "\\w+@\\w+",
        "[^/]+",
        ".*",
        "a?b*c+",
        "^x.y$",
    ),
    *(
        "#[0-9a-f]{6}",
        "\\+?[1-9]\\d{6,14}",
        "(?i)abc",
        "[\\s\\S]{3}",
        "[à-ü]{2}",
        "\\D\\W?\\S",
        "(a|b|)c",
    ),
    *(
        "\\d{5}(-\\d{4})?",
        "[a-z][a-z0-9_-]{2,30}",
        "(?:[0-9a-f]{2}:){5}[0-9a-f]{2}",
        "[^a-zA-Z0-9 ]",
    ),
]


@pytest.mark.parametrize("form", FORMS)
def test_samples_are_valid(form: str) -> None:
    found = field(form)
    assert all(value_problem(found, value) is None for value in found.samples)


@pytest.mark.parametrize("form", [form for form in FORMS if form not in ONE_VALUE])
def test_samples_differ_where_the_type_has_two(form: str) -> None:
    first, second = field(form).samples
    assert first != second


@pytest.mark.parametrize("pattern", PATTERNS)
def test_samples_match_the_pattern(pattern: str) -> None:
    found = field(f"{{type: str, pattern: '{pattern}'}}")
    assert all(isinstance(v, str) and matches(pattern, v) for v in found.samples)


def test_samples_have_the_length_of_a_patterned_text() -> None:
    found = field("{type: str, pattern: '[a-z]+', min: 30, max: 40}")
    assert all(30 <= len(str(value)) <= 40 for value in found.samples)


def test_the_example_is_the_first_sample() -> None:
    assert field("{type: int, example: 42}").samples[0] == 42
    assert field("{type: str, pattern: '\\p{Greek}+', example: αβγ}").samples == ("αβγ", "αβγ")


def test_text_keys_are_one_part_of_a_url() -> None:
    def key(pattern: str) -> Field:
        text = (
            f"name: Hero\nfields:\n  key: {{type: str, pk: true, pattern: '{pattern}'}}\n  a: str\n"
        )
        return load_texts({"a.yaml": text}).entities[0].key

    assert all("/" not in str(v) and not str(v).startswith(".") for v in key("[./a]+").samples)
    with pytest.raises(SpecError, match="add a valid 'example'"):
        key("a/b")


def test_patterns_are_anchored_as_a_whole() -> None:
    assert anchored("a|b") == "^(?:a|b)$"
    assert not matches("a|b", "ab")
    assert not matches("a", "a\n")


@pytest.mark.parametrize("file", sorted(SPECS.glob("*.yaml")), ids=lambda file: file.stem)
def test_samples_of_whole_specs_are_valid(file: Path) -> None:
    for entity in load_texts({file.name: file.read_text(encoding="utf-8")}).entities:
        for found in entity.fields:
            assert all(value_problem(found, value) is None for value in found.samples)
