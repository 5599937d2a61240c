"""Resolves the tables of links. Reason to change: their names, or which entity can be one."""

from functools import partial

from crudgen.language.names import (
    AttributeName,
    ClassName,
    ColumnName,
    FieldName,
    TableName,
    singular_of,
)
from crudgen.language.relations import Link, LinkEnd
from crudgen.language.reserved import attribute_problem, class_name_problem, table_name_problem
from crudgen.language.schema import Field
from crudgen.language.yaml.locations import Location
from crudgen.language.yaml.problems import Problems, quoted

from .draft import Draft, Drafts
from .former_names import former_tables
from .identity import checked_name


def link_table(draft: Draft, name: str, target: Draft, drafts: Drafts) -> Link | None:
    """Return the table of a link, `hero_power_link`, or None if one of its names is invalid."""
    spec, location = draft.written.spec.links[name], draft.written.locate_key("links", name)
    problems = drafts.problems
    singular = singular_of(name)
    near = _link_end(draft, draft.identity.singular, location, drafts)
    far = _link_end(target, singular, location, drafts)
    if near is None or far is None:
        return None
    if near.column == far.column:
        problem = f"both columns of the link table are {quoted(str(near.column))}"
        problems.add(location, problem, "rename the link after the role of the other row")
        return None
    words = "".join(part.capitalize() for part in singular.split("_"))
    class_name = checked_name(
        ClassName, f"{draft.identity.name}{words}Link", class_name_problem, location, problems
    )
    table = spec.table or f"{draft.identity.singular}_{singular}_link"
    location = draft.written.locate("links", name, "table") if spec.table else location
    table_name = checked_name(TableName, table, table_name_problem, location, problems)
    if class_name is None or table_name is None:
        return None
    present = {str(table_name): "table", name: "link"}
    was = former_tables(
        spec.was, present, partial(draft.written.locate, "links", name, "was"), problems
    )
    line = draft.written.locate_key("links", name).line
    return Link(class_name, table_name, (near, far), was=was, line=line)


def _link_end(entity: Draft, role: str, location: Location, drafts: Drafts) -> LinkEnd | None:
    """Return the column of a link table that refers to an entity, or None without a valid name."""
    if entity.key is None:
        return None
    name = f"{role}_{entity.key.name}"
    checked = checked_name(FieldName, name, attribute_problem, location, drafts.problems)
    if checked is None:
        return None
    column = ColumnName(drafts.conventions.columns.convert(checked))
    return LinkEnd(entity.identity.name, AttributeName(checked), column)


def entity_of_link(
    draft: Draft, name: str, target: Draft, via: Draft, problems: Problems
) -> Link | None:
    """Return the link whose table is that of an entity with one reference to each end, or None."""
    location = draft.written.locate("links", name, "via")
    entity, ends = via.identity.name, (draft, target)
    near, far = (_usable_references(via, end) for end in ends)
    is_possible = len(near) == 2 if draft is target else len(near) == len(far) == 1
    if not is_possible:
        to = f"two references to {target.identity.name}"
        to = to if draft is target else f"one reference to each of {_joined_names(ends)}"
        problem = f"{entity} must have exactly {to}, required and readable"
        problems.add(location, problem, f"add or remove references in {via.written.file}")
        return None
    first, second = near if draft is target else (near[0], far[0])
    if not any(
        index.unique and {*index.fields} == {first.name, second.name} for index in via.indexes
    ):
        problem = f"{entity} can have several rows for the same pair"
        problems.add(
            location, problem, f"add 'unique: [[{first.name}, {second.name}]]' to {entity}"
        )
        return None
    return Link(
        entity,
        via.identity.table,
        (
            LinkEnd(draft.identity.name, first.attribute, first.column),
            LinkEnd(target.identity.name, second.attribute, second.column),
        ),
        via=True,
    )


def _usable_references(via: Draft, end: Draft) -> list[Field]:
    """Return the references of an entity to another one that can be an end of a link."""
    return [
        field
        for field in via.fields.values()
        if field.reference
        and field.reference.target == end.identity.name
        and not (field.optional or field.write_only)
    ]


def _joined_names(ends: tuple[Draft, Draft]) -> str:
    return " and ".join(str(end.identity.name) for end in ends)
