"""Resolves multicolumn indexes, and names all indexes. Reason to change: the rules of indexes."""

from collections.abc import Collection, Iterator
from dataclasses import replace
from itertools import accumulate

from crudgen.language.indexes import Index
from crudgen.language.names import ColumnName, TableName
from crudgen.language.ranges import MAX_INDEX, MIN_INDEX
from crudgen.language.schema import Field
from crudgen.language.types import MAX_INDEXED_TEXT, TYPES
from crudgen.language.written.reading import WrittenSpec
from crudgen.language.written.spec import EntitySpec
from crudgen.language.yaml.problems import Problems, quoted, suggest

from .draft import Draft


def index_name(table: TableName, columns: tuple[ColumnName, ...], *, unique: bool) -> str:
    """Return the name of an index in the database: `ix_hero_name`, `uq_hero_team_name`."""
    return "_".join(("uq" if unique else "ix", table, *columns))


def index_names(draft: Draft) -> Iterator[tuple[str, tuple[str | int, ...]]]:
    """Yield the name of each index of a table, with the path of its key in the spec."""
    table, fields = draft.identity.table, draft.fields
    for field in fields.values():
        if field.index or field.unique:
            flag = "unique" if field.unique else "index"
            name = index_name(table, (field.column,), unique=field.unique)
            yield name, ("fields", field.name, flag)
    counts = {"unique": 0, "index": 0}
    for index in draft.indexes:
        key = "unique" if index.unique else "index"
        columns = tuple(fields[name].column for name in index.fields)
        is_written = counts[key] < len(getattr(draft.written.spec, key))
        is_reference = fields[index.fields[0]].reference is not None
        other = ("fields", index.fields[0], "to") if is_reference else ("access",)
        path = (key, counts[key]) if is_written else other
        yield index_name(table, columns, unique=index.unique), path
        counts[key] += 1
    for name, link in draft.links.items():
        columns = tuple(end.column for end in reversed(link.ends))
        yield index_name(link.table, columns, unique=False), ("links", name)


def resolve_indexes(
    written: WrittenSpec[EntitySpec], fields: dict[str, Field], problems: Problems
) -> tuple[Index, ...]:
    """Return the valid multicolumn indexes, from the lists `unique` and `index` of an entity."""
    found: dict[tuple[str, ...], str] = {}
    indexes: list[Index] = []
    lists = (("unique", written.spec.unique), ("index", written.spec.index))
    for key, groups in lists:
        for position, names in enumerate(groups):
            index = _resolve_index(written, (key, position), names, fields, problems)
            if index is None:
                continue
            location = written.locate(key, position)
            if index.fields in found:
                problem = f"duplicate list of fields, first under {found[index.fields]!r}"
                problems.add(location, problem, "remove one of them")
            found.setdefault(index.fields, key)
            indexes.append(index)
    return tuple(indexes)


def add_reference_indexes(draft: Draft, others: Collection[str] = ()) -> None:
    """Add an index for each reference: it finds the rows that refer to another row, in order.

    None is added if the reference is unique, or begins an index of the spec. `others` are fields
    that need an index too.
    """
    key = draft.key
    for field in [*draft.fields.values()]:
        is_found_by = field.reference is not None or field.name in others
        if not is_found_by or field.unique or field.pk or key is None:
            continue
        if field.reference is None and (field.index or not _may_have_index(field)):
            continue
        order = (name for name, _ in (field.reference.order if field.reference else ()))
        names = dict.fromkeys((field.name, *order, key.name))
        indexed = _indexable_prefix([draft.fields[name] for name in names])
        found = tuple(each.name for each in indexed)
        needed = found[: max(1, len(found) - 1)]
        if any(index.fields[: len(needed)] == needed for index in draft.indexes):
            continue
        if len(found) == 1:
            draft.fields[field.name] = replace(field, index=True)
        else:
            draft.indexes = (*draft.indexes, Index(found))


def _may_have_index(field: Field) -> bool:
    return "index" in TYPES[field.type].flags


def _indexable_prefix(fields: list[Field]) -> list[Field]:
    """Return the first of the fields, as many as an index can have."""
    sizes = accumulate(_max_characters(field) for field in fields)
    fitting = sum(size <= MAX_INDEXED_TEXT for size in sizes)
    return fields[: max(1, min(fitting, MAX_INDEX))]


def _max_characters(field: Field) -> int:
    """Return the maximum number of characters of a field in an index."""
    return (field.max_length or 0) if TYPES[field.type].text else 0


def _resolve_index(
    written: WrittenSpec[EntitySpec],
    path: tuple[str, int],
    names: list[str],
    fields: dict[str, Field],
    problems: Problems,
) -> Index | None:
    before = len(problems)
    unknown = 0
    for position, name in enumerate(names):
        location = written.locate(*path, position)
        if name in written.broken or (name in written.spec.fields and name not in fields):
            unknown += 1
        elif name not in fields:
            problems.add(location, f"unknown field {quoted(name)}", suggest(name, fields))
        elif name in names[:position]:
            problems.add(location, f"duplicate field {quoted(name)}", "remove one of them")
        elif not _may_have_index(fields[name]):
            problem = f"{quoted(name)} cannot be indexed: its type is {fields[name].type}"
            problems.add(location, problem, "remove it")
    if not MIN_INDEX <= len(names) <= MAX_INDEX:
        remedy = f"list {MIN_INDEX} to {MAX_INDEX} fields; for one field, use its flag '{path[0]}'"
        problems.add(written.locate(*path), f"invalid number of fields: {len(names)}", remedy)
    if unknown or len(problems) > before:
        return None
    _check_text_length(written, path, [fields[name] for name in names], problems)
    return Index(tuple(fields[name].name for name in names), unique=path[0] == "unique")


def _check_text_length(
    written: WrittenSpec[EntitySpec], path: tuple[str, int], fields: list[Field], problems: Problems
) -> None:
    total = sum(map(_max_characters, fields))
    if total > MAX_INDEXED_TEXT:
        problem = f"the text fields of the index have up to {total} characters"
        remedy = f"set maxima such as 'str(..80)', at most {MAX_INDEXED_TEXT} in total"
        problems.add(written.locate(*path), problem, remedy)
