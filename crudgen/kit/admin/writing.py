"""Changes of rows, written by requests to the API."""

from typing import Any

from starlette.datastructures import FormData
from starlette.requests import Request
from starlette_admin import RequestAction
from starlette_admin.exceptions import ActionFailed, FormValidationError

from .api_client import ApiResponse
from .api_errors import CHANGED, GENERAL, errors_by_property, message_of
from .fields import uploaded_or_removed
from .reading import ReadingView
from .rows import Row
from .tables import Property
from .values import FormValueError, is_unchanged, json_value

ETAG = "_etag"
"""The input with the ETag of the row that a form shows."""


class TableView(ReadingView):
    """Reads and changes the rows of a table."""

    def can_create(self, request: Request) -> bool:
        """Return whether the caller may create some rows."""
        return self._is_permitted(request, "create")

    def can_edit(self, request: Request) -> bool:
        """Return whether the caller may update some rows."""
        return self.table.offers("read") and self._is_permitted(request, "update")

    def can_delete(self, request: Request) -> bool:
        """Return whether the caller may delete some rows."""
        return self._is_permitted(request, "delete")

    def can_import(self, request: Request) -> bool:
        """Return whether files can be imported: where rows can be created."""
        return bool(self.importers) and self.can_create(request)

    def can_export(self, request: Request) -> bool:
        """Return whether the list can be exported."""
        del request
        return bool(self.exporters) and self.table.offers("list")

    async def create(self, request: Request, data: dict[str, Any]) -> Row:
        """Create a row from the values of a form."""
        body = self.body_of(data)
        answer = await self.api.send(request, "POST", self.table.path, json=body)
        if not answer.is_success:
            raise self._form_error(request, answer)
        return Row(self.table, answer.json or {}, answer.headers.get("etag", ""))

    def body_of(self, data: dict[str, Any]) -> dict[str, Any]:
        """Return the values of a form as the body of a create. Raises FormValidationError."""
        body: dict[str, Any] = {}
        errors: dict[str | int, Any] = {}
        for one in self.table.properties:
            if one.create and one.name in data and not _is_absent(one, data[one.name]):
                _add_value_or_error(body, errors, one, data[one.name])
        if errors:
            raise FormValidationError(errors)
        return body

    async def edit(self, request: Request, pk: Any, data: dict[str, Any]) -> Row:
        """Update the properties of a row that the user changed, unless somebody else did."""
        row = await self.find_by_pk(request, pk)
        if row is None:
            raise FormValidationError({GENERAL: f"{self.table.title} {pk} not found"})
        is_form = request.state.action is not RequestAction.IMPORT
        form = await request.form()
        expected = str(form.get(ETAG) or "") if is_form else row.etag
        request.state.admin_etag = expected  # a form with errors is shown with the same one
        body: dict[str, Any] = {}
        errors: dict[str | int, Any] = {}
        for one in self.table.properties:
            if not one.update or one.name not in data:
                continue
            sent = data[one.name]
            if is_form and not sent and _is_removed(one, form):
                body[one.name] = None
            elif not _is_kept(one, sent, row, is_form=is_form):
                _add_value_or_error(body, errors, one, sent)
        if errors:
            raise FormValidationError(errors)
        if not body and expected in {row.etag, ""}:
            return row
        headers = {"if-match": expected} if expected else {}
        path = self.row_path(pk)
        if not body and expected != row.etag:
            raise FormValidationError({GENERAL: CHANGED})
        answer = await self.api.send(request, "PATCH", path, json=body, headers=headers)
        if not answer.is_success:
            raise self._form_error(request, answer)
        return Row(self.table, answer.json or {**row.values, **body})

    async def delete(self, request: Request, pks: list[Any]) -> int | None:
        """Delete rows, one after another. Raises ActionFailed at the first that cannot be."""
        for number, pk in enumerate(pks):
            path = self.row_path(pk)
            headers = {}
            if self.table.needs_etag:
                read = await self.api.send(request, "GET", path)
                headers = {"if-match": read.headers.get("etag", "*")}
            answer = await self.api.send(request, "DELETE", path, headers=headers)
            if not answer.is_success:
                done = f" {number} of {len(pks)} rows were deleted before it." if number else ""
                raise ActionFailed(f"{self.table.title} {pk}: {message_of(answer)}.{done}")
        return len(pks)

    def _form_error(self, request: Request, answer: ApiResponse) -> FormValidationError:
        """Return the messages of a failed write; those of a row of a file have no key."""
        errors = errors_by_property(answer, self.table.by_name)
        if request.state.action is RequestAction.IMPORT and GENERAL in errors:
            errors[0] = errors.pop(GENERAL)
        return FormValidationError(errors)

    def _is_permitted(self, request: Request, operation: str) -> bool:
        return self.table.offers(operation) and self.table.permits(
            self.caller_of(request), operation
        )


def _is_absent(one: Property, sent: Any) -> bool:
    """Return whether an empty input means that the body of a create omits the property."""
    if sent is None:
        return True
    if sent == "":
        return not (one.default and one.optional) and not (one.required and one.is_text)
    return False


def _is_removed(one: Property, form: FormData) -> bool:
    """Return whether a form removes the stored value of a property that it does not show."""
    return one.optional and not one.read and form.get(f"_{one.name}-delete") == "on"


def _is_kept(one: Property, sent: Any, row: Row, *, is_form: bool) -> bool:
    """Return whether the value of an input leaves the property as it is."""
    value = row.values.get(one.name)
    match sent:
        case None if one.kind == "bytes" or not is_form:
            return True
        case bool():
            return bool(sent) is value
        case list():
            return sorted(sent) == sorted(map(str, value or ()))
        case _ if one.kind == "bytes":
            return False
        case _:
            return is_unchanged(one, "" if sent is None else str(sent), value)


def _add_value_or_error(
    body: dict[str, Any], errors: dict[str | int, Any], one: Property, sent: Any
) -> None:
    """Add the value of an input to a body, or to the errors."""
    try:
        match sent:
            case bool():
                body[one.name] = sent
            case list():
                body[one.name] = [json_value(one, str(text)) for text in sent]
            case _ if one.kind == "bytes":
                body[one.name] = uploaded_or_removed(sent)
            case _:
                body[one.name] = json_value(one, "" if sent is None else str(sent))
    except FormValueError as error:
        errors[one.name] = str(error)
