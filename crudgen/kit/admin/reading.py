"""Lists and rows of a table, read by requests to the API."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette_admin import BaseModelView, RequestAction
from starlette_admin.filters import FilterGroup, FilterRule
from starlette_admin.types import RowActionsDisplayType

from .api_client import ApiClient
from .api_errors import http_error
from .batches import parameter_batches
from .exports import TextSafeCsv
from .fields import field_of
from .filters import MAX_VALUES, parameters
from .rows import Row
from .tables import HasRoles, Property, Table
from .values import shown_text

_NEXT = re.compile(r'<([^>]*)>; *rel="?next"?')
_PAGES = (10, 25, 50, 100)
MAX_ROWS = 10_000
"""Maximum number of rows of an export, or of an action on all rows that match."""


class ReadingView(BaseModelView):
    """Reads the rows of a table."""

    pk_attr: str
    key: str
    exporters: Sequence[Any] = (TextSafeCsv(), "json")
    importers: Sequence[Any] = ("csv", "json")

    def __init__(self, table: Table, tables: Mapping[str, Table], api: ApiClient) -> None:
        self.table, self._tables, self.api = table, tables, api
        self.key, self.pk_attr = table.name, table.key
        self.menu_label, self.display_name = table.menu_label, table.title
        self.show_pk_in_forms = table.by_name[table.key].create
        self.fields = [field_of(one, table) for one in table.properties]
        self.searchable_fields = [one.name for one in table.properties if one.filter]
        self.sortable_fields = [one.name for one in table.properties if one.sort]
        self.page_size_options = [size for size in _PAGES if size <= table.page] or [table.page]
        self.page_size = min(25, table.page)
        self.list_template = "crudgen/list.html"
        self.create_template = "crudgen/create.html"
        self.edit_template = "crudgen/edit.html"
        self.detail_template = "crudgen/detail.html"
        if len(table.actions) > 1:  # buttons with names: their icons are the same
            self.row_actions_display_type = RowActionsDisplayType.INLINE_LINKS
        super().__init__()

    def caller_of(self, request: Request) -> HasRoles | None:
        """Return the caller of a request to the page."""
        found: HasRoles | None = getattr(request.state, "admin_caller", None)
        return found

    def is_accessible(self, request: Request) -> bool:
        """Return whether the caller may read some rows of the table."""
        return self.table.permits(self.caller_of(request), "read")

    def can_view_detail(self, request: Request) -> bool:
        """Return whether the API reads single rows, for whichever caller."""
        del request
        return self.table.offers("read")

    async def find_all(
        self,
        request: Request,
        skip: int = 0,
        limit: int = 100,
        q: str | None = None,
        sorts: Sequence[tuple[str, str]] | None = None,
        filters: FilterGroup | None = None,
    ) -> Sequence[Row]:
        """Return rows of the list; with a negative limit, all that match."""
        if not self.table.offers("list"):
            return []
        query = [
            *self._search_and_filter_parameters(request, q, filters),
            *self._sort_parameter(sorts),
        ]
        if limit < 0:
            return await self._all_rows(request, query)
        if limit == 0:
            return []
        query += [("limit", str(min(limit, self.table.page))), ("offset", str(skip))]
        query += [("count", "exact"), *self._fields_of_list_parameter(request)]
        answer = await self.api.send(request, "GET", self.table.path, query)
        if not answer.is_success:
            raise http_error(answer)
        request.state.admin_total = int(answer.headers.get("x-total-count", "0"))
        return await self._with_related(request, [Row(self.table, one) for one in answer.json])

    async def count(
        self, request: Request, q: str | None = None, filters: FilterGroup | None = None
    ) -> int:
        """Return how many rows match."""
        known: int | None = getattr(request.state, "admin_total", None)
        if known is not None:
            del request.state.admin_total
            return known
        if not self.table.offers("list") or not self.is_accessible(request):
            return 0
        query = [
            *self._search_and_filter_parameters(request, q, filters),
            ("limit", "1"),
            ("count", "exact"),
        ]
        answer = await self.api.send(request, "GET", self.table.path, query)
        if not answer.is_success:
            raise http_error(answer)
        return int(answer.headers.get("x-total-count", "0"))

    async def find_by_pk(self, request: Request, pk: Any) -> Row | None:
        """Return a row with its ETag; None if the caller cannot read it."""
        answer = await self.api.send(request, "GET", self.row_path(pk))
        if answer.status in {404, 405, 422}:  # 405: a path such as /heroes/bulk
            return None
        if not answer.is_success:
            raise http_error(answer)
        row = Row(self.table, answer.json, answer.headers.get("etag", ""))
        if not hasattr(request.state, "admin_etag"):
            request.state.admin_etag = row.etag
            request.state.admin_files = {
                one.name: shown_text(one, row.values.get(one.name))
                for one in self.table.properties
                if one.kind == "bytes"
            }
        return (await self._with_related(request, [row]))[0]

    async def find_by_pks(self, request: Request, pks: list[Any]) -> Sequence[Row]:
        """Return rows by key; to choose one, also those that the caller cannot read."""
        found = await self.rows_by_key(request, self.table, [str(one) for one in pks])
        if request.state.action is RequestAction.RELATION_LOOKUP:
            return [found.get(str(pk)) or Row(self.table, {self.table.key: str(pk)}) for pk in pks]
        return await self._with_related(request, [found[str(pk)] for pk in pks if str(pk) in found])

    def row_path(self, pk: Any) -> str:
        """Return the path of a row. Raises HTTPException 404 for what is no key in a path."""
        key = str(pk)
        if not key or "/" in key:
            raise HTTPException(404, f"{self.table.title} not found")
        return f"{self.table.path}{key}"

    async def get_pk_value(self, request: Request, obj: Row) -> str:
        """Return the key as text: a number of JavaScript has too few digits."""
        del request
        return obj.key

    async def rows_by_key(
        self, request: Request, table: Table, keys: Sequence[str]
    ) -> dict[str, Row]:
        """Return the rows of a table that have these keys, and that the caller can read."""
        found: dict[str, Row] = {}
        if not table.permits(self.caller_of(request), "read"):
            return found
        if table.offers("list") and table.by_name[table.key].filter:
            size = min(MAX_VALUES, table.page)
            chosen = parameters(table.key, "in", [*keys])
            more = [("limit", str(size)), *_fields_parameter(table, ())]
            for _, query in parameter_batches(self.api.app, table.path, chosen, more, size):
                answer = await self.api.send(request, "GET", table.path, query)
                rows = (Row(table, one) for one in answer.json) if answer.is_success else ()
                found |= {row.key: row for row in rows}
        elif table.offers("read"):
            for key in keys:
                answer = await self.api.send(request, "GET", f"{table.path}{key}")
                if answer.is_success:
                    found[key] = Row(table, answer.json)
        return found

    def _search_and_filter_parameters(
        self, request: Request, q: str | None, filters: FilterGroup | None
    ) -> list[tuple[str, str]]:
        query = [] if filters is None else list(_filter_parameters(filters))
        if not q:
            return query
        if self.table.search:
            return [*query, ("q", q)]
        label = self.table.by_name.get(self.table.label)
        if request.state.action is RequestAction.RELATION_LOOKUP and label and label.filter:
            return [*query, (f"{label.name}__icontains", q)]
        return query

    def _fields_of_list_parameter(self, request: Request) -> list[tuple[str, str]]:
        """Return the parameter `fields` for a list: what it shows."""
        if request.state.action is RequestAction.RELATION_LOOKUP:
            return _fields_parameter(self.table, ())
        if request.state.action is not RequestAction.LIST:
            return []
        return _fields_parameter(self.table, [one.name for one in self.get_fields_list(request)])

    def _sort_parameter(self, sorts: Sequence[tuple[str, str]] | None) -> list[tuple[str, str]]:
        """Return the parameter `sort`, with those properties that the API can sort by."""
        known = self.table.by_name
        names = [
            f"-{name}" if direction == "desc" else name
            for name, direction in sorts or ()
            if name in known and known[name].sort
        ]
        return [("sort", ",".join(names))] if names else []

    async def _all_rows(self, request: Request, query: list[tuple[str, str]]) -> Sequence[Row]:
        found: list[Row] = []
        page = [*query, ("limit", str(self.table.page)), ("cursor", "")]
        while True:
            answer = await self.api.send(request, "GET", self.table.path, page)
            if not answer.is_success:
                raise http_error(answer)
            found += [Row(self.table, one) for one in answer.json]
            if len(found) > MAX_ROWS:
                raise HTTPException(413, f"More than {MAX_ROWS} rows match: filter them")
            following = _NEXT.search(answer.headers.get("link", ""))
            if following is None:
                return await self._with_related(request, found)
            page = parse_qsl(urlsplit(following[1]).query, keep_blank_values=True)

    async def _with_related(self, request: Request, rows: list[Row]) -> list[Row]:
        """Add the rows that others refer to, of each table in one request."""
        for one in self.table.properties:
            if one.refers:
                await self._add_related(request, one, rows)
        return rows

    async def _add_related(self, request: Request, one: Property, rows: list[Row]) -> None:
        table = self._tables[one.refers]
        values = [(row, row.values.get(one.name)) for row in rows]
        keys = dict.fromkeys(str(key) for _, value in values for key in _keys_in_value(value))
        if request.state.action is RequestAction.LIST or not request.state.action.is_form():
            found = await self.rows_by_key(request, table, [*keys]) if keys else {}
        else:
            found = {}  # a form needs the keys only
        for row, value in values:
            related = [
                found.get(str(key)) or Row(table, {table.key: key}) for key in _keys_in_value(value)
            ]
            row.related[one.name] = related if one.many else next(iter(related), None)


def _fields_parameter(table: Table, names: Iterable[str]) -> list[tuple[str, str]]:
    """Return the parameter `fields`: these properties, the key and the label.

    It is empty if rules hide a property from some callers, who must not name it.
    """
    if any(one.ruled for one in table.properties):
        return []
    chosen = dict.fromkeys((table.key, table.label, *names))
    return [("fields", ",".join(one for one in chosen if one in table.by_name))]


def _keys_in_value(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def _filter_parameters(group: FilterGroup) -> list[tuple[str, str]]:
    """Return the parameters of filters. Raises HTTPException 400 for those combined by OR."""
    if group.logic == "or" and len(group.rules) > 1:
        raise HTTPException(400, "The API has no OR: combine filters by AND")
    found: list[tuple[str, str]] = []
    for rule in group.rules:
        if isinstance(rule, FilterRule):
            found += parameters(rule.field, rule.filter, rule.value)
        else:
            found += _filter_parameters(rule)
    return found
