"""Checks the rules about the properties that a write sets."""

import json
import logging
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from sqlalchemy import Select, bindparam, select

from ..database import Change, Database
from ..database.transaction import Row
from ..models import Model
from ..rows.resource import Resource
from .caller import BaseCaller
from .clauses import NEW, Clause, allows_change, allows_new_row, columns_of
from .errors import Forbidden
from .fields import restricted_fields
from .rules import Access, Permission, Roles

Place = Sequence[str | int]
_log = logging.getLogger(__name__)
_RAW, _SEEN, _SHOWN = "raw__", "seen__", "shown__"
"""Prefixes of labels: a stored value, the value that the caller sees, and whether they see it."""


class FieldDenied(Forbidden):
    """403: the caller may not set a property to this value."""

    def __init__(self, name: str, permission: Permission, loc: Place) -> None:
        super().__init__("The property may not be set by this caller", loc)
        self.name = name
        """The attribute of the property."""
        rules = "; ".join(f"{rule}{rule.place}" for rule, _ in permission.rules)
        _log.info("a caller may not %s, no rule holds: %s", permission.words, rules or "nobody")


class FieldWriteChecks:
    """Checks the rules about the properties that callers with some roles set.

    The rules are about changes. A caller can always send back the value that they see; the
    property then keeps the stored value.
    """

    def __init__(self, visible: Resource, access: Access, roles: Roles) -> None:
        columns = visible._columns
        self._visible, self._access = visible, access
        self._columns = visible._properties.columns
        self._rules = restricted_fields(access, roles)
        masked = {name for name, one in self._columns.items() if one in columns.masks}
        self._judged = masked | self._rules.keys()
        """The properties whose new values are compared with the values that callers see."""
        self._unseen = self._judged - {*columns.shown}
        """The `_judged` properties that no response contains: to set one is always a change."""

    def values_to_set(self, row: Model, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return the values that a PUT sets. Omitted properties that no row shows are kept."""
        omitted = self._unseen - row.model_fields_set
        return {name: value for name, value in values.items() if name not in omitted}

    def kept_if_hidden(self, row: Model) -> set[str]:
        """Return the omitted properties of a PUT that it keeps if the row does not show them."""
        masks, columns = self._visible._columns.masks, self._columns
        sometimes = {name for name in self._judged if masks.get(columns[name]) is not None}
        return sometimes - row.model_fields_set

    async def omitted_hidden_names(self, db: Database, key: Any, row: Model) -> set[str]:
        """Return the omitted properties of a PUT that this row does not show, so it keeps them."""
        omitted = [*self.kept_if_hidden(row)]
        if not omitted:
            return set()
        asked = self.select_of_row(*(self.is_shown(name, db.kind) for name in omitted))
        found = await db.read(asked, {"key__": key})
        return {
            name for one in found for name, shown in zip(omitted, one, strict=True) if not shown
        }

    def is_shown(self, name: str, kind: str) -> Any:
        """Return the condition that a row shows a property, which other rows may hide."""
        condition = self._visible._columns.masks[self._columns[name]]
        assert condition is not None
        return condition(kind).label(f"{_SHOWN}{name}")

    def select_of_row(self, *asked: Any) -> Select[*tuple[Any, ...]]:
        """Return the SELECT of some columns or conditions of the row with a key."""
        columns = self._visible._columns
        key = columns.column(columns.key)
        statement: Any = select(*asked)
        return statement.where(  # type: ignore[no-any-return]
            key == bindparam("key__", type_=key.type)
        )

    def checks_of_new_row(
        self,
        kind: str,
        row: Model,
        caller: BaseCaller | None,
        bound: Mapping[str, Any],
        place: Place,
    ) -> Iterator[Change]:
        """Yield the changes that raise FieldDenied if a new row sets what the caller may not set.

        Omitted properties and default values are not checked. `bound` are the new values.
        """
        for name in self._rules:
            if name not in row.model_fields_set:
                continue
            value, default = getattr(row, name), self._default_value(row, name, caller)
            if _is_same(value, default):
                continue
            loc = [*place, self._visible._properties.json_name(name)]
            yield from self.checks_of_value(kind, name, bound, loc)

    def checks_of_value(
        self, kind: str, name: str, bound: Mapping[str, Any], loc: Place
    ) -> Iterator[Change]:
        """Yield the change that raises FieldDenied if the caller may not set this new value."""
        clauses = self._rules.get(name)
        if clauses is None:
            return
        if not clauses:
            raise self.denial_error(name, loc)
        asked = self._new_row_select(kind, clauses)
        yield Change(asked, bound, check=partial(self._raise_unless_allowed, name, loc))

    def _raise_unless_allowed(self, name: str, loc: Place, found: Sequence[Row]) -> None:
        if not found[0][0]:
            raise self.denial_error(name, loc)

    def denial_error(self, name: str, loc: Place) -> FieldDenied:
        """Return the error that a property may not be set."""
        permission = self._access.fields[name].write
        assert permission is not None
        return FieldDenied(name, permission, loc)

    def _default_value(self, row: Model, name: str, caller: BaseCaller | None) -> Any:
        presets = self._access.presets
        if name in presets.names:
            return presets.value(name, caller)
        return type(row).model_fields[name].get_default(call_default_factory=True)

    def _new_row_select(self, kind: str, clauses: Sequence[Clause]) -> Select[Any]:
        changed = {column: f"{NEW}{name}" for name, column in self._columns.items()}
        return select(allows_new_row(clauses, changed, kind))

    def checks_of_update(
        self,
        kind: str,
        key: Any,
        values: Mapping[str, Any],
        place: Place,
        omitted: Collection[str] = (),
    ) -> "FieldUpdateChecks | None":
        """Return the checks of an update; None if it sets no property with rules.

        `omitted` are the properties whose values are not those of the request.
        """
        if self._judged.isdisjoint(values):
            return None
        return FieldUpdateChecks(self, kind, key, values, place=place, omitted=omitted)


class FieldUpdateChecks:
    """The checks of the properties that an update of one row sets. The row is locked before."""

    def __init__(
        self,
        fields: FieldWriteChecks,
        kind: str,
        key: Any,
        values: Mapping[str, Any],
        *,
        place: Place,
        omitted: Collection[str],
    ) -> None:
        self._fields, self._kind, self._key, self._place = fields, kind, key, place
        self._sent = {name: value for name, value in values.items() if name in fields._judged}
        self._omitted = [name for name in self._sent if name in omitted]
        self._values = dict(values)
        """The values that the update sets; the stored values of properties that do not change."""
        self._changed = set[str]()

    def changes(self, bound: Mapping[str, Any]) -> Iterator[Change]:
        """Yield the changes that raise FieldDenied; `bound` are the new values for conditions."""
        fields, columns = self._fields, self._fields._visible._columns
        stored = [fields._columns[name].label(f"{_RAW}{name}") for name in self._sent]
        seen = [columns.value(name, self._kind).label(f"{_SEEN}{name}") for name in self._sent]
        shown = [fields.is_shown(name, self._kind) for name in self._omitted]
        asked_row = fields.select_of_row(*stored, *seen, *shown)
        yield Change(asked_row, {"key__": self._key}, check=self._record_unchanged_values)
        asked = [name for name in self._sent if fields._rules.get(name)]
        if asked:
            allowed = fields.select_of_row(*(self._allows_property(name) for name in asked))
            given = {**bound, "key__": self._key}

            def raise_if_denied(found: Sequence[Row]) -> None:
                for name, holds in zip(asked, found[0], strict=True):
                    if name in self._changed and not holds:
                        raise fields.denial_error(name, self._loc(name))

            yield Change(allowed, given, check=raise_if_denied, derive=self.bound_values)

    def bound_values(self, _: Sequence[Sequence[Row]]) -> dict[str, Any]:
        """Return the values that the update sets, as parameters of the UPDATE and of conditions."""
        values = {name: self._values[name] for name in self._sent}
        return {**values, **{f"{NEW}{name}": value for name, value in values.items()}}

    def _record_unchanged_values(self, found: Sequence[Row]) -> None:
        """Keep the stored values of properties that the caller sends back, or omits unseen."""
        self._changed.clear()  # the transaction may be repeated
        count = len(self._sent)
        shown = zip(self._omitted, found[0][2 * count :], strict=True)
        kept = {name for name, shows in shown if not shows}
        for index, (name, new) in enumerate(self._sent.items()):
            stored, seen = found[0][index], found[0][count + index]
            is_seen = name not in self._fields._unseen
            if name in kept or (is_seen and _is_same(seen, new)):
                self._values[name] = stored
                continue
            self._values[name] = new
            self._changed.add(name)
            if self._fields._rules.get(name, True) == []:
                raise self._fields.denial_error(name, self._loc(name))

    def _allows_property(self, name: str) -> Any:
        fields = self._fields
        clauses = fields._rules[name]
        asked = columns_of(clauses)
        changed = {
            column: f"{NEW}{one}"
            for one in self._values
            if (column := fields._columns[one]) in asked
        }
        return allows_change(clauses, changed, self._kind).label(name)

    def _loc(self, name: str) -> Place:
        return [*self._place, self._fields._visible._properties.json_name(name)]


def _is_same(first: Any, second: Any) -> bool:
    """Return whether two values are the same in JSON, where 1 is not `true` as in Python."""
    if isinstance(first, dict | list | bool) or isinstance(second, dict | list | bool):
        return json.dumps(first, sort_keys=True) == json.dumps(second, sort_keys=True)
    return bool(first == second)
