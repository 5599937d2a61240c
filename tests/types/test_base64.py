"""Base64 is described by the sizes that its text may have."""

import base64
from itertools import product
from typing import Annotated, Any

import pytest
from jsonschema import Draft202012Validator
from pydantic import TypeAdapter, ValidationError

from crudgen.kit.types.binary import Base64

TEXTS = [base64.b64encode(b"\xff" * size).decode() for size in range(12)]
FALSE = ["A", "AA", "AAA", "A===", "AB==", "AAB=", "AA==AA==", "AA=", "====", "AA-_", "AAAA\nAAA"]
RANGES = [(least, most) for least, most in product(range(9), range(10)) if least <= most]


def groups(size: int) -> int:
    """Return the number of groups of four characters that encode these bytes."""
    return (size + 2) // 3


@pytest.mark.long
@pytest.mark.parametrize(("least", "most"), RANGES)
def test_the_document_allows_texts_in_groups_of_four(least: int, most: int) -> None:
    adapter: TypeAdapter[Any] = TypeAdapter(Annotated[bytes, Base64(most, least)])
    document = Draft202012Validator(adapter.json_schema())

    def is_taken(text: str) -> bool:
        try:
            adapter.validate_python(text)
        except ValidationError:
            return False
        return True

    for size, text in enumerate(TEXTS):
        assert is_taken(text) == (least <= size <= most)
        assert document.is_valid(text) == (groups(least) <= groups(size) <= groups(most))
    for text in FALSE:
        assert not document.is_valid(text)
        assert not is_taken(text)
