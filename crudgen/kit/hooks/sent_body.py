"""The places of errors in the body as the client sent it, though a function has changed it."""

from collections.abc import Collection, Sequence
from typing import Any

from fastapi import HTTPException

from ..models import Model
from ..rows.resource import Resource
from .nested_creates import relations_of_nested_creates

Place = Sequence[str | int]


class SentBody:
    """A copy of the body as the client sent it, made before a function of the owner changes it.

    `names` are the attributes that the client sent, by default those that are set. An error about
    another one, which the function has set, is located at the row. So is one about `by`, the
    reference to the row that this one is created with.
    """

    def __init__(
        self, rows: Resource, body: Model, names: Collection[str] | None = None, *, by: str = ""
    ) -> None:
        self.body = body
        self._properties = rows._properties
        self._by = by
        self._names = {*(body.model_fields_set if names is None else names)}
        completed = body.model_fields_set - self._names
        self._completed = {name: getattr(body, name) for name in completed}
        self._children = {
            one.json_name: (
                one.attribute,
                [SentBody(one.rows, child, by=one.by) for child in one.created],
            )
            for one in relations_of_nested_creates(rows, body)
        }

        self._keys = {one.json_name: (one, [*one.keys(body)]) for one in rows.linked_keys()}

    def with_places_of_request(self, error: Exception) -> Exception:
        """Return the error with the places of its problems in the body as the client sent it."""
        if not isinstance(error, HTTPException) or not is_problem_list(error.detail):
            return error
        problems: Any = error.detail
        found: list[dict[str, Any]] = []
        for one in problems:
            placed = self._relocate_problem(one)
            if placed not in found:
                found.append(placed)
        return (
            error if found == problems else HTTPException(error.status_code, found, error.headers)
        )

    def _relocate_problem(self, one: dict[str, Any]) -> dict[str, Any]:
        root, *loc = one["loc"] or [""]
        if root != "body":
            return one
        place = self._place_in_request(loc)
        name = ".".join(part for part in loc[len(place) :] if isinstance(part, str))
        is_named = not name or name in one["msg"].split()
        message = one["msg"] if is_named else f"{one['msg']}: {name}"
        return {**one, "loc": [root, *place], "msg": message}

    def _place_in_request(self, loc: Place) -> Place:
        """Convert a place in the changed body to one in the body as the client sent it."""
        if not loc:
            return loc
        name, *rest = loc
        if name in self._children:
            return self._place_of_child(str(name), rest)
        if name in self._keys:
            return self._place_of_key(str(name), rest)
        named = self._properties.json_name
        attribute = next((one for one in self._properties.columns if named(one) == name), "")
        return () if self._is_set_by_function(attribute) else loc

    def _is_set_by_function(self, name: str) -> bool:
        """Return whether the function or the application has set an attribute, not the client."""
        if name == self._by:
            return bool(name)
        if name in self._names or name not in self.body.model_fields_set:
            return False
        value = getattr(self.body, name)
        return name not in self._completed or bool(self._completed[name] != value)

    def _place_of_child(self, name: str, rest: Place) -> Place:
        """Return the place at which the client sent a child row, which the function may move."""
        attribute, children = self._children[name]
        if attribute not in self._names:
            return ()
        if not rest:
            return (name,)
        index, *inside = rest
        rows: Any = getattr(self.body, attribute)
        child = rows[index] if isinstance(index, int) and index < len(rows) else None
        for number, sent in enumerate(children):
            if sent.body is child:
                return (name, number, *sent._place_in_request(inside))
        return (name,)

    def _place_of_key(self, name: str, rest: Place) -> Place:
        """Return the place at which the client sent a key: the function may add or remove some."""
        linked, keys = self._keys[name]
        if linked.attribute not in self._names:
            return ()
        changed = linked.keys(self.body)
        if changed == keys:
            return (name, *rest)
        index = rest[0] if rest else None
        key = changed[index] if isinstance(index, int) and index < len(changed) else None
        return (name, keys.index(key)) if key in keys else (name,)


def is_problem_list(detail: object) -> bool:
    """Return whether an error's detail is a list of problems; functions may set any detail."""
    return isinstance(detail, list) and all(
        isinstance(one, dict) and isinstance(one.get("loc"), list | tuple) and "msg" in one
        for one in detail
    )
