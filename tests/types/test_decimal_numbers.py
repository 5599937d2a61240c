"""A decimal may be a JSON number, if its text is exact."""

import json
from decimal import Decimal
from typing import Annotated, Any

import pytest
from pydantic import TypeAdapter, ValidationError

from crudgen.kit.http.json_body import parse
from crudgen.kit.types.decimals import Exact
from crudgen.kit.types.json_number import JsonNumber
from tests.http.test_bad_inputs import ANIMAL, JSON
from tests.support.servers import Api, Everywhere

pytestmark = pytest.mark.long

PRICE: TypeAdapter[Decimal] = TypeAdapter(Annotated[Decimal, Exact(10, 2)])
EXACT = {
    "12.5": "12.50",
    "0.1": "0.10",
    "1.10": "1.10",
    "12.500": "12.50",
    "7": "7.00",
    "-0.0": "0.00",
    "1e2": "100.00",
    "1E-2": "0.01",
    "0e99999999999999999999": "0.00",
    "12345678.99": "12345678.99",
    "-99999999.99": "-99999999.99",
    "1e7": "10000000.00",
}
INEXACT = (
    *("0.123", "1e-3", "123456789", "123456789.5", "0.1000000000000000055511151231257827"),
    *("1e-99999999999999999999", "12345678.990000000000001", "1e300", "99999999.999"),
)


def value(text: str) -> Any:
    return parse(b'{"price": ' + text.encode() + b"}", 9)["price"]


@pytest.mark.parametrize("text", EXACT)
def test_an_exact_number_is_accepted(text: str) -> None:
    assert PRICE.validate_python(value(text)) == Decimal(EXACT[text])


@pytest.mark.parametrize("text", INEXACT)
def test_another_number_is_rejected(text: str) -> None:
    with pytest.raises(ValidationError):
        PRICE.validate_python(value(text))


@pytest.mark.parametrize("other", [1.5, True, float("nan"), float("inf")])
def test_a_float_without_text_is_rejected(other: float) -> None:
    with pytest.raises(ValidationError, match=r"Input should be a number such as 0\.00"):
        PRICE.validate_python(other)


@pytest.mark.parametrize(
    ("digits", "message"),
    [
        (
            (10, 2),
            "0.00…: up to 8 digits before the point, and up to 2 after it",
        ),
        ((3, 2), "0.00…: up to 1 digit before the point, and up to 2 after it"),
        ((2, 2), "0.00…: 0 before the point, and up to 2 after it"),
        ((6, 0), "0…: up to 6 digits"),
    ],
)
def test_the_message_has_the_digits(digits: tuple[int, int], message: str) -> None:
    kind: Any = Annotated[Decimal, Exact(*digits)]
    with pytest.raises(ValidationError) as caught:
        TypeAdapter(kind).validate_python("1234567.123")
    (error,) = caught.value.errors()
    whole = message.replace("…", ", or a string with one")
    assert error["msg"] == f"Input should be a number such as {whole}"


def test_only_properties_that_are_floats_keep_their_text() -> None:
    body = b'[{"a": 1.50, "b": {"c": 1.50}, "d": [1.50], "e": 1, "f": "1.50"}, 2.5, [{"a": 1.5}]]'
    first, second, third = parse(body, 9)
    assert isinstance(first["a"], JsonNumber)
    assert first["a"].text == "1.50"
    floats = (first["b"]["c"], first["d"][0], second, third[0]["a"])
    assert [type(each) for each in floats] == [float] * 4
    assert json.dumps(first) == '{"a": 1.5, "b": {"c": 1.5}, "d": [1.5], "e": 1, "f": "1.50"}'


@pytest.mark.parametrize("text", EXACT)
def test_a_row_has_the_exact_value(zoo: Api, text: str) -> None:
    body = json.dumps(ANIMAL)[:-1] + f', "price": {text}, "height": 0.10}}'
    created = zoo.emptied().ask("POST", "/animals/", content=body, headers=JSON)
    assert created.status_code == 200, created.text
    assert (created.json()["price"], created.json()["height"]) == (EXACT[text], 0.1)


@pytest.mark.parametrize("text", [*INEXACT, "NaN", "Infinity", "1e999"])
def test_a_number_that_is_not_exact_is_422_everywhere(everywhere: Everywhere, text: str) -> None:
    body = json.dumps(ANIMAL)[:-1] + f', "price": {text}}}'
    assert everywhere.ask("POST", "/animals/", content=body, headers=JSON).status_code == 422
