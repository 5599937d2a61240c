"""The places of errors in a request body, which functions of the owner may have changed."""

from collections.abc import Collection, Sequence
from typing import Any

from fastapi import HTTPException

from ..models import Model
from ..rows.resource import Resource
from .together import creating_relations

Place = Sequence[str | int]


class Sent:
    """A body as the request has it, taken before a function of the owner gets the object.

    `names` are the attributes that the request has, by default those that are set. An error about
    another one, which the function has set, is an error of the row. So is one about `by`, the
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
                [Sent(one.rows, child, by=one.by) for child in one.created],
            )
            for one in creating_relations(rows, body)
        }

        self._keys = {one.json_name: (one, [*one.keys(body)]) for one in rows.linked_keys()}

    def placed(self, error: Exception) -> Exception:
        """Return an error whose problems are at places that the request has."""
        if not isinstance(error, HTTPException) or not has_places(error.detail):
            return error
        problems: Any = error.detail
        found: list[dict[str, Any]] = []
        for one in problems:
            placed = self._placed(one)
            if placed not in found:
                found.append(placed)
        return (
            error if found == problems else HTTPException(error.status_code, found, error.headers)
        )

    def _placed(self, one: dict[str, Any]) -> dict[str, Any]:
        root, *loc = one["loc"] or [""]
        if root != "body":
            return one
        place = self._place(loc)
        name = ".".join(part for part in loc[len(place) :] if isinstance(part, str))
        is_named = not name or name in one["msg"].split()
        message = one["msg"] if is_named else f"{one['msg']}: {name}"
        return {**one, "loc": [root, *place], "msg": message}

    def _place(self, loc: Place) -> Place:
        """Return the part of a place in the changed body that the request has."""
        if not loc:
            return loc
        name, *rest = loc
        if name in self._children:
            return self._place_of_child(str(name), rest)
        if name in self._keys:
            return self._place_of_key(str(name), rest)
        named = self._properties.json_name
        attribute = next((one for one in self._properties.columns if named(one) == name), "")
        return () if self._is_added(attribute) else loc

    def _is_added(self, name: str) -> bool:
        """Return whether the function, or the application, has set an attribute."""
        if name == self._by:
            return bool(name)
        if name in self._names or name not in self.body.model_fields_set:
            return False
        value = getattr(self.body, name)
        return name not in self._completed or bool(self._completed[name] != value)

    def _place_of_child(self, name: str, rest: Place) -> Place:
        """Return the place of a row that is created with this one: the function may move it."""
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
                return (name, number, *sent._place(inside))
        return (name,)

    def _place_of_key(self, name: str, rest: Place) -> Place:
        """Return the place of the key of a linked row: the function may add and remove keys."""
        linked, keys = self._keys[name]
        if linked.attribute not in self._names:
            return ()
        changed = linked.keys(self.body)
        if changed == keys:
            return (name, *rest)
        index = rest[0] if rest else None
        key = changed[index] if isinstance(index, int) and index < len(changed) else None
        return (name, keys.index(key)) if key in keys else (name,)


def has_places(detail: object) -> bool:
    """Return whether the detail of an error is a list of problems: that of a user may be any."""
    return isinstance(detail, list) and all(
        isinstance(one, dict) and isinstance(one.get("loc"), list | tuple) and "msg" in one
        for one in detail
    )
