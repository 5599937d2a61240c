"""Finds and creates the rows of users, for commands. It checks no rules, and calls no hooks."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from uuid import UUID

from pydantic import ValidationError, create_model
from sqlalchemy import insert, select
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session

from ..database.columns import python_type
from ..errors import to_problems
from ..models import MAX_INT, Model
from .subjects import AccountError
from .user_rows import UserRows

_INTEGER = re.compile(r"-?[0-9]{1,19}", re.ASCII)


def find_or_insert_row(
    rows: UserRows, session: Session, row: str | None, values: Sequence[str]
) -> Any:
    """Return the key of the existing row `row`, or insert a row with `name=value` texts.

    The new row is not committed. Raises AccountError.
    """
    if row is None:
        return _insert_row(rows, session, values)
    if values:
        raise AccountError("--row is about an existing row, and --set about a new one: remove one")
    return existing_row(rows, session, row)


def existing_row(rows: UserRows, session: Session, text: str) -> Any:
    """Parse the key of an existing row. Raises AccountError if there is no such row."""
    key = _parsed_key(text, python_type(rows.key.type))
    name = rows.model.__name__
    if key is None:
        raise AccountError(f"{text!r} is not the form of a key of {name}")
    if session.execute(select(rows.key).where(rows.key == key)).first() is None:
        raise AccountError(f"{name} has no row {text}\n  --set NAME=VALUE creates a row")
    return key


def _parsed_key(text: str, kind: type) -> Any:
    """Return the value of a key; None if the text is not one."""
    if kind is int:
        is_key = _INTEGER.fullmatch(text) and abs(int(text)) <= MAX_INT
        return int(text) if is_key else None
    if kind is UUID:
        try:
            return UUID(text)
        except ValueError:
            return None
    return text


def _insert_row(rows: UserRows, session: Session, values: Sequence[str]) -> Any:
    row = _valid_values(rows, _values_by_name(values))
    found = {rows.column_of[name].key: value for name, value in row.items() if value is not None}
    try:
        statement = insert(rows.table).values(found).returning(rows.key)
        return session.execute(statement).scalar_one()
    except IntegrityError as error:
        session.rollback()
        reason = str(error.orig).splitlines()[0]
        name = rows.model.__name__
        raise AccountError(f"the database rejects the new row of {name}: {reason}") from None


def _values_by_name(values: Sequence[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for one in values:
        name, separator, value = one.partition("=")
        if not separator or not name:
            raise AccountError(f"cannot set {one!r}\n  write NAME=VALUE, such as --set name=Ann")
        if name in found:
            raise AccountError(f"--set has two values of {name}: remove one")
        found[name] = value
    return found


def _valid_values(rows: UserRows, texts: Mapping[str, str]) -> dict[str, Any]:
    """Return the values of a new row by attribute. A text that is invalid is parsed as JSON."""
    fields: dict[str, Any] = {
        name: (field.annotation, field) for name, field in rows.model.model_fields.items()
    }
    model = create_model(rows.model.__name__, __base__=Model, **fields)
    try:
        return _parsed_values(model, texts)
    except ValidationError as error:
        refused = {str(one["loc"][0]) for one in error.errors() if one["loc"]}
    values = {
        name: _json_or_text(text) if name in refused else text for name, text in texts.items()
    }
    try:
        return _parsed_values(model, values)
    except ValidationError as error:
        found = "\n".join(_problem_lines(error, model))
        raise AccountError(f"the row of {rows.model.__name__} is invalid\n{found}") from None


def _parsed_values(model: type[Model], values: Mapping[str, Any]) -> dict[str, Any]:
    row = model.model_validate_json(json.dumps(values))
    return {name: getattr(row, name) for name in model.model_fields}


def _json_or_text(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def _problem_lines(error: ValidationError, model: type[Model]) -> Iterator[str]:
    known = [str(field.alias or name) for name, field in model.model_fields.items()]
    remedies = {
        "missing": "add --set {0}=VALUE, or name an existing row with --row",
        "extra_forbidden": f"the properties are {', '.join(known)}",
    }
    for one in to_problems(error.errors()):
        place = ".".join(map(str, one["loc"]))
        remedy = remedies.get(one["type"], "").format(place)
        yield f"  {place}: {one['msg']}{f'; {remedy}' if remedy else ''}"
