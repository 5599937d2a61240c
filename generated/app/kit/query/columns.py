"""The columns of a list: which are shown, and which a client may filter, sort and search by."""

from collections.abc import Sequence
from itertools import chain
from types import NoneType
from typing import Any, Literal, get_args, get_origin

from pydantic import AfterValidator, TypeAdapter
from pydantic.fields import FieldInfo
from sqlalchemy import Column, Table

from ..models import Model
from ..text import nfc, rule_of
from .operators import fold, operators_of
from .values import TEXT, text_kept_by, value_of

_NFC = AfterValidator(nfc)
NFC_TEXT = text_kept_by([_NFC])


class Columns:
    """The columns that a public model shows; no other one can be asked for."""

    def __init__(
        self,
        model: type[Model],
        public: type[Model],
        *,
        filter_by: Sequence[str] | None,
        sort_by: Sequence[str] | None,
        search_in: Sequence[str],
    ) -> None:
        self.table: Table = model.__table__  # type: ignore[attr-defined]
        self.shown = tuple(public.model_fields)
        self.key: str = next(iter(self.table.primary_key)).name
        self._words = {
            name: _words(field.annotation) for name, field in public.model_fields.items()
        }
        self._validators = {name: _validators(field) for name, field in public.model_fields.items()}
        self._as_sent = {name for name, field in public.model_fields.items() if not _is_nfc(field)}
        orderable = [name for name in self.shown if "eq" in self.operators(name)]
        self.sorted = tuple(orderable if sort_by is None else sort_by)
        self.filtered = tuple(self.shown if filter_by is None else filter_by)
        self.searched = tuple(search_in)

    def column(self, name: str) -> Column[Any]:
        """Find a column of the table."""
        return self.table.columns[name]

    def operators(self, name: str) -> tuple[str, ...]:
        """List the operators that a column takes."""
        return operators_of(self.column(name), is_word=bool(self._words[name]))

    def adapter(self, name: str) -> TypeAdapter[Any]:
        """Find what reads a value of a column."""
        return value_of(self.column(name), self._words.get(name, ()))

    def sought(self, name: str) -> TypeAdapter[Any]:
        """Find what reads a value to look for in a column: text as a body's is kept."""
        adapter, validators = self.adapter(name), self._validators.get(name)
        return text_kept_by(validators) if adapter is TEXT and validators else adapter

    def part(self, name: str) -> TypeAdapter[str]:
        """Find what reads a part of a text to look for in a column."""
        return TEXT if name in self._as_sent else NFC_TEXT

    def is_as_sent(self, name: str) -> bool:
        """Tell whether a column keeps text as it is sent, not in NFC."""
        return name in self._as_sent

    def words(self, text: str) -> tuple[tuple[str, str], ...]:
        """Split what is searched for: each word in NFC and as it is sent, in small letters."""
        return tuple((fold(nfc(word)), fold(word)) for word in text.split())

    def order(self, sort: Sequence[str]) -> tuple[tuple[str, bool], ...]:
        """Add the key to what a client sorts by: then no two rows are alike.

        It goes the way of what stands before it: so does an index, and `-age` is `age` backwards.
        """
        order: dict[str, bool] = {}
        key = f"-{self.key}" if sort and sort[-1].startswith("-") else self.key
        for name in (*sort, key):
            order.setdefault(name.removeprefix("-"), name.startswith("-"))
            if self.key in order:
                break
        return tuple(order.items())


def _validators(field: FieldInfo) -> list[AfterValidator]:
    kinds = [getattr(kind, "__metadata__", ()) for kind in get_args(field.annotation)]
    found = chain([_NFC] if _is_nfc(field) else [], field.metadata, *kinds)
    return [one for one in found if isinstance(one, AfterValidator)]


def _is_nfc(field: FieldInfo) -> bool:
    rule = rule_of(field)
    return rule is not None and not rule.as_sent


def _words(annotation: Any) -> tuple[str, ...]:
    """Find the words of a Literal, which may also be None."""
    if get_origin(annotation) is Literal:
        return get_args(annotation)
    kinds = [kind for kind in get_args(annotation) if kind is not NoneType]
    return _words(kinds[0]) if len(kinds) == 1 else ()
