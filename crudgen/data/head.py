"""The first line of a dump: its tables, columns and numbers of rows. Reason to change: the format.

A file that lacks rows, or that does not fit the spec, is recognized by it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from sqlalchemy import Column

from crudgen.errors import DataError

from .dump_contents import DumpedTable
from .unique_keys import duplicate_key
from .values import kind_of

FORMAT = 1
"""The version of the format. It changes if this version of crudgen could not load the file."""
MARK = "crudgen_dump"
_OTHER_SPEC = "load it with the spec of the dump, then run crudgen apply with this one"
_NOT_A_DUMP = "this is no dump of crudgen: for a file with rows of one entity, give --as ENTITY"


class TableHead(BaseModel):
    """A table of a dump."""

    model_config = ConfigDict(strict=True, extra="forbid")

    rows: Annotated[int, Field(ge=0)]
    columns: dict[str, str]
    """The type of each column."""


class Head(BaseModel):
    """The first line of a dump."""

    model_config = ConfigDict(strict=True, extra="forbid")

    crudgen_dump: int = FORMAT
    secrets: bool
    tables: dict[str, TableHead]

    def text(self) -> bytes:
        """Return the line."""
        return self.model_dump_json().encode()


def head_of(tables: Sequence[DumpedTable], counts: Mapping[str, int], *, secrets: bool) -> Head:
    """Return the first line of a dump of these tables."""
    heads = {
        one.name: TableHead(
            rows=counts[one.name],
            columns={column.name: kind_of(column).name for column in one.columns},
        )
        for one in tables
    }
    return Head(secrets=secrets, tables=heads)


def read_head(line: str | bytes, place: str) -> Head:
    """Return the first line of a file. Raises DataError if it is no dump of this format."""
    try:
        head = Head.model_validate_json(line)
    except ValidationError as error:
        first = error.errors()[0]
        if first["type"] == "json_invalid" or MARK.encode() not in _as_bytes(line):
            raise DataError(f"{place}: {_NOT_A_DUMP}") from None
        where = ".".join(map(str, first["loc"]))
        raise DataError(f"{place}: {where}: {first['msg']}") from None
    if (twice := duplicate_key(line)) is not None:
        raise DataError(f"{place}: the key {twice!r} is repeated")
    if head.crudgen_dump != FORMAT:
        raise DataError(
            f"{place}: the format of the dump is {head.crudgen_dump}, and this version of crudgen"
            f" reads {FORMAT}\n  load it with the version of crudgen that wrote it"
        )
    return head


@dataclass(frozen=True, slots=True)
class LoadedTable:
    """A table of a dump that fits one of the spec."""

    dumped: DumpedTable
    columns: tuple[Column[Any], ...]
    """The columns in the file."""
    rows: int


def matched_tables(head: Head, tables: Sequence[DumpedTable], place: str) -> list[LoadedTable]:
    """Return the tables of a dump, in its order. Raises DataError if they do not fit the spec."""
    known = {one.name: one for one in tables}
    problems = []
    found = []
    for name, table in head.tables.items():
        if name not in known:
            problems.append(f"table {name}: the spec has no such table\n  {_OTHER_SPEC}")
            continue
        problems += _problems(table, known[name], secrets=head.secrets)
        by_name = {column.name: column for column in known[name].columns}
        columns = tuple(by_name[column] for column in table.columns if column in by_name)
        found.append(LoadedTable(known[name], columns, table.rows))
    if problems:
        raise DataError("\n".join(f"{place}: {one}" for one in problems))
    return found


def _problems(head: TableHead, dumped: DumpedTable, *, secrets: bool) -> list[str]:
    """Return why a table of a dump does not fit that of the spec."""
    columns = {column.name: column for column in dumped.columns}
    problems = [
        f"{dumped.name}.{name}: the spec has no such column\n  {_OTHER_SPEC}"
        for name in head.columns
        if name not in columns
    ]
    for name, column in columns.items():
        kind = kind_of(column).name
        found = head.columns.get(name)
        if found is None and not column.nullable:
            remedy = _OTHER_SPEC if secrets else "a dump with --secrets has write_only fields"
            problems.append(f"{dumped.name}.{name}: the column is missing\n  {remedy}")
        elif found not in {None, kind}:
            remedy = _OTHER_SPEC
            problems.append(
                f"{dumped.name}.{name}: the type is {found}, and {kind} in the spec\n  {remedy}"
            )
    return problems


def _as_bytes(line: str | bytes) -> bytes:
    return line.encode() if isinstance(line, str) else line
