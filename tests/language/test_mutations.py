"""Mutations of valid specs are loaded or answered with diagnostics, never with another error.

`MUTATIONS=3000 python -m pytest tests/language/test_mutations.py` is the extended run.
"""

import contextlib
import os
import random
import re
from pathlib import Path

import pytest

from crudgen.errors import SpecError
from crudgen.language import Schema, explain, load, load_texts
from tests.support.random_graphs import random_texts

pytestmark = pytest.mark.long

MUTATIONS = int(os.environ.get("MUTATIONS", "300"))
"""For each of 8 seeds."""
CASES = Path(__file__).parent.parent / "cases"
SPECS = [file.read_text(encoding="utf-8") for file in sorted((CASES / "specs").glob("*.yaml"))]
RELATED = {
    file.name: file.read_text(encoding="utf-8")
    for file in sorted((CASES / "relations").glob("*.yaml"))
}
"""A spec of several entities, whose relations have all options."""
GRAPHS = [RELATED, *(random_texts(seed).texts for seed in range(8))]
PIECES = (
    *(
        "[",
        "]",
        "{",
        "}",
        ":",
        ": ",
        " ",
        "\n",
        '"',
        "'",
        "&a ",
        "*a",
        "!!int ",
        "<<: ",
        "- ",
        "? ",
    ),
    *(
        "...\n",
        "---\n",
        "%YAML 1.1\n",
        "#",
        " #",
        "|",
        ">",
        "0",
        "1e400",
        "null",
        "~",
        "true",
        "\t",
    ),
    *(
        "\x00",
        "\ud800",
        "é",
        "\u2028",
        "\ufeff",
        "->",
        "(",
        ")",
        "..",
        "=",
        "= now",
        ",",
        "pk",
        "\r",
    ),
    *("unique", "index", "read_only", "write_only", "touch", "9" * 70, "-1", ".inf", "enum(", "@"),
    *(
        "-> Hero",
        "-> Team?",
        "-> A",
        "cascade",
        "set_null",
        "relation(a)",
        "inverse(",
        "links: {a: A}",
    ),
    *("min(0)", "max(", "pattern([a-z])", "doc('(')", "example(a)", "was("),
    *(
        "-> Hero",
        "-> Team?",
        "cascade",
        "set_null",
        "inverse(",
        "relation(",
        "__",
        "__any__",
        "any",
    ),
    *("team", "heroes", "links: ", "via: ", "to: ", "include: ", "related: ", "write: ", "keys"),
    *("decimal(", "json", "bytes", "uuid", "pattern: '(('", "`", "\\", "\\u0000", "[" * 40, "0x1F"),
)


def mutated(text: str, source: random.Random, most: int = 6) -> str:
    for _ in range(source.randint(1, most)):
        text = source.choice((replaced, removed, copied, swapped, swapped))(text, source)
    return text[:10_000]


def replaced(text: str, source: random.Random) -> str:
    start = source.randrange(len(text) + 1)
    return text[:start] + source.choice(PIECES) + text[start + source.randint(0, 3) :]


def removed(text: str, source: random.Random) -> str:
    start = source.randrange(len(text) + 1)
    return text[:start] + text[start + source.randint(1, 12) :]


def copied(text: str, source: random.Random) -> str:
    start, other = source.randrange(len(text) + 1), source.randrange(len(text) + 1)
    return text[:start] + text[other : other + source.randint(1, 40)] + text[start:]


def swapped(text: str, source: random.Random) -> str:
    words = list(re.finditer(r"\w+", text))
    if not words:
        return text
    first, second = source.choice(words), source.choice(words)
    return text[: first.start()] + second[0] + text[first.end() :]


def loaded(text: str) -> Schema | SpecError:
    return loaded_together({"spec.yaml": text})


def loaded_together(texts: dict[str, str]) -> Schema | SpecError:
    try:
        return load_texts(texts)
    except SpecError as error:
        return error


@pytest.mark.parametrize("seed", range(8))
def test_a_mutated_spec_loads_or_is_diagnosed(seed: int) -> None:
    source = random.Random(seed)  # noqa: S311 the same mutations every time
    accepted = 0
    for _ in range(MUTATIONS):
        text = mutated(source.choice(SPECS), source)
        answer = loaded(text)
        if isinstance(answer, SpecError):
            assert answer.diagnostics, text
            assert len(str(answer)) < 200_000, text
            assert all(d.problem and d.column >= (d.line > 0) for d in answer.diagnostics), text
        else:
            accepted += 1
            assert loaded(explain(answer.entities[0])) == answer, text
    assert accepted > MUTATIONS / 100


@pytest.mark.parametrize("seed", range(4))
def test_a_mutated_entity_with_relations_loads_or_is_diagnosed(seed: int) -> None:
    source = random.Random(seed)  # noqa: S311 the same mutations every time
    accepted = 0
    for _ in range(MUTATIONS // 5):
        graph = source.choice((RELATED, source.choice(GRAPHS)))
        file = source.choice([*graph])
        texts = {**graph, file: mutated(graph[file], source, most=2)}
        answer = loaded_together(texts)
        if isinstance(answer, SpecError):
            assert answer.diagnostics, texts[file]
            assert all(d.problem and d.column >= (d.line > 0) for d in answer.diagnostics), texts
        else:
            accepted += 1
            explained = {entity.source: explain(entity) for entity in answer.entities}
            assert loaded_together(explained) == answer, texts[file]
    assert accepted > MUTATIONS / 500


@pytest.mark.parametrize("seed", range(4))
def test_bytes_of_any_kind_are_diagnosed(seed: int, tmp_path: Path) -> None:
    source = random.Random(seed)  # noqa: S311 the same bytes every time
    file = tmp_path / "spec.yaml"
    for _ in range(200):
        data = bytearray(source.choice(SPECS).encode())
        for _ in range(source.randint(1, 8)):
            data[source.randrange(len(data))] = source.randrange(256)
        file.write_bytes(data)
        with contextlib.suppress(SpecError):
            load(file)


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000,
        "{" * 100_000,
        "- " * 100_000,
        "? " * 100_000,
        "a: &x [" + "*x, " * 50_000,
        "a: " * 50_000,
        "\n".join(f"{' ' * i}k{i}:" for i in range(600)),
        "name: " + "9" * 200_000,
        "name: '" + "'" * 200_000,
        "fields: {a: 'enum(" + "a, " * 60_000 + "'}",
        "fields: {a: 'str" + " index" * 40_000 + "'}",
        "fields: {a: 'str = \"" + "\\" * 200_000 + "'}",
        "fields: {a: 'int(" + "9" * 200_000 + "..)'}",
        "fields: {a: '" + " " * 200_000 + "'}",
        "fields: {" + ", ".join(f"f{i}" for i in range(20_000)) + "}",
        "name: Hero\nfields: {a: {type: str, pattern: '" + "(" * 200 + ")" * 200 + "'}}",
        "name: Hero\nfields: {a: {type: str, pattern: '" + "(a" * 100 + "){9}" * 100 + "'}}",
        "name: Hero\nfields: {a: {type: str, pattern: '" + "a?" * 200 + "b'}}",
        "name: Hero\nfields: {a: {type: str, pattern: '((((a*)*)*)*)*b', min: 200}}",
        "x" * 300_000,
    ],
)
def test_hostile_texts_are_bounded(text: str) -> None:
    answer = loaded(text)
    assert not isinstance(answer, SpecError) or len(str(answer)) < 200_000
