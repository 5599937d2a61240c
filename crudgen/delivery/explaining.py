"""Explains whether rules allow an operation on a row. Reason to change: how that is found out.

The rules are those of the generated application: its code is imported, and reads the database.
"""

import asyncio
import importlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pydantic import ValidationError
from sqlalchemy import Connection

from crudgen.delivery import memory
from crudgen.delivery.named_callers import NamedCaller, caller_of, read_connection
from crudgen.errors import ArgumentError
from crudgen.evolution.connecting import Database


@dataclass(frozen=True, slots=True)
class Question:
    """The question whether a caller may do something with a row."""

    folder: str
    """The folder of the entity in the application."""
    resource: str
    """The variable of its resource in `routes.py`."""
    entity: str
    action: str
    """An operation, or an action with rules of its own."""
    is_function: bool
    """Whether a function of the user changes the row."""
    caller: NamedCaller | None
    """The caller; None without credentials."""
    key: Any = None
    body: str = "{}"
    """The body of the request, as JSON."""


@dataclass(frozen=True, slots=True)
class Part:
    """A condition in a rule, and whether it holds for the row; None if unknown or not evaluated."""

    condition: str
    values: Mapping[str, bool | None]


@dataclass(frozen=True, slots=True)
class Explanation:
    """The answer: whether it is allowed, the reason, and each rule that is about the caller."""

    allowed: bool
    reason: str
    rules: Sequence[tuple[str, Sequence[Part]]] = ()
    """The rules as in the spec, with their parts."""


class _CallerConnection:
    """Reads from a connection as a database for one caller does."""

    def __init__(self, connection: Connection, values: Mapping[str, Any]) -> None:
        self._connection, self._values = connection, values
        self.kind = connection.dialect.name

    def compile(self, statement: Any) -> Any:
        return statement

    async def read(self, statement: Any, values: Mapping[str, Any]) -> Sequence[Any]:
        return self._connection.execute(statement, {**values, **self._values}).all()


def explain(tree: Mapping[str, str], url: str | None, question: Question) -> Explanation:
    """Return whether the rules of an application allow something, and why.

    `url` overrides DATABASE_URL and the spec. Raises ArgumentError for a caller or a body that
    cannot be, and DatabaseError for a database that cannot be used.
    """
    package = memory.import_tree(tree)
    try:
        return asyncio.run(_Explainer(package.__name__, question).explanation(url))
    finally:
        memory.unload(package)


