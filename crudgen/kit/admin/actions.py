"""The actions of a table as buttons: for one row, and for the selected rows."""

from typing import Any

from markupsafe import Markup
from starlette.requests import Request
from starlette_admin.actions import ActionSelection, action, row_action
from starlette_admin.exceptions import ActionFailed
from starlette_admin.flash import flash

from .api_errors import message_of
from .bulk import BulkView
from .tables import Action, Property, Table
from .values import FormValueError, form_text, json_value

PREFIX = "action_"
"""The beginning of the names of actions, which differ from `delete` and `export` of the page."""
_TYPES = {"int": "number", "date": "date", "time": "time", "datetime": "datetime-local"}


class ActingView(BulkView):
    """Calls actions too."""

    async def is_action_allowed(self, request: Request, name: str) -> bool:
        """Return whether the caller may do something with some rows."""
        found = self._action_named(name)
        if found is not None:
            return self.table.permits(self.caller_of(request), found.right)
        return await super().is_action_allowed(request, name)

    async def is_row_action_allowed(self, request: Request, name: str) -> bool:
        """Return whether the caller may do something with one of the rows."""
        found = self._action_named(name)
        if found is not None:
            return self.table.permits(self.caller_of(request), found.right)
        return await super().is_row_action_allowed(request, name)

    async def call(self, request: Request, one: Action, keys: list[str]) -> None:
        """Call an action on rows, one after another. Raises ActionFailed at the first error."""
        sent = await request.form()
        body: dict[str, Any] = {}
        for taken in one.takes:
            text = str(sent.get(taken.name) or "")
            if text or (taken.required and taken.is_text):
                try:
                    body[taken.name] = json_value(taken, text)
                except FormValueError as error:
                    raise ActionFailed(f"{taken.label}: {error}") from None
        for number, key in enumerate(keys):
            path = self.row_path(key)
            headers = {}
            if self.table.needs_etag:
                read = await self.api.send(request, "GET", path)
                headers = {"if-match": read.headers.get("etag", "*")}
            answer = await self.api.send(
                request,
                "POST",
                f"{path}/{one.name}",
                json=body if one.takes else None,
                headers=headers,
            )
            if not answer.is_success:
                done = f". {number} of {len(keys)} rows were done before it" if number else ""
                raise ActionFailed(f"{self.table.title} {key}: {message_of(answer)}{done}")
        flash(request, f"{one.label}: {len(keys)} of {len(keys)} rows", "success")

    def _action_named(self, name: str) -> Action | None:
        return next((one for one in self.table.actions if PREFIX + one.name == name), None)


def view_class(table: Table) -> type[ActingView]:
    """Return the class of the view of a table, which has a method for each of its actions."""
    methods: dict[str, Any] = {}
    for one in table.actions:
        methods[f"call_on_selection_{one.name}"] = _selection_action(one)
        methods[f"call_on_row_{one.name}"] = _new_row_action(one)
    return type(f"{table.title}View", (ActingView,), methods)


def _selection_action(one: Action) -> Any:
    @action(
        PREFIX + one.name,
        one.label,
        confirmation=one.doc or f"{one.label} the selected rows?",
        submit_btn_text=one.label,
        form=_body_form(one),
        modal_size="md",
    )
    async def call(self: ActingView, request: Request, selection: ActionSelection) -> None:
        await self.call(request, one, [str(key) for key in await selection.pks()])

    return call


def _new_row_action(one: Action) -> Any:
    @row_action(
        PREFIX + one.name,
        one.label,
        confirmation=one.doc or f"{one.label} this row?",
        submit_btn_text=one.label,
        icon_class="fa-solid fa-bolt",
        form=_body_form(one),
        modal_size="md",
    )
    async def call(self: ActingView, request: Request, pk: Any) -> None:
        await self.call(request, one, [str(pk)])

    return call


def _body_form(one: Action) -> str:
    """Return the form of the body of an action; empty without one."""
    if not one.takes:
        return ""
    inputs = Markup("").join(map(_input_html, one.takes))
    return str(Markup("<form>{}</form>").format(inputs))


def _input_html(one: Property) -> Markup:
    label = f"{one.label} (UTC)" if one.kind == "datetime" else one.label
    head = Markup('<label class="form-label mt-2" for="take-{}">{}</label>').format(one.name, label)
    words = ["true", "false"] if one.kind == "bool" else one.words
    if words:
        blank = [] if one.required else [""]
        options = Markup("").join(
            Markup('<option value="{0}"{1}>{0}</option>').format(
                word, Markup(" selected") if word == one.default else ""
            )
            for word in (*blank, *words)
        )
        return head + Markup(
            '<select class="form-select" id="take-{0}" name="{0}">{1}</select>'
        ).format(one.name, options)
    text = form_text(one, one.default) if one.default and one.kind != "json" else one.default
    if one.kind in {"text", "json"}:
        return head + Markup(
            '<textarea class="form-control" id="take-{0}" name="{0}">\n{1}</textarea>'
        ).format(one.name, text)
    return head + Markup(
        '<input class="form-control" id="take-{0}" name="{0}" type="{1}" step="any" value="{2}">'
    ).format(one.name, _TYPES.get(one.kind, "text"), text)
