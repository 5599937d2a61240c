"""The filters of lists: those that the API has for the type of a property."""

from typing import Any, ClassVar

from starlette_admin.filters import BaseFilter, FilterDataType
from starlette_admin.filters.base import FilterApplyContext, FilterValidationError

from .tables import Property
from .values import exact_time

_LABELS = {
    "eq": "is",
    "ne": "is not",
    "lt": "is less than",
    "lte": "is at most",
    "gt": "is greater than",
    "gte": "is at least",
    "in": "is one of",
    "notin": "is none of",
    "isnull": "is empty",
    "isset": "is not empty",
    "contains": "contains (same case)",
    "icontains": "contains",
    "startswith": "begins with (same case)",
    "istartswith": "begins with",
    "endswith": "ends with (same case)",
    "iendswith": "ends with",
}
_EQUAL, _LISTS = ("eq", "ne"), ("in", "notin")
_ORDER = ("lt", "lte", "gt", "gte")
_TEXT = ("icontains", "istartswith", "iendswith", "contains", "startswith", "endswith")
_NULL = ("isnull", "isset")
_SUFFIXES = {"notin": "not_in", "isset": "isnull"}
"""The operators of the API whose names differ from those here, which must not contain `__`."""
_PARAMETERS = {"count", "cursor", "fields", "include", "limit", "offset", "q", "sort"}
"""The parameters of a list. A property with such a name is compared by `__eq`."""
_INPUTS = {
    "int": FilterDataType.NUMBER,
    "bool": FilterDataType.BOOLEAN,
    "date": FilterDataType.DATE,
    "time": FilterDataType.TIME,
    "datetime": FilterDataType.DATETIME,
    "enum": FilterDataType.ENUM,
}
MAX_VALUES = 100
"""Maximum number of values of one filter, as in the API."""


class ApiFilter(BaseFilter):
    """An operator of the API. Its value stays text: the API parses it. Times are in UTC."""

    kind: ClassVar[str] = ""

    takes_list: ClassVar[bool] = False

    def parse_value(self, raw: Any) -> Any:
        """Return the text, or the texts of a list. Raises FilterValidationError without any."""
        values = [str(one) for one in (raw if isinstance(raw, list) else [raw])]
        if not self.takes_list:
            return exact_time(self.kind, ",".join(values))
        found = [one.strip() for value in values for one in value.split(",")]
        if not found or len(found) > MAX_VALUES:
            raise FilterValidationError(f"A list of 1 to {MAX_VALUES} values is needed")
        return [exact_time(self.kind, one) for one in found]

    def apply(self, ctx: FilterApplyContext) -> Any:
        """Return the query with the parameters of this filter."""
        return [*ctx.query, *parameters(ctx.field_name, self.name, ctx.value)]


def filters_of(one: Property) -> list[type[BaseFilter]]:
    """Return the filters of a property."""
    if not one.filter:
        return []
    names: tuple[str, ...] = ()
    if one.kind == "bool":
        names = _EQUAL
    elif one.kind == "enum":
        names = (*_LISTS,)
    elif one.is_text:
        names = ("icontains", *_EQUAL, *_TEXT[1:], *_ORDER, *_LISTS)
    elif not one.is_large:
        names = (*_EQUAL, *_ORDER, *_LISTS)
    return [
        _new_filter_class(name, one.kind) for name in (*names, *(_NULL if one.optional else ()))
    ]


def parameters(name: str, operator: str, value: Any) -> list[tuple[str, str]]:
    """Return the query parameters of a filter."""
    suffix = _SUFFIXES.get(operator, operator)
    parameter = name if operator == "eq" and name not in _PARAMETERS else f"{name}__{suffix}"
    if operator in _NULL:
        return [(parameter, "true" if operator == "isnull" else "false")]
    return [(parameter, str(one)) for one in (value if isinstance(value, list) else [value])]


def _new_filter_class(name: str, kind: str) -> type[BaseFilter]:
    is_list = name in _LISTS
    data_type = _INPUTS.get(kind, FilterDataType.STRING)
    if name in _NULL:
        data_type = FilterDataType.NONE
    elif is_list and kind != "enum":
        data_type = FilterDataType.STRING
    attributes = {
        "name": name,
        "label": _LABELS[name],
        "data_type": data_type,
        "takes_list": is_list,
        "kind": kind,
    }
    return type(f"{name}_{kind}", (ApiFilter,), attributes)
