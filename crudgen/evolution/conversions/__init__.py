"""How the values of one type become those of another. Reason to change: how conversions are found.

A conversion loses nothing: it gives what the application stores for the same value, or the value
does not survive. Text becomes another type if a request could contain the same text as a value of
that type, and the text has no more information than the value: `007` is no integer, since it has
leading zeros, and `2026-01-31T12:30:00+02:00` is no datetime, since the offset is not stored.
"""

from crudgen.evolution.changes import SAME, Conversion

from . import postgresql, sqlite
from .stored_types import Converter

_TABLES = {"sqlite": sqlite, "postgresql": postgresql}


def conversion(
    dialect: str, found: str, expected: str, version: int | None = None
) -> Conversion | None:
    """Return the conversion between two types of a database's catalogue, or None if there is none.

    The names of the types are those of the catalogue, such as `VARCHAR` or `character varying`.
    `version` is the major version of the server; None stands for the latest.
    """
    if found == expected:
        return SAME
    table = _TABLES[dialect]
    before, after = table.stored_type(found, is_live=True), table.stored_type(expected)
    if before is None or after is None:
        return None
    if table.keeps_stored_values(before, after):
        return SAME
    if before == after:
        return Conversion("{value}")
    kinds = (before.kind, after.kind)
    convert: Converter | None = table.CONVERSIONS.get(kinds)
    is_missing = version is not None and version < table.SINCE.get(kinds, 0)
    return None if convert is None or is_missing else convert(before, after)
