"""What the values of parameters are, by the type of the column: text of a query, read strictly."""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from functools import cache
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, TypeAdapter, ValidationError
from pydantic_core import PydanticCustomError
from sqlalchemy import BigInteger, Boolean, Column, Date, DateTime, Float, Integer, Time, Uuid
from sqlalchemy.types import TypeDecorator

from ..database.columns import ExactNumber
from ..models import MAX_INT, MIN_INT, exact_bounds, without_nul
from ..types import DIGITS, NUMBER, TRUE_OR_FALSE, Exact, IsoDate, IsoTime, UtcDatetime, UuidText

MOST_SEARCHED = 200
"""How many characters a search may have."""

FLAG: TypeAdapter[bool] = TypeAdapter(Annotated[bool, TRUE_OR_FALSE])
TEXT: TypeAdapter[str] = TypeAdapter(Annotated[str, Field(json_schema_extra=without_nul)])
OFFSET: TypeAdapter[int] = TypeAdapter(
    Annotated[int, Field(ge=0, le=MAX_INT, json_schema_extra=exact_bounds), DIGITS]
)
COUNT: TypeAdapter[str] = TypeAdapter(Literal["exact"])
CURSOR = TEXT
SEARCH: TypeAdapter[str] = TypeAdapter(
    Annotated[str, Field(max_length=MOST_SEARCHED, json_schema_extra=without_nul)]
)
_ADAPTERS: tuple[tuple[type | tuple[type, ...], TypeAdapter[Any]], ...] = (
    (Boolean, FLAG),
    (
        (BigInteger, Integer),
        TypeAdapter(
            Annotated[int, Field(ge=MIN_INT, le=MAX_INT, json_schema_extra=exact_bounds), DIGITS]
        ),
    ),
    (Float, TypeAdapter(Annotated[float, Field(allow_inf_nan=False), NUMBER])),
    (Date, TypeAdapter(IsoDate)),
    (Time, TypeAdapter(IsoTime)),
    (DateTime, TypeAdapter(UtcDatetime)),
    (Uuid, TypeAdapter(UuidText)),
)


@cache
def limit_up_to(most: int) -> TypeAdapter[int]:
    """Read the size of a page."""
    return TypeAdapter(Annotated[int, Field(ge=1, le=most), DIGITS])


def some_of(names: Sequence[str], most: int | None = None) -> TypeAdapter[list[str]]:
    """Read one or more of some names, each once, with or without a `-` before it."""
    name: Any = Literal[tuple(names)]
    unique = Field(min_length=1, max_length=most, json_schema_extra={"uniqueItems": True})
    return TypeAdapter(Annotated[list[name], unique, AfterValidator(_each_once)])


def _each_once(names: list[str]) -> list[str]:
    if len({name.removeprefix("-") for name in names}) < len(names):
        raise PydanticCustomError("repeated_name", "Each property should be named once")
    return names


def text_kept_by(validators: Sequence[AfterValidator]) -> TypeAdapter[str]:
    """Read text as a body's is kept; what a body could not have stays as it is.

    Refuses text that a body could have if its blanks were `+`: in a query, `+` is a blank.
    """
    kept: Any = Annotated[(str, *validators)]
    body: TypeAdapter[str] = TypeAdapter(kept)

    def read(text: str) -> str:
        try:
            return body.validate_python(text)
        except ValidationError:
            if " " in text:
                for meant in with_plus(text):
                    if _is_read(body, meant):
                        raise
            return text

    return TypeAdapter(Annotated[str, AfterValidator(read), Field(json_schema_extra=without_nul)])


def with_plus(text: str) -> Iterator[str]:
    """List what may have been meant by a text, where blanks were sent as `+`."""
    yield text.replace(" ", "+")
    yield "+".join(text.rsplit(" ", 1))


def _is_read(adapter: TypeAdapter[Any], text: str) -> bool:
    try:
        adapter.validate_python(text)
    except ValidationError:
        return False
    return True


def value_of(column: Column[Any], words: Sequence[str]) -> TypeAdapter[Any]:
    """Read a value of a column, or one of its words."""
    if words:
        word: Any = Literal[tuple(words)]
        return TypeAdapter(word)
    if isinstance(column.type, ExactNumber):
        return TypeAdapter(Annotated[Decimal, Exact(column.type.precision, column.type.scale)])
    kept = column.type.impl_instance if isinstance(column.type, TypeDecorator) else column.type
    found = (adapter for kind, adapter in _ADAPTERS if isinstance(kept, kind))
    return next(found, TEXT)
