"""Strict parsers for the values of query parameters, by the type of the column."""

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, TypeAdapter, ValidationError
from pydantic_core import PydanticCustomError
from sqlalchemy import ColumnElement

from ..database.columns import python_type, value_handling
from ..models import MAX_INT, MIN_INT
from ..types.scalars import DIGITS, NUMBER, TRUE_OR_FALSE

MAX_SEARCH_LENGTH = 200
"""Most characters of a search."""

FLAG: TypeAdapter[bool] = TypeAdapter(Annotated[bool, TRUE_OR_FALSE])
TEXT: TypeAdapter[str] = TypeAdapter(str)
OFFSET: TypeAdapter[int] = TypeAdapter(Annotated[int, Field(ge=0, le=MAX_INT), DIGITS])
COUNT: TypeAdapter[str] = TypeAdapter(Literal["exact"])
CURSOR = TEXT
SEARCH: TypeAdapter[str] = TypeAdapter(Annotated[str, Field(max_length=MAX_SEARCH_LENGTH)])
_BUILT_IN: Mapping[type, TypeAdapter[Any]] = {
    bool: FLAG,
    int: TypeAdapter(Annotated[int, Field(ge=MIN_INT, le=MAX_INT), DIGITS]),
    float: TypeAdapter(Annotated[float, Field(allow_inf_nan=False), NUMBER]),
}


@cache
def page_size_parser(most: int) -> TypeAdapter[int]:
    """Return the parser for the size of a page, from 1 to `most` rows."""
    return TypeAdapter(Annotated[int, Field(ge=1, le=most), DIGITS])


def unique_names_parser(names: Sequence[str], most: int | None = None) -> TypeAdapter[list[str]]:
    """Return the parser for a list of unique names. `name` and `-name` are the same name."""
    name: Any = Literal[tuple(names)]
    unique = Field(min_length=1, max_length=most, json_schema_extra={"uniqueItems": True})
    kind: Any = Annotated[(list[name], unique, AfterValidator(_check_unique_names))]
    return TypeAdapter(kind)


def _check_unique_names(names: list[str]) -> list[str]:
    if len({name.removeprefix("-") for name in names}) < len(names):
        raise PydanticCustomError("repeated_name", "Each property should be named once")
    return names


def normalized_text_parser(validators: Sequence[AfterValidator]) -> TypeAdapter[str]:
    """Return the parser that normalizes text as in a body. Invalid text stays unchanged.

    Text that is valid only with `+` instead of spaces is rejected: in a query, `+` means a space.
    """
    in_body: Any = Annotated[(str, *validators)]
    body: TypeAdapter[str] = TypeAdapter(in_body)

    def read(text: str) -> str:
        try:
            return body.validate_python(text)
        except ValidationError:
            if " " in text:
                for meant in texts_with_plus(text):
                    if _is_valid(body, meant):
                        raise
            return text

    return TypeAdapter(Annotated[str, AfterValidator(read)])


def texts_with_plus(text: str) -> Iterator[str]:
    """Yield the texts that a client may have meant by a `+`, which was decoded as a space."""
    yield text.replace(" ", "+")
    yield "+".join(text.rsplit(" ", 1))


def _is_valid(adapter: TypeAdapter[Any], text: str) -> bool:
    try:
        adapter.validate_python(text)
    except ValidationError:
        return False
    return True


def column_adapter(column: ColumnElement[Any], words: Sequence[str]) -> TypeAdapter[Any]:
    """Return the parser for the values of a column, which may be restricted to words."""
    if words:
        word: Any = Literal[tuple(words)]
        return TypeAdapter(word)
    kind, query_type = python_type(column.type), value_handling(column.type).query_type
    if query_type is None:
        return _BUILT_IN.get(kind, TEXT)
    return _cached_adapter(query_type(column.type))


@cache
def _cached_adapter(annotation: Any) -> TypeAdapter[Any]:
    return TypeAdapter(annotation)