class _Explainer:
    """Answers a question with the code of an imported application."""

    def __init__(self, package: str, question: Question) -> None:
        self._package, self._question = package, question
        self._import_module("api")  # it imports the rules of all entities
        self._guarded = getattr(self._import_module(f"{question.folder}.routes"), question.resource)
        self._rows, self._access = self._guarded.unguarded, self._guarded.access
        self._denials = self._import_module("kit.access.denials")
        self._caller: Any = None

    def _import_module(self, name: str) -> Any:
        return importlib.import_module(f"{self._package}.{name}")

    async def explanation(self, url: str | None) -> Explanation:
        question, access = self._question, self._access
        chosen = {} if url is None else {"database_url": url}
        database = Database(self._import_module("settings").Settings(**chosen).database_url)
        if question.caller is not None:
            self._caller = caller_of(question.caller, database, self._import_module)
        permission = access.permission(question.action)
        http_error = self._import_module("kit.access.errors").HTTPException
        for one in (*((permission.needs,) if permission.needs else ()), permission):
            try:
                one.check(self._caller)
            except http_error as error:
                detail: Any = error.detail
                if isinstance(detail, str):
                    return Explanation(False, "It needs a caller with credentials")
                return Explanation(False, detail[0]["msg"])
        row, values = self._body_and_values()
        operations = self._import_module("kit.access.row_operations").RowOperations(
            self._rows, access, None if self._caller is None else self._caller.roles
        )
        with read_connection(database) as connection:
            known = {} if self._caller is None else self._caller.bound_values
            reader = _CallerConnection(connection, known)
            found = await self._explain_rules(operations, reader, values)
            if found.allowed:
                found = await self._explain_references(operations, reader, values) or found
            if not (found.allowed and access.fields):
                return found
            if question.action == "read":
                return await self._with_hidden_properties(operations, reader, found)
            return await self._explain_fields(operations, reader, row, values) or found

    async def _explain_references(
        self, operations: Any, reader: _CallerConnection, values: Mapping[str, Any]
    ) -> Explanation | None:
        """Explain which references have no target that the caller can read; None without any."""
        written = [(self._question.key, values)]
        try:
            for change in operations.references.checks(
                reader.kind, written, lambda error, _: error
            ):
                change.check(await reader.read(change.statement, change.values))
        except self._import_module("kit.errors").MissingTarget as missing:
            names = ", ".join(repr(one["loc"][-1]) for one in missing.detail)
            return Explanation(False, f"{names}: no such row exists, or the caller cannot read it")
        return None

    async def _explain_fields(
        self, operations: Any, reader: _CallerConnection, row: Any, values: Mapping[str, Any]
    ) -> Explanation | None:
        """Explain which property the caller may not set to its new value; None if there is none."""
        question, fields = self._question, operations.fields
        new = operations.new_values(values)
        changes: Any = ()
        if question.action == "create":
            changes = fields.checks_of_new_row(reader.kind, row, self._caller, new, ["body"])
        elif judged := fields.checks_of_update(reader.kind, question.key, values, ["body"]):
            changes = judged.changes(new)
        try:
            for change in changes:
                derived = {} if change.derive is None else change.derive([])
                change.check(await reader.read(change.statement, {**change.values, **derived}))
        except self._import_module("kit.access.field_writes").FieldDenied as denied:
            name = denied.detail[0]["loc"][-1]
            rules = self._access.fields[denied.name].write.rules
            told = "; or ".join(str(rule) for rule, _ in rules) or "nobody"
            return Explanation(False, f"To set {name!r} to another value, a rule must hold: {told}")
        return None

    async def _with_hidden_properties(
        self, operations: Any, reader: _CallerConnection, found: Explanation
    ) -> Explanation:
        """Return an explanation that names the properties that the row does not show."""
        hidden_properties = self._import_module("kit.access.fields").hidden_properties
        hidden = [
            f"{name!r} is {'absent' if is_absent else 'null'}"
            async for name, is_absent in hidden_properties(
                operations.visible, reader, self._question.key
            )
        ]
        return replace(found, reason="; ".join([found.reason, *hidden]))

    async def _explain_rules(
        self, operations: Any, reader: _CallerConnection, values: Any
    ) -> Explanation:
        question = self._question
        if question.key is not None and not await self._denials.row_exists(
            operations, reader, question.key
        ):
            return Explanation(False, "There is no such row")
        read = () if question.action in {"create", "read"} else ("read",)
        for action in (*read, question.action):
            result = await self._explain_action(operations, reader, action, values)
            if not result.allowed:
                return result
        return result

    async def _explain_action(
        self, operations: Any, reader: _CallerConnection, action: str, values: Any
    ) -> Explanation:
        """Explain whether at least one rule of an action allows the row."""
        permission = self._access.permission(action)
        if permission.clauses(operations.roles) is None:
            return Explanation(True, "A rule without a condition allows it")
        is_unknown = self._question.is_function and action != "read"
        written = None if is_unknown else values or {}
        write = self._denials.Write(action, self._question.key, written)
        answers = await self._denials.evaluate_rules(operations, reader, write)
        rules: dict[int, list[Any]] = {}
        for one in answers:
            rules.setdefault(id(one.rule), []).append(one)
        parts = [
            (str(found[0].rule), [Part(one.text, dict(one.found)) for one in found])
            for found in rules.values()
        ]
        for rule, found in parts:
            if all(value is True for one in found for value in one.values.values()):
                left = " if the function leaves a row that satisfies it" * is_unknown
                return Explanation(True, f"A rule allows it{left}: {rule}", parts)
        reason = "The caller cannot read the row: for them, it does not exist"
        if action != "read":
            reason = self._denials.denial_message(operations, action)
        return Explanation(False, reason, parts)

    def _body_and_values(self) -> tuple[Any, Mapping[str, Any]]:
        """Return the body of the request, and the values that it sets, by attribute."""
        question = self._question
        if question.is_function or question.action not in {"create", "update"}:
            return None, {}
        name = f"{question.entity}{question.action.capitalize()}"
        model = getattr(self._import_module(f"{question.folder}.models"), name, None)
        if model is None:
            raise ArgumentError(f"the API of {question.entity} has no request to {question.action}")
        try:
            row = model.model_validate_json(question.body)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            place = ".".join(map(str, first["loc"]))
            raise ArgumentError(f"--body: {place}: {first['msg']}".replace(": : ", ": ")) from None
        filled = row
        if question.action == "create":
            filled = self._guarded.bodies.with_caller_values(row, self._caller)
        values: Mapping[str, Any] = self._denials.written_values(
            self._rows, filled, is_update=question.action == "update"
        )
        return row, values
