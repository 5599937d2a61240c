"""A body is what it says: no key twice, no deeper than the limit, and no other body is refused."""

import json
from typing import Any

import pytest
from fastapi import HTTPException
from hypothesis import given, settings
from hypothesis import strategies as st

from crudgen.kit.http.json_body import parse

pytestmark = pytest.mark.long

DEPTH = 4
TEXTS = st.sampled_from(["", "a", "b", ":", "a:b", '"', "\\", "{", "[[[[[", "é", "\\u003a", "}"])


class Pairs(list[tuple[str, Any]]):
    """An object that may have a key twice."""

    def is_clear(self) -> bool:
        return len({key for key, _ in self}) == len(self)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXTS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.lists(st.tuples(TEXTS, inner), max_size=3).map(Pairs)
    ),
    max_leaves=12,
)


def written(value: Any, colon: str, *, escaped: bool) -> str:
    if isinstance(value, Pairs):
        pairs = (
            written(key, colon, escaped=escaped) + colon + written(item, colon, escaped=escaped)
            for key, item in value
        )
        return "{" + ",".join(pairs) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(written(item, colon, escaped=escaped) for item in value) + "]"
    text = json.dumps(value)
    return (
        text.replace(":", "\\u003A").replace("a", "\\u0061")
        if escaped and isinstance(value, str)
        else text
    )


def has_no_key_twice(value: Any) -> bool:
    if isinstance(value, Pairs):
        return value.is_clear() and all(has_no_key_twice(item) for _, item in value)
    return not isinstance(value, list) or all(has_no_key_twice(item) for item in value)


def depth(value: Any) -> int:
    if isinstance(value, Pairs):
        return 1 + max((depth(item) for _, item in value), default=0)
    return 1 + max(map(depth, value), default=0) if isinstance(value, list) else 0


@settings(max_examples=2000, deadline=None)
@given(VALUES, st.sampled_from([":", " :", ": ", "\n:\t"]), st.booleans())
def test_a_body_is_refused_for_a_key_that_comes_twice_or_for_its_depth(
    value: Any, colon: str, escaped: bool
) -> None:
    text = written(value, colon, escaped=escaped)
    good = has_no_key_twice(value) and depth(value) <= DEPTH
    try:
        parsed = parse(text.encode(), DEPTH)
    except HTTPException as error:
        assert not good, text
        problem: Any = error.detail[0]
        assert problem["type"] in {"json_duplicate", "json_depth"}
    else:
        assert good, text
        assert parsed == json.loads(text)


@pytest.mark.parametrize(
    ("body", "kind", "loc"),
    [
        (b'{"a": "secret", "a": "secret"}', "json_duplicate", ["body", "a"]),
        (b'{"a": [{"b": {"c": 1, "c": 2}}]}', "json_duplicate", ["body", "a", 0, "b", "c"]),
        (
            b'{"' + b"k" * 200 + b'":1,"' + b"k" * 200 + b'":1}',
            "json_duplicate",
            ["body", "k" * 100],
        ),
        (b"[" * 5, "json_invalid", ["body"]),
        (b"[" * 100_000, "json_depth", ["body"]),
        (b"[[[[[]]]]]", "json_depth", ["body"]),
        (b'{"a": {"b": "\\u0000"}}', "string_nul", ["body", "a", "b"]),
    ],
)
def test_a_refusal_names_the_place_and_no_value(body: bytes, kind: str, loc: list[Any]) -> None:
    with pytest.raises(HTTPException) as refused:
        parse(body, DEPTH)
    assert refused.value.status_code == 422
    problems: Any = refused.value.detail
    assert [(one["type"], one["loc"]) for one in problems] == [(kind, loc)]
    assert "secret" not in str(problems)
